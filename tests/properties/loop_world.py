"""A whole local network in memory: the real control loop, and for each engine its fake. Everything that the loop does is noted in order.

What lives outside of the control plane (kernel, agents, Envoys, the state folder) stays where a `Control` is given up for a new one.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from seaway.app.engines import CaptureThread, Engines, NodeEngines
from seaway.app.loop import Loop, Timing
from seaway.app.network_thread import NetworkThread
from seaway.app.state import read_leases
from seaway.core.errors import DriverError, SeawayError
from seaway.core.finding import Finding
from seaway.core.origin import GENERATED
from seaway.drivers.agent.fake import FakeLink
from seaway.drivers.agent.messages import Applied
from seaway.drivers.netns.fake import FakeKernel, FakeNetwork
from seaway.drivers.nft.captures import FakeCaptures
from seaway.drivers.nft.fake import FakeNft
from seaway.drivers.xds.fake import FakeEnvoy, FakeXdsServer, Name, endpoints_of_clusters
from seaway.drivers.xds.nodes import Report, WaveDone
from seaway.frontends.build import build_model
from seaway.model.cluster import Cluster
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.model.route import Certificate
from seaway.model.workload import PodName
from seaway.pipeline import Plans, Presence, plan_all
from seaway.plans.envoy.view import EnvoyView
from seaway.plans.network.plan import NetworkPlan
from seaway.plans.nft.table import NftTable
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import EXTENSION, LISTENER, ROUTES, SECRET, XdsResource
from seaway.resources.load import load_text
from seaway.snapshot import Snapshot, snapshot_of

CERTIFICATE = Certificate("default", "chain", "key", (), "2099-01-01", None, GENERATED)
Note = tuple[str, str]
"""Who did it, and what: ("network", "make default/web-1"), ("agent", "orders"), ("nft", "rules"), ("envoy", "endpoints"), …"""


class NotedNetwork(FakeNetwork):
    def __init__(self, kernel: FakeKernel, note: Callable[[str, str], None]) -> None:
        super().__init__(kernel)
        self._note = note

    def ensure(self, plan: NetworkPlan) -> None:
        before = len(self.made)
        super().ensure(plan)
        for name in self.made[before:]:
            self._note("network", f"make {name.replace('_', '/')}")

    def prune(self, plan: NetworkPlan) -> None:
        before = len(self.removed)
        super().prune(plan)
        for name in self.removed[before:]:
            self._note("network", f"remove {name.replace('_', '/')}")


class NotedLink(FakeLink):
    """`fails` is why the agent does not answer."""

    def __init__(self, orders: Path, hear: Callable[[Any], None], note: Callable[[str, str], None]) -> None:
        super().__init__(orders, hear)
        self._note = note
        self.fails = ""

    async def follow(self, version: str, timeout_s: float = 15.0) -> Applied:
        await asyncio.sleep(0)
        if self.fails:
            raise DriverError(self.fails, help="mend it")
        self._note("agent", "orders")
        return await super().follow(version, timeout_s)


class NotedNft(FakeNft):
    def __init__(self, note: Callable[[str, str], None]) -> None:
        super().__init__()
        self._note = note
        self.fails = ""

    def apply(self, table: NftTable) -> None:
        if self.fails:
            raise DriverError(self.fails, help="mend it")
        if table != self.held:
            self._note("nft", "rules")
        super().apply(table)


class World:
    """What is outside of the control plane. `bad` are words that Envoy refuses in whatever resource they stand."""

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        self.folder = folder
        self.cluster: Cluster = default_cluster(nodes)
        self.manifests: dict[str, str] = {}
        self.bad: set[str] = set()
        self.unreadable = ""
        self.notes: list[Note] = []
        self.kernel = FakeKernel()
        self.captures = FakeCaptures(self.kernel.pods.keys())
        self.tables = {node.name: NotedNft(self.note) for node in self.cluster.nodes}
        self.envoys = {node.name: FakeEnvoy(self._refuse, partial(self._names_in, node.name)) for node in self.cluster.nodes}
        for node in self.cluster.nodes:
            (folder / node.name).mkdir(parents=True)
        self.links = {
            node.name: NotedLink(folder / node.name / "orders.json", lambda _: self.control.pods_changed(), self.note)
            for node in self.cluster.nodes
        }
        self.control: Control = Control(self)

    def note(self, who: str, what: str) -> None:
        self.notes.append((who, what))

    def snapshot(self) -> Snapshot:
        if self.unreadable:
            raise DriverError(self.unreadable)
        loaded = [load_text(textwrap.dedent(text), name) for name, text in sorted(self.manifests.items())]
        return snapshot_of(
            [resource for one in loaded for resource in one.resources], tuple(found for one in loaded for found in one.findings)
        )

    def views(self, _model: Model) -> Mapping[str, EnvoyView]:
        return {node.name: EnvoyView(node.name, "/ns", CERTIFICATE, ()) for node in self.cluster.nodes}

    def restart(self) -> None:
        """The control plane is killed and started again; everything else goes on."""
        self.control.end()
        self.control = Control(self)

    def break_pods(self, *names: str, why: str = "broken") -> None:
        """From now on these pods (of all nodes) are not ready, and all others are."""
        for link in self.links.values():
            link.broken = dict.fromkeys((PodName(*name.split("/")) for name in names), why)
            link.refresh()

    def _refuse(self, resource: XdsResource) -> str | None:
        found = [word for word in sorted(self.bad) if word.encode() in resource.body]
        return f"I do not like {found[0]}" if found else None

    def _names_in(self, node: str, resource: XdsResource) -> tuple[Name, ...]:
        if resource.type_url != LISTENER:
            return endpoints_of_clusters(resource)
        named = self.control.xds.published(node)
        return tuple(
            (one.type_url, one.name) for one in named if one.type_url in (ROUTES, SECRET, EXTENSION) and one.name.encode() in resource.body
        )


class NotedXds(FakeXdsServer):
    """Notes which types of resources travel."""

    def __init__(self, listen: Callable[[str, Report], None], note: Callable[[str, str], None]) -> None:
        super().__init__(listen)
        self._note = note
        self.publishes = 0

    def publish(self, node: str, resources: Resources) -> None:
        self.publishes += 1
        super().publish(node, resources)

    def pump(self) -> None:
        while self._due and not self.paused:
            session, envoy, send = self._due.popleft()
            if not session.closed:
                self._note("envoy", send.type_url.rsplit(".", 1)[-1])
                session.hear(*envoy.hear(send))


class Control:
    """One run of the control plane."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.network = NotedNetwork(world.kernel, world.note)
        self.xds = NotedXds(self._heard_envoy, world.note)
        nodes = {
            name: NodeEngines(world.folder / name, world.links[name], world.tables[name], (), lambda _: None)
            for name in (node.name for node in world.cluster.nodes)
        }
        leases = world.folder / "leases.json"
        engines = Engines(NetworkThread(self.network), CaptureThread(world.captures), self.xds, nodes)
        self.loop = Loop(world.snapshot, world.cluster, engines, world.views, (leases, read_leases(leases)))
        self.loop.timing = Timing(quiet_s=0.0, drain_s=0.0, retry_s=0.01)
        self._connected = False

    def end(self) -> None:
        for name in self._world.envoys:
            if self._connected:
                self.xds.disconnect(name)

    def pods_changed(self) -> None:
        self.loop.pods_changed()

    def connect(self, *nodes: str) -> None:
        """Envoys ask for their configuration; so they do in `step`, where they have not before."""
        self._connected = True
        for name, envoy in self._world.envoys.items():
            if name in nodes or not nodes:
                self.xds.connect(name, envoy)

    async def step(self) -> bool:
        """One pass; False where an engine has failed."""
        if not self._connected:
            self.connect()
            self.loop.pods_changed()
        try:
            await self.loop.step()
        except SeawayError:
            return False
        return True

    async def change(self) -> bool:
        """Manifests have changed: a pass."""
        self.loop.manifests_changed()
        return await self.step()

    async def settle(self) -> Plans:
        """Passes until nothing happens any more; what is current then."""
        for _ in range(40):
            before, plans = len(self._world.notes), self.loop.current and self.loop.current.plans
            worked = await self.change()
            if worked and len(self._world.notes) == before and self.loop.current and self.loop.current.plans == plans:
                return self.loop.current.plans
        raise AssertionError(f"no rest: {self._world.notes[-30:]}")

    def _heard_envoy(self, _node: str, report: Report) -> None:
        match report:
            case WaveDone(refusals=()):
                self.loop.envoy_accepted()
                self.loop.envoy_settled()
            case WaveDone():
                self.loop.envoy_refused()
            case _:
                pass


def plans_from_scratch(world: World, manifests: Mapping[str, str] | None = None) -> Plans:
    """What the manifests ask for, built without any history but for what was handed out."""
    former, world.manifests = world.manifests, dict(world.manifests if manifests is None else manifests)
    try:
        model = build_model(world.snapshot(), world.cluster, read_leases(world.folder / "leases.json")).model
    finally:
        world.manifests = former
    return plan_all(model, Presence(model, frozenset(model.member)), world.control.loop.health, world.views(model))


def check_engines(world: World, plans: Plans) -> None:
    """Every engine holds exactly what these plans say."""
    assert world.kernel.pods == {pod.netns: pod for pod in plans.network.pods}
    assert world.kernel.half_made == set()
    assert world.captures.held == {name: table for name, table in plans.captures if table is not None}
    assert world.kernel.balancers == dict(plans.network.load_balancers)
    for name, node in plans.nodes.items():
        assert world.tables[name].held == node.nft
        orders = world.links[name].orders
        assert orders is not None
        assert orders.node == node.orders
        held = {(one.type_url, one.name): one.body for one in world.envoys[name].holds.values()}
        assert held == {(one.type_url, one.name): one.body for one in node.envoy}


def deployment(name: str, version: str = "1", replicas: int = 1, kind: str = "Deployment", port: int = 8080) -> str:
    """A workload; its pods are replaced where `version` changes."""
    extra = f"\n  serviceName: {name}" if kind == "StatefulSet" else ""
    return f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  replicas: {replicas}{extra}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{version: "{version}"}}}}
    spec: {{containers: [{{name: main, image: "{name}:{version}", ports: [{{name: http, containerPort: {port}}}]}}]}}
"""


def service(name: str, port: int = 80, kind: str = "ClusterIP") -> str:
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{type: {kind}, selector: {{app: {name}}}, ports: [{{name: http, port: {port}, targetPort: http}}]}}
"""


def ingress(name: str, host: str, backend: str = "") -> str:
    return f"""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}}}
spec:
  ingressClassName: seaway
  rules:
    - host: {host}
      http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: {backend or name}, port: {{name: http}}}}}}}}]}}
"""


def run(work: Awaitable[Any]) -> Any:
    async def within() -> Any:
        return await asyncio.wait_for(work, 60)

    return asyncio.run(within())


def pods(world: World, prefix: str) -> list[str]:
    return sorted(name for name in world.kernel.pods if name.startswith(f"default_{prefix}"))


def codes(world: World) -> list[str]:
    return [one.code.id for one in world.control.loop.findings]


def found(world: World, code: str) -> Finding:
    (one,) = [one for one in world.control.loop.findings if one.code.id == code]
    return one


def backends(world: World, name: str = "web") -> list[str]:
    """Names of the pods that the kernel sends the service's clients to."""
    current = world.control.loop.current
    assert current is not None
    held = world.tables["node-1"].held
    assert held is not None
    (service,) = [one for one in current.model.services if one.id.name == name]
    texts = [f"{element.key} {element.value}" for one in held.maps for element in one.elements if service.cluster_ip in element.key]
    return sorted(pod.id.name for pod in current.model.pods if any(pod.ip in text.split() for text in texts))


async def until(true: Callable[[], Any]) -> None:
    while not true():
        await asyncio.sleep(0.002)
