"""Gateways: which server of one takes a request, what its own policies say, and where its routes lead."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.analysis.explain.authorization import judge, note_limits
from seaway.analysis.explain.leg import World
from seaway.analysis.explain.matching import find_host, find_route
from seaway.analysis.explain.question import Http, Question
from seaway.analysis.explain.steps import Explanation, Layer, Outcome, Step, Verdict, passes, stopped
from seaway.analysis.explain.upstreams import Sent, answered, explain_destinations, explain_route
from seaway.analysis.reach.because import Line
from seaway.analysis.terms import Call
from seaway.core.paths import clean_path
from seaway.model.authorization import OPEN
from seaway.model.index import Model
from seaway.model.route import ClosedServer, EdgePort, Gateway, HttpServer, Server, TcpServer, VirtualHost
from seaway.model.workload import GatewayProxy, Pod


@dataclass(frozen=True, slots=True)
class Entry:
    """A connection that has come to a port of a gateway's pod, from `peer`."""

    gateway: Gateway
    pod: Pod
    port: int
    peer: str


def gateway_of(model: Model, pod: Pod) -> Gateway | None:
    name = pod.runs.gateway if isinstance(pod.runs, GatewayProxy) else None
    return next((one for one in model.gateways if one.name == name), None)


def listens(gateway: Gateway, port: int) -> bool:
    return port in (*gateway.http_ports, *gateway.https_ports, *(edge.number for edge in gateway.edges))


def explain_entry(world: World, entry: Entry, question: Question) -> Explanation:
    """What the gateway does with it."""
    gateway, port = entry.gateway, entry.port
    edges = [one for one in gateway.edges if one.number == port and one.address in ("", entry.pod.ip)]
    name = question.http.host if question.http is not None else ""
    for edge in edges:
        server = _server(edge, name)
        if server is not None:
            return _by_server(world, entry, question, server)
    shared = any(not edge.by_name for edge in edges)
    if shared or not listens(gateway, port) or port not in (*gateway.http_ports, *gateway.https_ports):
        step = Step(Layer.ROUTE, Outcome.STOPS, f"no server of gateway {gateway.name} at port {port} is for {name or 'this connection'}")
        return stopped(Verdict.REFUSED, step)
    tls = port in gateway.https_ports and port not in gateway.http_ports
    return _by_hosts(world, entry, question, gateway.hosts, tls)


def _server(edge: EdgePort, name: str) -> Server | None:
    if not edge.by_name:
        return edge.servers[0]
    best = [one for one in edge.servers if name in one.names]
    best += [one for one in edge.servers if any(pattern.startswith("*") and name.endswith(pattern[1:]) for pattern in one.names)]
    return next(iter((*best, *(one for one in edge.servers if not one.names))), None)


def _by_server(world: World, entry: Entry, question: Question, server: Server) -> Explanation:
    line = Line(server.owners[0], server.origin, "server") if server.owners else None
    match server.does:
        case HttpServer(hosts=hosts):
            return _by_hosts(world, entry, question, hosts, server.tls is not None)
        case TcpServer(destinations=destinations) if line is not None:
            sent = Sent(entry.pod, None, question.tls and server.tls is None)
            return explain_destinations(world, tuple((one, sent) for one in destinations), line)
        case ClosedServer(why=why):
            return stopped(Verdict.REFUSED, Step(Layer.ROUTE, Outcome.STOPS, f"the server is closed: {why}", _some(line)))
        case TcpServer():
            return stopped(Verdict.UNKNOWN, Step(Layer.ROUTE, Outcome.UNKNOWN, "a server of nobody"))


def _some(line: Line | None) -> tuple[Line, ...]:
    return (line,) if line is not None else ()


def _by_hosts(world: World, entry: Entry, question: Question, hosts: tuple[VirtualHost, ...], tls: bool) -> Explanation:
    http = question.http
    if http is None:
        text = f"gateway {entry.gateway.name} takes HTTP at port {entry.port}: bytes are answered 400"
        return stopped(Verdict.REFUSED, Step(Layer.ROUTE, Outcome.STOPS, text))
    if question.tls != tls:
        text = f"port {entry.port} of gateway {entry.gateway.name} takes {'TLS' if tls else 'plaintext'} only"
        return stopped(Verdict.REFUSED, Step(Layer.ROUTE, Outcome.STOPS, text))
    policed = _policed(world.model, entry, http)
    if isinstance(policed, Explanation):
        return policed
    host = find_host(hosts, http.host)
    if host is None:
        known = ", ".join(sorted({one.host for one in hosts})) or "none"
        step = Step(Layer.ROUTE, Outcome.STOPS, f"gateway {entry.gateway.name} serves no host {http.host}: 404; it serves {known}")
        return stopped(Verdict.UNREACHABLE, step, 404).after(*policed)
    if host.https_only and not tls:
        return answered(301, f"host {host.name} is served over https only").after(*policed)
    route = find_route(host.routes, http, tls)
    if route is None:
        lines = tuple(Line(one.owner, one.origin, "route") for one in host.routes[:3])
        step = Step(Layer.ROUTE, Outcome.STOPS, f"no route of host {host.name} is for {http.method} {http.path}: 404", lines)
        return stopped(Verdict.UNREACHABLE, step, 404).after(*policed)
    found = passes(Layer.ROUTE, f"gateway {entry.gateway.name}: host {host.name}", Line(route.owner, route.origin, "route"))
    return explain_route(world, route, Sent(entry.pod, http), tls).after(*policed, found)


def _policed(model: Model, entry: Entry, http: Http) -> tuple[Step, ...] | Explanation:
    """Policies of the mesh hold at gateways in it; limits at all."""
    member = model.member.get(entry.pod.id)
    policy = model.policy.get(member.policy if member is not None else entry.gateway.policy, OPEN)
    limits = note_limits(policy)
    if member is None:
        return limits
    headers = ((":method", http.method), (":authority", http.host), *http.headers)
    path = clean_path(http.path.partition("?")[0])
    call = Call(peer=entry.peer, destination=entry.pod.ip, port=entry.port, path=path, headers=headers)
    return judge(policy, call, http, limits)
