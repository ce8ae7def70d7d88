"""The control plane's end of an agent's socket. Connects again whenever it must; asks again what was not answered."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from seaway.core.errors import DriverError
from seaway.drivers.agent.messages import (
    LONGEST_LINE,
    AgentLine,
    Applied,
    Done,
    FlowBatch,
    FollowOrders,
    HoldUnready,
    Notice,
    ReadyChange,
    ReadySet,
    Report,
    Stop,
    decode_line,
    encode_line,
    pod_name,
)
from seaway.model.workload import PodName

FIRST_RETRY_S = 0.02
"""The agent is started at the same time and listens within some 0.2 s: look often at first."""

LONGER = 1.1
"""Each pause is so much longer than the one before: about a tenth of the time that was waited by then."""

LONGEST_RETRY_S = 1.0

RETURN_S = 3.0
"""How long a pod that was ready when its agent died counts as ready after the next agent is there, unless that says otherwise: programs
outlive their agent, and its probes need a while to find out again."""


class Link(Protocol):
    """What the control plane asks of a node's agent, real or fake."""

    @property
    def ready(self) -> frozenset[PodName]:
        """Pods that are ready, as last heard. Kept while the agent is away: traffic decides then, not a guess."""
        ...

    @property
    def connected(self) -> bool: ...

    async def open(self) -> None: ...

    async def follow(self, version: str, timeout_s: float = 15.0) -> Applied:
        """Has the agent follow the orders file, which was written before. Raises DriverError if no answer comes in time."""
        ...

    async def hold_unready(self, pod: PodName, on: bool, timeout_s: float = 5.0) -> None:
        """Raises DriverError, also if the agent does not know the pod."""
        ...

    def tell(self, notice: Notice) -> None:
        """Said at once where the agent is connected, else never: it says what it lacks when it connects."""
        ...

    async def stop(self, timeout_s: float = 15.0) -> None:
        """Ends the agent and its programs. Raises DriverError if no answer comes in time."""
        ...

    async def close(self) -> None: ...


class AgentLink:
    """`hear` is called on the loop with every report: after each connect the full ready set and how certificates stand, then what changes.

    `presumed` are pods that were ready when an earlier agent, which is dead now, was last heard.
    """

    def __init__(self, socket: Path, hear: Callable[[Report], None], presumed: frozenset[PodName] = frozenset()) -> None:
        self._socket = socket
        self._hear = hear
        self._ready: frozenset[PodName] = frozenset()
        self._presumed = presumed
        self._over: asyncio.TimerHandle | None = None
        self._ids = itertools.count(1)
        self._pending: dict[int, tuple[bytes, asyncio.Future[Applied | Done]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> frozenset[PodName]:
        return self._ready | self._presumed

    @property
    def connected(self) -> bool:
        return self._writer is not None

    async def open(self) -> None:
        """Starts connecting, and returns at once."""
        self._task = asyncio.get_running_loop().create_task(self._stay_connected(), name=f"agent-link {self._socket}")

    async def follow(self, version: str, timeout_s: float = 15.0) -> Applied:
        answer = await self._ask(FollowOrders(next(self._ids), version), timeout_s)
        assert isinstance(answer, Applied)
        return answer

    async def hold_unready(self, pod: PodName, on: bool, timeout_s: float = 5.0) -> None:
        answer = await self._ask(HoldUnready(next(self._ids), str(pod), on), timeout_s)
        if isinstance(answer, Done) and answer.error:
            raise DriverError(answer.error)

    def tell(self, notice: Notice) -> None:
        if self._writer is not None:
            self._writer.write(encode_line(notice))

    async def stop(self, timeout_s: float = 15.0) -> None:
        await self._ask(Stop(next(self._ids)), timeout_s)

    async def close(self) -> None:
        if self._over is not None:
            self._over.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for _, answer in self._pending.values():
            answer.cancel()
        self._pending.clear()

    async def _ask(self, request: FollowOrders | HoldUnready | Stop, timeout_s: float) -> Applied | Done:
        line = encode_line(request)
        answer: asyncio.Future[Applied | Done] = asyncio.get_running_loop().create_future()
        self._pending[request.id] = (line, answer)
        if self._writer is not None:
            self._writer.write(line)
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError as error:
            message = f"the agent at {self._socket} does not answer"
            raise DriverError(message, help="Its log stands in the state folder's logs.") from error
        finally:
            self._pending.pop(request.id, None)

    async def _stay_connected(self) -> None:
        pause_s = FIRST_RETRY_S
        while True:
            with suppress(OSError, ValueError, msgspec.DecodeError):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST_LINE)
                try:
                    pause_s = FIRST_RETRY_S
                    self._writer = writer
                    writer.writelines([line for line, _ in self._pending.values()])
                    while text := await reader.readline():
                        self._take(decode_line(text))
                finally:
                    self._writer = None
                    writer.transport.abort()
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_RETRY_S, LONGER * pause_s)

    def _take(self, line: AgentLine) -> None:
        if isinstance(line, (Applied, Done)) and line.id:
            pending = self._pending.get(line.id)
            if pending is not None and not pending[1].done():
                pending[1].set_result(line)
            return
        match line:
            case ReadySet(pods=pods):
                self._presume(self.ready)
                self._ready = frozenset(pod_name(pod) for pod in pods)
            case ReadyChange(pod=pod, ready=True):
                self._ready |= {pod_name(pod)}
            case ReadyChange(pod=pod):
                self._ready -= {pod_name(pod)}
                self._presumed -= {pod_name(pod)}
            case _:
                pass
        if not isinstance(line, (Done, FlowBatch)):
            self._hear(line)

    def _presume(self, ready: frozenset[PodName]) -> None:
        """A new connection: what was ready before it counts for a while."""
        if self._over is not None:
            self._over.cancel()
        self._presumed = ready
        self._over = asyncio.get_running_loop().call_later(RETURN_S, self._presume_nothing) if ready else None

    def _presume_nothing(self) -> None:
        self._presumed = frozenset()
        self._hear(ReadySet(tuple(sorted(map(str, self._ready)))))
