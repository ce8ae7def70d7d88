"""What the loop drives: the network, the xDS server, and each node's engines. Thin: files, threads and order; the drivers do the work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from seaway.app.network_thread import NetworkThread
from seaway.core.errors import DriverError
from seaway.drivers.agent.link import Link
from seaway.drivers.agent.orders import ORDERS_FILE, ordered_pods, write_orders
from seaway.drivers.nft.captures import CaptureTables
from seaway.drivers.xds.nodes import Nodes
from seaway.model.workload import PodName
from seaway.pipeline import NodePlans
from seaway.plans.nft.table import NftTable
from seaway.plans.node.plan import NodeOrders
from seaway.protocols.dns_zone import DnsZone

Captures: TypeAlias = tuple[tuple[str, NftTable | None], ...]


class KernelTable(Protocol):
    """One node's packet rules, real or fake."""

    def apply(self, table: NftTable) -> None: ...


async def all_of(*works: Awaitable[None]) -> None:
    """Waits for all, also where one fails, so that none goes on behind the next pass's back; then raises the first failure."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


class CaptureThread:
    """The tables inside pods, in a thread beside the loop. Skips plans that changed nothing."""

    def __init__(self, driver: CaptureTables) -> None:
        self._driver = driver
        self._one_at_a_time = asyncio.Lock()
        self._applied: Captures | None = None

    async def apply(self, plan: Captures) -> None:
        if plan != self._applied:
            async with self._one_at_a_time:
                self._applied = None
                await asyncio.to_thread(self._driver.apply, plan)
                self._applied = plan

    async def repair(self) -> tuple[str, ...]:
        """Puts back what others have changed; the namespace files concerned."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._driver.repair)


class NodeEngines:
    """One node's agent and kernel table. What the node's Envoy holds is the xDS server's matter.

    `ordered` are the pods that its agent runs by now, those of an earlier control plane too. `allow` is told which identities the node may
    have, before its agent is.
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
        self._given: tuple[NodeOrders, DnsZone] | None = None
        self.ordered = ordered_pods(folder / ORDERS_FILE)

    @property
    def ready(self) -> frozenset[PodName]:
        return self._link.ready

    @property
    def agent_connected(self) -> bool:
        return self._link.connected

    async def take(self, plans: NodePlans, zone: DnsZone, held: frozenset[PodName] = frozenset()) -> None:
        """Gives the agent its orders and the kernel its rules, side by side: only pods that are ready, and so listen, have traffic.

        Pods that are `held` are not to be started yet.
        """
        pods = tuple(pod for pod in plans.orders.pods if PodName(pod.namespace, pod.name) not in held)
        orders = replace(plans.orders, pods=pods)
        await all_of(self._give_orders(orders, zone), self.set_rules(plans))
        self.ordered = frozenset(PodName(pod.namespace, pod.name) for pod in pods)

    async def set_rules(self, plans: NodePlans) -> None:
        """Brings the kernel's table to the plan; where it is there already that costs next to nothing."""
        await asyncio.to_thread(self._nft.apply, plans.nft)

    async def _give_orders(self, orders: NodeOrders, zone: DnsZone) -> None:
        self._allow(orders.identities)
        if self._given == (orders, zone):
            return
        self._given = None
        version = write_orders(self._folder / ORDERS_FILE, orders, msgspec.json.encode(zone), self._upstreams)
        if version != self._version:
            self._version = ""
            applied = await self._link.follow(version)
            if applied.problem:
                raise DriverError(
                    f"the agent of {orders.node} does not follow: {applied.problem}", help="its log says more; it goes on as before"
                )
            self._version = version
        self._given = orders, zone


@dataclass(frozen=True, slots=True)
class Engines:
    """Everything that the loop drives. `nodes` is keyed by node name."""

    network: NetworkThread
    captures: CaptureThread
    xds: Nodes
    nodes: Mapping[str, NodeEngines]
