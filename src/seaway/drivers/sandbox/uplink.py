"""The link between the host and the fabric: one veth, its address, and routes to nodes and load balancer addresses over it.

Only with root. The host's own routes, firewall and resolver stay as they are; what is added belongs to the link and goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from ipaddress import IPv4Network
from pathlib import Path
from socket import AF_INET

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from seaway.core.errors import DriverError
from seaway.drivers.netns.inside import SCOPE_LINK, link_index
from seaway.drivers.netns.real import HOST_ADDRESS, OUTSIDE_ADDRESS, UPLINK

_ONLINK = 4


def connect_host(state: Path, anchor: int, ranges: Sequence[str]) -> bool:
    """Makes the link, seen from the host's side (call it before entering the sandbox), and routes `ranges` over it.

    False where the host already has a route to one of the ranges: it is another network's, and stays untouched.
    """
    name = f"seaway{blake2b(str(state).encode(), digest_size=4).hexdigest()}"
    with IPRoute() as netlink:
        if netlink.link_lookup(ifname=name):
            return True
        if _overlaps(netlink, ranges):
            return False
        try:
            netlink.link("add", ifname=name, kind="veth", state="up", peer={"ifname": UPLINK, "net_ns_pid": anchor})
            index = link_index(netlink, name)
            netlink.addr("add", index=index, address=HOST_ADDRESS, prefixlen=32)
            netlink.link("set", index=index, state="up")
            netlink.route("add", dst=f"{OUTSIDE_ADDRESS}/32", oif=index, scope=SCOPE_LINK, prefsrc=HOST_ADDRESS)
            for one in ranges:
                netlink.route("add", dst=one, gateway=OUTSIDE_ADDRESS, oif=index, prefsrc=HOST_ADDRESS, flags=_ONLINK)
        except NetlinkError as error:
            raise DriverError(f"no link between the host and the network: {error}", help="`seaway down` clears what is there") from error
    return True


def _overlaps(netlink: IPRoute, ranges: Sequence[str]) -> bool:
    """Whether the host has a route of its own (the default route aside) to an address of these ranges."""
    wanted = [IPv4Network(one) for one in ranges]
    for route in netlink.get_routes(family=AF_INET):
        destination = route.get_attr("RTA_DST")
        if destination and any(IPv4Network(f"{destination}/{route['dst_len']}").overlaps(one) for one in wanted):
            return True
    return False
