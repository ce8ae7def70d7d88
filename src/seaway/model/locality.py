"""Where something is: region, zone and subzone, as `region/zone/subzone`; what is not known is left out at the end."""

from __future__ import annotations

from typing import NamedTuple

REGION_LABEL = "topology.kubernetes.io/region"
ZONE_LABEL = "topology.kubernetes.io/zone"
SUBZONE_LABEL = "topology.istio.io/subzone"
HOSTNAME_LABEL = "kubernetes.io/hostname"
NETWORK_LABEL = "topology.istio.io/network"
TOPOLOGY_LABELS = frozenset({REGION_LABEL, ZONE_LABEL, SUBZONE_LABEL, HOSTNAME_LABEL, NETWORK_LABEL})
"""Labels that say where something is: a node's, and with it those of all that is on it."""

LOCALITY_LABEL = "istio-locality"
"""A pod's own say in where it is."""


class Locality(NamedTuple):
    region: str = ""
    zone: str = ""
    subzone: str = ""

    def __str__(self) -> str:
        return "/".join(self).rstrip("/")

    def within(self, pattern: str) -> bool:
        """Whether a `region/zone/subzone` with stars, or fewer steps, holds this place."""
        wanted = parse_locality(pattern)
        return all(want in ("*", have) or (not want and step) for step, (want, have) in enumerate(zip(wanted, self, strict=True)))

    def distance(self, other: Locality) -> int:
        """0 for the same place, 1 for the same zone, 2 for the same region, else 3."""
        if self.region != other.region:
            return 3
        if self.zone != other.zone:
            return 2
        return 0 if self.subzone == other.subzone else 1


NOWHERE = Locality()


def parse_locality(text: str) -> Locality:
    """`region/zone/subzone`, or the first of these."""
    steps = (*text.split("/", 2), "", "")
    return Locality(steps[0], steps[1], steps[2])


def topology_labels(locality: Locality, node: str) -> dict[str, str]:
    """Where something is as the labels of a Kubernetes node say it."""
    labels = {REGION_LABEL: locality.region, ZONE_LABEL: locality.zone, SUBZONE_LABEL: locality.subzone, HOSTNAME_LABEL: node}
    return {name: value for name, value in labels.items() if value}
