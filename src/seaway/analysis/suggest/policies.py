"""NetworkPolicies that let needs pass and nothing else: in each namespace a default deny, DNS, and one policy a workload.

Leaves to others: which needs there are, how policies are written down (`manifest.py`), and what they change (`proof.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from seaway.analysis.suggest.needs import End, Need, Outside, Why, Workload, workload_of
from seaway.analysis.suggest.selectors import Chosen
from seaway.model.index import Model
from seaway.model.workload import DnsServer

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
DNS_PORTS = (("UDP", 53), ("TCP", 53))
DEFAULT_DENY, ALLOW_DNS = "default-deny", "allow-dns"
_METADATA_SERVER = "169.254.169.254/32"
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, order=True)
class PodsPeer:
    """Pods with these labels, of the policy's own namespace where `namespace` is ""."""

    namespace: str
    labels: Labels


@dataclass(frozen=True, slots=True, order=True)
class BlockPeer:
    cidr: str
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class EveryPod:
    """Pods of all namespaces."""


Peer = PodsPeer | BlockPeer | EveryPod


@dataclass(frozen=True, slots=True)
class AllowRule:
    """`peer` is called `name` in the comment; `ports` are (protocol, port)."""

    peer: Peer
    name: str
    ports: tuple[tuple[str, int], ...]
    why: tuple[Why, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One policy. A section that is None is not its matter; one without rules lets nothing pass."""

    namespace: str
    name: str
    labels: Labels
    about: str
    ingress: tuple[AllowRule, ...] | None
    egress: tuple[AllowRule, ...] | None


@dataclass(frozen=True, slots=True)
class _Plan:
    model: Model
    chosen: Mapping[Workload, Chosen]
    taken: frozenset[tuple[str, str]]

    def name(self, namespace: str, wanted: str) -> str:
        """The name, or another one where a policy has it that is there already: it must not be replaced unseen."""
        return f"{wanted}-suggested" if (namespace, wanted) in self.taken else wanted

    def rules(self, needs: Iterable[Need], namespace: str, incoming: bool) -> tuple[AllowRule, ...]:
        """One for each peer."""
        of_peer: dict[End, list[Need]] = {}
        for need in needs:
            of_peer.setdefault(need.source if incoming else need.destination, []).append(need)
        rules = [
            AllowRule(
                self._peer(end, namespace),
                str(end),
                tuple(dict.fromkeys((one.protocol, one.port) for one in some)),
                tuple(dict.fromkeys(why for one in some for why in one.why)),
                sum(one.more for one in some),
            )
            for end, some in of_peer.items()
        ]
        return tuple(rules)

    def _peer(self, end: End, namespace: str) -> Peer:
        if isinstance(end, Workload):
            return PodsPeer("" if end.namespace == namespace else end.namespace, self.chosen[end].labels)
        return BlockPeer(end.cidr) if end.cidr else self.outside

    @property
    def outside(self) -> BlockPeer:
        cluster = self.model.cluster
        return BlockPeer("0.0.0.0/0", (cluster.pod_cidr, cluster.service_cidr, _METADATA_SERVER))

    @property
    def dns(self) -> tuple[Workload, ...]:
        """Workloads that are the cluster's DNS server."""
        return tuple(sorted({workload_of(pod) for pod in self.model.pods if isinstance(pod.runs, DnsServer) and not pod.host_network}))


def plan_suggestions(
    model: Model, needs: Iterable[Need], chosen: Mapping[Workload, Chosen], namespaces: Collection[str]
) -> tuple[Suggestion, ...]:
    """Policies of these namespaces, in order. What of a need is another namespace's side is left to that one."""
    taken = frozenset((policy.key.namespace, policy.key.name) for policy in model.policies)
    plan = _Plan(model, chosen, taken)
    sides: defaultdict[Workload, tuple[list[Need], list[Need]]] = defaultdict(lambda: ([], []))
    for need in needs:
        if need.destination in plan.dns and (need.protocol, need.port) in DNS_PORTS:
            continue  # everybody may
        for end, side in ((need.destination, 0), (need.source, 1)):
            if isinstance(end, Workload) and end in chosen:
                sides[end][side].append(need)
    return tuple(
        one
        for namespace in sorted(namespaces)
        for one in (
            *_defaults(plan, namespace),
            *(_of_dns(plan, end) for end in plan.dns if end.namespace == namespace),
            *(_of_workload(plan, end, sides[end], sides) for end in sorted(sides) if end.namespace == namespace),
        )
    )


def _defaults(plan: _Plan, namespace: str) -> tuple[Suggestion, Suggestion]:
    dns = tuple(AllowRule(peer, str(peer.namespace), DNS_PORTS, ()) for peer in _dns_peers(plan, namespace))
    deny = plan.name(namespace, DEFAULT_DENY)
    return (
        Suggestion(namespace, deny, (), f"Nobody in {namespace} may call or be called, but as policies below let them.", (), ()),
        Suggestion(namespace, plan.name(namespace, ALLOW_DNS), (), "Names can be looked up; long answers come over TCP.", None, dns),
    )


def _dns_peers(plan: _Plan, namespace: str) -> tuple[PodsPeer, ...]:
    found = {(one.namespace, plan.chosen[one].labels) for one in plan.dns} or {("kube-system", (("k8s-app", "kube-dns"),))}
    return tuple(PodsPeer("" if where == namespace else where, labels) for where, labels in sorted(found))


def _of_dns(plan: _Plan, end: Workload) -> Suggestion:
    every = (AllowRule(EveryPod(), "all pods", DNS_PORTS, ()), AllowRule(plan.outside, "outside", DNS_PORTS, ()))
    name = plan.name(end.namespace, f"{ALLOW_DNS}-server")
    about = "Everybody may look up names, and the server may ask others."
    return Suggestion(end.namespace, name, plan.chosen[end].labels, about, every, every[1:])


def _of_workload(plan: _Plan, end: Workload, needs: tuple[list[Need], list[Need]], all_ends: Collection[Workload]) -> Suggestion:
    alike = [one for one in all_ends if (one.namespace, one.name) == (end.namespace, end.name)]
    name = f"allow-{end.name}" + (f"-{end.kind.lower()}" if len(alike) > 1 else "")
    incoming, outgoing = needs
    return Suggestion(
        end.namespace,
        plan.name(end.namespace, name),
        plan.chosen[end].labels,
        f"What {end.kind} {end.name} is called by, and calls.",
        plan.rules(incoming, end.namespace, incoming=True) if incoming else None,
        plan.rules(outgoing, end.namespace, incoming=False) if outgoing else None,
    )


def hosts_outside(needs: Iterable[Need]) -> tuple[str, ...]:
    """Names that no NetworkPolicy can hold to their addresses."""
    return tuple(sorted({end.name for need in needs for end in (need.destination,) if isinstance(end, Outside) and end.name}))
