"""How Ingress' requests are treated: ingress-nginx's defaults, as far as Envoy can say the same."""

from __future__ import annotations

from seaway.model.route import Retries, RoutePolicy

# proxy-next-upstream "error timeout", 3 tries in all. A request that may have reached a backend is sent again only if it changes nothing;
# nginx would repeat PUT and DELETE, too.
_RETRIES = Retries(
    attempts=2,
    on=("connect-failure", "refused-stream", "reset-before-request"),
    backoff_s=0.025,
    max_backoff_s=0.25,
    host_attempts=3,
    safe_on=("reset",),
)

INGRESS_POLICY = RoutePolicy(retries=_RETRIES)
