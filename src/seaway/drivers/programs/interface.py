"""What a keeper of programs does, real or fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders

Troubles = Mapping[PodName, str]


class ProgramEvent(NamedTuple):
    """A program started (`running`) or ended, or could not be started; `text` says how, for people."""

    pod: PodName
    running: bool
    text: str


class Programs(Protocol):
    async def follow(self, pods: Sequence[PodOrders]) -> Troubles:
        """Starts, adopts and stops programs until exactly those with a `command` run. The result names those that could not be started."""
        ...

    def running(self, pod: PodName) -> bool: ...

    async def restart(self, pod: PodName, why: str) -> None:
        """Ends the program; it is started again as after a crash, whatever its restart policy says of successes."""
        ...

    async def run_inside(self, pod: PodName, argv: Sequence[str], timeout_s: float) -> tuple[int | None, str]:
        """Runs a command beside the program: exit code (None: out of time, or it could not run) and its output's beginning."""
        ...

    async def stop(self) -> None:
        """Ends all programs: SIGTERM, then SIGKILL after the grace period."""
        ...

    async def let_go(self) -> None:
        """Ends the keeping and leaves the programs running, for another keeper to adopt."""
        ...
