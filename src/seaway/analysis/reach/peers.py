"""The ends of connections: workloads or pods, nodes, and addresses outside, so cut that policies tell no two members of one apart.

A peer has one identity in each table that is looked at, so that whatever is said of it holds for all of its members. Two tables (before
and after a change) cut workloads and addresses wherever either of them does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from seaway.core.cidr import parse_cidr
from seaway.core.names import Key
from seaway.model.index import Model
from seaway.model.policies.addresses import cidrs_of
from seaway.model.policies.verdicts import VerdictTable
from seaway.model.workload import Pod, PodName

_FEW = 3
"""So many ranges are listed; an outside of more is said by what is not in it."""


class PeerType(Enum):
    """ENTITY is a node."""

    WORKLOAD = "workload"
    POD = "pod"
    ENTITY = "entity"
    CIDR = "cidr"


@dataclass(frozen=True, slots=True)
class Peer:
    """`identities` has a number a table, None where it is not there. `nodes` are where its pods are; of a node itself, that one.

    `policed` is false for nodes and for pods in a node's network. `kind` is the workload's, "" for others.
    """

    id: str
    type: PeerType
    namespace: str
    name: str
    kind: str
    labels: tuple[tuple[str, str], ...]
    identities: tuple[int | None, ...]
    pods: tuple[PodName, ...]
    nodes: frozenset[str]
    cidrs: tuple[str, ...]
    policed: bool

    @property
    def is_pods(self) -> bool:
        return self.type in (PeerType.WORKLOAD, PeerType.POD)


def list_peers(models: tuple[Model, ...], by_pod: bool) -> tuple[Peer, ...]:
    """Workloads (or pods) by namespace and name, then nodes, then addresses outside."""
    pods = _pods(models) if by_pod else _workloads(models)
    tables = tuple(model.verdicts for model in models)
    return (*sorted(pods, key=lambda one: (one.namespace, one.name, one.kind, one.id)), *_nodes(models), *_outside(tables))


def _pods(models: tuple[Model, ...]) -> Iterator[Peer]:
    for name in sorted({pod.id for model in models for pod in model.pods}):
        pods = [model.pod[name] for model in models if name in model.pod]
        yield _of_pods((str(name), PeerType.POD, name.name, ""), pods[-1:], tuple(_identity(model, name) for model in models))


def _workloads(models: tuple[Model, ...]) -> Iterator[Peer]:
    owners = sorted({pod.owner for model in models for pod in model.pods}, key=lambda key: (key.namespace, key.name, key.kind))
    of_owner: list[defaultdict[Key, list[Pod]]] = []
    for model in models:
        found: defaultdict[Key, list[Pod]] = defaultdict(list)
        for pod in model.pods:
            found[pod.owner].append(pod)
        of_owner.append(found)
    for owner in owners:
        yield from _workload(owner, models, tuple(found.get(owner, []) for found in of_owner))


def _workload(owner: Key, models: tuple[Model, ...], pods: tuple[list[Pod], ...]) -> Iterator[Peer]:
    """One peer where each table takes all pods alike; else one for each way in which they are taken."""
    place = f"{owner.namespace}/{owner.kind.lower()}/{owner.name}"
    alike = tuple({_identity(model, pod.id) for pod in some} for model, some in zip(models, pods, strict=True))
    if all(len(one) <= 1 for one in alike):
        numbers = tuple(next(iter(one), None) for one in alike)
        shown = next(some for some in reversed(pods) if some)
        yield _of_pods((place, PeerType.WORKLOAD, owner.name, owner.kind), shown, numbers)
        return
    parts: defaultdict[tuple[int | None, ...], dict[PodName, Pod]] = defaultdict(dict)
    for some in pods:
        for pod in some:
            parts[tuple(_identity(model, pod.id) for model in models)][pod.id] = pod
    for numbers, members in parts.items():
        names = ", ".join(sorted(pod.name for pod in members))
        yield _of_pods((f"{place} ({names})", PeerType.WORKLOAD, f"{owner.name} ({names})", owner.kind), list(members.values()), numbers)


def _identity(model: Model, name: PodName) -> int | None:
    return model.verdicts.identity_of_pod.get(name)


def _of_pods(called: tuple[str, PeerType, str, str], pods: list[Pod], identities: tuple[int | None, ...]) -> Peer:
    place, kind_of_peer, name, kind = called
    common = set(pods[0].labels).intersection(*(pod.labels for pod in pods[1:]))
    return Peer(
        id=place,
        type=kind_of_peer,
        namespace=pods[0].id.namespace,
        name=name,
        kind=kind,
        labels=tuple(sorted(common)),
        identities=identities,
        pods=tuple(sorted(pod.id for pod in pods)),
        nodes=frozenset(pod.node for pod in pods),
        cidrs=(),
        policed=not pods[0].host_network,
    )


def _nodes(models: tuple[Model, ...]) -> Iterator[Peer]:
    found: dict[str, list[int | None]] = {}
    addresses: dict[str, str] = {}
    for at, model in enumerate(models):
        for node in model.cluster.nodes:
            addresses[node.name] = node.address
            found.setdefault(node.name, [None] * len(models))[at] = _of_address(model.verdicts, f"{node.address}/32")
    for name, numbers in sorted(found.items()):
        cidrs = (f"{addresses[name]}/32",)
        yield Peer(f"node/{name}", PeerType.ENTITY, "", name, "", (), tuple(numbers), (), frozenset((name,)), cidrs, policed=False)


def _of_address(table: VerdictTable, cidr: str) -> int | None:
    parsed = parse_cidr(cidr)
    return None if parsed is None else next(number for first, last, number in table.ranges if first <= parsed.first <= last)


def _outside(tables: tuple[VerdictTable, ...]) -> Iterator[Peer]:
    """The classes of addresses that are no node's; the one with most addresses last."""
    classes: defaultdict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)
    named: defaultdict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)
    nodes = frozenset(one.number for table in tables for one in table.identities if one.nodes)
    around: tuple[int, ...] = ()
    for first, last, numbers in _overlaid(tables):
        if nodes.isdisjoint(numbers):
            classes[numbers].append((first, last))
            around = numbers
        if around:  # a node's address in the middle of a class is not worth a word in its name
            _extend(named[around], first, last)
    ordered = sorted(classes.items(), key=lambda item: (sum(last - first + 1 for first, last in item[1]), item[1]))
    holes = [one for numbers, _ in ordered[:-1] for one in named[numbers]]
    for at, (numbers, ranges) in enumerate(ordered):
        cidrs, told = _cidrs(ranges), _cidrs(named[numbers])
        rest = at == len(ordered) - 1
        place = "outside" if rest else ",".join(told)
        name = _all_but(holes) if rest else _few(told)
        yield Peer(place, PeerType.CIDR, "", name, "", (), tuple(numbers), (), frozenset(), cidrs, policed=False)


def _extend(ranges: list[tuple[int, int]], first: int, last: int) -> None:
    if ranges and ranges[-1][1] + 1 == first:
        ranges[-1] = (ranges[-1][0], last)
    else:
        ranges.append((first, last))


def _cidrs(ranges: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(text for first, last in ranges for text in cidrs_of(first, last))


def _overlaid(tables: tuple[VerdictTable, ...]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """All addresses, cut wherever a table cuts them; with the identity in each table."""
    at = [0] * len(tables)
    first = 0
    while first < 1 << 32:
        here = [table.ranges[n] for table, n in zip(tables, at, strict=True)]
        last = min(one[1] for one in here)
        yield first, last, tuple(one[2] for one in here)
        at = [n + (one[1] == last) for n, one in zip(at, here, strict=True)]
        first = last + 1


def _few(cidrs: tuple[str, ...]) -> str:
    return ", ".join(cidrs[:_FEW]) + (f" and {len(cidrs) - _FEW} more" if len(cidrs) > _FEW else "")


def _all_but(holes: Iterable[tuple[int, int]]) -> str:
    others = _cidrs(sorted(holes))
    return "0.0.0.0/0" + (f" but for {_few(others)}" if others else "")
