"""The SDS server and Envoy's end of it in memory: what identities are tried with where no Envoy runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from seaway.drivers.sds.streams import Session, Streams
from seaway.protocols.xds_resource import SECRET, XdsResource
from seaway.protocols.xds_stream import Ack, Heard, Nack, Send, Subscribe


class FakeHolder:
    """Envoy's end of its streams, one a secret: `holds` is what it would serve with; what is in `refuses` it does not take."""

    def __init__(self, envoy: str) -> None:
        self.envoy = envoy
        self.holds: dict[str, XdsResource] = {}
        self.refuses: set[str] = set()
        self.without: set[str] = set()

    def ask(self, name: str) -> Heard:
        """The first request of the stream for this secret."""
        held = self.holds.get(name)
        return Subscribe(SECRET, (name,), ((name, held.version),) if held else ())

    def hear(self, send: Send) -> Heard:
        """Takes a response; returns what Envoy says then."""
        for name in send.removed:
            self.holds.pop(name, None)
            self.without.add(name)
        if any(one.name in self.refuses for one in send.resources):
            return Nack(send.nonce, "it is refused")
        self.holds.update({one.name: one for one in send.resources})
        return Ack(send.nonce)


class FakeSdsServer(Streams):
    """`SdsServer` without a socket: Envoys are attached by hand, and answer at once unless they are in `silent`."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__(changed)
        self.silent: set[str] = set()
        self._due: deque[tuple[Session, FakeHolder, Send]] = deque()

    async def start(self) -> None:
        """There is nothing to listen on."""
        self.began()

    async def stop(self) -> None:
        self.close_all()

    def ask(self, holder: FakeHolder, name: str) -> Session:
        """Opens this Envoy's stream for this secret."""

        def deliver(send: Send | None) -> None:
            if send is not None:
                self._due.append((session, holder, send))
                asyncio.get_running_loop().call_soon(self.pump)

        session = self.attach(holder.envoy, deliver)
        session.hear(holder.ask(name))
        self.pump()
        return session

    def offer(self, secrets: Iterable[XdsResource], promised: Iterable[str]) -> None:
        super().offer(secrets, promised)
        self.pump()

    def pump(self) -> None:
        """Lets every Envoy answer what it was sent, until all is quiet."""
        waiting: list[tuple[Session, FakeHolder, Send]] = []
        while self._due:
            session, holder, send = self._due.popleft()
            if holder.envoy in self.silent:
                waiting.append((session, holder, send))
            else:
                session.hear(holder.hear(send))
        self._due.extend(waiting)
