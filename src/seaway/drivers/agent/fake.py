"""An agent that is not there: the link interface over nothing but the orders file, for tests of the control loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.agent.messages import Applied, Notice, PodError, ReadyChange, ReadySet, Report, RootsHeld, TakeRoots
from seaway.drivers.agent.orders import Orders, read_orders
from seaway.model.workload import PodName


class FakeLink:
    """Reads the file as an agent does, and finds every pod ready that is not in `broken` (pod: what is wrong) nor held."""

    def __init__(self, orders_path: Path, hear: Callable[[Report], None]) -> None:
        self._path = orders_path
        self._hear = hear
        self._ready: frozenset[PodName] = frozenset()
        self._held: set[PodName] = set()
        self._open = False
        self._roots = ""
        self.orders: Orders | None = None
        self.broken: dict[PodName, str] = {}
        self.stopped = False
        self.told: list[Notice] = []
        self.slow = False

    @property
    def ready(self) -> frozenset[PodName]:
        return self._ready

    @property
    def connected(self) -> bool:
        return self._open

    async def open(self) -> None:
        self._open = True
        self._hear(ReadySet(tuple(sorted(str(name) for name in self._ready))))
        self._hear(RootsHeld(self._roots))

    async def follow(self, version: str, timeout_s: float = 15.0) -> Applied:
        problem = ""
        try:
            self.orders = read_orders(self._path)
        except DriverError as error:
            problem = error.message
        self.refresh()
        errors = tuple(PodError(str(name), text) for name, text in sorted(self.broken.items()) if name in self._names())
        return Applied(1, self.orders.version if self.orders is not None else "", errors, problem)

    async def hold_unready(self, pod: PodName, on: bool, timeout_s: float = 5.0) -> None:
        if pod not in self._names():
            raise DriverError(f"no pod {pod} on this node")
        (self._held.add if on else self._held.discard)(pod)
        self.refresh()

    def tell(self, notice: Notice) -> None:
        """Kept in `told`. Roots are taken at once, as a node without identities does, unless `slow`."""
        if self._open:
            self.told.append(notice)
            if isinstance(notice, TakeRoots) and not self.slow:
                self._roots = notice.version
                self._hear(RootsHeld(notice.version))

    async def stop(self, timeout_s: float = 15.0) -> None:
        self.stopped = True
        self.orders = None
        self.refresh()

    async def close(self) -> None:
        self._open = False

    def refresh(self) -> None:
        """Reports what has changed, after `broken` was."""
        ready = frozenset(self._names() - self.broken.keys() - self._held)
        before, self._ready = self._ready, ready
        for name in sorted(before ^ ready):
            reason = "" if name in ready else self.broken.get(name, "held unready by hand" if name in self._held else "deleted")
            self._hear(ReadyChange(str(name), name in ready, reason))

    def _names(self) -> frozenset[PodName]:
        pods = self.orders.node.pods if self.orders is not None else ()
        return frozenset(PodName(pod.namespace, pod.name) for pod in pods)
