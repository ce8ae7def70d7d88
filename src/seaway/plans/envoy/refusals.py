"""What Envoy would refuse in hosts and routes. One refused route makes Envoy refuse the whole RouteConfiguration, everybody's routes.

The frontends have told the user long before; this is the second lock, so that nothing which slips past them reaches others.
"""

from __future__ import annotations

import re2

from seaway.model.route import Action, Exact, Forward, PathMatch, Prefix, Redirect, Regex, Respond, Rewrite, RewritePrefix, TextPrefix
from seaway.plans.envoy.redirects import REDIRECT_CODES, parse_location

# CR, LF and NUL are refused in headers and rewrites; a lone surrogate has no UTF-8 form.
_UNSENDABLE = re2.compile(r"[\x00\r\n]")
# A domain or a server name: printable ASCII, a star only as `*` or in front. Names of DNS are stricter; Envoy is not.
_HOST = re2.compile(r"\*|(?:\*\.)?[!-)+-~]+")
RESPOND_STATUSES = range(200, 600)  # DirectResponseAction.status


def refuses_host(host: str) -> bool:
    """Whether Envoy takes it neither for a domain nor for a server name (which `*` alone is not either)."""
    return not _encodes(host) or _HOST.fullmatch(host) is None


def refuses_match(match: PathMatch) -> bool:
    """Whether no route can be made of this match."""
    match match:
        case Exact(path) | Prefix(path) | TextPrefix(path):
            return not _encodes(path)
        case Regex(pattern):
            return not is_expression(pattern)


def refuses_action(action: Action) -> bool:
    """Whether Envoy would refuse to do this."""
    match action:
        case Forward(rewrite=rewrite):
            return rewrite is not None and _refuses_rewrite(rewrite)
        case Redirect(location, status, rewrite):
            return (
                not _sendable(location)
                or (to := parse_location(location)) is None
                or status not in REDIRECT_CODES
                or (rewrite is not None and (bool(to.path) or _refuses_rewrite(rewrite)))
            )
        case Respond(status, why):
            return not _encodes(why) or status not in RESPOND_STATUSES


def _refuses_rewrite(rewrite: Rewrite | RewritePrefix) -> bool:
    if isinstance(rewrite, RewritePrefix):
        return not _sendable(rewrite.text)
    return not is_expression(rewrite.pattern) or not _sendable(rewrite.substitution)


def is_expression(pattern: str) -> bool:
    """Whether RE2 accepts it. The engine and its memory limit are Envoy's own."""
    if not pattern or not _encodes(pattern):
        return False
    try:
        re2.compile(pattern)
    except re2.error:
        return False
    return True


def _sendable(text: str) -> bool:
    return _encodes(text) and _UNSENDABLE.search(text) is None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
