"""Which DestinationRule a caller sees for a host: its own namespace's, else the host's namespace's, else the root namespace's.

The first of these with a rule that the caller may see wins alone; in each the most specific host does. Nothing is merged between them.
https://github.com/istio/istio/blob/master/pilot/pkg/model/push_context.go (destinationRule), sidecar.go (DestinationRule)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.merging import Merged, merge
from seaway.frontends.istio.destination_rules.rules import Rule
from seaway.frontends.istio.registry import EVERYWHERE, Host

NOBODY = Client("")
"""A caller that sees only what everybody sees."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Rules by host. `exact` has wildcards too; `wildcards` are those alone, the longest first, each without its star."""

    exact: Mapping[str, tuple[Merged, ...]] = field(default_factory=dict[str, tuple[Merged, ...]])
    wildcards: tuple[tuple[str, tuple[Merged, ...]], ...] = ()

    def most_specific(self, host: str) -> tuple[Merged, ...]:
        """What is said of exactly this host, else under the longest wildcard that holds it."""
        if host in self.exact:
            return self.exact[host]
        ending = host.removeprefix("*")
        return next((found for suffix, found in self.wildcards if ending.endswith(suffix)), ())

    def every(self) -> Iterator[Merged]:
        for found in self.exact.values():
            yield from found


@dataclass(frozen=True, slots=True)
class Shelf:
    """Rules of one namespace: `own` are those that its own callers see, `private` only they, `exported` those that others may."""

    own: Hosts = Hosts()
    private: Hosts = Hosts()
    exported: Hosts = Hosts()


EMPTY = Shelf()


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, by namespace."""

    root: str
    shelves: Mapping[str, Shelf]

    def seen_by(self, client: Client, host: Host) -> Merged | None:
        """The rule that counts for calls of this client to this host, if any."""
        for found in self._steps(client, host):
            if found:
                return _choose(found, client)
        return None

    def seen_by_all(self, host: Host) -> Merged | None:
        """The rule that a caller sees in whose namespace nothing is said of the host."""
        return self.seen_by(NOBODY, host)

    def _steps(self, client: Client, host: Host) -> Iterable[tuple[Merged, ...]]:
        own = self.shelves.get(client.namespace, EMPTY)
        # The root namespace's public rules are for the mesh; its gateways are to see those of the hosts' own namespaces before them.
        yield (own.private if client.namespace == self.root else own.own).most_specific(host.name)
        for namespace in (host.namespace, self.root):
            exported = self.shelves.get(namespace, EMPTY).exported.most_specific(host.name)
            yield tuple(one for one in exported if one.visible_to(client.namespace))

    def every(self) -> tuple[Merged, ...]:
        """Each once."""
        shelves = self.shelves.values()
        found = {one.name: one for shelf in shelves for hosts in (shelf.own, shelf.private, shelf.exported) for one in hosts.every()}
        return tuple(found[name] for name in sorted(found))


def shelve(rules: Iterable[Rule], root: str) -> Rules:
    """Rules by namespace, those for one host merged."""
    by_namespace: dict[str, list[Rule]] = {}
    for rule in sorted(rules, key=lambda one: (one.selector is None, one.age)):
        by_namespace.setdefault(rule.key.namespace, []).append(rule)
    return Rules(root, {namespace: _shelf(namespace, found) for namespace, found in by_namespace.items()})


def _shelf(namespace: str, rules: list[Rule]) -> Shelf:
    alone = frozenset((namespace,))
    private = [one for one in rules if one.export_to == alone]
    own = [one for one in rules if one.export_to == EVERYWHERE or namespace in one.export_to]
    return Shelf(_by_host(own), _by_host(private), _by_host(one for one in rules if one.export_to != alone))


def _by_host(rules: Iterable[Rule]) -> Hosts:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.host, []).append(rule)
    merged = {host: merge(same) for host, same in found.items()}
    wildcards = sorted((host for host in merged if host.startswith("*")), key=lambda one: (-len(one), one))
    return Hosts(merged, tuple((host[1:], merged[host]) for host in wildcards))


def _choose(found: tuple[Merged, ...], client: Client) -> Merged | None:
    """A rule whose selector has this workload, else the last one without a selector."""
    labels = set(client.labels)
    for one in found:
        if one.selector is not None and one.namespace == client.namespace and set(one.selector) <= labels:
            return one
    return next((one for one in reversed(found) if one.selector is None), None)
