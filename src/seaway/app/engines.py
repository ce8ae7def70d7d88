"""What the loop drives: the network, the xDS server, and each node's engines. Thin: files, threads and order; the drivers do the work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seaway.app.state import StateFolder
from seaway.drivers.agent.link import Link
from seaway.drivers.agent.orders import write_orders
from seaway.drivers.netns.real import NetworkDriver
from seaway.drivers.nft.real import NftDriver
from seaway.drivers.xds.nodes import Nodes
from seaway.model.workload import PodName
from seaway.pipeline import NodePlans
from seaway.plans.network.plan import NetworkPlan
from seaway.plans.node.plan import NodeOrders
from seaway.protocols.dns_zone import DnsZone


class NetworkThread:
    """The network driver on a thread of its own, since it moves its thread between namespaces. Skips plans that changed nothing."""

    def __init__(self, driver: NetworkDriver) -> None:
        self._driver = driver
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="netlink")
        self._ensured: NetworkPlan | None = None
        self._pruned: NetworkPlan | None = None

    async def ensure(self, plan: NetworkPlan) -> None:
        if plan != self._ensured:
            self._ensured = None  # a failure on the way must not look like success
            await asyncio.get_running_loop().run_in_executor(self._thread, self._driver.ensure, plan)
            self._ensured = plan

    async def prune(self, plan: NetworkPlan) -> None:
        if plan != self._pruned:
            self._pruned = None
            await asyncio.get_running_loop().run_in_executor(self._thread, self._driver.prune, plan)
            self._pruned = plan


class NodeEngines:
    """One node's agent and kernel table. What the node's Envoy holds is the xDS server's matter."""

    def __init__(self, folder: Path, link: Link, nft: NftDriver, upstreams: tuple[str, ...]) -> None:
        self._folder = folder
        self._link = link
        self._nft = nft
        self._upstreams = upstreams
        self._version = ""

    @property
    def ready(self) -> frozenset[PodName]:
        return self._link.ready

    @property
    def agent_connected(self) -> bool:
        return self._link.connected

    async def take(self, plans: NodePlans, zone: DnsZone) -> None:
        """Gives the agent its orders and the kernel its rules, side by side: only pods that are ready, and so listen, have traffic."""
        await asyncio.gather(self._give_orders(plans.orders, zone), asyncio.to_thread(self._nft.apply, plans.nft))

    async def _give_orders(self, orders: NodeOrders, zone: DnsZone) -> None:
        version = write_orders(self._folder / "orders.json", orders, msgspec.json.encode(zone), self._upstreams)
        if version != self._version:
            await self._link.follow(version)
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
