"""Istio's objects with what they do here: hosts and routes, callers and workloads, upstreams and their treatment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from seaway.app.views.kinds import ISTIO_GATEWAY
from seaway.app.views.membership import what_passes
from seaway.app.views.objects import Item, Scene
from seaway.app.views.sections import (
    ROUTE_COLUMNS,
    Section,
    facts,
    gateway_routes,
    mesh_routes,
    place,
    route_row,
    section,
    servers_section,
    split,
)
from seaway.app.views.status import gateway_addresses
from seaway.core.names import Key
from seaway.model.mesh import Inbound
from seaway.model.route import HttpServer, Route
from seaway.model.upstream import (
    NO_LIMIT,
    Balancing,
    ConsistentHash,
    Fixed,
    MutualMesh,
    OriginateTls,
    Passthrough,
    Plain,
    Pool,
    Protection,
    Resolved,
    Simple,
    Upstream,
)
from seaway.model.workload import Pod, PodName

POD_COLUMNS = ("POD", "READY", "IP", "NODE")


def describe_istio(scene: Scene, kind: str, item: Item) -> list[Section] | None:
    """None of a kind that is not one of these."""
    make = _SECTIONS.get(kind)
    return make(scene, item, item.key) if make is not None and item.key is not None else None


def _virtual_service(scene: Scene, item: Item, key: Key) -> list[Section]:
    def mine(route: Route) -> bool:
        return key in (route.owner, *route.via)

    tcp = {
        (
            ", ".join(one.server_names) or ", ".join(one.addresses) or "any address",
            str(one.port),
            f"to {split(scene, one.destinations)}",
            str(one.origin),
        ): None
        for scope in scene.model.mesh.scopes
        for one in scope.tcp
        if key in one.owners
    }
    return [
        facts([("Hosts", _words(item, "hosts")), ("Gateways", _words(item, "gateways") or "mesh")]),
        section("Routes of callers in the mesh", ROUTE_COLUMNS, mesh_routes(scene, mine)),
        section("Routes of gateways", ROUTE_COLUMNS, gateway_routes(scene, mine)),
        section("Connections", ("TO", "PORT", "DOES", "FROM"), list(tcp)),
    ]


def _destination_rule(scene: Scene, item: Item, key: Key) -> list[Section]:
    rows = [_upstream_row(scene, one) for one in scene.model.mesh.upstreams if key in one.owners]
    return [
        facts([("Host", str(_spec(item).get("host", "")))]),
        section("Shapes", ("UPSTREAM", "BALANCING", "POOL", "EJECTION", "TLS"), rows),
    ]


def _upstream_row(scene: Scene, one: Upstream) -> tuple[str, ...]:
    treatment = one.treatment
    ejection = treatment.ejection
    ejected = "none" if ejection is None else f"{_counts(ejection.consecutive_5xx, ejection.consecutive_gateway)}, {ejection.origin or ''}"
    whose = f" as {one.id.variant} has it" if one.id.variant else ""
    return (
        f"{place(scene, one.id)}{whose}",
        _balancing(treatment.balancing),
        _pool(treatment.pool),
        ejected.rstrip(", "),
        _tls(treatment.protection),
    )


def _counts(errors: int, gateway: int) -> str:
    parts = [f"after {errors} errors" if errors else "", f"after {gateway} gateway errors" if gateway else ""]
    return " or ".join(part for part in parts if part) or "by local failures"


def _balancing(balancing: Balancing) -> str:
    match balancing:
        case Simple():
            return balancing.value
        case ConsistentHash(by):
            return f"hash of {by.kind} {by.name}".rstrip()
        case Passthrough():
            return "PASSTHROUGH"


def _pool(pool: Pool) -> str:
    limits = {"connections": pool.max_connections, "pending": pool.max_pending, "requests": pool.max_requests, "retries": pool.max_retries}
    words = [f"{limit} {name}" for name, limit in limits.items() if limit != NO_LIMIT]
    return ", ".join((*(words or ["no limits"]), *((str(pool.origin),) if pool.origin is not None else ())))


def _tls(protection: Protection) -> str:
    where = f", {protection.origin}" if protection.origin is not None else ""
    match protection:
        case Plain():
            return f"none{where}"
        case MutualMesh(automatic=automatic):
            return f"mutual, {'to those that can' if automatic else 'always'}{where}"
        case OriginateTls(certificate=certificate, sni=sni):
            return f"{'MUTUAL' if certificate is not None else 'SIMPLE'}{f' to {sni}' if sni else ''}{where}"


def _service_entry(scene: Scene, item: Item, key: Key) -> list[Section]:
    spec = _spec(item)
    rows = [
        (f"{one.id.host}:{one.id.port}", one.protocol.value, _endpoints(one), str(one.origin))
        for one in scene.model.mesh.upstreams
        if key in one.owners
    ]
    known = {scope.id for scope in scene.model.mesh.scopes for table in scope.http for host in table.hosts if key in host.owners}
    known |= {scope.id for scope in scene.model.mesh.scopes if any(key in route.owners for route in scope.tcp)}
    return [
        facts(
            [
                ("Hosts", _words(item, "hosts")),
                ("Addresses", _words(item, "addresses") or _given(item)),
                ("Location", str(spec.get("location", "MESH_EXTERNAL"))),
                ("Resolution", str(spec.get("resolution", "NONE"))),
                ("Seen by callers in", ", ".join(sorted(known)) or "nobody"),
            ]
        ),
        section("Upstreams", ("HOST", "PROTOCOL", "ENDPOINTS", "FROM"), rows),
    ]


def _given(item: Item) -> str:
    """The addresses that its hosts were given, which members find them by."""
    given: list[dict[str, str]] = item.data.get("status", {}).get("addresses", [])
    return ", ".join(f"{one['value']} ({one['host']})" for one in given)


def _endpoints(one: Upstream) -> str:
    match one.endpoints:
        case Fixed(endpoints) | Resolved(endpoints):
            return ", ".join(f"{each.address}:{each.port}" for each in endpoints) or "none"
        case other:
            return type(other).__name__


def _workload_entry(scene: Scene, item: Item, _key: Key) -> list[Section]:
    address = str(_spec(item).get("address", ""))
    found = [
        (f"{one.id.host}:{one.id.port}", one.protocol.value, str(one.origin))
        for one in scene.model.mesh.upstreams
        if isinstance(one.endpoints, (Fixed, Resolved)) and any(each.address == address for each in one.endpoints.endpoints)
    ]
    return [facts([("Address", address)]), section("Endpoint of", ("HOST", "PROTOCOL", "FROM"), found)]


def _sidecar(scene: Scene, _item: Item, key: Key) -> list[Section]:
    name = f"{key.namespace}/{key.name}"
    scopes = [one for one in scene.model.mesh.scopes if one.id.partition("?")[0] == name]
    pods = [one.pod for one in scene.model.mesh.members if one.scope in {scope.id for scope in scopes}]
    hosts = [(host.name, str(table.port), str(host.origin)) for scope in scopes[:1] for table in scope.http for host in table.hosts]
    return [
        facts([("Unknown hosts", ", ".join(sorted({f"{one.unknown.value}, {one.origin}" for one in scopes})))]),
        _pods(scene, "Applies to", pods),
        section("Hosts that they see", ("HOST", "PORT", "FROM"), hosts),
    ]


def _peer_authentication(scene: Scene, item: Item, key: Key) -> list[Section]:
    rows = [row for inbound in scene.model.mesh.inbounds for row in _decided(inbound, key)]
    return [
        facts([("Mode", str(item.cells[0]) if item.cells else "")]),
        section("Decides for", ("POD", "PORT", "MUTUAL TLS", "FROM"), rows),
    ]


def _decided(inbound: Inbound, key: Key) -> Iterable[tuple[str, ...]]:
    for one in inbound.ports:
        if one.owner == key:
            yield (str(inbound.pod), str(one.port), one.mtls.value, str(one.origin))
    if inbound.other_owner == key:
        yield (str(inbound.pod), "all others", inbound.other.value, str(inbound.other_origin))


def _authorization_policy(scene: Scene, item: Item, key: Key) -> list[Section]:
    policies = [policy for policy in scene.model.mesh.policies if any(one.key == key for one in policy.policies)]
    mine = next((one for policy in policies for one in policy.policies if one.key == key), None)
    rules = (
        [(str(rule.index), "HTTP only" if rule.tcp is None else "HTTP and TCP", str(rule.origin)) for rule in mine.rules] if mine else []
    )
    action = (
        f"{mine.action.value}{f' by {mine.provider}' if mine.provider else ''}{', dry run' if mine.dry_run else ''}"
        if mine
        else item.cells[0]
    )
    return [
        facts([("Action", action)]),
        section("Rules", ("RULE", "COUNTS FOR", "FROM"), rules),
        _pods(scene, "Applies to", _under(scene, {one.id for one in policies})),
    ]


def _request_authentication(scene: Scene, _item: Item, key: Key) -> list[Section]:
    policies = [policy for policy in scene.model.mesh.policies if any(one.key == key for one in policy.tokens)]
    issuers = {
        (one.issuer or "any", ", ".join(one.audiences) or "any", str(one.origin)): None
        for policy in policies
        for one in policy.tokens
        if one.key == key
    }
    return [
        section("Tokens", ("ISSUER", "AUDIENCES", "FROM"), list(issuers)),
        _pods(scene, "Applies to", _under(scene, {one.id for one in policies})),
    ]


def _gateway(scene: Scene, item: Item, key: Key) -> list[Section]:
    spec = _spec(item)
    servers: Any = spec.get("servers") or ()
    rows: list[tuple[str, ...]] = []
    for server in servers:
        port, tls = server.get("port") or {}, server.get("tls") or {}
        rows.append(
            (
                str(port.get("number", "")),
                str(port.get("protocol", "")),
                ", ".join(map(str, server.get("hosts") or ())),
                str(tls.get("mode", "")),
            )
        )
    wanted: dict[str, str] = spec.get("selector") or {}
    pods = [pod.id for pod in scene.model.pods if wanted and wanted.items() <= dict(pod.labels).items()]
    serving = [gateway for gateway in scene.model.gateways if key in gateway.owners]
    addresses = dict.fromkeys(one for gateway in serving for one in gateway_addresses(gateway, scene.model))
    routes = [
        route_row(scene, host.host, route)
        for gateway in serving
        for server in gateway.servers
        if key in server.owners and isinstance(server.does, HttpServer)
        for host in server.does.hosts
        for route in host.routes
        if route.owner != key
    ]
    return [
        facts([("Served by", ", ".join(one.name for one in serving) or "nobody"), ("Address", ", ".join(addresses))]),
        section("Servers", ("PORT", "PROTOCOL", "HOSTS", "TLS"), rows),
        servers_section(scene, serving, key),
        section("Routes", ROUTE_COLUMNS, list(dict.fromkeys(routes))),
        _pods(scene, "Selects", pods),
    ]


def _under(scene: Scene, policies: set[str]) -> list[PodName]:
    return [one.pod for one in scene.model.mesh.members if one.policy in policies]


def _pods(scene: Scene, title: str, names: list[PodName]) -> Section:
    pods: list[Pod] = [scene.model.pod[name] for name in names if name in scene.model.pod]
    rows: list[tuple[str, ...]] = [(str(pod.id), "yes" if pod.id in scene.health.ready else "no", pod.ip, pod.node) for pod in pods]
    return section(title, POD_COLUMNS, rows)


def _spec(item: Item) -> dict[str, Any]:
    spec = item.data.get("spec")
    return spec if isinstance(spec, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _rate_limit_policy(scene: Scene, _item: Item, key: Key) -> list[Section]:
    policies = [policy for policy in scene.model.mesh.policies if any(one.key == key for one in policy.limits)]
    limits = {(str(one.index), what_passes(one), str(one.origin)): None for policy in policies for one in policy.limits if one.key == key}
    ids = {one.id for one in policies}
    gateways = [pod for gateway in scene.model.gateways if gateway.policy in ids for pod in gateway.pods]
    return [
        section("Limits", ("LIMIT", "PASSES", "FROM"), list(limits)),
        _pods(scene, "Applies to", list(dict.fromkeys((*_under(scene, ids), *gateways)))),
    ]


def _words(item: Item, name: str) -> str:
    values: Any = _spec(item).get(name) or ()
    return ", ".join(str(one) for one in values)


_SECTIONS: dict[str, Callable[[Scene, Item, Key], list[Section]]] = {
    "VirtualService": _virtual_service,
    "DestinationRule": _destination_rule,
    ISTIO_GATEWAY: _gateway,
    "ServiceEntry": _service_entry,
    "WorkloadEntry": _workload_entry,
    "Sidecar": _sidecar,
    "PeerAuthentication": _peer_authentication,
    "AuthorizationPolicy": _authorization_policy,
    "RequestAuthentication": _request_authentication,
    "RateLimitPolicy": _rate_limit_policy,
}
