"""Which layer of a DestinationRule counts for one port of one subset.

portLevelSettings replace four parts at once: one that they leave out goes back to the mesh's default. A subset's trafficPolicy replaces
part by part. https://github.com/istio/istio/blob/master/pilot/pkg/networking/util/util.go (MergeSubsetTrafficPolicy)
"""

from __future__ import annotations

from dataclasses import replace

from seaway.frontends.istio.destination_rules.blocks import NOTHING, Blocks, Policy


def effective(whole: Policy | None, subset: Policy | None, port: int, in_subset: bool) -> Blocks:
    """The parts that count. `in_subset`: it is a subset that is called, and its own tunnel alone counts, if it has one."""
    base, _ = _for_port(whole, port)
    above, by_port = _for_port(subset, port)
    if by_port:
        merged = replace(base, balancer=above.balancer, pool=above.pool, ejection=above.ejection, tls=above.tls)
    else:
        merged = replace(
            base,
            balancer=above.balancer or base.balancer,
            pool=above.pool or base.pool,
            ejection=above.ejection or base.ejection,
            tls=above.tls or base.tls,
        )
    tunnel = subset if in_subset else whole
    return replace(
        merged,
        tunnel=tunnel.blocks.tunnel if tunnel else None,
        proxy_protocol=base.proxy_protocol if above.proxy_protocol is None else above.proxy_protocol,
        retry_budget=above.retry_budget or base.retry_budget,
    )


def _for_port(policy: Policy | None, port: int) -> tuple[Blocks, bool]:
    """The parts for this port, and whether portLevelSettings gave them."""
    if policy is None:
        return NOTHING, False
    found = dict(policy.ports).get(port)
    return (policy.blocks, False) if found is None else (found, True)
