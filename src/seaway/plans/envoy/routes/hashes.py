"""What a consistent hash looks at in a request, as Envoy's HashPolicy."""

from __future__ import annotations

from collections.abc import Iterable

from seaway.model.upstream import HashBy
from seaway.plans.envoy.proto import Fields, duration


def hash_policies(hash_by: Iterable[HashBy]) -> list[Fields]:
    return [_policy(one) for one in hash_by]


def _policy(by: HashBy) -> Fields:
    match by.kind:
        case "header":
            return {"header": {"header_name": by.name}}
        case "query":
            return {"query_parameter": {"name": by.name}}
        case "source":
            return {"connection_properties": {"source_ip": True}}
        case "cookie":
            return {"cookie": _cookie(by)}
        case _:
            raise AssertionError(f"nothing is known to hash by {by.kind}")


def _cookie(by: HashBy) -> Fields:
    """Without a lifetime Envoy only reads the cookie; with one it sets a missing one, with 0 for the session."""
    fields: dict[str, object] = {"name": by.name, "path": by.cookie_path}
    if by.cookie_ttl_s is not None:
        fields["ttl"] = duration(by.cookie_ttl_s)
    if by.attributes:
        fields["attributes"] = [{"name": name, "value": value} for name, value in by.attributes]
    return fields
