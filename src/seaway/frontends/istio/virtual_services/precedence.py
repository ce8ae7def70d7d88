"""Which VirtualServices rule a host: in the mesh one alone, at a gateway all of them together.

In the mesh a host goes to the VirtualService that names it exactly, else to that with the most specific wildcard; of several with one
name the oldest has it, as far as it holds rules for the caller at all.
Sources: pilot/pkg/networking/core/route/route.go (separateVSHostsAndServices), computeWildcardHostVirtualServiceIndex in sidecar.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.exports import EVERYBODY
from seaway.frontends.istio.host_names import covers, is_wildcard, specificity
from seaway.frontends.istio.virtual_services.rules import EVERY_SOURCE, ConnectionRule, HttpRule, VirtualRules


def claimants(host: str, seen: Iterable[VirtualRules]) -> Iterator[VirtualRules]:
    """Those that may rule this host of the registry, in the order in which they are asked. `seen` are the mesh's, oldest first.

    The first that has rules for the caller rules alone. Behind an exact name no wildcard is asked.
    """
    every = tuple(seen)
    exact = [one for one in every if host in one.hosts]
    if exact:
        yield from exact
        return
    wildcards = {name for one in every for name in one.hosts if is_wildcard(name) and covers(name, host)}
    if wildcards:
        closest = min(wildcards, key=specificity)
        yield next(one for one in every if closest in one.hosts)


def check_claims(rules: Iterable[VirtualRules]) -> Iterator[Finding]:
    """A finding for each host of the mesh that an older VirtualService has, where some caller sees both and the older rules them all."""
    holders: dict[str, list[VirtualRules]] = {}
    for one in sorted(rules, key=lambda one: one.age):
        if not one.in_mesh:
            continue
        for index, host in enumerate(one.hosts):
            holder = next((other for other in holders.get(host, ()) if _both_seen(one, other) and _takes(other, one)), None)
            if holder is not None:
                words = {"host": plain(host), "winner": str(holder.key), "where": holder.place.of("hosts").origin}
                yield one.place.of("hosts", index).find(codes.HOST_TAKEN, **words)
            holders.setdefault(host, []).append(one)


def _both_seen(one: VirtualRules, other: VirtualRules) -> bool:
    return EVERYBODY in one.exports or EVERYBODY in other.exports or bool(one.exports & other.exports)


def _takes(older: VirtualRules, one: VirtualRules) -> bool:
    """Whether rules of one sort are in both, and the older's leave no caller to the other. Rules by server name are used side by side."""
    return bool(one.http and _rule_everybody(older.http)) or bool(one.tcp and _rule_everybody(older.tcp))


def _rule_everybody(rules: Sequence[HttpRule | ConnectionRule]) -> bool:
    """Whether each caller gets some route of them: rules for a few callers leave the host to the next VirtualService for all others."""
    return any(not rule.matches or any(one.sources == EVERY_SOURCE and not one.port for one in rule.matches) for rule in rules)
