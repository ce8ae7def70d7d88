"""All network policies of a snapshot as one tuple in the model's language, with what is wrong in them.

Left to others: what follows from them together (`model/policies/verdicts.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seaway.core.codes.policies import NOT_ENFORCED
from seaway.core.finding import Finding, Findings, finding
from seaway.core.memo import Memo
from seaway.frontends.policies.network_policy import read_network_policy
from seaway.frontends.policies.reading import Reading
from seaway.model.policies.language import Policy
from seaway.model.policies.masks import Labels
from seaway.resources.core_v1 import Namespace
from seaway.resources.meta import Struct
from seaway.resources.networking_v1 import NetworkPolicy
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class BuiltPolicies:
    """What the model gets, and what is to be said of it."""

    policies: tuple[Policy, ...]
    namespaces: tuple[tuple[str, Labels], ...]
    findings: Findings


READERS: tuple[tuple[type[Struct], Callable[[Any], Reading]], ...] = ((NetworkPolicy, read_network_policy),)
"""By kind, what reads its objects."""


def build_policies(snapshot: Snapshot, memo: Memo) -> BuiltPolicies:
    """The policies, in the order of their objects' keys, and the namespaces' labels that they select by."""
    policies: list[Policy] = []
    findings: list[Finding] = []
    for kind, read in READERS:
        for resource in snapshot.of(kind):
            reading = memo(("policy", resource.key), read, resource)
            policies += reading.policies
            findings += reading.findings
    findings += _not_enforced(snapshot)
    spaces = tuple((one.key.name, tuple(sorted(one.meta.labels.items()))) for one in snapshot.of(Namespace))
    return BuiltPolicies(tuple(policies), spaces, tuple(findings))


def _not_enforced(snapshot: Snapshot) -> Findings:
    """One warning a kind, at its first object: nobody may believe to be protected."""
    found: Findings = ()
    for kind, _ in READERS:
        if objects := sorted(snapshot.of(kind), key=lambda one: (one.file, one.mark.line)):
            found += (finding(NOT_ENFORCED, objects[0].origin, objects[0].key, what=kind.__name__),)
    return found
