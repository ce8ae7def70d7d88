"""Makes conntrack forget UDP flows, over ctnetlink, in the calling thread's network namespace."""

from __future__ import annotations

import errno
from socket import IPPROTO_UDP
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple, NFCTSocket

from seaway.core.errors import DriverError
from seaway.plans.nft.stale import StaleFlow

_ONE_BY_ONE = 32  # above it, one listing of all UDP flows is cheaper than one filtered by the kernel for each


def forget_flows(stale: tuple[StaleFlow, ...]) -> int:
    """Deletes the entries of these flows and counts them. DriverError where the kernel refuses."""
    if not stale:
        return 0
    try:
        with NFCTSocket() as link:
            return sum(_delete(link, one) for one in _found(link, stale))
    except (OSError, NetlinkError) as error:
        raise DriverError(
            f"old UDP flows could not be deleted from conntrack: {error}",
            help="they end once their clients pause for 30 s; the kernel needs nf_conntrack_netlink to do it at once",
        ) from error


def _found(link: Any, stale: tuple[StaleFlow, ...]) -> list[NFCTAttrTuple]:
    """The original tuples of all entries that one of `stale` names."""
    filters: list[NFCTAttrTuple] = [NFCTAttrTuple(proto=IPPROTO_UDP)]
    if len(stale) <= _ONE_BY_ONE:
        filters = [NFCTAttrTuple(daddr=a, proto=IPPROTO_UDP, dport=p) for a, p in sorted({(one.address, one.port) for one in stale})]
    wanted = {(one.address, one.port, one.endpoint, one.endpoint_port) for one in stale}
    found: list[NFCTAttrTuple] = []
    for one in filters:
        for entry in link.dump(tuple_orig=one):
            origin, address, port = _tuple(entry, "CTA_TUPLE_ORIG", "DST")
            _, endpoint, endpoint_port = _tuple(entry, "CTA_TUPLE_REPLY", "SRC")
            if {(address, port, endpoint, endpoint_port), (address, port, "", 0)} & wanted:
                found.append(origin)
    return found


def _tuple(entry: Any, name: str, side: str) -> tuple[NFCTAttrTuple, str, int]:
    """One direction of an entry, and the address and port of one of its sides."""
    attributes = entry.get_attr(name)
    one: Any = NFCTAttrTuple.from_netlink(entry["nfgen_family"], attributes)
    return (one, one.daddr, one.dport) if side == "DST" else (one, one.saddr, one.sport)


def _delete(link: Any, origin: NFCTAttrTuple) -> int:
    try:
        link.entry("del", tuple_orig=origin)
    except NetlinkError as error:
        if error.code != errno.ENOENT:  # it has ended meanwhile
            raise
        return 0
    return 1
