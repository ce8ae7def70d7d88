"""What gateways serve for Istio's Gateways: their ports, with servers and the routes of VirtualServices that are bound to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seaway.core.codes import gateways as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.ages import by_age
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import DestinationRules
from seaway.frontends.istio.destination_rules.credentials import Unusable
from seaway.frontends.istio.gateways.beside_ingress import beside_ingress, ingress_names
from seaway.frontends.istio.gateways.checks import check_bindings, check_claims, check_routes
from seaway.frontends.istio.gateways.connections import Way, automatic_ways, passed_ways, tcp_way
from seaway.frontends.istio.gateways.credentials import Vault, terminate
from seaway.frontends.istio.gateways.hosts import Bound, build_hosts, with_misdirected
from seaway.frontends.istio.gateways.merging import MergedPort, merge
from seaway.frontends.istio.gateways.reading import read_gateway
from seaway.frontends.istio.gateways.rules import GatewayRules, ServerRules, Speaks
from seaway.frontends.istio.gateways.selection import Edge, check_ports, check_selection, edges_of, selected
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.virtual_services.build import VirtualServices
from seaway.frontends.istio.virtual_services.routes import Lookups
from seaway.model.mesh import Member
from seaway.model.route import ClosedServer, EdgePort, Gateway, HttpServer, Server, TcpServer, Termination
from seaway.model.service import Service
from seaway.model.workload import Pod, PodName
from seaway.resources.istio.gateway import Gateway as WrittenGateway
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What Gateways are built in: the mesh's other parts. `verifying` are the pods at which tokens are verified."""

    snapshot: Snapshot
    registry: Registry
    virtual_services: VirtualServices
    rules: DestinationRules
    members: tuple[Member, ...]
    pods: Mapping[PodName, Pod]
    services: tuple[Service, ...]
    verifying: frozenset[PodName] = frozenset()


def build_edges(gateways: tuple[Gateway, ...], around: Surroundings) -> tuple[tuple[Gateway, ...], Findings]:
    """The gateways with the ports that Gateways ask for, and what is wrong with Gateways."""
    findings: list[Finding] = []
    read: list[GatewayRules] = []
    for resource in sorted(around.snapshot.of(WrittenGateway), key=by_age):
        rules, more = read_gateway(resource)
        findings += more
        if rules is not None:
            read.append(rules)
    if not read:
        return gateways, tuple(findings)
    edges = edges_of(gateways, around.pods, around.services, frozenset(one.pod for one in around.members))
    for rules in read:
        findings += check_selection(rules, edges)
    served = {edge.gateway.name: (edge, tuple(one for one in read if edge in selected(one, edges))) for edge in edges}
    built: list[Gateway] = []
    for gateway in gateways:
        edge, own = served.get(gateway.name, (None, ()))
        if edge is None or not own:
            built.append(gateway)
            continue
        made, more = _Builder(edge, own, around).build()
        built.append(made)
        findings += more
    findings += check_bindings(around.virtual_services, read)
    return tuple(built), tuple(dict.fromkeys(findings))


class _Builder:
    """One gateway."""

    def __init__(self, edge: Edge, served: tuple[GatewayRules, ...], around: Surroundings) -> None:
        self._edge, self._served = edge, served
        gateway = edge.gateway
        keys = around.rules.label_keys | around.virtual_services.label_keys
        client = Client(gateway.pods[0].namespace, tuple(one for one in edge.labels if one[0] in keys), gateway=gateway.name)
        lookups = Lookups(around.registry, around.rules, around.virtual_services.retries)
        self._bound = Bound(client, around.virtual_services, lookups)
        self._verifying = around.verifying.issuperset(gateway.pods)
        self._vault = Vault(around.snapshot, client.namespace)
        self._findings: list[Finding] = []

    def build(self) -> tuple[Gateway, Findings]:
        ports, findings = merge(self._served, self._edge)
        self._findings += findings
        gateway = self._edge.gateway
        edges = tuple(self._port(port) for port in ports)
        servers = [server for port in ports for server in port.servers]
        self._findings += check_ports(servers, self._edge)
        owners = {one.key for one in self._served}
        owners |= {one.key for server in servers for one in self._bound.to(server)}
        edges, more = beside_ingress(gateway, edges)
        self._findings += more
        if not self._verifying:
            self._findings += check_claims(gateway.name, edges)
        return replace(gateway, edges=edges, owners=tuple(sorted({*gateway.owners, *owners}))), tuple(self._findings)

    def _port(self, port: MergedPort) -> EdgePort:
        return EdgePort(port.number, port.bind, port.by_name, tuple(self._servers(port)))

    def _servers(self, port: MergedPort) -> Iterator[Server]:
        if port.servers[0].speaks is Speaks.HTTP:
            yield self._plain_http(port)
            return
        passing = (Speaks.PASSTHROUGH, Speaks.AUTO_PASSTHROUGH)
        taken = {name for server in port.servers if server.speaks not in passing for name in server.names}
        for server in port.servers:
            for made in self._made(server, port, frozenset(taken)):
                taken |= set(made.names or ("*",))
                yield made

    def _plain_http(self, port: MergedPort) -> Server:
        first = port.servers[0]
        hosts = build_hosts(port.servers, self._bound)
        for server in port.servers:
            self._findings += check_routes(server, bool(build_hosts((server,), self._bound)), "http")
        made = self._server(first, f"http.{port.number}", HttpServer(hosts))
        return replace(made, owners=tuple(sorted({one.key for one in port.servers})))

    def _made(self, server: ServerRules, port: MergedPort, taken: frozenset[str]) -> Iterator[Server]:
        name = f"{server.number}.{server.port_name}.{server.key.name}.{server.key.namespace}"
        match server.speaks:
            case Speaks.HTTPS:
                yield self._https(server, port, f"https.{name}")
            case Speaks.TLS:
                way = tcp_way(server, self._bound)
                self._findings += check_routes(server, way is not None, "tcp")
                yield self._ended(server, f"tls.{name}", TcpServer(way.destinations) if way else ClosedServer("no route"), way)
            case Speaks.TCP:
                way = tcp_way(server, self._bound)
                self._findings += check_routes(server, way is not None, "tcp")
                does = TcpServer(way.destinations) if way else ClosedServer("no route")
                yield self._server(server, f"tcp.{name}", does, way)
            case Speaks.PASSTHROUGH:
                yield from self._passed(server, name, tuple(passed_ways(server, self._bound, taken)))
            case Speaks.AUTO_PASSTHROUGH:
                for way in automatic_ways(server, self._bound):
                    does = TcpServer(way.destinations, guarded=False)
                    yield replace(self._server(server, f"auto.{name}.{way.names[0]}", does, way), peers_only=True)
            case Speaks.HTTP:
                raise AssertionError("plain HTTP is one server a port")

    def _https(self, server: ServerRules, port: MergedPort, name: str) -> Server:
        hosts = build_hosts((server,), self._bound)
        self._findings += check_routes(server, bool(hosts), "http")
        beside = ingress_names(self._edge.gateway, port.number) if not port.bind else ()
        return self._ended(server, name, HttpServer(with_misdirected(server, hosts, port.servers, beside)))

    def _ended(self, server: ServerRules, name: str, does: HttpServer | TcpServer | ClosedServer, way: Way | None = None) -> Server:
        """A server at which TLS ends; without its certificate it is closed."""
        assert server.tls is not None
        termination = terminate(server.tls, self._vault)
        if isinstance(termination, Unusable):
            problem, mend = termination.problem, termination.mend
            self._findings.append(_tls_place(server).of(termination.field).find(codes.SERVER_CREDENTIAL, problem=problem, mend=mend))
            return self._server(server, name, ClosedServer(problem))
        return self._server(server, name, does, way, termination)

    def _passed(self, server: ServerRules, name: str, ways: tuple[Way, ...]) -> Iterator[Server]:
        self._findings += check_routes(server, bool(ways), "tls")
        for number, way in enumerate(ways):
            yield self._server(server, f"tls.{name}.{number}", TcpServer(way.destinations), way)

    def _server(
        self,
        server: ServerRules,
        name: str,
        does: HttpServer | TcpServer | ClosedServer,
        way: Way | None = None,
        tls: Termination | None = None,
    ) -> Server:
        keys = {server.key, *((way.owner,) if way is not None else ())}
        certificates = tls.certificates if tls is not None else ()
        keys |= {one.owner for one in certificates if one.owner is not None}
        names = (way.names if way is not None else ()) or (server.names if server.speaks.ends_tls else ())
        named = () if "*" in names else tuple(sorted(names))
        bind = f".{server.bind}" if server.bind else ""
        origin = way.origin if way is not None else server.place.origin
        return Server(f"{name}{bind}", named, tls, does, tuple(sorted(keys)), origin)


def _tls_place(server: ServerRules) -> Place:
    return server.place.of("tls")
