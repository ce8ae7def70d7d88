"""A Service's wish that its traffic stays near its callers: `trafficDistribution`, or upstream's annotation for the same.

https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-distribution
"""

from __future__ import annotations

from seaway.frontends.istio.registry import Host
from seaway.resources.core_v1 import Service
from seaway.snapshot import Snapshot

ANNOTATION = "networking.istio.io/traffic-distribution"
SAME_ZONE = ("topology.istio.io/network", "topology.kubernetes.io/region", "topology.kubernetes.io/zone")
SAME_NODE = (*SAME_ZONE, "topology.istio.io/subzone", "kubernetes.io/hostname")
LABELS = {"preferclose": SAME_ZONE, "prefersamezone": SAME_ZONE, "prefersamenode": SAME_NODE}


def traffic_distribution(host: Host, snapshot: Snapshot) -> tuple[str, ...]:
    """Labels that endpoints should share with the caller, the first the most; none where the Service has no wish."""
    service = snapshot.get(Service, "", *host.service) if host.service is not None else None
    if service is None:
        return ()
    asked = service.body.spec.traffic_distribution or service.meta.annotations.get(ANNOTATION, "")
    return LABELS.get(str(asked).lower(), ())
