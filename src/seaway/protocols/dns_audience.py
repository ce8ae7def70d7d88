"""Who is told what: everybody the zone, members of the mesh their hosts besides.

Which member sees which host is decided by its namespace, as in its proxy: a host of the namespace's own goes before one of the same name
that another exports to it.
"""

from __future__ import annotations

from seaway.protocols.dns_wire import Answers, compile_zone
from seaway.protocols.dns_zone import DnsZone, MeshName, RecordSet


class Audiences:
    """One set of answers for all members that see the same; made when the first of them asks."""

    def __init__(self, zone: DnsZone) -> None:
        """ValueError where the zone is not consistent."""
        self.everybody = compile_zone(zone)
        self._zone = zone
        self._namespaces = dict(zone.members) if zone.mesh else {}
        self._by_namespace: dict[str, Answers] = {}
        self._by_hosts: dict[tuple[MeshName, ...], Answers] = {}

    def of(self, client: str) -> Answers:
        """What the client at this address is told."""
        namespace = self._namespaces.get(client)
        if namespace is None:
            return self.everybody
        found = self._by_namespace.get(namespace)
        if found is None:
            found = self._by_namespace[namespace] = self._made(self._seen(namespace))
        return found

    def _seen(self, namespace: str) -> tuple[MeshName, ...]:
        seen: dict[str, MeshName] = {}
        for one in self._zone.mesh:
            visible = "*" in one.exports or namespace in one.exports
            if visible and (one.name not in seen or one.namespace == namespace != seen[one.name].namespace):
                seen[one.name] = one
        return tuple(seen[name] for name in sorted(seen))

    def _made(self, hosts: tuple[MeshName, ...]) -> Answers:
        if hosts not in self._by_hosts:
            records = (RecordSet(f"{one.name}.", "A", self._zone.ttl, one.addresses) for one in hosts)
            self._by_hosts[hosts] = Answers(self.everybody.table.with_hosts(records))
        return self._by_hosts[hosts]
