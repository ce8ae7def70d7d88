"""Object keys, and the names that Kubernetes derives from names.

Name grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

SYSTEM_NAMESPACE = "seaway-system"

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery's rand.SafeEncodeString: no vowels, no look-alikes
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class Key(NamedTuple):
    """Identity of an object. `group` is the API group without version ("" for core); `namespace` is "" for cluster-scoped kinds."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


def is_dns_label(text: str) -> bool:
    """RFC 1123 label: at most 63 of [a-z0-9-], alphanumeric at both ends."""
    return _LABEL.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """RFC 1123 subdomain, at most 253 characters: what most object names must be."""
    return len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def safe_hash(*parts: str, length: int = 5) -> str:
    """A stable hash in the alphabet that Kubernetes uses for generated names, e.g. `x2x7q`."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])
