"""The catalogue of findings: one row a code, grouped by the stage that finds it. Codes are never reused.

NET01xx reading manifests; NET02xx workloads and services; NET03xx ingress; NET04xx what Envoy or the kernel refused; NET05xx
hosts and routes of the mesh; NET06xx who is in it and what is demanded of callers; NET07xx network policies.
"""

from __future__ import annotations

from seaway.core.codes import (
    authorization,
    destination_rules,
    engines,
    gateways,
    identity,
    ingress,
    membership,
    mesh,
    policies,
    rate_limits,
    reading,
    routing,
    workloads,
)
from seaway.core.finding import Code

CODES: dict[str, Code] = {
    row.id: row
    for module in (
        reading,
        workloads,
        ingress,
        engines,
        mesh,
        routing,
        gateways,
        destination_rules,
        identity,
        membership,
        authorization,
        rate_limits,
        policies,
    )
    for row in vars(module).values()
    if isinstance(row, Code)
}
