"""What each node should have, what its Envoy has, and who waits for it: the part that the real ADS server and the fake share.

One Envoy a node, the welcome one: another one, which it replaces, goes on with what it holds. Everything here runs on one event loop and
nothing awaits but `wait_settled`. The order of responses is `protocols/xds_stream.py`'s matter; bytes on a socket are `real.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from seaway.core.errors import DriverError
from seaway.model.names import split_envoy_id
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_stream import Accepted, Event, Publish, Refused, Retry, Send, WaveDone, XdsStream


@dataclass(frozen=True, slots=True)
class Connected:
    """The node's Envoy has opened a stream."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The node's Envoy has no stream any more: it has died, or lost us. It goes on with what it holds."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The node's Envoy has the publish with this serial, all of it."""

    serial: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """The node's Envoy refused parts of the publish with this serial; those, and what depends on them, are as they were before."""

    serial: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class NodeState:
    """`accepted`: (type URL, name) -> version that Envoy holds (of the last stream while there is none), as it is when it is looked at.

    `published` and `settled` are serials; `settled` is 0 while no stream's Envoy has all that it is going to get.
    """

    connected: bool
    published: int
    settled: int
    accepted: Mapping[tuple[str, str], str]
    refused: tuple[Refused, ...]


Report = Connected | Disconnected | Accepted | Refused | WaveDone
Listen = Callable[[str, Report], None]


def unheard(_node: str, _report: Report) -> None:
    """The listener of a server that nobody listens to."""


@dataclass(slots=True)
class _Node:
    publish: Publish | None = None
    welcome: int | None = None
    session: Session | None = None
    outcome: WaveDone | None = None
    accepted: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    doubts: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    waiting: set[asyncio.Future[None]] = field(default_factory=set[asyncio.Future[None]])


class Session:
    """One stream with a node's Envoy. `hear` what it says; its answers go to `deliver`; `close` when the stream has ended."""

    def __init__(self, nodes: Nodes, envoy: tuple[str, int], deliver: Callable[[Send | None], None], stream: XdsStream) -> None:
        self._nodes, self._deliver, self.stream = nodes, deliver, stream
        self._name, self.generation = envoy
        self.closed = False

    def hear(self, *events: Event) -> None:
        """Feeds the stream with the events of one message and passes on what follows."""
        if self.closed:
            return
        for action in self.stream.receive(*events):
            if isinstance(action, Send):
                self._deliver(action)
            else:
                self._nodes.note(self._name, action)

    def close(self) -> None:
        """Ends the session from either side; the transport hears None."""
        if not self.closed:
            self.closed = True
            self._nodes.detach(self._name, self)
            self._deliver(None)


class Nodes:
    """All nodes by name. `listen` hears of every acceptance, refusal, connection and disconnection, at once."""

    def __init__(self, listen: Listen = unheard) -> None:
        self._listen = listen
        self._serial = 0
        self._nodes: dict[str, _Node] = {}
        self._behind: set[str] = set()

    @property
    def behind(self) -> Set[str]:
        """The nodes whose Envoy does not have all that was published for it, or has refused a part."""
        return self._behind

    def publish(self, node: str, resources: Resources) -> None:
        """What this node's Envoy should have from now on, in full; only differences travel. Publishes under way coalesce to the newest.

        The same layers as before are no publish.
        """
        one = self._nodes.setdefault(node, _Node())
        if one.publish is not None and one.publish.resources.is_same(resources):
            return
        self._serial += 1
        one.publish = Publish(self._serial, resources)
        self._behind.add(node)
        if one.session is not None:
            one.session.hear(one.publish)

    def welcome(self, node: str, generation: int) -> None:
        """From now on only this generation of the node's Envoy is served. Where none was ever named, any is."""
        one = self._nodes.setdefault(node, _Node())
        one.welcome = generation
        if one.session is not None and one.session.generation != generation:
            one.session.close()
            one.accepted, one.doubts = {}, {}

    def retry(self, node: str) -> None:
        """Sends once more what the node's Envoy refused, unchanged: for refusals whose reason lay outside of the resource."""
        one = self._nodes.get(node)
        if one is not None and one.session is not None:
            one.outcome = None
            self._behind.add(node)
            one.session.hear(Retry())

    def forget(self, node: str) -> None:
        """The node is gone: ends its stream and drops what was known of it."""
        one = self._nodes.get(node)
        if one is not None:
            if one.session is not None:
                one.session.close()
            del self._nodes[node]
            self._behind.discard(node)
            self._wake(one)

    def published(self, node: str) -> Resources:
        """The latest publish of the node."""
        one = self._nodes.get(node)
        return one.publish.resources if one is not None and one.publish is not None else Resources()

    def state(self, node: str) -> NodeState:
        """What is known now; a node that was never published to is not connected and holds nothing."""
        one = self._nodes.get(node, _Node())
        accepted = one.accepted if one.session is None else one.session.stream.held
        published = 0 if one.publish is None else one.publish.serial
        done = one.outcome
        return NodeState(one.session is not None, published, done.serial if done else 0, accepted, done.refusals if done else ())

    async def wait_settled(self, node: str, timeout_s: float) -> Settled | Refusals:
        """Waits until a connected Envoy has the latest publish at the time of the call, or a newer one, or has refused parts of it.

        Raises DriverError after `timeout_s`.
        """
        one = self._nodes.setdefault(node, _Node())
        serial = 0 if one.publish is None else one.publish.serial
        try:
            async with asyncio.timeout(timeout_s):
                while one.outcome is None or one.outcome.serial < serial:
                    if self._nodes.get(node) is not one:
                        raise DriverError(f"node {node} was taken away while its Envoy was waited for")
                    woken = asyncio.get_running_loop().create_future()
                    one.waiting.add(woken)
                    try:
                        await woken
                    finally:
                        one.waiting.discard(woken)
        except TimeoutError as timeout:
            raise _late(node, timeout_s, connected=one.session is not None) from timeout
        return Refusals(one.outcome.serial, one.outcome.refusals) if one.outcome.refusals else Settled(one.outcome.serial)

    def attach(self, envoy: str, deliver: Callable[[Send | None], None]) -> Session | None:
        """A new stream with the Envoy of this `node.id`; None where it is to get nothing.

        One of the same node that was there before is over: Envoy keeps one, so it is a dead one's.
        """
        node, generation = split_envoy_id(envoy)
        one = self._nodes.setdefault(node, _Node())
        if one.welcome not in (None, generation):
            return None
        if one.session is not None:
            one.session.close()
        one.session = Session(self, (node, generation), deliver, XdsStream(one.doubts))
        self._listen(node, Connected())
        if one.publish is not None:
            one.session.hear(one.publish)
        return one.session

    def detach(self, node: str, session: Session) -> None:
        """Called by the session as it closes: keeps what the next stream must know."""
        one = self._nodes.get(node)
        if one is not None and one.session is session:
            one.accepted, one.doubts = dict(session.stream.held), session.stream.doubts
            one.session = one.outcome = None
            if one.publish is not None:
                self._behind.add(node)
            self._listen(node, Disconnected())

    def note(self, node: str, report: Accepted | Refused | WaveDone) -> None:
        """Called by the session: what its stream found out."""
        one = self._nodes[node]
        if isinstance(report, WaveDone):
            one.outcome = report
            if not report.refusals and one.publish is not None and report.serial == one.publish.serial:
                self._behind.discard(node)
            else:
                self._behind.add(node)
            self._wake(one)
        self._listen(node, report)

    def _wake(self, one: _Node) -> None:
        for woken in one.waiting:
            if not woken.done():
                woken.set_result(None)

    def _close_all(self) -> None:
        for one in self._nodes.values():
            if one.session is not None:
                one.session.close()


def _late(node: str, timeout_s: float, *, connected: bool) -> DriverError:
    if connected:
        return DriverError(
            f"Envoy on {node} has not taken its configuration within {timeout_s:g} s",
            help=f"It is connected but slow or stuck: see its log (`seaway logs {node}` shows where) and its `warming` clusters.",
        )
    return DriverError(
        f"Envoy on {node} has not asked for its configuration within {timeout_s:g} s",
        help="It is not running, or cannot reach the control plane's socket: its log says why.",
    )
