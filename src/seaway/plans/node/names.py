"""Which pods cluster DNS learns names for, and where: what rules by names of domains need beside the kernel's sets."""

from __future__ import annotations

from seaway.model.names import names_set
from seaway.model.policies.lookups import askings
from seaway.model.policies.verdicts import VerdictTable
from seaway.protocols.dns_learning import NameClient


def plan_names(table: VerdictTable) -> tuple[NameClient, ...]:
    """Every pod that rules about names select, ordered by address."""
    pods = {pod.id: pod for pod in table.ground.pods}
    found = [
        NameClient(
            pods[name].ip,
            pods[name].node,
            tuple((names_set(one.patterns, one.proxied), one.patterns) for one in asking.names),
            asking.lookups,
        )
        for asking in askings(table)
        for name in table.identity[asking.identity].pods
    ]
    return tuple(sorted(found, key=lambda one: one.address))
