"""The ADS server and Envoy's end of it in memory: what the control loop is tried with where no Envoy runs.

`FakeEnvoy` does on its stream what Envoy 1.40 was seen to do, the awkward parts included: it takes clusters and listeners of a refused
response one by one, reports versions only of responses that it took whole, and withholds the ACK of clusters that warm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from seaway.drivers.xds.nodes import Listen, Nodes, Session, unheard
from seaway.model.names import split_envoy_id
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, EXTENSION, LISTENER, ROUTES, SECRET, XdsResource
from seaway.protocols.xds_stream import Ack, Event, Nack, Send, Subscribe, Unsubscribe

Name = tuple[str, str]
"""Type URL and name of a resource."""
Refuse = Callable[[XdsResource], str | None]
NamesIn = Callable[[XdsResource], Iterable[Name]]


def take_all(_resource: XdsResource) -> str | None:
    """Refuses nothing."""
    return None


def endpoints_of_clusters(resource: XdsResource) -> tuple[Name, ...]:
    """What a cluster makes Envoy ask for: the endpoints of its name."""
    return ((ENDPOINTS, resource.name),) if resource.type_url == CLUSTER else ()


class FakeEnvoy:
    """Envoy's end of its streams. `refuse` says why it refuses a resource; `names_in` what a cluster or listener makes it ask for.

    `holds` is what it would serve with.
    """

    def __init__(self, refuse: Refuse = take_all, names_in: NamesIn = endpoints_of_clusters) -> None:
        self.refuse = refuse
        self.names_in = names_in
        self.holds: dict[Name, XdsResource] = {}
        self._versions: dict[Name, str] = {}
        self._asked: set[Name] = set()
        self._awaited: set[Name] = set()
        self._started = False
        self._withheld: Event | None = None

    def connect(self) -> list[Event]:
        """The first requests of a new stream, one a type."""
        self._withheld = None
        types = [CLUSTER, *([LISTENER] if self._started else []), *sorted({type_url for type_url, _ in self._asked})]
        return [self._first(type_url) for type_url in types]

    def hear(self, send: Send) -> list[Event]:
        """Takes a response; returns what Envoy sends then, in order."""
        refusals = self._apply(send)
        events = self._ask_anew()
        answer: Event = Nack(send.nonce, f"Error adding/updating: {', '.join(refusals)}") if refusals else Ack(send.nonce)
        self._awaited -= {(send.type_url, name) for name in (*(one.name for one in send.resources), *send.removed)}
        if send.type_url == CLUSTER and self._started:
            changed = [one for one in send.resources if self.holds.get((CLUSTER, one.name)) == one]
            self._awaited |= {name for one in changed for name in self.names_in(one) if name[0] == ENDPOINTS}
            self._withheld = answer
        else:
            events.append(answer)
        if not any(type_url == ENDPOINTS for type_url, _ in self._awaited):
            if self._withheld is not None:
                events.append(self._withheld)
                self._withheld = None
            if not self._started:
                self._started = True
                events.append(self._first(LISTENER))
        return events

    def _first(self, type_url: str) -> Subscribe:
        names = tuple(sorted(name for asked, name in self._asked if asked == type_url))
        held = tuple((name, version) for (held, name), version in self._versions.items() if held == type_url)
        return Subscribe(type_url, names, held)

    def _apply(self, send: Send) -> list[str]:
        refusals: list[str] = []
        for one in send.resources:
            refusal = self.refuse(one)
            if refusal is None:
                self.holds[send.type_url, one.name] = one
            else:
                refusals.append(f"{one.name}: {refusal}")
        for name in send.removed:
            self.holds.pop((send.type_url, name), None)
        if not refusals:
            self._versions.update({(send.type_url, one.name): one.version for one in send.resources})
            for name in send.removed:
                self._versions.pop((send.type_url, name), None)
        return refusals

    def _ask_anew(self) -> list[Event]:
        """Follows the names in what is held now, and drops what nothing names any more."""
        named = {name for (type_url, _), one in self.holds.items() if type_url in (CLUSTER, LISTENER) for name in self.names_in(one)}
        events: list[Event] = []
        for type_url in (ENDPOINTS, SECRET, EXTENSION, ROUTES):
            gone = sorted(name for asked, name in self._asked - named if asked == type_url)
            new = sorted(name for wanted, name in named - self._asked if wanted == type_url)
            if gone:
                events.append(Unsubscribe(type_url, tuple(gone)))
            if new:
                events.append(Subscribe(type_url, tuple(new)))
        for name in self._asked - named:
            self.holds.pop(name, None)
            self._versions.pop(name, None)
        self._awaited = (self._awaited & named) | (named - self._asked)
        self._asked = named
        return events


class FakeXdsServer(Nodes):
    """`XdsServer` without sockets: Envoys are attached by hand, and answer at once unless `paused`."""

    def __init__(self, listen: Listen = unheard) -> None:
        super().__init__(listen)
        self.paused = False
        self._sessions: dict[str, Session] = {}
        self._due: deque[tuple[Session, FakeEnvoy, Send]] = deque()

    async def start(self, socket_path: Path) -> None:
        """There is nothing to listen on."""

    async def stop(self) -> None:
        """Ends all streams."""
        self._close_all()

    def connect(self, node: str, envoy: FakeEnvoy | None = None) -> FakeEnvoy:
        """Opens a stream for this Envoy. By default one that takes everything, and asks for what its listeners' bodies mention.

        `node` may be `NODE@GENERATION`; one that is to get nothing has no stream then.
        """
        name, _ = split_envoy_id(node)
        envoy = envoy or FakeEnvoy(names_in=partial(self._mentioned, name))
        session = self.attach(node, lambda send: self._due.append((self._sessions[name], envoy, send)) if send else None)
        if session is not None:
            self._sessions[name] = session
            session.hear(*envoy.connect())
            self.pump()
        return envoy

    def disconnect(self, node: str) -> None:
        """The stream breaks, or Envoy dies."""
        self._sessions[node].close()

    def publish(self, node: str, resources: Resources) -> None:
        super().publish(node, resources)
        self.pump()

    def retry(self, node: str) -> None:
        super().retry(node)
        self.pump()

    def pump(self) -> None:
        """Lets every Envoy answer what it was sent, until all is quiet."""
        while self._due and not self.paused:
            session, envoy, send = self._due.popleft()
            if not session.closed:
                session.hear(*envoy.hear(send))

    def _mentioned(self, node: str, resource: XdsResource) -> tuple[Name, ...]:
        if resource.type_url != LISTENER:
            return endpoints_of_clusters(resource)
        published = self.published(node)
        return tuple(
            (one.type_url, one.name)
            for one in published
            if one.type_url in (ROUTES, SECRET, EXTENSION) and one.name.encode() in resource.body
        )
