"""RouteConfigurations of gateways: hosts and paths as Envoy tries them. One for plain HTTP and one for HTTPS, shared by all their pods.

Header names and values follow ingress-nginx's defaults, since that is what backends behind an Ingress have learnt to expect:
https://github.com/kubernetes/ingress-nginx/blob/main/docs/user-guide/nginx-configuration/configmap.md
"""

from __future__ import annotations

from google.protobuf.message import Message

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.model.names import route_name
from seaway.model.route import Gateway
from seaway.plans.envoy.proto import Fields, RouteConfiguration, VirtualHost, wrapped
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.plans.envoy.routes.headers import header_option
from seaway.plans.envoy.routes.hosts import HostRoutes, host_routes
from seaway.plans.envoy.routes.responses import LARGEST_BODY
from seaway.plans.envoy.routes.retries import retry_policy
from seaway.plans.envoy.routes.route import build_routes, common_retries
from seaway.protocols.xds_resource import ROUTES, XdsResource

REMOVED_REQUEST_HEADERS = (
    "proxy",  # httpoxy
    "x-envoy-external-address",
    "x-original-forwarded-for",  # ours to set, below
    "x-original-forwarded-host",
)


def plan_routes(gateway: Gateway, tls: bool, memo: Memo) -> XdsResource:
    """All hosts of a gateway for one scheme."""
    name = route_name(gateway.name, tls)
    groups = memo(gateway.name, host_routes, gateway)
    owners: set[Key] = {key for host in gateway.hosts for route in host.routes for key in (route.owner, *route.via)}
    configuration = RouteConfiguration(
        name=name,
        virtual_hosts=[memo((name, one[0].domain), _virtual_host, one, tls) for one in groups],
        ignore_port_in_host_matching=True,
        request_headers_to_add=_request_headers(tls),
        request_headers_to_remove=REMOVED_REQUEST_HEADERS,
        max_direct_response_body_size_bytes=wrapped(LARGEST_BODY),
        metadata=provenance(gateway.origin, None),
    )
    return build_resource(ROUTES, name, configuration, owners)


def _request_headers(tls: bool) -> list[Fields]:
    """What a backend sees besides Host: who really asked (what the client claims is kept aside), and how. Absent values add nothing."""
    scheme = "https" if tls else "http"
    values = {
        "x-original-forwarded-for": "%REQ(x-forwarded-for)%",
        "x-original-forwarded-host": "%REQ(x-forwarded-host)%",
        "x-forwarded-for": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "x-real-ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "x-forwarded-host": "%REQ(:authority)%",
        "x-forwarded-port": "443" if tls else "%DOWNSTREAM_LOCAL_PORT%",  # 443 whatever the port is inside
        "x-forwarded-scheme": scheme,
        "x-scheme": scheme,
    }
    return [header_option(name, value) for name, value in values.items()]


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
