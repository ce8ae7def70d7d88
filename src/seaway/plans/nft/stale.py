"""Flows that conntrack still translates although the table no longer would.

A UDP flow lives as long as its client keeps sending, on to an endpoint that has gone, or whose address another pod has taken. TCP flows
are left alone: they end by themselves, or serve out with a pod that is shutting down. kube-proxy does the same.
"""

from __future__ import annotations

from typing import NamedTuple

from seaway.plans.nft.layout import DROP, REFUSE
from seaway.plans.nft.table import NftTable

_ENDPOINT_MAPS = frozenset({"endpoints", "local_endpoints", "sticky", "local_sticky"})


class StaleFlow(NamedTuple):
    """UDP flows that were opened to `address:port`; only those that went to `endpoint`, or all of them where it is ""."""

    address: str
    port: int
    endpoint: str
    endpoint_port: int


def stale_flows(old: NftTable, new: NftTable) -> tuple[StaleFlow, ...]:
    """What conntrack must forget once `new` has replaced `old`: flows to removed endpoints, and those of frontends that were not served."""
    gone = _endpoints(old, new) - _endpoints(new, old)
    fresh = _served(new, old) - _served(old, new)
    flows = {_flow(frontend, endpoint) for frontend, endpoint in gone if frontend not in fresh}
    return tuple(sorted(flows | {_flow(frontend, "") for frontend in fresh}))


def _endpoints(table: NftTable, other: NftTable) -> set[tuple[str, str]]:
    """UDP frontends with an endpoint each, of the maps that differ between the tables; all such maps, once one differs."""
    maps = [one for one in table.maps if one.name in _ENDPOINT_MAPS]
    if all(one.elements == other.elements(one.name) for one in maps):
        return set()
    return {(one.key.rpartition(" . ")[0], one.value) for each in maps for one in each.elements if " . udp . " in one.key}


def _served(table: NftTable, other: NftTable) -> set[str]:
    """UDP frontends that are sent on to endpoints, where the tables differ."""
    mine, theirs = table.elements("services"), other.elements("services")
    if mine == theirs:
        return set()
    return {one.key for one in mine if " . udp . " in one.key and one.value not in (DROP, REFUSE)}


def _flow(frontend: str, endpoint: str) -> StaleFlow:
    address, _, port = frontend.split(" . ")
    target, _, target_port = endpoint.partition(" . ")
    return StaleFlow(address, int(port), target, int(target_port or 0))
