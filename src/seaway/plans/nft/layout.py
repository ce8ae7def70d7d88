"""The table's fixed parts: which maps and chains there are, and what packets meet in which order.

A frontend is what a client dials: `address . protocol . port`, of a ClusterIP, a load balancer, an external address or a node port. All
Services share these maps, so that a Service is some elements and never a chain of its own: loading and changing costs elements only.

    wash        filter, -150 takes the value that leads past a member's proxy off packets that are from no member of this node (capture.py)
    prerouting  nat, -100    guard; callers from elsewhere: @external; then @services; then refuse
    output      nat, -100    guard; @services; then refuse                              (processes of the node itself)
    forward     filter, 0    drops what conntrack calls invalid, then what network policies deny (policy.py): addresses and ports are the
                             pods' own on both sides, since destinations are translated already and sources are not yet
    postrouting nat, 100     the source becomes the node's address where the reply would not find its way back otherwise

    @services   frontend : verdict    goto pick_N or sticky_N_T (N endpoints, T seconds), drop (none on this node), refuse (none at all)
    @external   frontend : verdict    the same for callers from outside this node where externalTrafficPolicy is Local
    @endpoints  frontend . number : endpoint     pick_N takes a random number below N, through the packet's mark
    @sticky, @sticky_ids, @affinity              ClientIP affinity: see `_sticky_rules`

Only the first packet of a flow meets the nat chains: conntrack knows the rest of it, so open flows pay nothing and survive changes. Chains
exist once for each number of endpoints. What the chains leave in the mark of a first packet means nothing after them.

Reference for the order and for what is dropped, refused and masqueraded: kube-proxy's nftables mode
(https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-nftables). As there, node ports answer on the node's own address.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.plans.nft.capture import wash
from seaway.plans.nft.table import Element, NftChain, NftMap, NftRule

FRONTEND = "ip daddr . meta l4proto . th dport"
"""The key of a frontend, as a packet shows it before translation."""

DROP = "drop"
REFUSE = "goto refuse"

_CLIENT = f"ip saddr . {FRONTEND}"
_ORIGINAL = "ct original ip daddr . meta l4proto . ct original proto-dst"  # the frontend, once the packet is translated
_LEARNED = 262_144  # clients times sticky frontends that are remembered; beyond it, affinity is not kept


@dataclass(frozen=True, slots=True)
class Elements:
    """What the plan fills the maps with, each in the order of its keys."""

    services: tuple[Element, ...] = ()
    external: tuple[Element, ...] = ()
    endpoints: tuple[Element, ...] = ()
    local_endpoints: tuple[Element, ...] = ()
    sticky: tuple[Element, ...] = ()
    sticky_ids: tuple[Element, ...] = ()
    local_sticky: tuple[Element, ...] = ()
    local_sticky_ids: tuple[Element, ...] = ()
    masqueraded: tuple[Element, ...] = ()
    hairpin: tuple[Element, ...] = ()
    balancers: tuple[Element, ...] = ()
    members: tuple[Element, ...] = ()
    guarded: tuple[Element, ...] = ()
    source_ranges: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranges:
    """CIDRs and an address that plain rules compare with: pods of this node, all ClusterIPs, the node itself."""

    pods: str
    services: str
    node: str


def service_maps(of: Elements) -> tuple[NftMap, ...]:
    """The maps in the order in which additions are safe: those that packets are sent on to come first."""
    frontend, endpoint = "ipv4_addr . inet_proto . inet_service", "ipv4_addr . inet_service"
    return (
        NftMap("affinity", f"ipv4_addr . {frontend}", "mark", flags=("dynamic", "timeout"), size=_LEARNED),
        NftMap("endpoints", f"{frontend} . mark", endpoint, elements=of.endpoints),
        NftMap("local_endpoints", f"{frontend} . mark", endpoint, elements=of.local_endpoints),
        NftMap("sticky", f"{frontend} . mark", endpoint, elements=of.sticky),
        NftMap("sticky_ids", f"{frontend} . mark", "mark", elements=of.sticky_ids),
        NftMap("local_sticky", f"{frontend} . mark", endpoint, elements=of.local_sticky),
        NftMap("local_sticky_ids", f"{frontend} . mark", "mark", elements=of.local_sticky_ids),
        NftMap("hairpin", "ipv4_addr . ipv4_addr", elements=of.hairpin),
        NftMap("masqueraded", frontend, elements=of.masqueraded),
        NftMap("source_ranges", f"{frontend} . ipv4_addr", flags=("interval",), elements=of.source_ranges),
        NftMap("guarded", frontend, elements=of.guarded),
        NftMap("balancers", "ipv4_addr", elements=of.balancers),
        NftMap("members", "ipv4_addr", elements=of.members),
        NftMap("external", frontend, "verdict", elements=of.external),
        NftMap("services", frontend, "verdict", elements=of.services),
    )


def service_chains(ranges: Ranges, choices: tuple[NftChain, ...], forward: tuple[NftRule, ...] = ()) -> tuple[NftChain, ...]:
    """All chains; `choices` are those that @services and @external send packets to, `forward` what judges what passes the node."""
    enter = NftRule(f"{FRONTEND} vmap @services")
    unknown = (
        NftRule(f"ip daddr {ranges.services} {REFUSE}", "a ClusterIP that has no such service port"),
        NftRule(f"ip daddr @balancers {REFUSE}", "a load balancer address without such a port"),
    )
    guard = NftRule(f"{FRONTEND} @guarded {FRONTEND} . ip saddr != @source_ranges drop", "loadBalancerSourceRanges")
    elsewhere = NftRule(f"ip saddr != {ranges.pods} {FRONTEND} vmap @external", "externalTrafficPolicy: Local")
    return (
        NftChain("wash", "type filter hook prerouting priority -150", (wash('iifname "uplink"'), wash("ip saddr != @members"))),
        NftChain("wash_own", "type filter hook output priority -150", (wash("meta l4proto tcp"),)),
        NftChain("prerouting", "type nat hook prerouting priority -100", (guard, elsewhere, enter, *unknown)),
        NftChain("output", "type nat hook output priority -100", (guard, enter, *unknown)),
        NftChain("forward", "type filter hook forward priority 0", (NftRule("ct state invalid drop"), *forward)),
        NftChain("postrouting", "type nat hook postrouting priority 100", (NftRule("ct status dnat goto translated"),)),
        NftChain("translated", rules=_translated_rules(ranges)),
        NftChain("own_address", rules=(NftRule(f"snat ip to {ranges.node} fully-random"),)),
        NftChain("refuse", rules=(NftRule("meta l4proto tcp reject with tcp reset"), NftRule("reject with icmpx port-unreachable"))),
        *choices,
    )


def _translated_rules(ranges: Ranges) -> tuple[NftRule, ...]:
    return (
        NftRule("ip saddr . ip daddr @hairpin goto own_address", "a pod that reaches itself through its Service"),
        NftRule(f"meta l4proto {{ tcp, udp, sctp }} {_ORIGINAL} @masqueraded goto own_address", "externalTrafficPolicy: Cluster"),
        NftRule(f"ct original ip daddr {ranges.services} ip saddr != {ranges.pods} goto own_address", "a ClusterIP from outside"),
    )


def choice_chain(name: str) -> NftChain:
    """The chain that a verdict names: `pick_3`, `local_pick_3`, `sticky_3_10800`, `local_sticky_3_10800`."""
    words = name.split("_")
    local = "local_" if words[0] == "local" else ""
    kind, count, *timeout = words[1:] if local else words
    rules = _sticky_rules(local, int(count), int(timeout[0])) if kind == "sticky" else _pick_rules(local, int(count))
    return NftChain(name, rules=rules)


def choice_name(count: int, local: bool, affinity_s: int) -> str:
    """The name of the chain that chooses among `count` endpoints; `affinity_s` 0 is no affinity."""
    kind = f"sticky_{count}_{affinity_s}" if affinity_s else f"pick_{count}"
    return f"local_{kind}" if local else kind


def _pick_rules(local: str, count: int) -> tuple[NftRule, ...]:
    """The second rule is for packets that meet a change half-way: they took the chain of N endpoints, and find one less.

    The number goes through the mark: nft 1.0 reads a `numgen` within a map's key back as a match on TCP.
    """
    forward = f"dnat ip to {FRONTEND} . meta mark map @{local}endpoints"
    numbers = [f"numgen random mod {count}", "0"] if count > 1 else ["0"]
    return tuple(NftRule(f"meta mark set {one} {forward}") for one in numbers)


def _sticky_rules(local: str, count: int, timeout_s: int) -> tuple[NftRule, ...]:
    """@affinity remembers a client's endpoint by its id, and @sticky holds only endpoints of now: an id that is gone chooses anew.

    A rule whose look-up misses ends there, so each of these acts only where its map has an answer. Ids are addresses, thus never small:
    a mark below N is a number for which there was none.
    """
    remember = f"update @affinity {{ {_CLIENT} timeout {timeout_s}s : meta mark }}"
    choose = f"meta mark set {FRONTEND} . meta mark map @{local}sticky_ids"
    forward = NftRule(f"dnat ip to {FRONTEND} . meta mark map @{local}sticky")
    return (
        NftRule(f"meta mark set {_CLIENT} map @affinity {remember}", "seen before: again for the whole time"),
        forward,
        NftRule(f"meta mark set numgen random mod {count} {choose}"),
        NftRule(f"meta mark < {count} meta mark set 0 {choose}"),
        NftRule(f"delete @affinity {{ {_CLIENT} : meta mark }}"),
        NftRule(remember),
        forward,
    )
