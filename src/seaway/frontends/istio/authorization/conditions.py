"""Conditions: the keys of `when`.

https://istio.io/latest/docs/reference/config/security/conditions/
"""

from __future__ import annotations

import re

from seaway.frontends.istio.authorization import fields
from seaway.frontends.istio.authorization import values as forms
from seaway.frontends.istio.authorization.fields import Field, Kind, anything
from seaway.frontends.istio.places import Place
from seaway.model.authorization import Claim, FilterMetadata, Header, ServerName
from seaway.resources.istio.authorization_policy import Condition

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+|:[a-z]+")
_NAMED = re.compile(r"(request\.headers|request\.experimental\.inline\.headers|request\.auth\.claims)(.*)", re.DOTALL)
_METADATA = re.compile(r"experimental\.(envoy\.filters\.[^\[]*)(.*)", re.DOTALL)
_REPLACED = re.compile(r"destination\.(namespace|name|user|labels.*)", re.DOTALL)


def _header(name: str, in_list: bool) -> Kind:
    form = forms.one_of_list if in_list else forms.text_of
    problem = "" if _HEADER_NAME.fullmatch(name) else f"{name} is no header's name"
    return Kind(lambda value, _: (Header(name.lower(), form(value)),), lambda _: problem, http=True)


def _claim(*path: str) -> Kind:
    problem = "" if all(path) else "a claim's name is empty"
    return Kind(lambda value, _: (Claim(path, forms.text_of(value)),), lambda _: problem, http=True, late=True, claims=True)


def _filter_metadata(filter_name: str, key: str) -> Kind:
    def term(value: str, _: object) -> tuple[FilterMetadata]:
        listed = len(value) > 2 and value.startswith("[") and value.endswith("]")
        return (FilterMetadata(filter_name, key, forms.text_of(value[1:-1] if listed else value), listed),)

    return Kind(term, anything)


_KEYS = {
    "source.ip": fields.PEERS,
    "remote.ip": fields.CLIENTS,
    "source.namespace": fields.NAMESPACES,
    "source.serviceAccount": fields.ACCOUNTS,
    "source.principal": fields.PRINCIPALS,
    "source.trustDomain": fields.TRUST_DOMAINS,
    "request.auth.principal": fields.REQUEST_PRINCIPALS,
    "request.auth.audiences": _claim("aud"),
    "request.auth.presenter": _claim("azp"),
    "destination.ip": fields.DESTINATIONS,
    "destination.port": fields.PORTS,
    "connection.sni": Kind(lambda value, _: (ServerName(forms.text_of(value)),), anything),
}


def condition_field(condition: Condition, place: Place) -> Field | str:
    """A condition as a field; text where upstream refuses it."""
    kind = _kind_of(condition.key)
    if isinstance(kind, str):
        return kind
    if not condition.values and not condition.not_values:
        return f"{condition.key} has neither values nor notValues"
    return Field(condition.key, kind, place, condition.values, condition.not_values)


def _kind_of(key: str) -> Kind | str:
    if (kind := _KEYS.get(key)) is not None:
        return kind
    if (found := _NAMED.fullmatch(key)) is not None:
        return _named(found[1], _bracketed(found[2]))
    if (found := _METADATA.fullmatch(key)) is not None:
        name = _bracketed(found[2])
        return _filter_metadata(found[1], name) if name else f"{key}: the name of a value must follow in brackets"
    if _REPLACED.fullmatch(key):
        return f"{key} is no key any more: the policy's namespace and selector stand for it"
    return f"{key} is no key that Istio knows" if key else "the key is empty"


def _named(prefix: str, name: str) -> Kind | str:
    if not name:
        return f"{prefix} must be followed by a name in brackets"
    if prefix == "request.auth.claims":
        return _claim(*_nested(name))
    return _header(name, in_list=prefix != "request.headers")


def _bracketed(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") else ""


def _nested(name: str) -> tuple[str, ...]:
    """`a` and `a][b` as paths; what is no chain of names in brackets is one name."""
    parts = tuple(name.split("]["))
    return (name,) if any("[" in part or "]" in part for part in parts) else parts
