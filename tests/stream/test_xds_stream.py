"""Dialogues with one stream: what Envoy says, what the machine says. No socket, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from dialogue import SHORT, Talk, res, serving
from hypothesis import given
from hypothesis import strategies as st

from seaway.drivers.xds.fake import FakeEnvoy, endpoints_of_clusters
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, EXTENSION, LISTENER, ROUTES, SECRET, XdsResource
from seaway.protocols.xds_stream import (
    Ack,
    Event,
    Publish,
    Refused,
    Retry,
    Send,
    Subscribe,
    WaveDone,
    XdsStream,
)


@pytest.fixture
def talk() -> Talk:
    return Talk()


ALL = ("c:web=1", "e:web=1", "l:http=1", "r:http=1")


def test_envoy_starts_and_gets_each_type_in_its_turn(talk: Talk):
    talk.publishes(*ALL).says()
    talk.asks("c").says(">1 c:web=1")
    talk.acks(1).says("ok c:web=1")
    talk.asks("e", "web").says(">2 e:web=1")
    talk.acks(2).says("ok e:web=1")
    talk.asks("l").says(">3 l:http=1")
    talk.hears(Subscribe(ROUTES, ("http",)), Ack("3")).says("ok l:http=1", ">4 r:http=1")
    talk.acks(4).says("ok r:http=1", "done 1")


def test_nothing_is_said_before_the_first_publish(talk: Talk):
    talk.asks("c").says()
    talk.asks("e", "web").says()
    talk.publishes("c:web=1").says(">1 c:web=1", ">2 -e:web")


def test_a_first_response_comes_even_if_there_is_nothing(talk: Talk):
    """Envoy goes on starting only after an answer to its first wildcard request."""
    talk.publishes().says("done 1")
    talk.asks("c").says(">1 c:nothing")
    talk.acks(1).says("ok")
    talk.asks("l").says(">2 l:nothing")
    talk.acks(2).says("ok")


def test_only_what_changed_is_sent():
    talk = serving("c:a=1", "c:b=1", "e:a=1", "e:b=1")
    talk.publishes("c:a=1", "c:b=1", "e:a=1", "e:b=2").says(">3 e:b=2")
    talk.acks(3).says("ok e:b=2", "done 2")
    talk.publishes("c:a=1", "c:b=1", "e:a=1", "e:b=2").says("done 3")


def test_additions_make_before_break_and_removals_in_reverse():
    talk = serving(*ALL)
    talk.publishes("c:new=1", "l:new=1").says(">5 c:new=1")
    talk.acks(5).says("ok c:new=1", ">6 l:new=1")
    talk.acks(6).says("ok l:new=1", ">7 -r:http")
    talk.acks(7).says("ok -r:http", ">8 -l:http")
    talk.acks(8).says("ok -l:http", ">9 -c:web")
    talk.acks(9).says("ok -c:web", ">10 -e:web")
    talk.acks(10).says("ok -e:web", "done 2")


def test_filters_follow_what_they_name_and_go_before_it():
    talk = serving("c:a=1", "l:http=1")
    talk.publishes("c:a=1", "c:b=1", "x:jwt=1", "l:http=2", "r:http=1").says(">3 c:b=1")
    talk.acks(3).says("ok c:b=1", ">4 l:http=2")
    talk.hears(Subscribe(EXTENSION, ("jwt",)), Subscribe(ROUTES, ("http",))).says()
    talk.acks(4).says("ok l:http=2", ">5 x:jwt=1")
    talk.acks(5).says("ok x:jwt=1", ">6 r:http=1")
    talk.acks(6).says("ok r:http=1", "done 2")
    talk.publishes("c:a=1", "x:jwt=2", "l:http=2", "r:http=2").says(">7 x:jwt=2")
    talk.acks(7).says("ok x:jwt=2", ">8 r:http=2")
    talk.acks(8).says("ok r:http=2", ">9 -c:b")
    talk.acks(9).says("ok -c:b", "done 3")
    talk.publishes("c:a=1", "l:http=3", "r:http=2").says(">10 l:http=3")
    talk.acks(10).says("ok l:http=3", ">11 -x:jwt")
    talk.acks(11).says("ok -x:jwt", "done 4")


def test_a_changed_cluster_gets_its_endpoints_again_without_waiting_for_the_ack():
    """Envoy withholds the ACK of a cluster that warms, and it warms with endpoints that come after it."""
    talk = serving(*ALL)
    talk.publishes("c:web=2", "e:web=1", "l:http=2", "r:http=1").says(">5 c:web=2", ">6 e:web=1")
    talk.acks(6).says("ok e:web=1")
    talk.acks(5).says("ok c:web=2", ">7 l:http=2")
    talk.acks(7).says("ok l:http=2", "done 2")


def test_endpoints_under_way_when_their_cluster_changes_are_sent_once_more():
    talk = serving("c:a=1", "e:a=1")
    talk.asks("c", "late").says(">3 -c:late")
    talk.publishes("c:a=1", "e:a=2").says()
    talk.acks(3).says("ok -c:late", ">4 e:a=2")
    talk.asks("c", "a").says(">5 c:a=1")
    talk.acks(4).says("ok e:a=2", ">6 e:a=2")
    talk.hears(Ack("5"), Ack("6")).says("ok c:a=1", "ok e:a=2", "done 2")


def test_publishes_under_way_coalesce_to_the_newest():
    talk = serving("c:a=1", "e:a=0")
    talk.publishes("c:a=1", "e:a=1").says(">3 e:a=1")
    for version in range(2, 1_000):
        talk.publishes("c:a=1", f"e:a={version}").says()
    talk.acks(3).says("ok e:a=1", "done 2", ">4 e:a=999")
    talk.acks(4).says("ok e:a=999", "done 1000")


def test_a_flap_back_to_what_envoy_holds_sends_nothing():
    talk = serving("c:a=1", "e:a=1")
    talk.publishes("c:a=1", "e:a=2").says(">3 e:a=2")
    talk.publishes("c:a=1", "e:a=1").says()
    talk.publishes("c:a=1", "e:a=2").says()
    talk.acks(3).says("ok e:a=2", "done 2", "done 4")


class TestRefusals:
    def test_nack_keeps_dependents_at_their_last_good_and_removes_nothing(self):
        talk = serving(*ALL)
        talk.publishes("c:bad=1", "e:web=2", "l:http=2", "r:http=2").says(">5 c:bad=1", ">6 e:web=2")
        talk.acks(6).says("ok e:web=2")
        talk.nacks(5, "bad cluster").says("refused c:bad=1 (bad cluster)", "done 2 refused c")

    def test_the_next_publish_mends_it(self):
        talk = serving(*ALL)
        talk.publishes("c:web=2", "c:bad=1", "e:web=1", "l:http=2", "r:http=1").says(">5 c:bad=1 c:web=2", ">6 e:web=1")
        talk.acks(6).nacks(5, "bad cluster").says("refused c:bad=1 c:web=2 (bad cluster)", "done 2 refused c")
        # Envoy may have taken web=2 all the same: it is told what holds, and that there is no `bad`
        talk.publishes("c:web=1", "e:web=1", "l:http=2", "r:http=1").says(">7 c:web=1", ">8 e:web=1")
        talk.hears(Ack("7"), Ack("8")).says("ok c:web=1", "ok e:web=1", ">9 l:http=2")
        talk.acks(9).says("ok l:http=2", ">10 -c:bad")
        talk.acks(10).says("ok -c:bad", "done 3")

    def test_what_was_refused_is_not_sent_again(self):
        talk = serving(*ALL)
        talk.publishes("c:web=1", "c:bad=1", "e:web=1", "l:http=1", "r:http=1").says(">5 c:bad=1")
        talk.nacks(5, "bad").says("refused c:bad=1 (bad)", "done 2 refused c")
        talk.publishes("c:web=1", "c:bad=1", "e:web=2", "l:http=2", "r:http=1").says(">6 e:web=2")
        talk.acks(6).says("ok e:web=2", "done 3 refused c")
        talk.publishes("c:web=1", "c:bad=2", "e:web=2", "l:http=2", "r:http=1").says(">7 c:bad=2")
        talk.acks(7).says("ok c:bad=2", ">8 l:http=2")

    def test_unless_a_retry_is_asked_for(self):
        talk = serving(*ALL)
        talk.publishes(*ALL, "l:busy=1").says(">5 l:busy=1")
        talk.nacks(5, "address in use").says("refused l:busy=1 (address in use)", "done 2 refused l")
        talk.hears(Retry()).says(">6 l:busy=1")
        talk.acks(6).says("ok l:busy=1", "done 2")

    def test_a_refused_route_blocks_no_endpoints(self):
        talk = serving(*ALL)
        talk.publishes("c:web=1", "e:web=1", "l:http=1", "r:http=bad").says(">5 r:http=bad")
        talk.nacks(5, "no").says("refused r:http=bad (no)", "done 2 refused r")
        talk.publishes("c:web=1", "e:web=7", "l:http=1", "r:http=bad").says(">6 e:web=7")
        talk.acks(6).says("ok e:web=7", "done 3 refused r")
        talk.publishes(*ALL).says(">7 e:web=1")
        talk.acks(7).says("ok e:web=1", ">8 r:http=1")
        talk.acks(8).says("ok r:http=1", "done 4")

    def test_names_that_envoy_does_not_hold_are_answered_meanwhile(self):
        talk = serving("c:a=1", "e:a=1", "l:x=1")
        talk.publishes("c:a=1", "c:bad=1", "e:a=1", "l:x=1", "r:x=1", "s:cert=1").nacks(4, "bad").says(
            "refused c:bad=1 (bad)", "done 2 refused c"
        )
        talk.asks("r", "x", "nope").says(">5 r:x=1 -r:nope")
        talk.asks("s", "cert").says(">6 s:cert=1")

    def test_a_refused_removal_stands_until_something_changes(self):
        talk = serving("c:a=1", "c:b=1")
        talk.publishes("c:a=1").says(">2 -c:b")
        talk.nacks(2, "in use").says("refused -c:b (in use)", "done 2 refused c")
        talk.publishes("c:a=1").says("done 3 refused c")
        talk.publishes("c:a=2").says(">3 c:a=2")
        talk.acks(3).says("ok c:a=2", ">4 -c:b")

    def test_suspects_are_what_the_message_names(self):
        bad, good = res("c:bad=1"), res("c:good=1")
        assert Refused(CLUSTER, (bad, good), (), "Error adding/updating cluster(s) bad: no").suspects == (bad,)
        assert Refused(ROUTES, (bad, good), (), "missing ]").suspects == (bad, good)


class TestOnDemand:
    def test_missing_names_are_answered_once(self):
        talk = serving("c:a=1")
        talk.asks("s", "cert").says(">2 -s:cert")
        talk.acks(2).says("ok -s:cert")
        talk.publishes("c:a=1").says("done 2")
        talk.publishes("c:a=1", "s:cert=1").says(">3 s:cert=1")
        talk.acks(3).says("ok s:cert=1", "done 3")

    def test_a_missing_name_is_answered_even_if_a_newer_publish_holds_it(self):
        """The wave waits for the ACK of a cluster, and Envoy withholds it until it has an answer about the endpoints."""
        talk = serving("c:a=1", "e:a=1")
        talk.publishes("c:a=1", "c:b=1", "e:a=1").says(">3 c:b=1")
        talk.publishes("c:a=1", "c:b=1", "e:a=1", "e:b=1").says()
        talk.asks("e", "b").says(">4 -e:b")
        talk.acks(4).says("ok -e:b")
        talk.acks(3).says("ok c:b=1", "done 2", ">5 e:b=1")

    def test_a_name_asked_for_again_is_sent_again(self):
        talk = serving("c:a=1", "e:a=1")
        talk.asks("e", "a").says(">3 e:a=1")
        talk.drops("e", "a").says()
        talk.asks("e", "a").says()
        talk.acks(3).says("ok e:a=1", ">4 e:a=1")

    def test_dropped_names_get_no_updates(self):
        talk = serving("c:a=1", "c:b=1", "e:a=1", "e:b=1")
        talk.drops("e", "a").says()
        talk.publishes("c:a=1", "c:b=1", "e:a=2", "e:b=2").says(">3 e:b=2")

    def test_secrets_do_not_wait_for_listeners(self):
        talk = serving("c:a=1", "l:x=1")
        talk.publishes("c:a=1", "l:x=2", "s:cert=1").says(">3 l:x=2")
        talk.asks("s", "cert").says(">4 s:cert=1")

    def test_types_that_no_plan_makes_are_left_alone(self, talk: Talk):
        talk.publishes("c:a=1").hears(Subscribe("type.googleapis.com/envoy.service.runtime.v3.Runtime", ("x",))).says()


class TestWildcard:
    def test_explicit_star(self, talk: Talk):
        talk.publishes("c:a=1", "c:b=1").asks("c", "*").says(">1 c:a=1 c:b=1")

    def test_silence_means_all_only_for_clusters_and_listeners(self, talk: Talk):
        talk.publishes("c:a=1", "s:cert=1").asks("s").says()

    def test_a_name_beside_the_star(self, talk: Talk):
        talk.publishes("c:a=1").asks("c", "*", "x").says(">1 c:a=1 -c:x")

    def test_dropping_the_star_keeps_the_names(self):
        talk = serving("c:a=1", "c:b=1")
        talk.asks("c", "a").says(">2 c:a=1")
        talk.acks(2).drops("c", "*").publishes("c:a=2", "c:b=2").says(">3 c:a=2")

    def test_silence_later_means_nothing(self):
        serving("c:a=1").asks("c").says()


class TestReconnect:
    def test_no_churn(self, talk: Talk):
        talk.publishes(*ALL).asks("c", held=(("web", "1"),)).says()
        talk.asks("e", "web", held=(("web", "1"),)).says()
        talk.asks("l", held=(("http", "1"),)).says()
        talk.asks("r", "http", held=(("http", "1"),)).says("done 1")

    def test_what_changed_or_went_meanwhile(self, talk: Talk):
        talk.publishes("c:a=2", "c:b=1").asks("c", held=(("a", "1"), ("b", "1"), ("gone", "1"))).says(">1 c:a=2")
        talk.acks(1).says("ok c:a=2", ">2 -c:gone")

    def test_versions_are_doubted_after_a_refusal(self):
        talk = serving("c:a=1")
        talk.publishes("c:a=2", "c:bad=1").nacks(2, "bad")
        again = Talk(XdsStream(talk.stream.doubts)).publishes("c:a=1")
        again.asks("c", held=(("a", "1"),)).says(">1 c:a=1")

    def test_parts_of_a_refused_response_that_were_never_reported_are_removed(self):
        talk = serving("c:a=1")
        talk.publishes("c:a=1", "c:part=1", "c:bad=1").nacks(2, "bad")
        again = Talk(XdsStream(talk.stream.doubts)).publishes("c:a=1")
        again.asks("c", held=(("a", "1"),)).says(">1 -c:bad -c:part")

    @pytest.mark.parametrize(
        ("version", "answer"), [pytest.param("2", ["done 1"], id="it took it"), pytest.param("1", [">1 c:a=2"], id="it did not")]
    )
    def test_a_response_under_way_when_the_stream_broke(self, version: str, answer: list[str]):
        talk = serving("c:a=1")
        talk.publishes("c:a=2").says(">2 c:a=2")
        Talk(XdsStream(talk.stream.doubts)).publishes("c:a=2").asks("c", held=(("a", version),)).says(*answer)

    def test_endpoints_of_clusters_under_way_are_doubted(self):
        talk = serving("c:a=1", "e:a=1")
        talk.publishes("c:a=2", "e:a=1").says(">3 c:a=2", ">4 e:a=1")
        again = Talk(XdsStream(talk.stream.doubts)).publishes("c:a=2", "e:a=1")
        again.asks("c", held=(("a", "2"),)).says()
        again.asks("e", "a", held=(("a", "1"),)).says(">1 e:a=1")

    def test_doubts_outlive_a_stream_that_asked_for_nothing(self):
        doubts = {(CLUSTER, "a"): ""}
        assert XdsStream(XdsStream(doubts).doubts).doubts == doubts


def test_answers_to_nothing_are_ignored():
    serving("c:a=1").acks(1).says()
    serving("c:a=1").nacks(77, "what").says()


def test_held_is_what_envoy_took():
    talk = serving(*ALL)
    assert set(talk.stream.held) == {(SHORT[one[0]], one[2:].split("=")[0]) for one in ALL}


# Any interleaving ends at the last publish

NAMES = ("a", "b", "c")


def published(versions: dict[str, str]) -> tuple[XdsResource, ...]:
    """Clusters, endpoints, listeners and what these name: routes, a filter and a certificate each."""
    made = [res(f"{letter}:{text.split(':')[1]}={version}") for text, version in versions.items() for letter in text.split(":")[0]]
    return tuple(replace(one, body=one.name.encode()) if one.type_url == LISTENER else one for one in made)


def names_in(resource: XdsResource) -> tuple[tuple[str, str], ...]:
    if resource.type_url == LISTENER:
        return ((ROUTES, resource.name), (EXTENSION, resource.name), (SECRET, resource.name))
    return endpoints_of_clusters(resource)


def refuse_bad(resource: XdsResource) -> str | None:
    return "no" if resource.version == "bad" else None


SETS = st.dictionaries(
    st.sampled_from([f"{letters}:{name}" for letters in ("c", "e", "s", "x", "l", "r") for name in NAMES]),
    st.sampled_from(["1", "2", "bad"]),
    max_size=12,
)
STEPS = st.lists(st.one_of(SETS, st.just("answer"), st.just("reconnect"), st.just("restart")), max_size=30)


class Pair:
    """A machine and an Envoy with a wire between them that delivers one message at a time."""

    def __init__(self) -> None:
        self.envoy = FakeEnvoy(refuse_bad, names_in)
        self.stream = XdsStream()
        self.wire: list[Send] = []
        self.done: list[WaveDone] = []
        self.latest: Publish | None = None
        self.hear(*self.envoy.connect())

    def hear(self, *events: Event) -> None:
        for action in self.stream.receive(*events):
            if isinstance(action, Send):
                assert action.type_url not in {one.type_url for one in self.wire}, "one response of a type at a time"
                self.wire.append(action)
            elif isinstance(action, WaveDone):
                self.done.append(action)

    def publish(self, versions: dict[str, str]) -> None:
        self.latest = Publish(self.latest.serial + 1 if self.latest else 1, Resources.of(published(versions)))
        self.hear(self.latest)

    def answer(self) -> None:
        if self.wire:
            send = self.wire.pop(0)
            self.hear(*self.envoy.hear(send))

    def reconnect(self, restart: bool) -> None:
        if restart:
            self.envoy = FakeEnvoy(refuse_bad, names_in)
        self.stream = XdsStream(self.stream.doubts)
        self.wire.clear()
        if self.latest is not None:
            self.hear(self.latest)
        self.hear(*self.envoy.connect())

    def settle(self) -> None:
        for _ in range(200):
            if not self.wire:
                return
            self.answer()
        raise AssertionError("the stream never becomes quiet")


@given(STEPS, SETS)
def test_any_interleaving_ends_at_the_last_good_publish(steps: list[dict[str, str] | str], last: dict[str, str]):
    pair = Pair()
    for step in steps:
        match step:
            case "answer":
                pair.answer()
            case "reconnect" | "restart":
                pair.reconnect(step == "restart")
            case dict():
                pair.publish(step)
            case _:
                raise AssertionError(step)
    pair.settle()
    pair.publish({name: "2" if version == "bad" else version for name, version in last.items()})
    pair.settle()
    assert pair.latest is not None
    want = {(one.type_url, one.name): one for one in pair.latest.resources}
    asked = {name for (kind, _), one in want.items() if kind in (CLUSTER, LISTENER) for name in names_in(one)}
    reached = {name: one for name, one in want.items() if name[0] in (CLUSTER, LISTENER) or name in asked}
    assert pair.envoy.holds == reached


@given(STEPS, SETS)
def test_a_wave_is_reported_with_what_was_refused(steps: list[dict[str, str] | str], last: dict[str, str]):
    pair = Pair()
    for step in steps:
        if isinstance(step, dict):
            pair.publish(step)
        pair.answer()
    pair.publish({"c:a": "1", "e:a": "1", "l:a": "1", "r:a": "1", **{name: version for name, version in last.items() if name[0] == "c"}})
    pair.settle()
    assert pair.latest is not None
    assert pair.done[-1].serial == pair.latest.serial
    bad = [one for one in pair.latest.resources if refuse_bad(one)]
    assert bool(pair.done[-1].refusals) == bool(bad)


def test_flapping_keeps_memory_flat():
    """10,000 publishes while one response is under way: only the newest is kept."""
    pair = Pair()
    sizes: list[int] = []
    pair.publish({"c:a": "1", "e:a": "1"})
    pair.settle()
    probe: Callable[[], int] = lambda: sum(len(str(getattr(pair.stream, name))) for name in vars(pair.stream))  # noqa: E731
    for turn in range(10_000):
        pair.publish({"c:a": "1", "e:a": str(turn)})
        if turn in (10, 9_999):
            sizes.append(probe())
    assert sizes[1] < sizes[0] + 100
    pair.settle()
    assert pair.envoy.holds[ENDPOINTS, "a"].version == "9999"
