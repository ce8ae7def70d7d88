"""What the loop drives: the network, the xDS server, and each node's engines. Thin: files, threads and order; the drivers do the work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from seaway.app.state import StateFolder
from seaway.core.errors import DriverError
from seaway.drivers.agent.link import Link
from seaway.drivers.agent.orders import write_orders
from seaway.drivers.netns.interface import Network
from seaway.drivers.xds.nodes import Nodes
from seaway.model.workload import PodName
from seaway.pipeline import NodePlans
from seaway.plans.network.plan import NetworkPlan
from seaway.plans.nft.table import NftTable
from seaway.plans.node.plan import NodeOrders
from seaway.protocols.dns_zone import DnsZone


class KernelTable(Protocol):
    """One node's packet rules, real or fake."""

    def apply(self, table: NftTable) -> None: ...


async def all_of(*works: Awaitable[None]) -> None:
    """Waits for all, also where one fails, so that none goes on behind the next pass's back; then raises the first failure."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


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


class NodeEngines:
    """One node's agent and kernel table. What the node's Envoy holds is the xDS server's matter.

    `allow` is told which identities the node may have, before its agent is.
    """

    def __init__(
        self, folder: Path, link: Link, nft: KernelTable, upstreams: tuple[str, ...], allow: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._folder = folder
        self._link = link
        self._nft = nft
        self._upstreams = upstreams
        self._allow = allow
        self._version = ""

    @property
    def ready(self) -> frozenset[PodName]:
        return self._link.ready

    @property
    def agent_connected(self) -> bool:
        return self._link.connected

    async def take(self, plans: NodePlans, zone: DnsZone) -> None:
        """Gives the agent its orders and the kernel its rules, side by side: only pods that are ready, and so listen, have traffic."""
        await all_of(self._give_orders(plans.orders, zone), asyncio.to_thread(self._nft.apply, plans.nft))

    async def _give_orders(self, orders: NodeOrders, zone: DnsZone) -> None:
        self._allow(orders.identities)
        version = write_orders(self._folder / "orders.json", orders, msgspec.json.encode(zone), self._upstreams)
        if version != self._version:
            self._version = ""
            applied = await self._link.follow(version)
            if applied.problem:
                raise DriverError(
                    f"the agent of {orders.node} does not follow: {applied.problem}", help="its log says more; it goes on as before"
                )
            self._version = version


@dataclass(frozen=True, slots=True)
class Engines:
    """Everything that the loop drives. `nodes` is keyed by node name."""

    network: NetworkThread
    xds: Nodes
    nodes: Mapping[str, NodeEngines]


def node_folder(state: StateFolder, node: str) -> Path:
    """The node's own folder, made where it is missing."""
    folder = state.node(node)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
