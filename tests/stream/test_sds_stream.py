"""Dialogues over one SDS stream: what Envoy asks for, what it is sent, what it holds then."""

from __future__ import annotations

from seaway.protocols.sds_stream import Offer, SdsEvent, SdsStream, Withhold
from seaway.protocols.xds_resource import CLUSTER, SECRET, XdsResource
from seaway.protocols.xds_stream import Accepted, Ack, Nack, Refused, Send, Subscribe, Unsubscribe


def secret(text: str) -> XdsResource:
    """`web=1` is version 1 of secret web."""
    name, version = text.split("=")
    return XdsResource(SECRET, name, version, b"secret", frozenset())


class Talk:
    """`hears` feeds one message's events; `says` checks all that came of it."""

    def __init__(self) -> None:
        self.stream = SdsStream()
        self.lines: list[str] = []

    def hears(self, *events: SdsEvent) -> Talk:
        self.lines = []
        for action in self.stream.receive(*events):
            words = " ".join([*(f"{one.name}={one.version}" for one in action.resources), *(f"-{name}" for name in action.removed)])
            match action:
                case Send(nonce=nonce):
                    self.lines.append(f">{nonce} {words}")
                case Accepted():
                    self.lines.append(f"ok {words}")
                case Refused(message=message):
                    self.lines.append(f"refused {words} ({message})")
        return self

    def offers(self, *texts: str) -> Talk:
        return self.hears(Offer({one.name: one for one in map(secret, texts)}))

    def asks(self, *names: str, held: tuple[tuple[str, str], ...] = ()) -> Talk:
        return self.hears(Subscribe(SECRET, names, held))

    def acks(self, nonce: int) -> Talk:
        return self.hears(Ack(str(nonce)))

    def says(self, *lines: str) -> Talk:
        assert self.lines == list(lines)
        return self


def test_what_is_there_is_sent() -> None:
    talk = Talk().offers("web=1", "api=1").says()
    talk.asks("web").says(">1 web=1")
    assert talk.stream.held("web") == ""
    talk.acks(1).says("ok web=1")
    assert talk.stream.held("web") == "1"


def test_what_is_not_there_yet_is_waited_for() -> None:
    talk = Talk().asks("web").says()
    assert talk.stream.unanswered == {"web"}
    talk.offers("api=1").says()
    talk.offers("api=1", "web=1").says(">1 web=1")
    assert talk.stream.unanswered == frozenset()


def test_what_will_never_be_there_is_refused() -> None:
    talk = Talk().offers("api=1").asks("web").says()
    talk.hears(Withhold(frozenset({"web"}))).says(">1 -web")
    talk.acks(1).says("ok -web")
    assert talk.stream.unanswered == frozenset()
    talk.offers("api=2").says()
    talk.offers("web=1").says(">2 web=1")


def test_what_is_asked_for_again_after_that_is_answered_again() -> None:
    talk = Talk().asks("web").hears(Withhold(frozenset({"web"}))).acks(1)
    talk.asks("web").says()
    assert talk.stream.unanswered == {"web"}
    talk.hears(Withhold(frozenset({"web"}))).says(">2 -web")


def test_a_name_that_nobody_asked_for_is_not_refused() -> None:
    Talk().asks("web").hears(Withhold(frozenset({"api"}))).says()


def test_renewals_follow_one_by_one() -> None:
    talk = Talk().offers("web=1").asks("web").says(">1 web=1")
    talk.offers("web=2").says()
    talk.offers("web=3").says()
    talk.acks(1).says("ok web=1", ">2 web=3")
    talk.acks(2).says("ok web=3")


def test_what_was_refused_is_not_sent_again_until_it_changes() -> None:
    talk = Talk().offers("web=1").asks("web").acks(1)
    talk.offers("web=2").says(">2 web=2")
    talk.hears(Nack("2", "no key")).says("refused web=2 (no key)")
    assert talk.stream.held("web") == "1"
    talk.offers("web=2", "api=1").says()
    talk.offers("web=3").says(">3 web=3")


def test_a_stream_that_comes_back_gets_what_it_lacks() -> None:
    Talk().offers("web=1").asks("web", held=(("web", "1"),)).says()
    Talk().offers("web=2").asks("web", held=(("web", "1"),)).says(">1 web=2")


def test_a_server_that_comes_back_takes_nothing_away() -> None:
    talk = Talk().asks("web", held=(("web", "1"),)).says()
    assert talk.stream.held("web") == "1"
    talk.offers("api=1").says()
    talk.offers("api=1", "web=2").says(">1 web=2")


def test_what_ends_is_taken_away() -> None:
    talk = Talk().offers("web=1").asks("web").acks(1)
    talk.offers().says(">2 -web")
    talk.acks(2).says("ok -web")
    assert talk.stream.held("web") == ""


def test_what_envoy_drops_is_forgotten() -> None:
    talk = Talk().offers("web=1").asks("web").acks(1)
    talk.hears(Unsubscribe(SECRET, ("web",))).says()
    talk.offers("web=2").says()
    assert talk.stream.names == frozenset()
    talk.asks("web").says(">2 web=2")


def test_an_answer_to_an_older_response_is_nothing() -> None:
    Talk().offers("web=1").asks("web").acks(7).says()


def test_other_types_are_not_served() -> None:
    talk = Talk().offers("web=1").hears(Subscribe(CLUSTER, ("web",))).says()
    assert talk.stream.names == frozenset()
