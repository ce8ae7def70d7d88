"""Which nodes' Envoys have accepted what an object says: whether they hold all resources that it shapes as these are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from seaway.app.loop import Loop
from seaway.core.codes.engines import ENVOY_REFUSED
from seaway.core.names import Key

ACCEPTED, PENDING, REFUSED, AWAY = "accepted", "pending", "refused", "not connected"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Of one object at one node. `holds` counts the resources there that it shaped, by kind."""

    node: str
    state: str
    holds: tuple[tuple[str, int], ...]


Acceptances = Mapping[Key, tuple[Acceptance, ...]]


def acceptances(loop: Loop) -> Acceptances:
    """By object; what shapes nothing at a node is left out there. What is held back since Envoy refuses it counts as refused."""
    held = {one.key for one in loop.gate.findings if one.code is ENVOY_REFUSED and one.key is not None}
    found: dict[Key, list[Acceptance]] = {}
    for node in loop.engines.nodes:
        for key, one in _at(loop, node, held).items():
            found.setdefault(key, []).append(one)
    for key in held - found.keys():
        found[key] = [Acceptance(node, REFUSED, ()) for node in loop.engines.nodes]
    return {key: tuple(ones) for key, ones in found.items()}


def _at(loop: Loop, node: str, held: set[Key]) -> Mapping[Key, Acceptance]:
    state = loop.engines.xds.state(node)
    refused = {(one.type_url, resource.name) for one in state.refused for resource in one.suspects}
    holds: dict[Key, Counter[str]] = {}
    worst: dict[Key, str] = {}
    for resource in loop.engines.xds.published(node):
        name = (resource.type_url, resource.name)
        here = REFUSED if name in refused else ACCEPTED if state.accepted.get(name) == resource.version else PENDING
        if here is PENDING and not state.connected:
            here = AWAY
        for key in resource.owners:
            holds.setdefault(key, Counter())[resource.type_url.rpartition(".")[2]] += 1
            if key not in worst or _WORSE[here] > _WORSE[worst[key]]:
                worst[key] = here
    return {key: Acceptance(node, REFUSED if key in held else worst[key], tuple(sorted(count.items()))) for key, count in holds.items()}


_WORSE = {ACCEPTED: 0, PENDING: 1, AWAY: 2, REFUSED: 3}


def acceptance_cell(ones: tuple[Acceptance, ...]) -> str:
    """`2/2`: by so many of the nodes' Envoys that it concerns; with the reason where it is not by all. `-` where it concerns none."""
    if not ones:
        return "-"
    good = sum(one.state == ACCEPTED for one in ones)
    worst = max((one.state for one in ones), key=_WORSE.__getitem__)
    return f"{good}/{len(ones)}" + (f" {worst}" if worst != ACCEPTED else "")
