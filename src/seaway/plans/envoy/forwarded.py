"""What a backend behind a gateway sees besides Host: who really asked, and how; and that no client can make these headers up.

Names and values follow ingress-nginx's defaults, since that is what backends behind an Ingress have learnt to expect:
https://github.com/kubernetes/ingress-nginx/blob/main/docs/user-guide/nginx-configuration/configmap.md

They are set as soon as a request is there, so that policies, authorizers and routes see what the backend will see; what a route changes
comes after that, and holds.

Every request pays for this, so it is spelt as Envoy does it fastest: one list, and values that are known beforehand where there are any.
Of these headers Envoy knows some by heart (`KNOWN`), and overwrites them in place. To overwrite or remove another by its name, it first
makes an index of all headers of the request. So those that a client must not set leave by matching each against each name, and are then
added as if there never had been any: a comparison costs next to nothing, where one expression over all names is run for each header.
"""

from __future__ import annotations

from seaway.plans.envoy.proto import EarlyHeaderMutation, Fields, extension
from seaway.plans.envoy.routes.headers import APPEND, OVERWRITE, header_option

KNOWN = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-port"})
"""Headers that Envoy has a place of their own for; `Http::RequestHeaderMap` in its sources lists them."""

HTTPOXY = "proxy"
"""A header that CGI programs take for the variable HTTP_PROXY."""

HTTPS_PORT = 443
"""What backends hear of TLS, whatever the port is inside."""


def forwarded_headers(tls: bool, port: int) -> Fields:
    """Of a connection manager for this port: first a client's own versions go, but for what is kept aside. Absent values add nothing."""
    values = _values(tls, port)
    names = [HTTPOXY, *(name for name in values if name not in KNOWN)]
    gone = [{"remove_on_match": {"key_matcher": {"exact": name}}} for name in names]
    added = [{"append": header_option(name, value, OVERWRITE if name in KNOWN else APPEND)} for name, value in values.items()]
    return extension("envoy.http.early_header_mutation.header_mutation", EarlyHeaderMutation(mutations=[*gone, *added]))


def _values(tls: bool, port: int) -> dict[str, str]:
    """In the order in which they are set: what a client claims is kept before it is overwritten."""
    scheme = "https" if tls else "http"
    return {
        "x-original-forwarded-for": "%REQ(x-forwarded-for)%",
        "x-original-forwarded-host": "%REQ(x-forwarded-host)%",
        "x-forwarded-for": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "x-real-ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "x-forwarded-host": "%REQ(:authority)%",
        "x-forwarded-port": str(HTTPS_PORT if tls else port),
        "x-forwarded-scheme": scheme,
        "x-scheme": scheme,
    }
