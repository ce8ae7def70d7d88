"""Programs that do not exist, for tests of what is built on them. Shares the contract suite with the real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from seaway.drivers.programs.interface import ProgramEvent, Troubles
from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders


class FakePrograms:
    """Every ordered program "runs" if its pod's namespace file is in the folder and its name is not a path that does not exist.

    `ends(pod, code)` lets one end; `answers` are the exit codes of commands run inside.
    """

    def __init__(self, netns_folder: Path, report: Callable[[ProgramEvent], None]) -> None:
        self._folder = netns_folder
        self._report = report
        self._running: dict[PodName, str] = {}
        self.answers: dict[tuple[str, ...], int] = {}

    async def follow(self, pods: Sequence[PodOrders]) -> Troubles:
        troubles: dict[PodName, str] = {}
        wanted = {PodName(pod.namespace, pod.name): pod for pod in pods if pod.command is not None}
        for name in self._running.keys() - wanted.keys():
            del self._running[name]
        for name, pod in wanted.items():
            missing = self._missing(pod)
            if missing is not None:
                troubles[name] = f"program cannot start: {missing}: No such file or directory"
            elif self._running.get(name) != pod.revision:
                self._running[name] = pod.revision
                self._report(ProgramEvent(name, True, "started"))
        return troubles

    def _missing(self, pod: PodOrders) -> Path | None:
        needed = [self._folder / pod.netns]
        if pod.command is not None and pod.command.argv[0].startswith("/"):
            needed.append(Path(pod.command.argv[0]))
        return next((path for path in needed if not path.exists()), None)

    def running(self, pod: PodName) -> bool:
        return pod in self._running

    def ends(self, pod: PodName, code: int) -> None:
        del self._running[pod]
        self._report(ProgramEvent(pod, False, f"ended with exit code {code}"))

    async def restart(self, pod: PodName, why: str) -> None:
        if pod in self._running:
            self._report(ProgramEvent(pod, False, f"restarting: {why}"))
            self._report(ProgramEvent(pod, True, "started"))

    async def run_inside(self, pod: PodName, argv: Sequence[str], timeout_s: float) -> tuple[int | None, str]:
        if pod not in self._running:
            return None, "the program does not run"
        return self.answers.get(tuple(argv), 0), ""

    async def stop(self) -> None:
        self._running.clear()

    async def let_go(self) -> None:
        self._running.clear()
