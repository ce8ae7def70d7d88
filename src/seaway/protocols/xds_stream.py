"""One delta ADS stream as a machine: what Envoy asks, answers and refuses goes in; what to send it, and what it took, comes out.

A publish is rolled out as one wave, make before break: what is new or changed first, in `ADD_ORDER`, then what is gone, in
`REMOVE_ORDER`. At most one response of a type is under way; what names other things waits for Envoy's ACK of them. Publishes that arrive
meanwhile coalesce to the newest, which begins when the wave ends.

Leaves to others: bytes and sockets (`drivers/xds`), and which object to blame for a refusal (`protocols/admission.py`).
The protocol: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from seaway.protocols.xds_layers import ResourceName, Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, EXTENSION, LISTENER, ROUTES, SECRET, XdsResource

ADD_ORDER = (
    CLUSTER,  # first: everything else names clusters
    ENDPOINTS,  # a cluster warms with these
    SECRET,  # clusters and listeners warm with these
    EXTENSION,  # filters' configuration: names clusters, and a listener warms with it
    LISTENER,  # its clusters are warm
    ROUTES,  # last: moves traffic on to what is there by now
)
REMOVE_ORDER = (ROUTES, LISTENER, EXTENSION, CLUSTER, ENDPOINTS, SECRET)  # nothing goes while something still names it

FOLLOWERS = frozenset({EXTENSION, LISTENER, ROUTES})
"""Types that are sent after the ACK of all before them, and stay at their last good while something in the wave stands refused.

Endpoints and secrets name nothing, so nothing holds them up. They must not even wait for the ACK of the clusters that were sent before
them: Envoy withholds it while a cluster warms, and a cluster warms with its endpoints and secrets.
"""

WILDCARD_BY_SILENCE = frozenset({CLUSTER, LISTENER})  # "wildcard" in the protocol text: the first request names nothing
WILDCARD = "*"
DOUBT = ""  # stands for a version: Envoy may hold this or that content, or need it once more


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Envoy wants these names; `*`, or nothing in the first request, means all. `held` (first request only): its (name, version) pairs."""

    type_url: str
    names: tuple[str, ...] = ()
    held: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Envoy has dropped these names, and what it held of them."""

    type_url: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ack:
    """Envoy took the response."""

    nonce: str


@dataclass(frozen=True, slots=True)
class Nack:
    """Envoy refused the response. It may have applied a part of it all the same (clusters and listeners are taken one by one)."""

    nonce: str
    message: str


@dataclass(frozen=True, slots=True)
class Publish:
    """The full set of resources that Envoy should have from now on. `serial` grows from one publish to the next.

    A cluster names its endpoints, a listener its routes and filters: a set with any that nothing names is never done.
    """

    serial: int
    resources: Resources


@dataclass(frozen=True, slots=True)
class Retry:
    """What was refused may be taken now though it has not changed (an address is free again): send it once more."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send one response. `removed` are names that are gone, or that Envoy asked for and that do not exist."""

    type_url: str
    nonce: str
    resources: tuple[XdsResource, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """Envoy holds these resources now, and no longer those that are removed."""

    type_url: str
    resources: tuple[XdsResource, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Envoy refused a response with these contents, in its own words."""

    type_url: str
    resources: tuple[XdsResource, ...]
    removed: tuple[str, ...]
    message: str

    @property
    def suspects(self) -> tuple[XdsResource, ...]:
        """The resources that Envoy's message names (it does for clusters and listeners), else all of them."""
        return tuple(one for one in self.resources if one.name in self.message) or self.resources


@dataclass(frozen=True, slots=True)
class WaveDone:
    """The publish is with Envoy, apart from what stands refused and what waits for that to be mended."""

    serial: int
    refusals: tuple[Refused, ...] = ()


Heard = Subscribe | Unsubscribe | Ack | Nack
Event = Heard | Publish | Retry
Action = Send | Accepted | Refused | WaveDone


@dataclass(slots=True)
class _Subscription:
    """What Envoy wants of one type and what it holds of it, as far as this stream knows.

    `unsettled` are the names to look at: of all others Envoy holds what is wanted of them. So a change costs what it changes.
    """

    wildcard: bool = False
    greeted: bool = True  # False: Envoy waits for a first response, even an empty one, before it goes on starting
    names: set[str] = field(default_factory=set[str])
    held: dict[str, str] = field(default_factory=dict[str, str])
    missing: set[str] = field(default_factory=set[str])  # asked for, and answered as not there
    unsettled: set[str] = field(default_factory=set[str])
    refused: Refused | None = None  # the latest refusal since the latest ACK

    def wants(self, name: str) -> bool:
        return self.wildcard or name in self.names


class Held(Mapping[ResourceName, str]):
    """The versions of all that Envoy is known to hold, now and whenever it is looked at."""

    def __init__(self, subscriptions: Mapping[str, _Subscription]) -> None:
        self._subscriptions = subscriptions

    def __getitem__(self, key: ResourceName) -> str:
        state = self._subscriptions.get(key[0])
        version = state.held.get(key[1]) if state is not None else None
        if not version:
            raise KeyError(key)
        return version

    def __iter__(self) -> Iterator[ResourceName]:
        return ((url, name) for url, one in self._subscriptions.items() for name, version in one.held.items() if version)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(slots=True)
class _Flight:
    """The response that Envoy has not answered yet. `live` are the names whose answer still tells us something."""

    send: Send
    live: set[str]


class XdsStream:
    """One stream with one Envoy. `doubts` come from the stream before it (see the property of that name)."""

    def __init__(self, doubts: Mapping[tuple[str, str], str] | None = None) -> None:
        self._inherited = dict(doubts or {})
        self._subscriptions: dict[str, _Subscription] = {}
        self._nonces = count(1)
        self._flights: dict[str, _Flight] = {}
        self._wave: Publish | None = None
        self._done = True
        self._desired = Resources()
        self._refusals: list[Refused] = []
        self._next: Publish | None = None

    @property
    def held(self) -> Mapping[ResourceName, str]:
        """The versions of all that Envoy is known to hold; the view follows what happens."""
        return Held(self._subscriptions)

    @property
    def doubts(self) -> dict[tuple[str, str], str]:
        """(type URL, name) -> version, for the stream after this one: believe Envoy about this name only if it reports this version.

        After a refusal Envoy's list of versions stays as it was, even for the resources of that response that it did apply.
        """
        found = {key: version for key, version in self._inherited.items() if key[0] not in self._subscriptions}
        found |= {(url, name): DOUBT for url, one in self._subscriptions.items() for name, version in one.held.items() if not version}
        for type_url, flight in self._flights.items():
            found |= {(type_url, one.name): one.version for one in flight.send.resources}
        if CLUSTER in self._flights:  # these may still be warming
            found |= {(ENDPOINTS, one.name): DOUBT for one in self._flights[CLUSTER].send.resources}
        return found

    def receive(self, *events: Event) -> tuple[Action, ...]:
        """Hears the events of one message, then says what follows from all of them."""
        actions: list[Action] = []
        for event in events:
            match event:
                case Subscribe():
                    self._subscribe(event)
                case Unsubscribe():
                    self._unsubscribe(event)
                case Ack(nonce):
                    actions += self._answered(nonce, None)
                case Nack(nonce, message):
                    actions += self._answered(nonce, message)
                case Publish():
                    self._next = event
                case Retry():
                    self._forget_refusals()
        return (*actions, *self._advance())

    # What Envoy asks

    def _subscribe(self, event: Subscribe) -> None:
        if event.type_url not in ADD_ORDER:
            return  # a type that no plan makes: Envoy falls back to its own timeout
        state = self._subscriptions.get(event.type_url)
        if state is None:
            self._subscribe_first(event)
            return
        for name in event.names:
            if name == WILDCARD:
                state.wildcard = True
                state.unsettled |= self._desired.names(event.type_url)
                continue
            # "the server must respond with all resources listed in resource_names_subscribe, even if it believes the client has
            # the most recent version of them": Envoy may have dropped the name and taken it up again since the last request.
            state.names.add(name)
            state.refused = None
            self._forget(event.type_url, state, name)

    def _subscribe_first(self, event: Subscribe) -> None:
        silent = not event.names and event.type_url in WILDCARD_BY_SILENCE
        state = _Subscription(wildcard=silent or WILDCARD in event.names, names=set(event.names) - {WILDCARD})
        for name, version in event.held:
            if state.wildcard or name in state.names:
                sure = self._inherited.get((event.type_url, name), version) == version
                state.held[name] = version if sure else DOUBT
        state.greeted = not state.wildcard or bool(state.held)
        if state.wildcard:  # parts of a refused response that Envoy applied without ever reporting a version
            ghosts = (name for type_url, name in self._inherited if type_url == event.type_url)
            state.held.update({name: DOUBT for name in ghosts if name not in state.held})
        state.unsettled = {*state.names, *state.held, *(self._desired.names(event.type_url) if state.wildcard else ())}
        self._subscriptions[event.type_url] = state

    def _unsubscribe(self, event: Unsubscribe) -> None:
        state = self._subscriptions.get(event.type_url)
        if state is None:
            return
        for name in event.names:
            if name == WILDCARD:
                state.wildcard = False
                state.held = {one: version for one, version in state.held.items() if one in state.names}
            else:
                state.names.discard(name)
                self._forget(event.type_url, state, name)

    def _forget(self, type_url: str, state: _Subscription, name: str) -> None:
        state.held.pop(name, None)
        state.missing.discard(name)
        state.unsettled.add(name)
        if type_url in self._flights:
            self._flights[type_url].live.discard(name)

    # What Envoy answers

    def _answered(self, nonce: str, refusal: str | None) -> tuple[Action, ...]:
        flight = next((one for one in self._flights.values() if one.send.nonce == nonce), None)
        if flight is None:
            return ()
        send = flight.send
        del self._flights[send.type_url]
        state = self._subscriptions[send.type_url]
        versions = {one.name: one.version if refusal is None else DOUBT for one in send.resources if one.name in flight.live}
        state.held.update(versions)
        state.missing.difference_update(versions)
        for name in flight.live.intersection(send.removed):
            if refusal is not None and name in state.held:
                state.held[name] = DOUBT
                continue
            state.held.pop(name, None)
            if name in state.names:
                state.missing.add(name)
        if refusal is None:
            state.refused = None
            return (Accepted(send.type_url, send.resources, send.removed),)
        state.refused = Refused(send.type_url, send.resources, send.removed, refusal)
        self._refusals.append(state.refused)
        return (state.refused,)

    def _forget_refusals(self) -> None:
        for state in self._subscriptions.values():
            state.refused = None
        if self._refusals:
            self._refusals.clear()
            self._done = False

    # What to say

    def _advance(self) -> list[Action]:
        actions: list[Action] = []
        while True:
            send = self._next_send() if self._wave is not None else None
            if send is not None:
                actions.append(self._launch(send))
                continue
            if self._flights:
                break
            if self._wave is not None and not self._done and (self._refusals or self._all_asked()):
                self._done = True
                actions.append(WaveDone(self._wave.serial, tuple(self._refusals)))
            if self._next is None:
                break
            self._begin(self._next)
        return actions

    def _launch(self, send: Send) -> Send:
        self._flights[send.type_url] = _Flight(send, {*(one.name for one in send.resources), *send.removed})
        self._subscriptions[send.type_url].greeted = True
        endpoints = self._subscriptions.get(ENDPOINTS)
        if send.type_url == CLUSTER and endpoints is not None:
            # A changed cluster warms anew, and only with an endpoint response that comes after it: Envoy does not ask again, and the
            # cluster would warm until a timeout of 15 s. Endpoints carry the name of their cluster. See "Resource warming" in the text.
            for one in send.resources:
                if one.name in endpoints.held or one.name in endpoints.names:
                    self._forget(ENDPOINTS, endpoints, one.name)
        return send

    def _begin(self, publish: Publish) -> None:
        for type_url, name in publish.resources.changed_since(self._desired):
            if type_url in self._subscriptions:
                self._subscriptions[type_url].unsettled.add(name)
        self._wave, self._next, self._done = publish, None, False
        self._refusals = []
        self._desired = publish.resources

    def _all_asked(self) -> bool:
        """Whether Envoy has asked for every type that it needs by now.

        One that starts asks for listeners when its clusters are warm; one that comes back sends a request a type, one after the other.
        Secrets may be asked for much later, when they are first needed.
        """
        return self._desired.types - {SECRET} <= self._subscriptions.keys()

    def _next_send(self) -> Send | None:
        for type_url in ADD_ORDER:
            if self._flights and type_url in FOLLOWERS:
                return None
            state = self._subscriptions.get(type_url)
            if state is not None and type_url not in self._flights and (send := self._addition(type_url, state)) is not None:
                return send
        if self._flights or self._refusals:
            return None  # what stays at its last good may still name what would go
        for type_url in REMOVE_ORDER:
            if (state := self._subscriptions.get(type_url)) is not None and (send := self._removal(type_url, state)) is not None:
                return send
            if self._refusals:
                break
        return None

    def _addition(self, type_url: str, state: _Subscription) -> Send | None:
        open_names = self._unsettled(type_url, state)
        mending = any(one.type_url == type_url for one in self._refusals) or (bool(self._refusals) and type_url in FOLLOWERS)
        if not mending:
            resources = tuple(one for _, one in open_names if one is not None and state.wants(one.name))
            removed = _unknown(state, open_names)
            if not _same(state.refused, resources, removed):
                return self._send(type_url, resources, removed) if resources or removed or not state.greeted else None
            assert state.refused is not None
            self._refusals.append(state.refused)  # it would be refused again: what Envoy said then stands
        resources = tuple(one for name, one in open_names if one is not None and name in state.names and name not in state.held)
        removed = _unknown(state, open_names)
        return self._send(type_url, resources, removed) if resources or removed else None

    def _unsettled(self, type_url: str, state: _Subscription) -> list[tuple[str, XdsResource | None]]:
        """Names of which Envoy does not hold what is wanted of them, in order, with that. What has settled by now is forgotten here."""
        found: list[tuple[str, XdsResource | None]] = []
        for name in sorted(state.unsettled):
            wanted = self._desired.get((type_url, name))
            if wanted is None:
                settled = name not in state.held and (name not in state.names or name in state.missing)
            else:
                settled = state.held.get(name) == wanted.version or not state.wants(name)
            if settled:
                state.unsettled.discard(name)
            else:
                found.append((name, wanted))
        return found

    def _removal(self, type_url: str, state: _Subscription) -> Send | None:
        gone = tuple(name for name, wanted in self._unsettled(type_url, state) if wanted is None and name in state.held)
        if not gone:
            return None
        if _same(state.refused, (), gone):
            assert state.refused is not None
            self._refusals.append(state.refused)
            return None
        return self._send(type_url, (), gone)

    def _send(self, type_url: str, resources: tuple[XdsResource, ...], removed: tuple[str, ...]) -> Send:
        return Send(type_url, str(next(self._nonces)), resources, removed)


def _unknown(state: _Subscription, open_names: list[tuple[str, XdsResource | None]]) -> tuple[str, ...]:
    """Names that Envoy asked for and that do not exist.

    They are answered even if a newer publish waits that holds them: this wave may be waiting for a cluster that warms with them.
    """
    return tuple(name for name, wanted in open_names if wanted is None and name in state.names and name not in state.held)


def _same(refused: Refused | None, resources: tuple[XdsResource, ...], removed: tuple[str, ...]) -> bool:
    """Whether a response with these contents is the one that was refused."""
    if refused is None:
        return False
    before = {(one.name, one.version) for one in refused.resources}
    return before == {(one.name, one.version) for one in resources} and set(refused.removed) == set(removed)
