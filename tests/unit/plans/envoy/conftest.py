"""A small cluster, drafted in a few words: services with pods behind them, one gateway, hosts with routes."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.core.origin import GENERATED, Origin
from seaway.frontends.ingress.policies import INGRESS_POLICY
from seaway.frontends.ingress.upstreams import build_upstreams
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.mesh import Mesh
from seaway.model.names import service_host
from seaway.model.route import Certificate, Destination, Forward, Gateway, PathMatch, Prefix, Rewrite, Route, TlsHost, VirtualHost
from seaway.model.service import Backend, Health, Service, ServiceName, ServicePort, ServiceType
from seaway.model.upstream import OUTSIDE_MESH, UpstreamId
from seaway.model.workload import GatewayProxy, Pod, PodName, Protocol, ResolvConf, Standin
from seaway.plans.envoy.plan import plan_envoys
from seaway.plans.envoy.view import EnvoyView
from seaway.protocols.xds_layers import Resources

NODE = "node-1"
GATEWAY = "ingress/gateway"
GATEWAY_POD = PodName("ingress", "gateway-0")


def make_certificate(name: str, *hosts: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts or ("invalid",)])
    made = (
        x509.CertificateBuilder(
            subject, subject, key.public_key(), x509.random_serial_number(), start, start + datetime.timedelta(days=36500)
        )
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = made.public_bytes(serialization.Encoding.PEM).decode()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return Certificate(name, chain, pem, hosts, "2124-01-01T00:00:00Z", Key("", "Secret", "shop", name), Origin("tls.yaml", 3))


@dataclass
class Draft:
    """Mutable while a test writes it; `model` freezes it."""

    GATEWAY: ClassVar[str] = GATEWAY
    GATEWAY_POD: ClassVar[PodName] = GATEWAY_POD

    default: Certificate
    pods: list[Pod] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    hosts: list[VirtualHost] = field(default_factory=list)
    tls: list[TlsHost] = field(default_factory=list)
    gateway_ports: tuple[tuple[int, ...], tuple[int, ...]] = ((80,), (443,))
    line: int = 0

    def origin(self) -> Origin:
        self.line += 1
        return Origin("shop.yaml", self.line, 5, f"spec.rules[{self.line}]")

    def pod(self, name: str, ip: str, runs: Standin | GatewayProxy | None = None, **changes: object) -> Pod:
        namespace, short = name.split("/")
        pod = Pod(
            id=PodName(namespace, short), labels=(), annotations=(), ip=ip, node=NODE, host_network=False, hostname=short, subdomain="",
            service_account="default", containers=("main",), ports=(), probes=(), runs=runs or Standin(), resolv_conf=ResolvConf((), (), ()),
            hosts=(), finite=False, revision="1", owner=Key("apps", "Deployment", namespace, short), origin=self.origin(),
        )  # fmt: skip
        pod = replace(pod, **changes)  # type: ignore[arg-type]
        self.pods.append(pod)
        return pod

    def service(
        self, name: str, *pods: Pod, ports: tuple[tuple[str, int, int, str], ...] = (("http", 80, 8080, ""),), ip: str = ""
    ) -> Service:
        """`ports`: (name, port, target port, appProtocol) each. `ip` is a load balancer address."""
        namespace, short = name.split("/")
        service = Service(
            id=ServiceName(namespace, short), type=ServiceType.LOAD_BALANCER if ip else ServiceType.CLUSTER_IP, labels=(), annotations=(),
            cluster_ip="10.96.0.1", load_balancer_ip=ip, external_ips=(), source_ranges=(), external_name="",
            ports=tuple(ServicePort(one, port, Protocol.TCP, app, 0, self.origin()) for one, port, _, app in ports),
            affinity_s=0, internal_local=False, external_local=False, publish_not_ready=False, selects_pods=True,
            backends=tuple(Backend(pod.ip, pod.id, pod.node, "", tuple(target for _, _, target, _ in ports), True, pod.origin) for pod in pods),
            owner=Key("", "Service", namespace, short), origin=self.origin(),
        )  # fmt: skip
        self.services.append(service)
        return service

    def route(self, match: PathMatch | str, action: object, https: bool = False) -> Route:
        where = Prefix(match) if isinstance(match, str) else match
        owner = Key("networking.k8s.io", "Ingress", "shop", f"ingress-{self.line + 1}")
        return Route(where, action, https, owner, self.origin(), policy=INGRESS_POLICY)  # type: ignore[arg-type]

    def to(self, match: PathMatch | str, service: Service, rewrite: Rewrite | None = None, https: bool = False) -> Route:
        to = UpstreamId(service_host(service.id, "cluster.local"), service.ports[0].port, variant=OUTSIDE_MESH)
        return self.route(match, Forward((Destination(to),), rewrite), https)

    def host(self, host: str, *routes: Route) -> None:
        self.hosts.append(VirtualHost(host, routes))

    def model(self) -> Model:
        if not any(pod.id == GATEWAY_POD for pod in self.pods):
            self.pod(str(GATEWAY_POD), "10.244.0.2", GatewayProxy(GATEWAY))
        pods = tuple(pod.id for pod in self.pods if isinstance(pod.runs, GatewayProxy))
        plain, tls = self.gateway_ports
        front = ServiceName("ingress", "gateway") if any(one.id.namespace == "ingress" for one in self.services) else None
        gateway = Gateway(
            GATEWAY, pods, front, ("seaway",), "seaway.dev/ingress", plain, tls, tuple(self.hosts), tuple(self.tls), (), GENERATED
        )
        node = Node(NODE, "192.168.0.2", "10.244.0.0/24")
        by_id = sorted(self.services, key=lambda one: one.id)
        mesh = Mesh(upstreams=build_upstreams((gateway,), tuple(by_id), "cluster.local", Memo()))
        return Model(Cluster((node,)), tuple(sorted(self.pods, key=lambda one: one.id)), tuple(by_id), (gateway,), mesh)

    def view(self, **changes: object) -> EnvoyView:
        return replace(EnvoyView(NODE, "/run/seaway/ns", self.default, ()), **changes)  # type: ignore[arg-type]

    def plan(self, **changes: object) -> Resources:
        """Everything ready."""
        model = self.model()
        return self.planned(model, Health(frozenset(pod.id for pod in model.pods)), **changes)

    def planned(self, model: Model, health: Health, **changes: object) -> Resources:
        view = self.view(**changes)
        return plan_envoys(model, health, {view.node: view})[view.node]


@pytest.fixture(scope="session")
def certificates() -> tuple[Certificate, Certificate, Certificate]:
    """A default one and two for hosts."""
    return make_certificate("default"), make_certificate("shop-tls", "shop.example.com"), make_certificate("wild-tls", "*.example.com")


@pytest.fixture
def shop(draft: Draft) -> Draft:
    """One host with one route to two pods; a Service that nothing leads to."""
    web = draft.service("shop/web", draft.pod("shop/web-1", "10.244.0.11"), draft.pod("shop/web-2", "10.244.0.10"))
    draft.service("shop/unused", draft.pod("shop/unused-1", "10.244.0.12"))
    draft.host("shop.example.com", draft.to("/", web))
    return draft


@pytest.fixture
def draft(certificates: tuple[Certificate, Certificate, Certificate]) -> Draft:
    return Draft(certificates[0])
