"""Whether a condition of the model holds for a request or a connection. The same conditions go to Envoy; a test holds the two together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TypeAlias, assert_never

import re2

from seaway.model.authorization import (
    Address,
    AllOf,
    AnyOf,
    Claim,
    DestinationPort,
    FilterMetadata,
    Header,
    Not,
    Path,
    Principal,
    ServerName,
    Term,
)
from seaway.model.route import Text

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | float | bool | None"


@dataclass(frozen=True, slots=True)
class Call:
    """What the conditions look at. A connection of bytes has `http` False, and no headers, path or claims.

    `principal` is the verified SPIFFE ID of the caller, "" without mutual TLS. `peer` is the address that connected, `client` the one that
    trusted proxies report. `path` is without query, and clean (normalised); `:method`, `:authority` are among the headers, whose names are
    lower-case. `claims` are those of the verified token. `metadata` is by filter and key.
    """

    peer: str
    destination: str
    port: int
    client: str = ""
    principal: str = ""
    server_name: str = ""
    http: bool = True
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    claims: Mapping[str, Json] = field(default_factory=dict[str, Json])
    metadata: Mapping[str, Mapping[str, Json]] = field(default_factory=dict[str, Mapping[str, Json]])


def holds(term: Term, call: Call) -> bool:
    match term:
        case AnyOf(terms):
            return any(holds(one, call) for one in terms)
        case AllOf(terms):
            return all(holds(one, call) for one in terms)
        case Not(inner):
            return not holds(inner, call)
        case Principal(text):
            return bool(call.principal) and matches(text, call.principal)
        case Address(of, cidr):
            return ip_address(_address(of, call)) in ip_network(cidr)
        case DestinationPort(port):
            return call.port == port
        case ServerName(text):
            return matches(text, call.server_name)
        case Header(name, text):
            return _header(name.lower(), text, call)
        case Path(text):
            return call.http and matches(text, call.path)
        case Claim(path, text, listed):
            return _value(_below(call.claims, path), text, listed=listed, plain=True)
        case FilterMetadata(filter, key, text, listed):
            return _value(call.metadata.get(filter, {}).get(key), text, listed=listed, plain=not listed)
        case _:
            assert_never(term)


def matches(text: Text, value: str) -> bool:
    """Whether a value that is there has this form."""
    test = _KINDS.get(text.kind)
    if test is None:
        return bool(value) if text.kind == "present" else re2.fullmatch(text.value, value) is not None
    return test(value.lower(), text.value.lower()) if text.ignore_case else test(value, text.value)


_KINDS: Mapping[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": str.__contains__,
}


def _address(of: str, call: Call) -> str:
    match of:
        case "peer":
            return call.peer
        case "client":
            return call.client or call.peer
        case _:
            return call.destination


def _header(name: str, text: Text, call: Call) -> bool:
    values = [value if name.startswith(":") else value.strip(" \t") for given, value in call.headers if given == name]
    return bool(values) if text.kind == "present" else any(matches(text, value) for value in values)


def _below(value: Json, path: Iterable[str]) -> Json:
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def _value(value: Json, text: Text, *, listed: bool, plain: bool) -> bool:
    if isinstance(value, str):
        return plain and matches(text, value)
    return listed and isinstance(value, list) and any(isinstance(one, str) and matches(text, one) for one in value)
