"""What a backend behind a gateway sees besides Host: who really asked, and how; and that no client can make these headers up.

Names and values follow ingress-nginx's defaults, since that is what backends behind an Ingress have learnt to expect:
https://github.com/kubernetes/ingress-nginx/blob/main/docs/user-guide/nginx-configuration/configmap.md

Every request pays for this, so it is spelt as Envoy does it fastest. Of these headers Envoy knows some by heart (`KNOWN`), and
overwrites them in place. To overwrite or remove another by its name, it first makes an index of all headers of the request. So those that
a client must not set leave before routing, with one expression over all names, and are then added as if there never had been any.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from seaway.model.route import Forward, Gateway
from seaway.plans.envoy.proto import EarlyHeaderMutation, Fields, extension
from seaway.plans.envoy.routes.headers import APPEND, OVERWRITE, header_option

KNOWN = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-port"})
"""Headers that Envoy has a place of their own for; `Http::RequestHeaderMap` in its sources lists them."""

HTTPOXY = "proxy"
"""A header that CGI programs take for the variable HTTP_PROXY."""


def request_headers(gateway: Gateway, tls: bool) -> list[Fields]:
    """The headers to add, of a RouteConfiguration. What the client claims is kept aside. Absent values add nothing.

    Envoy has each route make its own changes before these; one that gives such a header another value does not make it two.
    """
    overwritten = KNOWN | {name.lower() for name in _given(gateway)}
    return [header_option(name, value, OVERWRITE if name in overwritten else APPEND) for name, value in _values(tls).items()]


def _given(gateway: Gateway) -> Iterator[str]:
    """Names of headers that routes give a request."""
    for route in (route for host in gateway.hosts for route in host.routes):
        destinations = route.action.destinations if isinstance(route.action, Forward) else ()
        for ops in (route.policy.request, *(one.request for one in destinations)):
            yield from (name for name, _ in (*ops.set, *ops.add))


def early_removal() -> Fields:
    """Of a connection manager: a client's own versions of the headers that are added, and what no backend should hear."""
    names = [HTTPOXY, *(name for name in _values(tls=True) if name not in KNOWN)]
    expression = "|".join(re2.escape(name) for name in names)
    mutation = {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": expression}}}}
    return extension("envoy.http.early_header_mutation.header_mutation", EarlyHeaderMutation(mutations=[mutation]))


def _values(tls: bool) -> dict[str, str]:
    scheme = "https" if tls else "http"
    return {
        "x-original-forwarded-for": "%REQ(x-forwarded-for)%",
        "x-original-forwarded-host": "%REQ(x-forwarded-host)%",
        "x-forwarded-for": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "x-real-ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "x-forwarded-host": "%REQ(:authority)%",
        "x-forwarded-port": "443" if tls else "%DOWNSTREAM_LOCAL_PORT%",  # 443 whatever the port is inside
        "x-forwarded-scheme": scheme,
        "x-scheme": scheme,
    }
