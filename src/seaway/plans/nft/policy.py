"""Network policies as a part of a node's table: who is who by address, and which of a node's packets are judged.

    forward   a connection is judged by its first packet; what was judged under the rules of now passes by the mark of its entry, replies
              like the rest. Everything else is judged by conntrack's entry: from its original source, to where its replies come from
    from_S, from_blocks_S    address : identity, of pods, and of nodes and the world outside
    to_S, to_blocks_S        address : chain that judges what comes there (policy_chains.py); of blocks those where not everything may come
    named_N                  who asked . address: what DNS answers gave for the names N, for as long as they said (the agent's DNS fills it)

The mark is a hash of the policies' whole part of the table. So any change has each open connection judged once more, in whichever
direction its next packet goes: one that is forbidden now stops there and then, and one that is still allowed goes on. Nothing has to be
deleted from conntrack, and an address that another pod gets inherits nothing.

S is a hash of all identities. Under another set of identities maps are made beside the old ones, and the forward chain goes over to them at
once, also where a change has to be cut in pieces; pods that come and go are elements.

Judged is what leaves a pod of this node, or comes to one: what only passes through is its own nodes' matter. What the node itself sends or
takes does not cross the forward hook, and a pod that reaches itself through a Service is let pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from seaway.core.memo import Memo
from seaway.model.index import Model
from seaway.model.policies.verdicts import VerdictTable, build_verdicts
from seaway.model.workload import Pod
from seaway.plans.nft.policy_chains import ACCEPTED, PAIR, PASS, accept_rules, plan_verdicts
from seaway.plans.nft.table import Element, NftChain, NftMap, NftRule

_LEARNED = 65536
"""Pairs that a set of names holds at most."""
_SOURCE = "ct original ip saddr"
_DESTINATION = "ct reply ip saddr"


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """What network policies add to the tables of all nodes alike. `generation` marks what was judged by it; `chains` lack the one that sets
    the mark. Without policies all of it is empty, and nothing is judged. `accepts` is all pods' range where what passes is told."""

    generation: int = 0
    maps: tuple[NftMap, ...] = ()
    verdicts: tuple[NftChain, ...] = ()
    accepts: str = ""

    def chains(self, pod_cidr: str) -> tuple[NftChain, ...]:
        """Those that the forward chain of a node with these pod addresses leads to. The last one changes with the forward chain, and where
        a change is cut in pieces after it: nothing that the former rules let pass has the new mark."""
        if not self.generation:
            return ()
        told = accept_rules(pod_cidr, self.accepts) if self.accepts else ()
        pass_chain = NftChain(PASS, rules=(*told, NftRule(f"ct mark set {self.generation:#x} accept")))
        return (*self.verdicts, *((ACCEPTED,) if told else ()), pass_chain)

    def forward(self, pod_cidr: str) -> tuple[NftRule, ...]:
        """What the forward chain of a node with these pod addresses does after it has dropped what is invalid."""
        if not self.generation:
            return ()
        names = [one.name for one in self.maps]
        return (
            NftRule(f"ct mark {self.generation:#x} accept", "judged by the rules of now"),
            NftRule("ct state related accept"),
            NftRule("ct direction reply meta l4proto icmp accept"),
            NftRule(f"{_SOURCE} != {pod_cidr} {_DESTINATION} != {pod_cidr} goto {PASS}", "passes through"),
            NftRule(f"{PAIR} @hairpin goto {PASS}", "a pod that reaches itself through its Service"),
            NftRule("meta mark set 0"),
            *(NftRule(f"meta mark set {_SOURCE} map @{one}") for one in names if one.startswith("from_")),
            *(NftRule(f"{_DESTINATION} vmap @{one}") for one in names if one.startswith("to_")),
            NftRule(f"goto {PASS}"),
        )


NO_POLICIES = PolicyPlan()
_ALL_PASSES = 1
"""The generation where there are no policies, and all that passes is to be told."""


def plan_policies(model: Model, memo: Memo | None = None) -> PolicyPlan:
    """`model` has all pods that are there, those too that are on their way out."""
    accepts = model.cluster.pod_cidr if model.cluster.tell_accepts else ""
    if not model.policies:
        return PolicyPlan(_ALL_PASSES, accepts=accepts) if accepts else NO_POLICIES
    memo = memo or Memo()
    known = model.worked_out
    if known is None or known.policies is not model.policies or known.ground != model.ground:  # pods are on their way out
        known = build_verdicts(model.policies, model.ground, memo.part("verdicts"))
    plan = memo("plan", _plan, known, model.pods, accepts)
    memo.turn()
    return plan


def _plan(table: VerdictTable, pods: tuple[Pod, ...], accepts: str) -> PolicyPlan:
    verdicts = plan_verdicts(table, bool(accepts))
    structure = _digest(f"{sorted(one.number for one in table.identities)} {table.blocks}")
    known = [(pod, table.identity_of_pod[pod.id]) for pod in sorted(pods, key=lambda one: one.ip) if not pod.host_network]
    sources = tuple(Element(pod.ip, str(number), str(pod.id)) for pod, number in known)
    ends = tuple(Element(pod.ip, f"goto {verdicts.entry.get(number, PASS)}") for pod, number in known)
    outside = tuple(Element(cidr, str(number)) for cidr, number in table.blocks)
    outside_ends = tuple(Element(cidr, f"goto {verdicts.entry[number]}") for cidr, number in table.blocks if number in verdicts.entry)
    maps = (
        NftMap(f"from_blocks_{structure}", "ipv4_addr", "mark", ("interval",), elements=outside, versioned=True),
        NftMap(f"from_{structure}", "ipv4_addr", "mark", elements=sources, versioned=True),
        NftMap(f"to_{structure}", "ipv4_addr", "verdict", elements=ends, versioned=True),
        NftMap(f"to_blocks_{structure}", "ipv4_addr", "verdict", ("interval",), elements=outside_ends, versioned=True),
        *(NftMap(one, "ipv4_addr . ipv4_addr", flags=("dynamic", "timeout"), size=_LEARNED, versioned=True) for one in verdicts.sets),
    )
    whole = repr([structure, *((one.key, one.value) for each in maps for one in each.elements)])
    return PolicyPlan(int(_digest(whole)[:8], 16) or 1, maps, verdicts.chains, accepts)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=5).hexdigest()
