"""Who asks for which secrets, and who holds them: the part that the real SDS server and the fake share.

Everything here runs on one event loop and nothing awaits. What is answered is `protocols/sds_stream.py`'s matter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from seaway.protocols.sds_stream import Offer, SdsAction, SdsEvent, SdsStream, Withhold
from seaway.protocols.xds_resource import XdsResource
from seaway.protocols.xds_stream import Heard, Refused, Send

GRACE_S = 3.0
"""A name that nobody promised is refused after this: Envoy may have its configuration before the agent has the orders that belong to it."""

RETURN_S = 3.0
"""An Envoy whose stream has ended may be there and hold what it held. One that is comes back within a second or so (its bootstrap)."""

_log = logging.getLogger(__name__)


class Session:
    """One stream of an Envoy. `hear` what it says; its answers go to `deliver`; `close` when the stream has ended."""

    def __init__(self, streams: Streams, envoy: str, deliver: Callable[[Send | None], None]) -> None:
        self._streams, self.envoy, self._deliver = streams, envoy, deliver
        self.stream = SdsStream()
        self.closed = False

    def hear(self, *events: Heard) -> None:
        if not self.closed:
            self.tell(*events)
            self._streams.heard(self)

    def tell(self, *events: SdsEvent) -> None:
        """What others have to say to the stream."""
        for action in self.stream.receive(*events):
            self._act(action)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._streams.detach(self)
            self._deliver(None)

    def _act(self, action: SdsAction) -> None:
        match action:
            case Send():
                self._deliver(action)
            case Refused(resources=resources, message=message):
                _log.warning("%s refuses %s: %s", self.envoy, ", ".join(one.name for one in resources), message)
            case _:
                pass


class Streams:
    """All streams. `changed` is called whenever what is held may have changed."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._secrets: dict[str, XdsResource] = {}
        self._promised: frozenset[str] = frozenset()
        self._sessions: list[Session] = []
        self._left: dict[tuple[str, str], float] = {}
        self._since: float | None = None

    def offer(self, secrets: Iterable[XdsResource], promised: Iterable[str]) -> None:
        """All secrets that there are from now on, and the names of those that are still to come."""
        self._secrets, self._promised = {one.name: one for one in secrets}, frozenset(promised)
        for session in tuple(self._sessions):
            session.tell(Offer(self._secrets))

    def all_hold(self, name: str) -> bool:
        """Whether every Envoy that asks for this secret holds it as it is offered now; False where one may be about to come back."""
        now = asyncio.get_running_loop().time()
        asking = [session for session in self._sessions if name in session.stream.names]
        version = self._secrets[name].version if name in self._secrets else ""
        if any(session.stream.held(name) != version for session in asking):
            return False
        if any(asked == name and now - at < RETURN_S for (_, asked), at in self._left.items()):
            return False
        return bool(asking) or (self._since is not None and now - self._since >= RETURN_S)

    def began(self) -> None:
        """The server listens from now on: those that had a stream with its predecessor are about to come."""
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        loop.call_later(RETURN_S, self._changed)

    def attach(self, envoy: str, deliver: Callable[[Send | None], None]) -> Session:
        session = Session(self, envoy, deliver)
        self._sessions.append(session)
        session.tell(Offer(self._secrets))
        return session

    def heard(self, session: Session) -> None:
        """Called by the session after each message."""
        for name in session.stream.names:
            self._left.pop((session.envoy, name), None)
        unknown = session.stream.unanswered - self._promised
        if unknown:
            asyncio.get_running_loop().call_later(GRACE_S, self._give_up, session, unknown)
        self._changed()

    def detach(self, session: Session) -> None:
        """Called by the session as it closes."""
        self._sessions.remove(session)
        loop = asyncio.get_running_loop()
        self._left = {key: at for key, at in self._left.items() if loop.time() - at < RETURN_S}
        self._left.update({(session.envoy, name): loop.time() for name in session.stream.names})
        loop.call_later(RETURN_S, self._changed)

    def close_all(self) -> None:
        for session in tuple(self._sessions):
            session.close()

    def _give_up(self, session: Session, names: frozenset[str]) -> None:
        if not session.closed:
            session.tell(Withhold(names & session.stream.unanswered - self._promised))
