"""Paths of rules: what the API server and ingress-nginx's admission accept, and what a refused path leaves behind.

Matching and order are `locations.py`'s business, regular expressions `regexes.py`'s.
"""

from __future__ import annotations

import re

from seaway.model.route import Exact, PathMatch, Prefix

LONGEST = 8192
"""Longer paths cannot be asked for: nginx's large-client-header-buffers and Envoy's header limits end below that."""

_STRICT = re.compile(r"/[A-Za-z0-9._/-]*")
_LITERAL = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_PATTERN = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?^|\[\]{}\\-]*")
_FORBIDDEN = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_ENDS = ("/.", "/..")


def path_problem(path: str, literal_type: bool) -> str:
    """Why no gateway takes this path, "" if one may. `literal_type`: pathType is Exact or Prefix, for which the API server is stricter.

    https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/networking/validation/validation.go (validateHTTPIngressPath)
    """
    if not path.startswith("/"):
        return "it does not begin with a slash"
    if len(path) > LONGEST:
        return f"it has {len(path)} characters, more than a request line can hold"
    if not _PATTERN.fullmatch(path):
        return "it holds characters that no request path can"
    if literal_type:
        for part in _FORBIDDEN:
            if part in path:
                return f"it holds {part}"
        for end in _FORBIDDEN_ENDS:
            if path.endswith(end):
                return f"it ends in {end}"
    return ""


def is_strict(path: str) -> bool:
    """Whether ingress-nginx's strict-validate-path-type lets an Exact or Prefix path pass."""
    return _STRICT.fullmatch(path) is not None


def is_literal(path: str) -> bool:
    """Whether all characters may stand for themselves in a request path (RFC 3986 pchar and slash)."""
    return _LITERAL.fullmatch(path) is not None


def prefix(path: str) -> Prefix:
    """Kubernetes' Prefix ignores a trailing slash."""
    return Prefix(path.rstrip("/") or "/")


def refused_match(path: str, exact: bool) -> PathMatch | None:
    """What requests for a refused path look like, so that they can be answered 503. None where no request can carry it.

    Empty and dot elements are gone before a path is matched (Envoy merges slashes and resolves dots), so those are unreachable.
    """
    resolved = "//" in path or any(element in (".", "..") for element in path.split("/"))
    if resolved or len(path) > LONGEST or not is_literal(path) or path.strip("/") == "":
        return None
    return Exact(path) if exact else prefix(path)
