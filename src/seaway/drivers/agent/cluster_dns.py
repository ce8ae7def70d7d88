"""The agent's part in cluster DNS: which pods the server listens in, and the zone that it answers from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.agent.orders import NO_ZONE, Orders
from seaway.drivers.dns.interface import ClusterDns, Place
from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders


@dataclass(frozen=True, slots=True)
class _Pod:
    """Where a pod listens. `netns` is device and inode: a namespace made anew under its name is another."""

    place: Place
    netns: tuple[int, int]


class DnsPods:
    """`make_server` is called when the first pod serves DNS, and again when the upstreams have changed."""

    def __init__(self, make_server: Callable[[tuple[str, ...]], ClusterDns], netns_folder: Path) -> None:
        self._make_server = make_server
        self._folder = netns_folder
        self._server: ClusterDns | None = None
        self._upstreams: tuple[str, ...] = ()
        self._zone = NO_ZONE
        self._listening: dict[PodName, _Pod] = {}

    def listening(self, pod: PodName) -> bool:
        return pod in self._listening

    async def load(self, orders: Orders) -> str:
        """Has the zone of these orders served, if it has changed; "" or what is wrong. A bad zone leaves the former one in use."""
        if not any(pod.serves_dns for pod in orders.node.pods):
            return ""
        if self._server is None or orders.upstreams != self._upstreams:
            await self.stop()
            try:
                self._server = self._make_server(orders.upstreams)
            except DriverError as error:
                return error.message
            self._upstreams, self._zone = orders.upstreams, NO_ZONE
        self._server.follow_names(orders.node.names)
        if orders.dns_zone == self._zone:
            return ""
        self._zone = orders.dns_zone  # a refused zone is refused once, not at every change of the orders
        return await self._server.load_or_keep(orders.dns_zone)

    async def follow(self, pods: Sequence[PodOrders]) -> dict[PodName, str]:
        """Listens in exactly these pods; the result names those in which it could not."""
        if self._server is None:
            return {PodName(pod.namespace, pod.name): "cluster DNS does not run" for pod in pods if pod.serves_dns}
        wanted, troubles = self._wanted(pods)
        for name in [name for name, pod in self._listening.items() if wanted.get(name) != pod]:
            await self._server.unlisten(self._listening.pop(name).place)
        for name, pod in wanted.items():
            if name not in self._listening:
                try:
                    await self._server.listen(pod.place)
                    self._listening[name] = pod
                except DriverError as error:
                    troubles[name] = error.message
        return troubles

    async def stop(self) -> None:
        self._listening.clear()
        if self._server is not None:
            await self._server.stop()
            self._server = None

    def _wanted(self, pods: Sequence[PodOrders]) -> tuple[dict[PodName, _Pod], dict[PodName, str]]:
        wanted: dict[PodName, _Pod] = {}
        troubles: dict[PodName, str] = {}
        for pod in pods:
            if pod.serves_dns:
                name = PodName(pod.namespace, pod.name)
                path = self._folder / pod.netns
                try:
                    status = path.stat()
                    wanted[name] = _Pod(Place(str(path), pod.address), (status.st_dev, status.st_ino))
                except OSError as error:
                    troubles[name] = f"network namespace {pod.netns}: {error.strerror}"
        return wanted, troubles
