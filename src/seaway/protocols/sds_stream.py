"""One delta SDS stream as a machine: which certificates Envoy asks for, what to send it, and what it holds.

Envoy opens a stream a secret, and keeps what came over it when the stream ends. A name that is not there yet is not answered: what asks
for it waits, and so does a handshake that needs it. Whoever knows that it will never be there says so (`Withhold`): Envoy then gives up.

Leaves to others: bytes and sockets (`drivers/sds`), keys and their renewal (`drivers/agent`).
The protocol: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from seaway.protocols.xds_resource import SECRET, XdsResource
from seaway.protocols.xds_stream import Accepted, Ack, Heard, Nack, Refused, Send, Subscribe, Unsubscribe


@dataclass(frozen=True, slots=True)
class Offer:
    """All secrets that there are from now on, by name. Those that were there before and are not any more are taken from Envoy."""

    secrets: Mapping[str, XdsResource]


@dataclass(frozen=True, slots=True)
class Withhold:
    """Nobody will ever offer these names."""

    names: frozenset[str]


SdsEvent = Heard | Offer | Withhold
SdsAction = Send | Accepted | Refused


class SdsStream:
    """One stream with one Envoy. One response is under way at a time."""

    def __init__(self) -> None:
        self._nonces = count(1)
        self._secrets: Mapping[str, XdsResource] = {}
        self._names: set[str] = set()
        self._held: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._due: set[str] = set()  # asked for, and not there any more, or never to be
        self._gone: set[str] = set()  # what Envoy was told is not there
        self._flight: Send | None = None

    @property
    def names(self) -> frozenset[str]:
        """What Envoy asks for."""
        return frozenset(self._names)

    @property
    def unanswered(self) -> frozenset[str]:
        """What Envoy asks for and neither has nor was told to do without."""
        return frozenset(name for name in self._names if name not in self._secrets and name not in self._gone | self._due)

    def held(self, name: str) -> str:
        """The version that Envoy holds of this name; "" if none, as far as this stream knows."""
        return self._held.get(name, "")

    def receive(self, *events: SdsEvent) -> tuple[SdsAction, ...]:
        """Hears the events of one message, then says what follows from all of them."""
        actions: list[SdsAction] = []
        for event in events:
            match event:
                case Subscribe():
                    self._subscribe(event)
                case Unsubscribe(names=names):
                    self._unsubscribe(names)
                case Ack(nonce=nonce):
                    actions += self._answered(nonce, None)
                case Nack(nonce=nonce, message=message):
                    actions += self._answered(nonce, message)
                case Offer(secrets=offered):
                    self._due |= self._names & (self._secrets.keys() - offered.keys())
                    self._secrets = offered
                case Withhold(names=names):
                    self._due |= names & self._names
        return (*actions, *self._advance())

    def _subscribe(self, event: Subscribe) -> None:
        """A name that is asked for is sent, though Envoy should have it already: it may have dropped it since."""
        if event.type_url != SECRET:
            return
        held = dict(event.held)
        for name in event.names:
            self._names.add(name)
            self._gone.discard(name)
            self._refused.pop(name, None)
            self._held.pop(name, None)
            if name in held:
                self._held[name] = held[name]

    def _unsubscribe(self, names: tuple[str, ...]) -> None:
        for name in names:
            for kept in (self._names, self._due, self._gone):
                kept.discard(name)
            self._held.pop(name, None)

    def _answered(self, nonce: str, refusal: str | None) -> tuple[SdsAction, ...]:
        send = self._flight
        if send is None or send.nonce != nonce:
            return ()
        self._flight = None
        if refusal is not None:
            self._refused.update({one.name: one.version for one in send.resources})
            return (Refused(SECRET, send.resources, send.removed, refusal),)
        self._held.update({one.name: one.version for one in send.resources if one.name in self._names})
        return (Accepted(SECRET, send.resources, send.removed),)

    def _advance(self) -> tuple[Send, ...]:
        if self._flight is not None:
            return ()
        found = [self._secrets[name] for name in sorted(self._names) if name in self._secrets]
        changed = tuple(one for one in found if one.version not in (self._held.get(one.name), self._refused.get(one.name)))
        gone = self._due - self._secrets.keys()
        if not changed and not gone:
            return ()
        self._gone = (self._gone | gone) - {one.name for one in changed}
        self._due.clear()
        for name in gone:
            self._held.pop(name, None)
        self._flight = Send(SECRET, str(next(self._nonces)), changed, tuple(sorted(gone)))
        return (self._flight,)
