"""Values of an AuthorizationPolicy's fields: what each form matches, and what upstream's validation says of it.

`abc*` is a prefix, `*abc` a suffix, `*` alone anything that is there.
https://istio.io/latest/docs/reference/config/security/authorization-policy/
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address

import re2

from seaway.core.cidr import parse_ipv4
from seaway.model.route import Text

SPIFFE = "spiffe://"
_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_PORT = re.compile(r"[0-9]+", re.ASCII)
# Envoy's literals in templates: RFC 3986's pchar without the star.
_LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+", re.ASCII)
_OPERATOR = re.compile(r"(\{\*\*?\})")
ONE, ANY = "{*}", "{**}"
"""Operators of a template: one segment of a path, and any number of them."""


def text_of(value: str, ignore_case: bool = False) -> Text:
    """What a value with a star at one end, or none, matches."""
    if value == "*":
        return Text("present")
    if value.startswith("*"):
        return Text("suffix", value[1:], ignore_case)
    if value.endswith("*"):
        return Text("prefix", value[:-1], ignore_case)
    return Text("exact", value, ignore_case)


def one_of_list(value: str) -> Text:
    """What a value matches in a header that holds several, between commas."""
    match text_of(value):
        case Text("exact", text):
            item = re2.escape(text)
        case Text("prefix", text):
            item = f"{re2.escape(text)}.*"
        case Text("suffix", text):
            item = f".*{re2.escape(text)}"
        case anything:
            return anything
    return Text("regex", f"^{item}$|^{item},.*|.*,{item},.*|.*,{item}$")


def principal(value: str) -> Text:
    """A peer's identity without its scheme, over the whole SPIFFE ID."""
    if value == "*":
        return Text("present")
    if value.startswith("*"):
        return Text("regex", f"{SPIFFE}.*{re2.escape(value[1:])}")
    return text_of(SPIFFE + value)


def namespace(value: str) -> Text:
    """The namespace part of a SPIFFE ID; a star stands for any text, wherever it is."""
    return Text("regex", f".*/ns/{_starred(value)}/.*")


def service_account(value: str, own: str) -> Text:
    """`account` of the policy's own namespace, or `namespace/account`."""
    where, slash, account = value.partition("/")
    where, account = (where, account) if slash else (own, value)
    return Text("regex", f"{SPIFFE}.+/ns/{re2.escape(where)}/(?:.+/|)sa/{re2.escape(account)}(?:/.+)?")


def trust_domain(value: str) -> Text:
    """The trust domain of a SPIFFE ID."""
    match text_of(value):
        case Text("exact", domain):
            return Text("prefix", f"{SPIFFE}{domain}/")
        case Text("prefix", start):
            return Text("prefix", SPIFFE + start)
        case Text("suffix", end):
            return Text("regex", f"{SPIFFE}[^/]*{re2.escape(end)}/.*")
        case anything:
            return anything


def _starred(value: str) -> str:
    return ".*".join(re2.escape(part) for part in value.split("*"))


def cidr_of(value: str) -> str | None:
    """`10.1.2.3` and `10.1.0.0/16` as ranges; None where it is neither an address nor a range."""
    address, slash, length = value.partition("/")
    bits = 32 if parse_ipv4(address) is not None else 128 if _is_ipv6(address) else 0
    if not bits or (slash and (_LENGTH.fullmatch(length) is None or int(length) > bits)):
        return None
    return f"{address}/{length if slash else bits}"


def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def port_of(value: str) -> int | None:
    return int(value) if _PORT.fullmatch(value) and len(value) < 12 and int(value) <= 65535 else None


def path_problem(path: str) -> str:
    """What is wrong with braces in a path; "" for nothing."""
    parts = path.strip("/").split("/")
    operators = [part for part in parts if part in (ONE, ANY)]
    if ANY in operators[:-1]:
        return "{**} is not the last operator"
    rest = [part for part in parts if part not in (ONE, ANY)]
    if odd := next((part for part in rest if "{" in part or "}" in part), None):
        return f"`{odd}` holds braces, but is neither {{*}} nor {{**}}"
    if operators and (odd := next((part for part in rest if not _LITERAL.fullmatch(part)), None)) is not None:
        return f"`{odd}` cannot stand beside {{*}} or {{**}}"
    if operators and not path.startswith("/"):
        return "a template begins with a slash"
    return ""


def path_of(path: str) -> Text:
    """A path or a template. Templates are spelt as expressions: Envoy's own matcher for them ends the process on one that it dislikes, and
    lets characters by that no path should hold.
    """
    if ONE not in path and ANY not in path:
        return text_of(path)
    parts = _OPERATOR.split(path)
    return Text("regex", "".join({ONE: "[^/]+", ANY: ".*"}.get(part) or re2.escape(part) for part in parts))
