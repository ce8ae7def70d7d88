"""Endpoints in localities, with the priority and weight that each has for the callers on a node."""

from __future__ import annotations

from math import ceil
from typing import cast

from google.protobuf.message import Message

from seaway.model.locality import NOWHERE, Locality
from seaway.model.upstream import Distribute, Treatment
from seaway.plans.envoy.clusters.load_balancing import weighs_localities
from seaway.plans.envoy.endpoints.targets import Target
from seaway.plans.envoy.mesh.sockets import how_called
from seaway.plans.envoy.proto import ClusterLoadAssignment, Fields, wrapped
from seaway.plans.envoy.resource import metadata
from seaway.plans.envoy.site import Site

Group = tuple[int, Locality]


def assignment(name: str, targets: tuple[Target, ...], treatment: Treatment, site: Site) -> Message:
    """Each address once (Envoy would drop the second), in order. One locality without a name where it does not matter who is where."""
    once = {(one.address, one.port): one for one in reversed(targets)}
    ordered = [once[key] for key in sorted(once)]
    return ClusterLoadAssignment(cluster_name=name, endpoints=_localities(ordered, treatment, site))


def _localities(targets: list[Target], treatment: Treatment, site: Site) -> list[Fields]:
    groups: dict[Group, list[Target]] = {}
    for one in targets:
        groups.setdefault((one.nearness, one.locality if treatment.locality.active else NOWHERE), []).append(one)
    weights = {group: sum(one.weight for one in members) for group, members in groups.items()}
    split = next((one for one in treatment.locality.distribute if site.locality.within(one.source)), None)
    if treatment.locality.active and split is not None:
        weights = _split(weights, split)
    # Priorities are to count from 0 without a gap.
    priorities = {nearness: priority for priority, nearness in enumerate(sorted({nearness for nearness, _ in weights}))}
    weighted = weighs_localities(treatment)
    return [_locality(group, groups[group], priorities[group[0]], weights[group] if weighted else 0) for group in sorted(weights)]


def _split(weights: dict[Group, int], split: Distribute) -> dict[Group, int]:
    """The share of each destination, divided among the localities in it by how much they hold; others get nothing."""
    found: dict[Group, int] = {}
    for pattern, share in split.to:
        inside = {group: weight for group, weight in weights.items() if group not in found and group[1].within(pattern)}
        total = sum(inside.values())
        found |= {group: ceil(weight * share / total) for group, weight in inside.items()}
    return found


def _locality(group: Group, members: list[Target], priority: int, weight: int) -> Fields:
    fields: dict[str, object] = {"lb_endpoints": [_endpoint(one) for one in members]}
    if group[1] != NOWHERE:
        fields["locality"] = {"region": group[1].region, "zone": group[1].zone, "sub_zone": group[1].subzone}
    if priority:
        fields["priority"] = priority
    if weight:
        fields["load_balancing_weight"] = wrapped(weight)
    return fields


def _endpoint(one: Target) -> Fields:
    address: Fields = {"socket_address": {"address": one.address, "port_value": one.port}} if one.port else {"pipe": {"path": one.address}}
    fields: dict[str, object] = {"endpoint": {"address": address}}
    said = cast(Fields, metadata({"pod": str(one.pod), "node": one.node})["filter_metadata"]) if one.pod is not None else {}
    called = how_called(one.mtls, one.here)
    if said or called:
        fields["metadata"] = {"filter_metadata": {**said, **called}}
    if one.weight != 1:
        fields["load_balancing_weight"] = wrapped(one.weight)
    return fields
