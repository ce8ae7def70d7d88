"""Which of a member's connections pass its proxy, as the table `inet seaway_mesh` inside the pod's own namespace.

    output      nat, -100    what the proxy itself sends passes, by its marks; what the pod sends to itself passes; the rest is redirected
                             to the outbound listener, as far as the pod's annotations say
    prerouting  nat, -100    what comes from elsewhere is redirected to the inbound listener, likewise; but for what the proxy has judged
                             itself on its way out (plans/envoy/mesh/shortcut.py), which carries a DSCP value
    wash        filter, -150 takes that value off everything else; node tables do so for pods that have no such table

No rule names the pod's address, so that pods with the same annotations have the same table. Order and precedence are those of Istio's
(tools/istio-iptables in istio/istio): exclusions first, then ports that are always taken, then ranges. Only TCP is touched.

A proxy that calls its own pod (a Service of which the pod is a backend) goes over loopback, which prerouting passes over: output hands
that connection to the inbound listener.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from seaway.model.index import Model
from seaway.model.mesh import Capture
from seaway.model.names import INBOUND_MARK, INBOUND_PORT, OUTBOUND_MARK, OUTBOUND_PORT, SHORT_DSCP, pod_netns
from seaway.model.workload import GatewayProxy, Pod, PodName
from seaway.plans.nft.table import NftChain, NftRule, NftTable

CAPTURE_TABLE = "seaway_mesh"

_ONLY_NEW = (
    NftRule("meta l4proto != tcp return"),
    NftRule("tcp flags & (fin | syn | rst | ack) != syn return", "a connection that was open before the pod was captured"),
)

_VERSION = "version_"
_TCP = "meta l4proto tcp"
_OWN = "fib daddr type local"


def plan_captures(model: Model, captured: frozenset[PodName], released: frozenset[PodName]) -> tuple[tuple[str, NftTable | None], ...]:
    """The table of each pod's namespace, by its file's name; None where nothing is captured: of outsiders, and of gateways, whose
    only process is the proxy. Members that are not in `captured` are not captured yet, or no longer.

    Those that are `released` have connections that were captured once: these live by the table, without a rule that captures more.
    """
    return tuple((pod_netns(pod.id), _table_of(pod, model, captured, released)) for pod in model.pods if not pod.host_network)


def _table_of(pod: Pod, model: Model, captured: frozenset[PodName], released: frozenset[PodName]) -> NftTable | None:
    if isinstance(pod.runs, GatewayProxy):
        return None
    if pod.id in captured and pod.id in model.member:
        return capture_table(model.member[pod.id].capture)
    return NOTHING_MORE if pod.id in released else None


@lru_cache(maxsize=256)
def capture_table(capture: Capture) -> NftTable:
    """The table that captures this much."""
    incoming = _incoming(capture)
    output = (
        *_ONLY_NEW,
        NftRule(f"meta mark {INBOUND_MARK:#x} return", "from the proxy to its pod"),
        NftRule(f"meta mark {OUTBOUND_MARK:#x} ip dscp {SHORT_DSCP} {_OWN} return", "to the pod itself, by the shorter way"),
        *(NftRule(f"meta mark {OUTBOUND_MARK:#x} {_OWN} {ports} redirect to :{INBOUND_PORT}", "to the pod itself") for ports in incoming),
        NftRule(f"meta mark {OUTBOUND_MARK:#x} return", "from the proxy to elsewhere"),
        NftRule(f"{_OWN} return", "the pod to itself, by address"),
        *_outgoing(capture),
    )
    prerouting = (
        *_ONLY_NEW,
        NftRule('iifname "lo" return'),
        NftRule(f"ip dscp {SHORT_DSCP} return", "from the proxy of this node, by the shorter way"),
        *(NftRule(f"{ports} redirect to :{INBOUND_PORT}") for ports in incoming),
    )
    return _table(output, prerouting)


def _table(output: tuple[NftRule, ...], prerouting: tuple[NftRule, ...]) -> NftTable:
    chains = (
        NftChain("wash", "type filter hook output priority -150", (wash(f"meta mark != {OUTBOUND_MARK:#x}"),)),
        NftChain("output", "type nat hook output priority -100", output),
        NftChain("prerouting", "type nat hook prerouting priority -100", prerouting),
    )
    return NftTable(CAPTURE_TABLE, chains=(*chains, NftChain(f"{_VERSION}{_digest(chains)}")))


def wash(whose: str) -> NftRule:
    """Takes the value that leads past a pod's proxy off packets that nobody may send so."""
    return NftRule(f"{whose} ip dscp {SHORT_DSCP} ip dscp set cs0", "nobody else takes the shorter way")


def version_chain(table: NftTable) -> str:
    """Name of the empty chain that tells this table from one with other rules: what is found in a namespace is compared by it alone."""
    return next(one.name for one in table.chains if one.name.startswith(_VERSION))


def _digest(chains: tuple[NftChain, ...]) -> str:
    text = "\n".join(rule.text for chain in chains for rule in (NftRule(chain.name), *chain.rules))
    return blake2b(text.encode(), digest_size=8).hexdigest()


_TRACKING = NftRule("ct state established return", "keeps the kernel tracking connections")
"""Matches nothing here, where only first packets come by. The kernel tracks a namespace's connections while some rule asks for it, as those
that redirect do; when the last such rule goes, what it has translated is no longer.
"""

NOTHING_MORE = _table((_TRACKING,), ())
"""Captures nothing; connections that were captured before are still translated."""


def _incoming(capture: Capture) -> tuple[str, ...]:
    """The condition on connections that are taken on their way in; none where no port is taken."""
    if capture.inbound is None:
        excluded = capture.inbound_excluded
        return (f"tcp dport != {{ {_joined(excluded)} }}",) if excluded else (_TCP,)
    ports = tuple(port for port in capture.inbound if port not in capture.inbound_excluded)
    return (f"tcp dport {{ {_joined(ports)} }}",) if ports else ()


def _outgoing(capture: Capture) -> tuple[NftRule, ...]:
    take = f"redirect to :{OUTBOUND_PORT}"
    rules: list[NftRule] = []
    if capture.outbound_excluded:
        rules.append(NftRule(f"tcp dport {{ {_joined(capture.outbound_excluded)} }} return", "excludeOutboundPorts"))
    if capture.ranges_excluded:
        rules.append(NftRule(f"ip daddr {{ {', '.join(capture.ranges_excluded)} }} return", "excludeOutboundIPRanges"))
    if capture.outbound:
        rules.append(NftRule(f"tcp dport {{ {_joined(capture.outbound)} }} {take}", "includeOutboundPorts"))
    if capture.ranges is None:
        rules.append(NftRule(f"{_TCP} {take}"))
    elif capture.ranges:
        rules.append(NftRule(f"ip daddr {{ {', '.join(capture.ranges)} }} {_TCP} {take}", "includeOutboundIPRanges"))
    return tuple(rules)


def _joined(ports: tuple[int, ...]) -> str:
    return ", ".join(str(port) for port in ports)
