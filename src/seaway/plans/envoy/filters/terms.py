"""The model's conditions as Envoy's RBAC has them: `permissions` are about what is asked for, `principals` about who asks.

RBAC wants both, ANDed, and each knows conditions of its own. A rule of the model is a conjunction, so that each part of it goes to the side
that can say it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

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
from seaway.plans.envoy.filters.text import header_matcher, string_matcher
from seaway.plans.envoy.proto import Fields, wrapped

JWT_FILTER = "envoy.filters.http.jwt_authn"
PAYLOAD = "payload"
"""Under these two names jwt_authn leaves a token's claims in the request's dynamic metadata."""

CALLER = "seaway.caller"
"""Filter state in which a member's listener says who calls: its SPIFFE ID."""

ALWAYS: Fields = {"any": True}


@dataclass(frozen=True, slots=True)
class _Side:
    """The field names in which Permission and Principal differ."""

    any_of: str
    all_of: str
    inverse: str
    members: str
    by_state: bool = False
    """Callers are known by `CALLER`, not by the certificate that they show."""


_PERMISSION = _Side("or_rules", "and_rules", "not_rule", "rules")
_PRINCIPAL = _Side("or_ids", "and_ids", "not_id", "ids")
_CALLER = replace(_PRINCIPAL, by_state=True)


def permission_and_principal(term: Term, by_state: bool = False) -> tuple[Fields, Fields]:
    """One Permission and one Principal that together hold where the term does. `by_state`: see `CALLER`."""
    parts = term.terms if isinstance(term, AllOf) else (term,)
    who = tuple(part for part in parts if _about_who(part))
    what = tuple(part for part in parts if not _about_who(part))
    return _render(_all_of(what), _PERMISSION), _render(_all_of(who), _CALLER if by_state else _PRINCIPAL)


def _all_of(terms: tuple[Term, ...]) -> Term:
    return terms[0] if len(terms) == 1 else AllOf(terms)


def _about_who(term: Term) -> bool:
    """Whether a Principal can say it. Headers and metadata either side can; the rest of an alternative decides."""
    match term:
        case Principal() | Claim() | Header():
            return True
        case Address(of):
            return of != "destination"
        case AnyOf(terms) | AllOf(terms):
            return all(_about_who(one) for one in terms)
        case Not(inner):
            return _about_who(inner)
        case DestinationPort() | ServerName() | Path() | FilterMetadata():
            return False


def _render(term: Term, side: _Side) -> Fields:
    match term:
        case AnyOf(()):
            return {side.inverse: ALWAYS}
        case AllOf(()):
            return ALWAYS
        case AnyOf(terms) | AllOf(terms):
            rendered = [_render(one, side) for one in terms]
            return {side.any_of if isinstance(term, AnyOf) else side.all_of: {side.members: rendered}} if len(rendered) > 1 else rendered[0]
        case Not(inner):
            return {side.inverse: _render(inner, side)}
        case Header(name, text):
            return {"header": header_matcher(name, text)}
        case Path(text):
            return {"url_path": {"path": string_matcher(text)}}
        case Claim(path, text, listed):
            return {"metadata": _metadata(JWT_FILTER, (PAYLOAD, *path), _value(text, listed))}
        case FilterMetadata(filter, key, text, listed):
            return {"metadata": _metadata(filter, (key,), _listed(text) if listed else {"string_match": string_matcher(text)})}
        case Principal(text):
            if side.by_state:
                return {"filter_state": {"key": CALLER, "string_match": string_matcher(text)}}
            return {"authenticated": {"principal_name": string_matcher(text)}}
        case Address(of, cidr):
            return {_ADDRESSES[of]: cidr_range(cidr)}
        case DestinationPort(port):
            return {"destination_port": port}
        case ServerName(text):
            return {"requested_server_name": string_matcher(text)}
        case _:
            assert_never(term)


_ADDRESSES = {"peer": "direct_remote_ip", "client": "remote_ip", "destination": "destination_ip"}


def cidr_range(cidr: str) -> Fields:
    address, _, length = cidr.partition("/")
    return {"address_prefix": address, "prefix_len": wrapped(int(length))}


def _metadata(filter_name: str, path: Iterable[str], value: Fields) -> Fields:
    return {"filter": filter_name, "path": [{"key": key} for key in path], "value": value}


def _value(text: Text, listed: bool) -> Fields:
    plain: Fields = {"string_match": string_matcher(text)}
    return {"or_match": {"value_matchers": [_listed(text), plain]}} if listed else plain


def _listed(text: Text) -> Fields:
    return {"list_match": {"one_of": {"string_match": string_matcher(text)}}}
