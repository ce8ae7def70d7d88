"""Stand-ins without sockets, for tests of what is built on them. Shares the contract suite with the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seaway.drivers.standin.interface import Troubles
from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders


class FakeStandins:
    """Remembers what is open. As for the real ones, a pod without its namespace file in the folder has trouble."""

    def __init__(self, netns_folder: Path) -> None:
        self._folder = netns_folder
        self._ordered: dict[PodName, PodOrders] = {}
        self._listening: set[PodName] = set()
        self.reopened: list[PodName] = []

    async def follow(self, pods: Sequence[PodOrders]) -> Troubles:
        self._ordered = {PodName(pod.namespace, pod.name): pod for pod in pods if pod.listen}
        troubles = {
            name: f"network namespace {pod.netns}: No such file or directory"
            for name, pod in self._ordered.items()
            if not (self._folder / pod.netns).exists()
        }
        self._listening = self._ordered.keys() - troubles.keys()
        return troubles

    def listening(self, pod: PodName) -> bool:
        return pod in self._listening

    async def reopen(self, pod: PodName) -> None:
        if pod in self._ordered:
            self.reopened.append(pod)

    async def close(self) -> None:
        self._ordered, self._listening = {}, set()
