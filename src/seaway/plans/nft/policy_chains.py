"""The chains that verdicts end in: what a destination takes from whom, on which ports.

    at_DIGEST       one a kind of destination: the mark holds the source's identity, and a map says what becomes of it
    ports_DIGEST    one a way of treating ports
    names_DIGEST    one a set of names: what a DNS answer gave for them passes
    denied          counts, logs at a bounded rate, drops; which policy it was follows from the packet and the mark that are logged
    audited         the same, but the packet passes: only policies that audit would stop it
    accepted        counts and logs at a bounded rate what may pass, where that is asked for

Names are made of what the chains hold. So a chain never changes: another one takes its place beside it, and what is not concerned stays
where it is. Ports are read from conntrack's entry, where they are the pod's own in both directions of a connection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from seaway.model.names import names_set
from seaway.model.policies.language import WITH_PORTS, Names, Transport
from seaway.model.policies.verdicts import Sources, VerdictTable
from seaway.plans.nft.table import NftChain, NftRule
from seaway.protocols.policy_log import LOG_GROUP, PolicyVerdict

PASS = "let_pass"
"""The chain that remembers a verdict and lets the packet go on."""

_TOLD = 0xFFFFFFFF
"""Mark of a packet that has been logged: no identity has this number."""

_SNAP_BYTES = 96  # IP and TCP headers with their options
_LOGGED = "limit rate 200/second burst 400 packets"  # what is beyond is counted, and not told
_IN_A_RULE = 200  # elements, so that a rule fits into a piece of a transaction

_TO = "goto "
PAIR = "ct original ip saddr . ct reply ip saddr"
"""Who opened a connection, and who answers."""

Span = tuple[int, int, str]
"""First and last port, and the chain that they lead to."""


@dataclass(frozen=True, slots=True)
class VerdictChains:
    """`entry` is the chain of each identity that not everybody may reach on every port, by number. `sets` are those that `chains` look
    names up in."""

    chains: tuple[NftChain, ...]
    entry: Mapping[int, str]
    sets: tuple[str, ...] = ()


def plan_verdicts(table: VerdictTable, accepts: bool = False) -> VerdictChains:
    """The chains for every destination of a cluster; `PASS` is left to the caller. `accepts`: what passes is told, too."""
    writer = _Writer()
    every = tuple(one.number for one in table.identities)
    known: dict[tuple[object, ...], str] = {}
    entry: dict[int, str] = {}
    for number in every:
        sources = table.into(number)
        key = tuple((one.numbers, one.shape) for one in sources)
        if sources and key not in known:
            known[key] = writer.destination(sources, every)
        if sources and known[key] != PASS:
            entry[number] = known[key]
    told_once = (f"meta mark set {_TOLD}",) if accepts else ()
    ends = (_end(PolicyVerdict.DENIED, "drop"), _end(PolicyVerdict.AUDITED, *told_once, _TO + PASS))
    sets = tuple(sorted(names_set(one.patterns, one.proxied) for one in writer.names))
    return VerdictChains((*(writer.chains[name] for name in sorted(writer.chains)), *ends), entry, sets)


def _end(verdict: PolicyVerdict, *then: str) -> NftChain:
    log = f'log prefix "{verdict.value}" group {LOG_GROUP} snaplen {_SNAP_BYTES}'
    return NftChain(verdict.value, rules=(NftRule(f"counter {_LOGGED} {log}"), *map(NftRule, then)))


ACCEPTED = _end(PolicyVerdict.ACCEPTED)
"""Returns to where it was jumped from."""


def accept_rules(node_pods: str, every_pod: str) -> tuple[NftRule, ...]:
    """What PASS begins with where accepts are told: each new connection once, by the node of its destination; if that is no pod, by the
    node of its source. What policies that audit would stop has been told already."""
    new = f"ct state new meta mark != {_TOLD} ct reply ip saddr"
    return (NftRule(f"{new} {node_pods} jump {ACCEPTED.name}"), NftRule(f"{new} != {every_pod} jump {ACCEPTED.name}"))


class _Writer:
    """Collects chains under names made of their rules, each once."""

    def __init__(self) -> None:
        self.chains: dict[str, NftChain] = {}
        self.names: set[Names] = set()
        self._ports: dict[object, str] = {}

    def destination(self, sources: tuple[Sources, ...], every: tuple[int, ...]) -> str:
        """The chain of a destination to which other things pass from these sources than everything."""
        targets = [(self._target(one), one.numbers) for one in sources]
        named = {number for _, numbers in targets for number in numbers}
        targets.append((PASS, tuple(number for number in every if number not in named)))
        sizes: defaultdict[str, float] = defaultdict(float)
        for target, numbers in targets:
            sizes[target] += len(numbers)
        usual = _largest(sizes)
        elements = sorted((number, target) for target, numbers in targets for number in numbers if target != usual)
        if not elements:
            return usual
        texts = [f"{number} : {_TO}{target}" for number, target in elements]
        return self._chain("at", (*(NftRule(f"meta mark vmap {{ {one} }}") for one in _joined(texts)), NftRule(_TO + usual)))

    def _target(self, source: Sources) -> str:
        """The chain that treats ports as they are to be treated for these sources."""
        if source.shape not in self._ports:
            self._ports[source.shape] = self._of_ports(source)
        return self._ports[source.shape]

    def _of_ports(self, source: Sources) -> str:
        of: defaultdict[Transport, list[Span]] = defaultdict(list)
        for transport, first, last, allowed, audited, names in source.named_ports:
            target = PolicyVerdict.DENIED.value if not allowed else PolicyVerdict.AUDITED.value if audited else PASS
            _append(of[transport], first, last, self._by_names(names, target) if names else target)
        sizes: defaultdict[str, float] = defaultdict(float)
        for spans in of.values():
            for first, last, target in spans:
                sizes[target] += (last - first + 1) / (spans[-1][1] + 1)
        usual = _largest(sizes)
        rules = [rule for transport in of for rule in _transport_rules(transport, of[transport], usual)]
        return self._chain("ports", (*rules, NftRule(_TO + usual))) if rules else usual

    def _by_names(self, names: tuple[Names, ...], otherwise: str) -> str:
        """The chain that lets pass what a DNS answer to the source gave for one of the names."""
        sets = sorted(names_set(one.patterns, one.proxied) for one in names)
        self.names.update(names)
        return self._chain("names", (*(NftRule(f"{PAIR} @{one} {_TO}{PASS}") for one in sets), NftRule(_TO + otherwise)))

    def _chain(self, kind: str, rules: tuple[NftRule, ...]) -> str:
        name = f"{kind}_{_digest(chr(10).join(one.text for one in rules))}"
        self.chains.setdefault(name, NftChain(name, rules=rules))
        return name


def _transport_rules(transport: Transport, spans: Sequence[Span], otherwise: str) -> list[NftRule]:
    """Rules for the ports of one protocol that do not all go where everything else goes."""
    sizes: defaultdict[str, float] = defaultdict(float)
    for first, last, target in spans:
        sizes[target] += last - first + 1
    usual = _largest(sizes)
    protocol = transport.value.lower()
    if transport is Transport.OTHER:
        condition = f"meta l4proto != {{ {', '.join(one.value.lower() for one in (*WITH_PORTS, Transport.ICMP))} }}"
    else:
        condition = f"meta l4proto {protocol}"
    key = f"{condition} icmp type" if transport is Transport.ICMP else f"{condition} ct reply proto-src"
    texts = [f"{_range(first, last)} : {_TO}{target}" for first, last, target in spans if target != usual]
    rules = [NftRule(f"{key} vmap {{ {one} }}") for one in _joined(texts)]
    return [*rules, NftRule(f"{condition} {_TO}{usual}")] if usual != otherwise else rules


def _append(spans: list[Span], first: int, last: int, target: str) -> None:
    """One span more, or a longer last one."""
    if spans and spans[-1][2] == target and spans[-1][1] + 1 == first:
        spans[-1] = (spans[-1][0], last, target)
    else:
        spans.append((first, last, target))


def _largest(sizes: Mapping[str, float]) -> str:
    return min(sizes, key=lambda one: (-sizes[one], one))


def _joined(texts: Sequence[str]) -> list[str]:
    return [", ".join(texts[start : start + _IN_A_RULE]) for start in range(0, len(texts), _IN_A_RULE)]


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()
