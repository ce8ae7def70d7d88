"""Rotation of roots, step by step: who may sign, what is trusted, who is waited for. No clock, no key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seaway.protocols.trust import Bundle, Root, Trust

R1, R2, R3 = (Root(f"r{number}", f"pem {number}\n") for number in (1, 2, 3))
DAY = 86400.0
PATIENCE = 30.0


class Story:
    """A trust with its nodes: `has` is what a node was heard to hold."""

    def __init__(self, *nodes: str, kept: tuple[tuple[Root, float], ...] = ()) -> None:
        self.trust = Trust(kept, PATIENCE)
        self.nodes, self.connected, self.now = set(nodes), set(nodes), 0.0

    def offers(self, root: Root) -> Story:
        self.trust.offer(root, self.now)
        return self

    def confirms(self, *nodes: str) -> Story:
        for node in nodes:
            self.trust.holds(node, self.trust.bundle.version)
        return self

    def after(self, seconds: float) -> Story:
        self.now += seconds
        return self

    def advance(self) -> bool:
        return self.trust.advance(self.now, self.nodes, self.connected, DAY)

    def says(self, signer: str, *trusted: str) -> Story:
        self.advance()
        assert self.trust.signer == signer
        assert [root.id for root in self.trust.bundle.roots] == list(trusted)
        return self


def serving(*nodes: str) -> Story:
    """Everybody holds R1, which signs."""
    return Story(*nodes).offers(R1).confirms(*nodes).says("r1", "r1")


def test_the_first_root_signs_at_once() -> None:
    story = Story("a", "b").offers(R1).says("r1", "r1")
    assert story.trust.may_sign_for("a")


def test_a_new_root_signs_when_everybody_has_it() -> None:
    story = serving("a", "b").offers(R2).says("r1", "r1", "r2")
    story.confirms("a").says("r1", "r1", "r2")
    assert story.trust.lacking(story.nodes) == ("b",)
    story.confirms("b").says("r2", "r1", "r2")


def test_the_old_root_goes_when_its_last_certificate_has_ended() -> None:
    story = serving("a").offers(R2).confirms("a").says("r2", "r1", "r2")
    story.after(DAY - 1).says("r2", "r1", "r2")
    assert story.trust.next_due(story.now) == 1
    story.after(1).says("r2", "r2")


def test_an_older_confirmation_counts_for_nothing() -> None:
    story = serving("a")
    before = story.trust.bundle.version
    story.offers(R2)
    story.trust.holds("a", before)
    story.says("r1", "r1", "r2")


def test_a_connected_node_is_waited_for_without_end() -> None:
    story = serving("a", "b").offers(R2).confirms("a").after(100 * DAY)
    story.says("r1", "r1", "r2")


def test_a_node_that_is_away_is_waited_for_a_while() -> None:
    story = serving("a", "b")
    story.connected = {"a"}
    story.offers(R2).confirms("a").after(PATIENCE - 1).says("r1", "r1", "r2")
    assert story.trust.next_due(story.now) == 1
    story.after(1).says("r2", "r1", "r2")
    assert story.trust.may_sign_for("a")
    assert not story.trust.may_sign_for("b")


def test_a_node_that_comes_back_in_the_middle_is_waited_for() -> None:
    story = serving("a", "b")
    story.connected = {"a"}
    story.offers(R2).confirms("a").after(PATIENCE - 1).says("r1", "r1", "r2")
    story.connected = {"a", "b"}
    story.after(PATIENCE).says("r1", "r1", "r2")
    story.confirms("b").says("r2", "r1", "r2")


def test_a_node_that_missed_it_gets_the_bundle_before_a_certificate() -> None:
    story = serving("a", "b")
    story.connected = {"a"}
    story.offers(R2).confirms("a").after(PATIENCE).says("r2", "r1", "r2")
    story.connected = {"a", "b"}
    story.says("r2", "r1", "r2")
    assert not story.trust.may_sign_for("b")
    assert story.confirms("b").trust.may_sign_for("b")


def test_a_node_that_is_gone_is_not_waited_for() -> None:
    story = serving("a", "b").offers(R2).confirms("a")
    story.nodes = {"a"}
    story.says("r2", "r1", "r2")


def test_roots_of_an_earlier_run_stay_as_long_as_they_are_needed() -> None:
    story = Story("a", kept=((R1, 100.0),)).offers(R2)
    story.says("", "r1", "r2")
    assert not story.trust.may_sign_for("a")
    story.confirms("a").says("r2", "r1", "r2")
    story.after(100).says("r2", "r2")


def test_the_root_of_an_earlier_run_signs_on_at_once() -> None:
    Story("a", kept=((R1, 100.0),)).offers(R1).says("r1", "r1").after(1000).says("r1", "r1")


def test_a_root_that_never_signed_is_given_up_for_another() -> None:
    story = serving("a").offers(R2).says("r1", "r1", "r2")
    story.offers(R3).says("r1", "r1", "r3")
    story.confirms("a").says("r3", "r1", "r3")


def test_back_to_the_old_root_before_the_new_one_signed() -> None:
    story = serving("a").offers(R2).offers(R1).says("r1", "r1")
    assert story.trust.wanted == ""


def test_a_root_that_signed_before_is_not_given_up_with_its_certificates() -> None:
    story = serving("a").offers(R2).confirms("a").says("r2", "r1", "r2")
    story.offers(R1).offers(R3).says("r2", "r1", "r2", "r3")
    story.after(DAY).says("r2", "r2", "r3")


def test_the_same_root_again_changes_nothing() -> None:
    story = serving("a").offers(R1)
    assert not story.advance()
    story.offers(R2).offers(R2).confirms("a").says("r2", "r1", "r2")


def test_a_bundle_is_its_roots() -> None:
    assert Bundle((R1, R2)).version == Bundle((R2, R1)).version != Bundle((R1,)).version
    assert Bundle((R1, R2)).pem == "pem 1\npem 2\n"
    assert "r1" in Bundle((R1,))
    assert "r2" not in Bundle((R1,))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.sampled_from((R1, R2, R3))),
        st.tuples(st.just("confirm"), st.sampled_from("ab")),
        st.tuples(st.just("leave"), st.sampled_from("ab")),
        st.tuples(st.just("come"), st.sampled_from("ab")),
        st.tuples(st.just("wait"), st.sampled_from((1.0, PATIENCE, DAY))),
    ),
    max_size=40,
)


@given(STEPS)
def test_nothing_is_ever_signed_that_a_connected_node_cannot_verify(steps: list[tuple[str, object]]) -> None:
    """Each certificate is valid for a day; whoever takes part in signing or was there at the switch knows its root for all that time."""
    story = Story("a", "b")
    holds: dict[str, Bundle] = {"a": Bundle(()), "b": Bundle(())}
    signed: dict[str, float] = {}
    for kind, value in steps:
        before = story.trust.signer
        match kind, value:
            case "offer", Root() as root:
                story.offers(root)
            case "confirm", str(node) if node in story.connected:
                holds[node] = story.trust.bundle
                story.confirms(node)
            case "leave", str(node):
                story.connected.discard(node)
            case "come", str(node):
                story.connected.add(node)
            case "wait", float(seconds):
                story.after(seconds)
            case _:
                pass
        story.advance()
        signer = story.trust.signer
        if before and signer != before:
            assert all(signer in holds[node] for node in story.connected)
        for node in story.nodes:
            if story.trust.may_sign_for(node):
                signed[signer] = story.now + DAY
        assert all(root in story.trust.bundle for root, ends in signed.items() if ends > story.now)
