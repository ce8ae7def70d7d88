"""Which node runs each pod, and at which address: the scheduler and the address pool in one, without chance.

Pods keep what their leases say. A pod without a lease gets the address after the one that was given out last: what still talks to a pod
that just went must not reach another, and that pod itself may need a while to go.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seaway.core.cidr import Cidr, first_free, format_ipv4, parse_cidr, parse_ipv4
from seaway.core.codes.workloads import HOST_PORT_TAKEN, NODE_SELECTOR_IGNORED, NODE_UNKNOWN, POD_RANGE_FULL
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import SYSTEM_NAMESPACE
from seaway.frontends.kubernetes.draft import Draft, Template, running_containers
from seaway.model.cluster import Cluster, Leases, Node

_FIRST = ("kube-system", SYSTEM_NAMESPACE)
"""Namespaces whose pods are placed first, so that no workload, however large, takes the place of DNS or the gateway."""

_HOSTNAME = "kubernetes.io/hostname"
_HONOURED = {_HOSTNAME, "kubernetes.io/arch"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod with its node and address; with hostNetwork that is the node's own."""

    draft: Draft
    node: Node
    ip: str


@dataclass(frozen=True, slots=True)
class Placement:
    """`leases` are those of pods only, for the next build."""

    pods: tuple[Placed, ...]
    leases: Leases
    findings: Findings


class _Pool:
    """The pod addresses of one node. `former` are those of the last build: given out again only when nothing else is left."""

    def __init__(self, node: Node, former: set[int], last: int | None) -> None:
        self.node = node
        self.span = _usable(node.pod_cidr)
        self.taken: set[int] = set()
        self._avoided = {number for number in former if number in self.span}
        self.last = last if last is not None and last in self.span else max(self._avoided, default=self.span.first - 1)
        self._full = False

    def take(self) -> int | None:
        """The next free address; None once there is none, which is then answered without another search."""
        if self._full:
            return None
        address = first_free(self.span, self.last + 1, self._avoided)
        if address is None and self._avoided is not self.taken:
            self._avoided = self.taken
            address = first_free(self.span, self.last + 1, self.taken)
        if address is None:
            self._full = True
            return None
        self.keep(address)
        self.last = address
        return address

    def keep(self, address: int) -> None:
        self.taken.add(address)
        self._avoided.add(address)


def place_pods(drafts: Sequence[Draft], cluster: Cluster, leases: Leases) -> Placement:
    """Every pod with a node and an address; pods for which there is none are named by a finding. `drafts` come in order of identity."""
    findings: list[Finding] = []
    wishes = {id(one.template): _wish(one.template, cluster, findings) for one in {id(one.template): one for one in drafts}.values()}
    held = {name: number for name, address in leases.pods if (number := parse_ipv4(address)) is not None}
    last = dict(leases.last_pods)
    pools = [_Pool(node, set(held.values()), parse_ipv4(last.get(node.name, ""))) for node in cluster.nodes]
    kept = _kept(drafts, pools, wishes, held)
    placed: list[Placed] = []
    homeless: Counter[int] = Counter()
    ports: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
    for draft in sorted(drafts, key=lambda one: (one.id.namespace not in _FIRST, one.id)):
        candidates = list(_candidates(draft, wishes[id(draft.template)], cluster))
        if draft.template.spec.host_network:
            found = _on_host(draft, candidates, ports, findings)
        elif draft.id in kept:
            found = kept[draft.id]
        else:
            found = _addressed(draft, candidates, pools)
            homeless[id(draft.template)] += found is None
        if found is not None:
            placed.append(found)
    findings += _homeless(drafts, homeless, pools)
    given = tuple((str(one.draft.id), one.ip) for one in placed if not one.draft.template.spec.host_network)
    last_given = tuple((pool.node.name, format_ipv4(pool.last)) for pool in pools if pool.last in pool.span)
    placed.sort(key=lambda one: one.draft.id)
    return Placement(tuple(placed), Leases(pods=tuple(sorted(given)), last_pods=tuple(sorted(last_given))), tuple(findings))


def _usable(cidr: str) -> Cidr:
    """A node's range without its first two addresses (the network and, by custom, a gateway) and its last."""
    span = parse_cidr(cidr)
    assert span is not None, f"the settings let {cidr} pass as a pod range"
    return Cidr(span.first + 2, span.last - 1)


def _wish(template: Template, cluster: Cluster, findings: list[Finding]) -> str:
    """The node that the template insists on, "" for any; nodes and labels that nothing has are noted and then ignored."""
    spec, resource = template.spec, template.resource
    ignored = {
        key: value for key, value in spec.node_selector.items() if key not in _HONOURED and (key, value) != ("kubernetes.io/os", "linux")
    }
    if ignored:
        text = ", ".join(f"{key}: {value}" for key, value in sorted(ignored.items()))
        findings.append(finding(NODE_SELECTOR_IGNORED, template.at("spec", "nodeSelector"), resource.key, selector=text))
    for wanted, path in ((spec.node_name, ("spec", "nodeName")), (spec.node_selector.get(_HOSTNAME), ("spec", "nodeSelector", _HOSTNAME))):
        if not wanted:
            continue
        if any(node.name == wanted for node in cluster.nodes):
            return wanted
        names = ", ".join(node.name for node in cluster.nodes)
        findings.append(finding(NODE_UNKNOWN, template.at(*path), resource.key, node=wanted, nodes=names))
    return ""


def _kept(drafts: Sequence[Draft], pools: list[_Pool], wishes: dict[int, str], held: dict[str, int]) -> dict[tuple[str, str], Placed]:
    """Pods whose lease still holds: its address lies on a node that may run them, and no other pod has it."""
    kept: dict[tuple[str, str], Placed] = {}
    for draft in drafts:
        number = held.get(str(draft.id)) if held and not draft.template.spec.host_network else None
        wish = draft.node or wishes[id(draft.template)]
        pool = next((one for one in pools if number in one.span and wish in ("", one.node.name)), None) if number is not None else None
        if number is not None and pool is not None and number not in pool.taken:
            pool.keep(number)
            kept[draft.id] = Placed(draft, pool.node, format_ipv4(number))
    return kept


def _candidates(draft: Draft, wish: str, cluster: Cluster) -> Iterator[Node]:
    """The nodes that may run a pod, best first. Pods of one object go round the nodes, from a start that depends on its name alone."""
    wanted = draft.node or wish
    start = zlib.crc32(str(draft.template.resource.key).encode()) + draft.ordinal
    count = len(cluster.nodes)
    return (node for step in range(count) if (node := cluster.nodes[(start + step) % count]).name == wanted or not wanted)


def _addressed(draft: Draft, candidates: list[Node], pools: list[_Pool]) -> Placed | None:
    for node in candidates:
        pool = next(one for one in pools if one.node is node)
        if (address := pool.take()) is not None:
            return Placed(draft, node, format_ipv4(address))
    return None


def _on_host(draft: Draft, candidates: list[Node], ports: defaultdict[str, set[tuple[int, str]]], findings: list[Finding]) -> Placed | None:
    """A hostNetwork pod on the first node whose ports it does not find taken by another, as the scheduler's NodePorts filter has it."""
    wanted = {(port.container_port, port.protocol) for one, _ in running_containers(draft.template.spec) for port in one.ports}
    for node in candidates:
        if not wanted & ports[node.name]:
            ports[node.name] |= wanted
            return Placed(draft, node, node.address)
    clash = min(wanted & ports[candidates[0].name])
    resource = draft.template.resource
    findings.append(finding(HOST_PORT_TAKEN, draft.template.at("spec", "hostNetwork"), resource.key, port=clash[0], pod=draft.id))
    return None


def _homeless(drafts: Sequence[Draft], homeless: Counter[int], pools: list[_Pool]) -> Iterator[Finding]:
    capacity = sum(max(pool.span.size, 0) for pool in pools)
    totals = Counter(id(draft.template) for draft in drafts) if homeless.total() else Counter[int]()
    for template in {id(draft.template): draft.template for draft in drafts}.values() if totals else ():
        if missing := homeless[id(template)]:
            resource, wanted = template.resource, totals[id(template)]
            yield finding(POD_RANGE_FULL, resource.origin, resource.key, missing=missing, wanted=wanted, capacity=capacity)
