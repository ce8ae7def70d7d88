"""What Envoy would refuse in hosts and routes. One refused route makes Envoy refuse the whole RouteConfiguration, everybody's routes.

The frontends have told the user long before; this is the second lock, so that nothing which slips past them reaches others.
"""

from __future__ import annotations

from itertools import chain

import re2

from seaway.model.route import (
    Action,
    Conditions,
    Destination,
    Exact,
    Fault,
    Forward,
    HeaderOps,
    PathMatch,
    Prefix,
    Redirect,
    Regex,
    Respond,
    Retries,
    Rewrite,
    RewritePrefix,
    RoutePolicy,
    Text,
    TextPrefix,
)
from seaway.model.templates import template_problem
from seaway.plans.envoy.routes.redirects import REDIRECT_CODES
from seaway.plans.envoy.routes.responses import LARGEST_BODY

# CR, LF and NUL are refused in headers and rewrites; a lone surrogate has no UTF-8 form.
_UNSENDABLE = re2.compile(r"[\x00\r\n]")
# A domain or a server name: printable ASCII, a star only as `*` or in front. Names of DNS are stricter; Envoy is not.
_HOST = re2.compile(r"\*?[!-)+-~]+|\*")
RESPOND_STATUSES = range(200, 600)  # DirectResponseAction.status, FaultAbort.http_status
_PORTS = range(65536)
_LARGEST = 4294967295  # weights, each and all together
_LONGEST_NAME, _LONGEST_VALUE, _LONGEST_PARAMETER = 16384, 16384, 1024  # bytes


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


def refuses_conditions(conditions: Conditions) -> bool:
    """As `refuses_match`, for what a request must be besides its path."""
    return (
        any(_refuses_name(one.name) or _refuses_text(one.text) for one in conditions.headers)
        or any(not 0 < _size(one.name) <= _LONGEST_PARAMETER or _refuses_text(one.text) for one in conditions.query)
        or any(not all(map(_size, one.path)) or not one.path or _refuses_text(one.text) for one in conditions.claims)
    )


def refuses_action(action: Action) -> bool:
    """Whether Envoy would refuse to do this."""
    match action:
        case Forward(destinations, rewrite, authority):
            return not _sendable(authority) or _refuses_rewrite(rewrite) or _refuses_split(destinations)
        case Redirect(status, scheme, authority, port, path, rewrite):
            return (
                status not in REDIRECT_CODES
                or scheme not in ("", "http", "https")
                or port not in _PORTS
                or not _sendable(authority)
                or not _sendable(path)
                or (rewrite is not None and (bool(path) or _refuses_rewrite(rewrite)))
            )
        case Respond(status, why, body):
            return not _encodes(why) or status not in RESPOND_STATUSES or len(body) > LARGEST_BODY


def refuses_policy(policy: RoutePolicy) -> bool:
    """Whether Envoy would refuse to treat requests so."""
    return (
        _refuses_ops(policy.request)
        or _refuses_ops(policy.response)
        or (policy.fault is not None and _refuses_fault(policy.fault))
        or (policy.cors is not None and any(one.kind == "present" or _refuses_text(one) for one in policy.cors.origins))
        or (isinstance(policy.retries, Retries) and _refuses_retries(policy.retries))
        or any(not 0 <= one.percent <= 100 for one in policy.mirrors)
        or any(one.kind != "source" and _refuses_name(one.name) for one in policy.hash_by)
        or policy.timeout_s < 0
    )


def is_expression(pattern: str) -> bool:
    """Whether RE2 accepts it. The engine and its memory limit are Envoy's own."""
    if not pattern or not _encodes(pattern):
        return False
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


def _refuses_text(text: Text) -> bool:
    match text.kind:
        case "present":
            return False
        case "exact":
            return not _encodes(text.value)
        case "regex":
            return not is_expression(text.value)
        case _:
            return not text.value or not _encodes(text.value)


def _refuses_rewrite(rewrite: Rewrite | RewritePrefix | None) -> bool:
    match rewrite:
        case None:
            return False
        case RewritePrefix(text):
            return not text or not _sendable(text)
        case Rewrite(pattern, substitution):
            return not is_expression(pattern) or not _sendable(substitution)


def _refuses_split(destinations: tuple[Destination, ...]) -> bool:
    weights = [one.weight for one in destinations]
    if not destinations or (len(destinations) > 1 and not 0 < sum(weights) <= _LARGEST) or min(weights) < 0:
        return True
    return any(_refuses_ops(one.request) or _refuses_ops(one.response) or not _sendable(one.authority) for one in destinations)


def _refuses_ops(ops: HeaderOps) -> bool:
    """Envoy changes neither the Host header nor what HTTP/2 makes headers of by such an operation."""
    names = chain(ops.remove, (name for name, _ in ops.set), (name for name, _ in ops.add))
    if any(_refuses_name(name) or name.startswith(":") or name.lower() == "host" for name in names):
        return True
    values = chain((value for _, value in ops.set), (value for _, value in ops.add))
    return any(not _sendable(value) or _size(value) > _LONGEST_VALUE or bool(template_problem(value)) for value in values)


def _refuses_fault(fault: Fault) -> bool:
    delay, abort = fault.delay, fault.abort
    if delay is not None and (delay.seconds <= 0 or not 0 <= delay.percent <= 100):
        return True
    return abort is not None and (abort.status not in RESPOND_STATUSES or not 0 <= abort.percent <= 100)


def _refuses_retries(retries: Retries) -> bool:
    times = (retries.per_try_s, retries.backoff_s, retries.max_backoff_s)
    return retries.attempts < 0 or any(one is not None and one <= 0 for one in times) or not all(map(_encodes, retries.on))


def _refuses_name(name: str) -> bool:
    """A header's, as far as Envoy is strict about it."""
    return not _sendable(name) or not 0 < _size(name) <= _LONGEST_NAME


def _sendable(text: str) -> bool:
    return _encodes(text) and _UNSENDABLE.search(text) is None


def _size(text: str) -> int:
    """Bytes; 0 where it has none."""
    return len(text.encode()) if _encodes(text) else 0


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
