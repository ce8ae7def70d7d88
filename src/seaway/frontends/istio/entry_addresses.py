"""Addresses for hosts of ServiceEntries that have none: members find them by DNS, so that TCP to several hosts can be told apart.

As upstream's allocation (pilot/pkg/networking/serviceentry): one a host, where the resolution is not NONE, the entry gives no addresses and
does not opt out, and the host is no wildcard (DYNAMIC_DNS, which is for wildcards, excepted).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.core.cidr import Cidr, first_free, format_ipv4, parse_cidr, parse_ipv4
from seaway.core.codes.mesh import ADDRESSES_EXHAUSTED
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.istio.host_names import is_wildcard
from seaway.frontends.istio.registry import Resolution
from seaway.frontends.istio.service_entry_rules import resolution_of
from seaway.resources.istio.service_entry import ServiceEntry
from seaway.resources.resource import Resource

RANGE = "240.240.0.0/16"
OPT_OUT = "networking.istio.io/enable-autoallocate-ip"


@dataclass(frozen=True, slots=True)
class EntryAddresses:
    """`given` by `namespace/name/host`; they are the leases of the next build."""

    given: Mapping[str, str]
    findings: Findings

    def of(self, entry: Resource[ServiceEntry], host: str) -> str:
        """The address of one of its hosts, "" where it has none."""
        return self.given.get(_holder(entry, host), "")


def allocate(entries: Iterable[Resource[ServiceEntry]], leases: Mapping[str, str], cidr: str = RANGE) -> EntryAddresses:
    """Held addresses first, then those that hashes of names lead to: one entry more moves no other's address."""
    span = parse_cidr(cidr)
    assert span is not None
    inside = Cidr(span.first + 1, span.last - 1)
    entries = tuple(entries)
    taken = {number for entry in entries for text in entry.body.spec.addresses if (number := parse_ipv4(text)) is not None}
    wanting = {_holder(entry, host): (entry, host) for entry in entries for host in _hosts(entry)}
    given: dict[str, str] = {}
    for holder in wanting:
        held = parse_ipv4(leases.get(holder, ""))
        if held is not None and held in inside and held not in taken:
            given[holder] = format_ipv4(held)
            taken.add(held)
    findings: list[Finding] = []
    for holder in [one for one in wanting if one not in given]:
        entry, host = wanting[holder]
        address = first_free(inside, inside.first + zlib.crc32(holder.encode()) % inside.size, taken)
        if address is None:
            findings.append(finding(ADDRESSES_EXHAUSTED, entry.origin, entry.key, range=cidr, host=host))
            break
        given[holder] = format_ipv4(address)
        taken.add(address)
    return EntryAddresses(dict(sorted(given.items())), tuple(findings))


def opted_out(entry: Resource[ServiceEntry]) -> bool:
    return entry.meta.labels.get(OPT_OUT, "").lower() == "false"


def _hosts(entry: Resource[ServiceEntry]) -> tuple[str, ...]:
    spec, resolution = entry.body.spec, resolution_of(entry.body.spec)
    if resolution is Resolution.NONE or spec.addresses or opted_out(entry):
        return ()
    return tuple(host for host in dict.fromkeys(spec.hosts) if not is_wildcard(host) or resolution is Resolution.DYNAMIC_DNS)


def _holder(entry: Resource[ServiceEntry], host: str) -> str:
    return f"{entry.key.namespace}/{entry.key.name}/{host.lower()}"
