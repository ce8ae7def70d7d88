"""Dialogues with one xDS stream in a short notation: `c:web=1` is version 1 of cluster web."""

from __future__ import annotations

from seaway.core.names import Key
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, EXTENSION, LISTENER, ROUTES, SECRET, XdsResource
from seaway.protocols.xds_stream import (
    Accepted,
    Ack,
    Action,
    Event,
    Nack,
    Publish,
    Refused,
    Send,
    Subscribe,
    Unsubscribe,
    WaveDone,
    XdsStream,
)

SHORT = {"c": CLUSTER, "e": ENDPOINTS, "s": SECRET, "x": EXTENSION, "l": LISTENER, "r": ROUTES}


def res(text: str, names: str = "") -> XdsResource:
    """`c:web=1` is version 1 of cluster web; `names` is what a listener names, such as `r:web s:cert`."""
    kind, name = text.split("=")[0].split(":")
    owner = Key("", "Service", "default", name)
    return XdsResource(SHORT[kind], name, text.split("=")[1], names.encode(), frozenset({owner}))


def said(actions: tuple[Action, ...]) -> list[str]:
    """Actions in the same notation; each response is `>nonce`."""
    letters = {url: letter for letter, url in SHORT.items()}
    lines: list[str] = []
    for action in actions:
        if isinstance(action, WaveDone):
            lines.append(
                f"done {action.serial}"
                + (" refused " + " ".join(letters[one.type_url] for one in action.refusals) if action.refusals else "")
            )
            continue
        letter = letters[action.type_url]
        words = [f"{letter}:{one.name}={one.version}" for one in action.resources] + [f"-{letter}:{name}" for name in action.removed]
        match action:
            case Send(nonce=nonce):
                lines.append(" ".join([f">{nonce}", *(words or [f"{letter}:nothing"])]))
            case Accepted():
                lines.append(" ".join(["ok", *words]))
            case Refused(message=message):
                lines.append(" ".join(["refused", *words, f"({message})"]))
    return lines


class Talk:
    """A dialogue: `hears` feeds one message's events, `says` checks all that came of it."""

    def __init__(self, stream: XdsStream | None = None) -> None:
        self.stream = stream or XdsStream()
        self.lines: list[str] = []
        self.serial = 0

    def hears(self, *events: Event) -> Talk:
        self.lines = said(self.stream.receive(*events))
        return self

    def publishes(self, *resources: str | XdsResource) -> Talk:
        self.serial += 1
        return self.hears(Publish(self.serial, Resources.of(one if isinstance(one, XdsResource) else res(one) for one in resources)))

    def asks(self, letter: str, *names: str, held: tuple[tuple[str, str], ...] = ()) -> Talk:
        return self.hears(Subscribe(SHORT[letter], names, held))

    def drops(self, letter: str, *names: str) -> Talk:
        return self.hears(Unsubscribe(SHORT[letter], names))

    def acks(self, nonce: int) -> Talk:
        return self.hears(Ack(str(nonce)))

    def nacks(self, nonce: int, message: str) -> Talk:
        return self.hears(Nack(str(nonce), message))

    def says(self, *lines: str) -> Talk:
        assert self.lines == list(lines)
        return self


def serving(*resources: str) -> Talk:
    """A dialogue in which Envoy has taken serial 1 with these resources, its clusters and listeners by wildcard, the rest by name."""
    talk = Talk().publishes(*resources)
    for letter in SHORT:
        named = tuple(one.split("=")[0].split(":")[1] for one in resources if one.startswith(letter))
        if named:
            talk.asks(letter, *(() if letter in "cl" else named))
        while sends := [line for line in talk.lines if line.startswith(">")]:
            talk.acks(int(sends[0].split()[0][1:]))
    return talk
