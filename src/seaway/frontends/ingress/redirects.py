"""`nginx.ingress.kubernetes.io/ssl-redirect`: plain HTTP to a host with TLS is answered with 308 to https, unless switched off.

https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#server-side-https-enforcement-through-redirect
"""

from __future__ import annotations

from seaway.frontends.ingress.rules import Location
from seaway.model.route import Action, Redirect

_EXEMPT = "/.well-known/acme-challenge"
"""Upstream's `no-tls-redirect-locations`: certificate authorities ask here over plain HTTP."""


def redirects_to_https(location: Location, action: Action) -> bool:
    """Whether a location of a host with TLS sends plain HTTP to https. A redirect by rewrite-target comes before it."""
    return location.settings.ssl_redirect and not location.path.startswith(_EXEMPT) and not isinstance(action, Redirect)
