"""RouteConfigurations: a gateway's hosts and paths as Envoy tries them. One for plain HTTP and one for HTTPS, shared by all its pods.

Header names and values follow ingress-nginx's defaults, since that is what backends behind an Ingress have learnt to expect:
https://github.com/kubernetes/ingress-nginx/blob/main/docs/user-guide/nginx-configuration/configmap.md
"""

from __future__ import annotations

from collections.abc import Iterator

import re2
from google.protobuf.message import Message

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.model.names import route_name, upstream_cluster
from seaway.model.route import (
    Exact,
    Forward,
    Gateway,
    PathMatch,
    Prefix,
    Redirect,
    Regex,
    Respond,
    Rewrite,
    RewritePrefix,
    Route,
    TextPrefix,
)
from seaway.plans.envoy.hosts import HostRoutes, host_routes
from seaway.plans.envoy.proto import Fields, PreviousHostsPredicate, RouteConfiguration, VirtualHost, extension, seconds, wrapped
from seaway.plans.envoy.redirects import https_redirects, redirect_action
from seaway.plans.envoy.refusals import refuses_action, refuses_match
from seaway.plans.envoy.resource import as_utf8, build_resource, provenance
from seaway.protocols.xds_resource import ROUTES, XdsResource

MAX_WHY = 1000  # characters; Envoy refuses a direct response of more than 4,096 bytes
OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"

# ingress-nginx proxy-next-upstream "error timeout", 3 tries in all. A request that may have reached a backend is never sent again:
# nginx would repeat an idempotent one, Envoy's policy cannot tell by method.
RETRIES: Fields = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": wrapped(2),
    "retry_host_predicate": [extension("envoy.retry_host_predicates.previous_hosts", PreviousHostsPredicate())],
    "host_selection_retry_max_attempts": 3,
    "retry_back_off": {"base_interval": {"nanos": 25_000_000}, "max_interval": {"nanos": 250_000_000}},
}

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
    owners: set[Key] = {route.owner for host in gateway.hosts for route in host.routes}
    configuration = RouteConfiguration(
        name=name,
        virtual_hosts=[memo((name, one[0].domain), _virtual_host, one, tls) for one in groups],
        ignore_port_in_host_matching=True,
        request_headers_to_add=_request_headers(tls),
        request_headers_to_remove=REMOVED_REQUEST_HEADERS,
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
    return [{"header": {"key": key, "value": value}, "append_action": OVERWRITE} for key, value in values.items()]


def _virtual_host(groups: tuple[HostRoutes, ...], tls: bool) -> Message:
    """Built host by host: what a large cluster's hosts are made of need not be in memory all at once."""
    domain = groups[0].domain
    routes = [built for group in groups for route in group.routes for built in _routes(group, route, tls)]
    return VirtualHost(name=domain, domains=[domain], routes=routes, retry_policy=RETRIES)


def _routes(group: HostRoutes, route: Route, tls: bool) -> Iterator[Fields]:
    """The Envoy routes that one route of ours needs: none if it cannot be matched at all, several for a redirect to https."""
    if refuses_match(route.match):
        return
    match = _path_match(route.match)
    named: Fields = {"name": as_utf8(str(route.origin)), "metadata": provenance(route.origin, route.owner)}
    if route.https_redirect and not tls:
        for guards, redirect in https_redirects(group.domain, route.match):
            yield {**named, "match": {**match, "headers": [*group.guards, *guards]}, "redirect": redirect}
    else:
        yield {**named, "match": {**match, "headers": list(group.guards)}, **_action(route)}


def _path_match(match: PathMatch) -> Fields:
    """RouteMatch fields. Paths that `path_separated_prefix` refuses (`?`, `#`, a final slash) are spelt as an expression."""
    match match:
        case Exact(path):
            return {"path": path}
        case Prefix("/" | ""):
            return {"prefix": "/"}
        case Prefix(path) if "?" in path or "#" in path or path.endswith("/") or len(path) < 2:
            return {"safe_regex": {"regex": f"{re2.escape(path.rstrip('/'))}(?:/.*)?"}}
        case Prefix(path):
            return {"path_separated_prefix": path}
        case TextPrefix(path):
            return {"prefix": path}
        case Regex(pattern):
            return {"safe_regex": {"regex": pattern}}


def _action(route: Route) -> Fields:
    if refuses_action(route.action):
        return _respond(503, "This route cannot be served: see `seaway check`.")
    match route.action:
        case Forward():
            return {"route": _forward(route.action)}
        case Redirect():
            return {"redirect": redirect_action(route.action)}
        case Respond(status, why):
            return _respond(status, why)


def _forward(forward: Forward) -> Fields:
    fields: dict[str, object] = {
        "cluster": upstream_cluster(forward.destinations[0].to),
        "timeout": seconds(0),  # Envoy's own 15 s would cut off long answers; the stream's idle timeout bounds silence
    }
    match forward.rewrite:
        case Rewrite(pattern, substitution):
            fields["regex_rewrite"] = {"pattern": {"regex": pattern}, "substitution": substitution}
        case RewritePrefix(text):
            fields["prefix_rewrite"] = text
        case None:
            pass
    return fields


def _respond(status: int, why: str) -> Fields:
    body = {"body": {"inline_string": f"{why[:MAX_WHY]}\n"}} if why else {}
    return {"direct_response": {"status": status, **body}}
