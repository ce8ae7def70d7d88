"""The link between the host and the fabric: one veth, its address, and routes to nodes and load balancer addresses over it.

Only with root. The host's own routes, firewall and resolver stay as they are; what is added belongs to the link and goes with it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from hashlib import blake2b
from ipaddress import IPv4Network
from pathlib import Path
from socket import if_nameindex, if_nametoindex

from seaway.core.errors import DriverError
from seaway.drivers.netns.fabric import HOST_ADDRESS, OUTSIDE_ADDRESS, UPLINK
from seaway.drivers.netns.route_socket import RouteSocket
from seaway.drivers.netns.rtnetlink import LinkEnd, Route, add_address, add_route, delete_link, set_up, veth_pair
from seaway.drivers.process.namespaces import in_netns

_DEFAULT_LENGTH = 1
"""Routes of at most this length lead to anywhere: the default route, and the two halves that VPN clients put in its place."""


def connect_host(state: Path, anchor: int, ranges: Sequence[str]) -> bool:
    """Makes the link, seen from the host's side (call it before entering the sandbox), and routes `ranges` over it.

    False where the host already has a route to one of the ranges: it is another network's, and stays untouched.
    A link that was made before, also by half, is completed.
    """
    name = f"seaway{blake2b(str(state).encode(), digest_size=4).hexdigest()}"
    fabric = Path(f"/proc/{anchor}/ns/net")
    try:
        with RouteSocket() as netlink:
            if _has_link(name) and not _reaches(fabric):
                netlink.send((delete_link(name),), tolerated=(errno.ENODEV,))  # to an earlier sandbox, which the kernel has not cleared yet
            if not _has_link(name):
                if _overlaps(netlink, ranges):
                    return False
                fd = os.open(fabric, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    netlink.send((veth_pair(LinkEnd(name, 0), LinkEnd(UPLINK, 0, netns_fd=fd)),))
                finally:
                    os.close(fd)
            _route(netlink, if_nametoindex(name), ranges)
    except OSError as error:
        raise DriverError(f"no link between the host and the network: {error}", help="`seaway down` clears what is there") from error
    return True


def _route(netlink: RouteSocket, index: int, ranges: Sequence[str]) -> None:
    routes = [add_route(Route(one, index, OUTSIDE_ADDRESS, HOST_ADDRESS)) for one in ranges]
    to_fabric = add_route(Route(f"{OUTSIDE_ADDRESS}/32", index, source=HOST_ADDRESS))
    netlink.send((add_address(index, HOST_ADDRESS), set_up(index, "link to the network"), to_fabric, *routes), tolerated=(errno.EEXIST,))


def _has_link(name: str) -> bool:
    return any(one == name for _, one in if_nameindex())


def _reaches(fabric: Path) -> bool:
    with in_netns(fabric):
        return _has_link(UPLINK)


def _overlaps(netlink: RouteSocket, ranges: Sequence[str]) -> bool:
    """Whether the host has a route of its own (default routes aside) to an address of these ranges, or of the link itself."""
    wanted = [IPv4Network(one) for one in (*ranges, HOST_ADDRESS, OUTSIDE_ADDRESS)]
    there = [IPv4Network(route) for route, _ in netlink.routes()]
    return any(route.overlaps(one) for route in there if route.prefixlen > _DEFAULT_LENGTH for one in wanted)
