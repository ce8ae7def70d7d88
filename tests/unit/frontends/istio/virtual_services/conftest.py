"""VirtualServices over a small registry: `web` (80), `api` (8080, 9090), `db` (5432, TCP), `secure` (443, TLS) of namespace shop; `other` of
namespace far (80, 81); `hidden` of far, exported to nobody else; api.example.com (443, TLS) and *.wild.example (80).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pytest

from seaway.core.finding import Findings
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import DestinationRules, build_destination_rules
from seaway.frontends.istio.registry import EVERYWHERE, Host, HostPort, Registry, Resolution
from seaway.frontends.istio.settings import Settings, read_mesh_settings
from seaway.frontends.istio.virtual_services.build import VirtualServices, build_virtual_services
from seaway.model.mesh import TcpRoute
from seaway.model.route import Forward, Redirect, Respond, Route
from seaway.model.service import ServiceName
from seaway.model.upstream import AppProtocol, Fixed
from seaway.resources.load import load_text
from seaway.snapshot import Snapshot, snapshot_of

HTTP, TCP, TLS, DETECT = AppProtocol.HTTP, AppProtocol.TCP, AppProtocol.TLS, AppProtocol.DETECT
SHOP = Client("shop")


def _host(
    name: str,
    namespace: str,
    ports: dict[int, AppProtocol],
    addresses: tuple[str, ...] = ("10.96.0.9/32",),
    to: frozenset[str] = EVERYWHERE,
) -> Host:
    service = ServiceName(namespace, name.partition(".")[0]) if name.endswith(".svc.cluster.local") else None
    key = Key("", "Service", namespace, name.partition(".")[0])
    rows = tuple(HostPort(number, f"p{number}", protocol, Fixed(()), Origin("s.yaml", 1)) for number, protocol in ports.items())
    return Host(name, namespace, rows, addresses, False, service is None, Resolution.STATIC, to, (), service, "", key, Origin("s.yaml", 1))


def _service(name: str, namespace: str, ports: dict[int, AppProtocol], **more: frozenset[str]) -> Host:
    return _host(f"{name}.{namespace}.svc.cluster.local", namespace, ports, **more)


HOSTS = (
    _service("web", "shop", {80: HTTP}),
    _service("api", "shop", {8080: HTTP, 9090: AppProtocol.GRPC}),
    _service("db", "shop", {5432: TCP}),
    _service("secure", "shop", {443: TLS}),
    _service("sniffed", "shop", {7000: DETECT}),
    _service("other", "far", {80: HTTP, 81: HTTP}),
    _service("hidden", "far", {80: HTTP}, to=frozenset({"far"})),
    _host("api.example.com", "shop", {443: TLS}, ()),
    _host("*.wild.example", "shop", {80: HTTP}, ()),
)
REGISTRY = Registry("cluster.local", {host.name: (host,) for host in sorted(HOSTS, key=lambda one: one.name)})


@dataclass
class World:
    """What comes of some manifests."""

    snapshot: Snapshot
    settings: Settings

    @cached_property
    def built(self) -> tuple[VirtualServices, Findings]:
        return build_virtual_services(self.snapshot, REGISTRY, self.settings)

    @cached_property
    def rules(self) -> DestinationRules:
        return build_destination_rules(self.snapshot, REGISTRY, self.settings, (), {})[0]

    @property
    def virtual(self) -> VirtualServices:
        return self.built[0]

    @property
    def found(self) -> list[str]:
        """Codes and lines."""
        return [f"{one.code.id}:{one.origin.line}" for one in self.built[1]]

    @property
    def messages(self) -> list[str]:
        return [one.message for one in self.built[1]]

    def routes(self, host: str = "web.shop", port: int = 80, client: Client = SHOP) -> tuple[Route, ...]:
        return self.virtual.http_routes(client, named(host), port, self.rules)

    def route(self, host: str = "web.shop", port: int = 80, client: Client = SHOP) -> Route:
        (one,) = self.routes(host, port, client)
        return one

    def table(self, host: str = "web.shop", port: int = 80, client: Client = SHOP) -> list[str]:
        return [show(one) for one in self.routes(host, port, client)]

    def connections(self, host: str, port: int, client: Client = SHOP) -> tuple[TcpRoute, ...]:
        return self.virtual.tcp_routes(client, named(host), port, self.rules)

    def further(self, port: int, *hosts: str, client: Client = SHOP) -> dict[str, list[str]]:
        """Hosts that VirtualServices alone name, beside these of the registry."""
        found = self.virtual.named_hosts(client, port, tuple(named(one) for one in hosts), self.rules)
        return {one.name: [show(route) for route in one.routes] for one in found}


def named(host: str) -> Host:
    """By full name, or `name.namespace` of a Service."""
    return next(one for one in HOSTS if one.name in (host, f"{host}.svc.cluster.local"))


def show(route: Route) -> str:
    """`name: path ? conditions -> action`, in short."""
    path = f"{type(route.match).__name__}({getattr(route.match, 'path', getattr(route.match, 'pattern', ''))})"
    path = "*" if path == "TextPrefix(/)" else path
    conditions = [f"{'!' if one.invert else ''}{one.name}={one.text.kind}:{one.text.value}" for one in route.conditions.headers]
    conditions += [f"?{one.name}={one.text.kind}:{one.text.value}" for one in route.conditions.query]
    name = f"{route.name}: " if route.name else ""
    return f"{name}{path}{' ' if conditions else ''}{' '.join(conditions)} -> {_does(route)}"


def _does(route: Route) -> str:
    match route.action:
        case Forward(destinations):
            total = len(destinations)
            return ", ".join(
                f"{one.weight if total > 1 else ''} {str(one.to).replace('.svc.cluster.local', '')}".strip() for one in destinations
            )
        case Redirect(status):
            return f"redirect {status}"
        case Respond(status):
            return f"respond {status}"


META = "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{created}'}}\nspec: {spec}\n---\n"


@pytest.fixture
def world() -> Callable[..., World]:
    """`world(objects…, mesh)`: each an object's text (`virtual`, or whole manifests); `mesh` is MeshConfig."""

    def make(*objects: str, mesh: str = "") -> World:
        texts = list(objects)
        if mesh:
            lines = "".join(f"    {line}\n" for line in mesh.splitlines())
            texts.append(
                f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n{lines}---\n"
            )
        loaded = load_text("".join(texts), "in.yaml")
        assert loaded.findings == ()
        snapshot = snapshot_of(loaded.resources)
        settings, _ = read_mesh_settings(snapshot, "cluster.local")
        return World(snapshot, settings)

    return make


@pytest.fixture
def virtual() -> Callable[..., str]:
    """A VirtualService of host `web` whose `spec` is added to, in YAML's flow style: `virtual("http: [...]")`."""

    def make(spec: str, name: str = "web", namespace: str = "shop", created: str = "2026-01-01T00:00:00Z", hosts: str = "[web]") -> str:
        whole = f"{{hosts: {hosts}, {spec}}}" if hosts else f"{{{spec}}}"
        return META.format(kind="VirtualService", name=name, namespace=namespace, created=created, spec=whole)

    return make


@pytest.fixture
def http(virtual: Callable[..., str]) -> Callable[..., str]:
    """One rule that routes to `web`, with these fields besides."""

    def make(fields: str = "", route: str = "route: [{destination: {host: web}}]", **more: str) -> str:
        return virtual(f"http: [{{{', '.join(one for one in (fields, route) if one)}}}]", **more)

    return make


@pytest.fixture
def destination_rule() -> Callable[..., str]:
    def make(host: str, spec: str, namespace: str = "shop") -> str:
        return META.format(kind="DestinationRule", name="rule", namespace=namespace, created="", spec=f"{{host: {host}, {spec}}}").replace(
            ", creationTimestamp: ''", ""
        )

    return make
