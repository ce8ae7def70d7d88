"""RouteConfigurations of gateways: hosts and paths as Envoy tries them. One for plain HTTP and one for HTTPS, shared by all their pods.

What backends see of a request is said in `plans/envoy/forwarded.py`.
"""

from __future__ import annotations

from google.protobuf.message import Message

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.model.authorization import RateLimit
from seaway.model.names import route_name
from seaway.model.route import Gateway
from seaway.plans.envoy.filters.rate_limits import limits_per_route
from seaway.plans.envoy.proto import RouteConfiguration, VirtualHost, wrapped
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.plans.envoy.routes.hosts import HostRoutes, host_routes
from seaway.plans.envoy.routes.responses import LARGEST_BODY
from seaway.plans.envoy.routes.retries import retry_policy
from seaway.plans.envoy.routes.route import build_routes, common_retries
from seaway.protocols.xds_resource import ROUTES, XdsResource


def plan_routes(gateway: Gateway, tls: bool, limits: tuple[RateLimit, ...], memo: Memo) -> XdsResource:
    """All hosts of a gateway for one scheme, with the limits that requests to any of them must keep within."""
    name = route_name(gateway.name, tls)
    groups = memo(gateway.name, host_routes, gateway)
    owners: set[Key] = {key for host in gateway.hosts for route in host.routes for key in (route.owner, *route.via)}
    configuration = RouteConfiguration(
        name=name,
        virtual_hosts=[memo((name, one[0].domain), _virtual_host, one, tls) for one in groups],
        ignore_port_in_host_matching=True,
        request_headers_to_remove=("x-envoy-external-address",),  # Envoy's own
        max_direct_response_body_size_bytes=wrapped(LARGEST_BODY),
        typed_per_filter_config=limits_per_route(limits),
        metadata=provenance(gateway.origin, None),
    )
    return build_resource(ROUTES, name, configuration, (*owners, *(one.key for one in limits)))


def _virtual_host(groups: tuple[HostRoutes, ...], tls: bool) -> Message:
    """Built host by host: what a large cluster's hosts are made of need not be in memory all at once."""
    domain = groups[0].domain
    retries = common_retries([route for group in groups for route in group.routes])
    routes = [
        built
        for group in groups
        for route in group.routes
        for built in build_routes(route, group.guards, "" if tls else group.domain, retries)
    ]
    shared = {"retry_policy": retry_policy(retries)} if retries is not None else {}
    return VirtualHost(name=domain, domains=[domain], routes=routes, **shared)
