"""The network driver on a thread of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from seaway.drivers.netns.interface import Network
from seaway.plans.network.plan import NetworkPlan


class NetworkThread:
    """The network driver on a thread of its own, since it moves its thread between namespaces. Skips plans that changed nothing."""

    def __init__(self, driver: Network) -> None:
        self._driver = driver
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="netlink")
        self._ensured: NetworkPlan | None = None
        self._pruned: NetworkPlan | None = None

    async def ensure(self, plan: NetworkPlan) -> None:
        if plan != self._ensured:
            self._ensured = self._pruned = None  # also what fails on the way may have added something
            await asyncio.get_running_loop().run_in_executor(self._thread, self._driver.ensure, plan)
            self._ensured = plan

    async def prune(self, plan: NetworkPlan) -> None:
        if plan != self._pruned:
            self._pruned = None
            await asyncio.get_running_loop().run_in_executor(self._thread, self._driver.prune, plan)
            self._pruned = plan
