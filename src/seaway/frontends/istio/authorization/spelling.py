"""Values that no request or caller ever has, because of how they are spelt."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import authorization as codes
from seaway.core.finding import Finding
from seaway.frontends.istio.authorization.fields import Field
from seaway.frontends.istio.authorization.policies import Read
from seaway.frontends.istio.authorization.scene import Scene

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}


def check_spelling(read: Read, _: Scene) -> Iterator[Finding]:
    for rule in read.rules:
        for field in rule.fields:
            for value in (*field.values, *field.excluded):
                if (odd := _odd(field, value)) is not None:
                    reason, advice = odd
                    effect = "does not exclude it" if value in field.excluded else "does not hold for it"
                    yield field.place.find(codes.NEVER_SPELT_SO, value=value, reason=reason, effect=effect, advice=advice)


def _odd(field: Field, value: str) -> tuple[str, str] | None:
    """Why the value never occurs, and what to write."""
    match field.name:
        case "methods" if value not in _METHODS and value.upper() in _METHODS:
            return "methods are spelt in capitals", f"Write {value.upper()}."
        case "paths" if "?" in value or "#" in value:
            return "paths are compared without their query", f"Write {value.partition('?')[0].partition('#')[0]}."
        case "paths" if not value.startswith(("/", "*")):
            return "paths begin with a slash", f"Write /{value}."
        case "principals" | "source.principal" if value.startswith("spiffe://"):
            return "principals are written without spiffe://", f"Write {value.removeprefix('spiffe://')}."
        case "hosts" if "/" in value:
            return "hosts are names, without scheme and path", "Write the host alone, as in api.example.com."
        case "namespaces" | "source.namespace" | "trustDomains" | "source.trustDomain" if "/" in value:
            return "no slash is in its name", "Write the name alone."
        case _:
            return None
