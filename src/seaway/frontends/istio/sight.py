"""For whom a host looks different: so that what most clients see alike is built once, however many namespaces there are.

An over-estimate is fine here and costs time; who is left out would see what is not theirs. So whatever an object could change for some
clients counts, whether it does or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.concerns import Concern
from seaway.frontends.istio.host_names import is_wildcard, overlap
from seaway.frontends.istio.registry import EVERYWHERE, Host

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sight:
    """Names of hosts that are not what they are for everybody: by the client's namespace, for clients with labels, and with a Sidecar.

    `loose`: some object speaks of hosts that nothing declares; `companions` are hosts that the same object speaks of.
    """

    by_namespace: Mapping[str, frozenset[str]]
    by_labels: frozenset[str]
    by_sidecar: frozenset[str]
    loose: bool = False
    companions: frozenset[str] = frozenset()

    def special(self, client: Client) -> frozenset[str]:
        """Those that may look different to this client than to one of no namespace, without labels and Sidecar."""
        found = self.by_namespace.get(client.namespace, NOTHING)
        found |= self.by_labels if client.labels else NOTHING
        return found | self.by_sidecar if client.egress else found


def look(hosts: Mapping[str, tuple[Host, ...]], concerns: Iterable[Concern]) -> Sight:
    """What sets clients apart, by all of these hosts and objects."""
    by_namespace: defaultdict[str, set[str]] = defaultdict(set)
    by_labels: set[str] = set()
    by_sidecar: set[str] = set()
    leading: defaultdict[str, set[str]] = defaultdict(set)
    for name, candidates in hosts.items():
        for host in candidates if len(candidates) > 1 or any(one.export_to != EVERYWHERE for one in candidates) else ():
            for namespace in (host.namespace, *host.export_to):
                by_namespace[namespace].add(name)
    index = _Index(hosts)
    companions: list[set[str]] = []
    for concern in concerns:
        about = index.overlapping(concern.hosts)
        if concern.imported and any(is_wildcard(one) or one not in hosts for one in concern.hosts):
            companions.append(about)
        for namespace in concern.namespaces:
            by_namespace[namespace] |= about
        by_labels |= about if concern.labels else NOTHING
        by_sidecar |= about if concern.imported else NOTHING
        for name in concern.to:
            leading[name] |= about
    for names in (*by_namespace.values(), by_labels):
        names |= {host for name in names & leading.keys() for host in leading[name]}
    return Sight(
        by_namespace={one: frozenset(names) for one, names in by_namespace.items()},
        by_labels=frozenset(by_labels),
        by_sidecar=frozenset(by_sidecar),
        loose=bool(companions),
        companions=frozenset().union(*companions),
    )


class _Index:
    """Names of hosts by what overlaps them. Most patterns are exact names, and most names are no wildcards."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._wildcards = tuple(one for one in self._names if is_wildcard(one))

    def overlapping(self, patterns: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for pattern in patterns:
            if is_wildcard(pattern):
                found |= {name for name in self._names if overlap(pattern, name)}
            else:
                found |= {pattern} & self._names
                found |= {name for name in self._wildcards if overlap(pattern, name)}
        return found
