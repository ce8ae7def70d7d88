"""What callers in the mesh know by one port: its hosts, and what becomes of all others."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import Message

from seaway.core.names import Key
from seaway.model.mesh import HttpTable, MeshHost, Scope, Unknown
from seaway.model.names import outbound_routes, upstream_cluster
from seaway.model.route import Route
from seaway.plans.envoy.citations import routing_lines
from seaway.plans.envoy.mesh.passthrough import PASSTHROUGH
from seaway.plans.envoy.proto import Fields, RouteConfiguration, VirtualHost, duration, wrapped
from seaway.plans.envoy.refusals import refuses_host
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.plans.envoy.routes.responses import LARGEST_BODY
from seaway.plans.envoy.routes.retries import retry_policy
from seaway.plans.envoy.routes.route import build_routes, common_retries
from seaway.protocols.xds_resource import ROUTES, XdsResource

ALLOW_ANY, BLOCK_ALL = "allow_any", "block_all"


def plan_mesh_routes(scope: Scope, table: HttpTable) -> XdsResource:
    """One port of a scope, shared by all its members. A known host without a matching route answers 404."""
    name = outbound_routes(scope.id, table.port, table.address)
    taken: set[str] = set()
    hosts: list[Message] = []
    owners: set[Key] = set()
    for host in table.hosts:
        domains = [one.lower() for one in host.domains if not refuses_host(one.lower())]
        free = [one for one in dict.fromkeys(domains) if one not in taken]
        taken.update(free)
        if free:
            hosts.append(_host(host, free))
            owners |= {*host.owners, *(key for route in host.routes for key in _owners(route))}
    hosts.append(_unknown(scope))
    configuration = RouteConfiguration(
        name=name,
        virtual_hosts=hosts,
        ignore_port_in_host_matching=True,
        max_direct_response_body_size_bytes=wrapped(LARGEST_BODY),
        metadata=provenance(scope.origin, None),
    )
    return build_resource(ROUTES, name, configuration, owners)


def plan_host_routes(scope: Scope, table: HttpTable, host: MeshHost) -> XdsResource:
    """One host of a port, whatever the Host header: for connections to its own address that turn out to be HTTP."""
    name = outbound_routes(scope.id, table.port, host.name)
    configuration = RouteConfiguration(
        name=name,
        virtual_hosts=[_host(host, ["*"])],
        max_direct_response_body_size_bytes=wrapped(LARGEST_BODY),
        metadata=provenance(scope.origin, None),
    )
    return build_resource(ROUTES, name, configuration, {*host.owners, *(key for route in host.routes for key in _owners(route))})


def _owners(route: Route) -> Iterator[Key]:
    yield route.owner
    yield from route.via


def _host(host: MeshHost, domains: list[str]) -> Message:
    retries = common_retries(host.routes)
    return VirtualHost(
        name=domains[0],
        domains=domains,
        routes=[built for route in host.routes for built in build_routes(route, shared_retries=retries)],
        metadata=provenance(host.origin, host.owners[0] if host.owners else None, routing_lines(host.routes)),
        **({"retry_policy": retry_policy(retries)} if retries is not None else {}),
    )


def _unknown(scope: Scope) -> Message:
    """Hosts that are in no registry: sent where the connection was going or to the scope's proxy, or refused with 502, as upstream does."""
    if scope.unknown is Unknown.ALLOW_ANY:
        name = ALLOW_ANY
        cluster = upstream_cluster(scope.proxy) if scope.proxy is not None else PASSTHROUGH
        action: Fields = {"route": {"cluster": cluster, "timeout": duration(0)}}
    else:
        name = BLOCK_ALL
        action = {"direct_response": {"status": 502}}
    route: Fields = {"name": name, "match": {"prefix": "/"}, "metadata": provenance(scope.origin, None), **action}
    return VirtualHost(name=name, domains=["*"], routes=[route])
