"""The fabric: the sandbox's first network namespace, a router between nodes, and the world outside them."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from itertools import count
from os import O_CLOEXEC, O_RDONLY, close
from os import open as open_fd
from socket import if_nametoindex

from seaway.drivers.netns.inside import sysctl
from seaway.drivers.netns.route_socket import RouteSocket
from seaway.drivers.netns.rtnetlink import (
    LinkEnd,
    Route,
    add_address,
    add_route,
    delete_group,
    delete_route,
    put_route,
    set_group,
    set_up,
    veth_pair,
)
from seaway.model.defaults import OUTSIDE_ADDRESS
from seaway.model.names import node_netns
from seaway.plans.network.plan import NodeNetwork

HOST_ADDRESS = "198.18.254.1"
"""The host's end of its link to the fabric. 198.18.0.0/15 is set aside for tests of networks (RFC 2544), so it is no real network's."""

UPLINK = "outside"
"""The fabric's end of that link, where there is one (see drivers/sandbox/uplink.py)."""

_LO = 1
_NODE_END = 100  # index of the node's end; never that of the fabric's end, see real.py
_FIRST_NODE_LINK = 1000
_LEAVING = 4711


class Fabric:
    """Works on the namespace that the thread is in when it is made, and needs it to be there whenever it is used."""

    def __init__(self) -> None:
        self._netlink = RouteSocket()
        self._indexes = count(max(_FIRST_NODE_LINK, *(index + 1 for index in self._netlink.links())))
        self._balancers = self._found_balancers()
        sysctl("net.ipv4.ip_forward", "1")
        sysctl("net.ipv6.conf.default.disable_ipv6", "1")
        self._netlink.send((set_up(_LO, "loopback"), add_address(_LO, OUTSIDE_ADDRESS)), tolerated=(errno.EEXIST,))
        self._take_uplink()

    def close(self) -> None:
        self._netlink.close()

    def wire_node(self, node: NodeNetwork, inside: RouteSocket) -> None:
        """A veth between fabric and node, with the node's address on its end and a default route back.

        Called inside the node's new namespace; `inside` is a netlink socket there.
        """
        index, about = next(self._indexes), f"link of {node.name}"
        fd = open_fd("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        try:
            self._netlink.send((veth_pair(LinkEnd(_node_link(node.name), index), LinkEnd("uplink", _NODE_END, netns_fd=fd)),))
        finally:
            close(fd)
        inside.send((add_address(_NODE_END, node.address), set_up(_NODE_END, about)))
        inside.send(
            (
                add_route(Route(f"{OUTSIDE_ADDRESS}/32", _NODE_END, source=node.address)),
                add_route(Route("0.0.0.0/0", _NODE_END, gateway=OUTSIDE_ADDRESS, source=node.address)),
            )
        )
        # Its address is not NEXT_HOP: that is the node's own towards its pods, and it would not answer when asked by an address of its own.
        self._netlink.send((add_address(index, OUTSIDE_ADDRESS), set_up(index, about)), tolerated=(errno.EEXIST,))
        self._netlink.send(
            (
                add_route(Route(f"{node.address}/32", index, source=OUTSIDE_ADDRESS)),
                add_route(Route(node.pod_cidr, index, gateway=node.address, source=OUTSIDE_ADDRESS)),
            )
        )
        inside.await_link(_NODE_END)

    def remove_nodes(self, names: Iterable[str]) -> None:
        """Deletes the links of those nodes whose namespace files bear one of these names."""
        prefix = node_netns("")
        groups = [set_group(_node_link(name.removeprefix(prefix)), _LEAVING) for name in names if name.startswith(prefix)]
        if groups:
            self._netlink.send((*groups, delete_group(_LEAVING)), tolerated=(errno.ENODEV,))
            self._balancers = self._found_balancers()

    def route_balancers(self, wanted: Mapping[str, NodeNetwork]) -> None:
        """Each load balancer address to the node that answers for it."""
        new = {address: node for address, node in wanted.items() if self._balancers.get(address) != node.address}
        self._netlink.send(
            put_route(Route(f"{address}/32", if_nametoindex(_node_link(node.name)), node.address, OUTSIDE_ADDRESS))
            for address, node in new.items()
        )
        self._balancers |= {address: node.address for address, node in new.items()}

    def forget_balancers(self, wanted: Collection[str]) -> None:
        """Removes the routes of all other load balancer addresses."""
        gone = [address for address in self._balancers if address not in wanted]
        self._netlink.send((delete_route(Route(f"{address}/32", 0, self._balancers[address])) for address in gone), (errno.ESRCH,))
        for address in gone:
            del self._balancers[address]

    def _found_balancers(self) -> dict[str, str]:
        """Load balancer addresses, with the address of the node that each is routed to: all single addresses behind a gateway."""
        return {route.removesuffix("/32"): gateway for route, gateway in self._netlink.routes() if gateway and route.endswith("/32")}

    def _take_uplink(self) -> None:
        """The host's link, where it has made one: see drivers/sandbox/uplink.py."""
        try:
            index = if_nametoindex(UPLINK)
        except OSError:
            return
        self._netlink.send((set_up(index, UPLINK), put_route(Route(f"{HOST_ADDRESS}/32", index, source=OUTSIDE_ADDRESS))))


def _node_link(node: str) -> str:
    """Name of the fabric's end: at most 15 characters, the kernel's limit, and the same for the same node."""
    return f"n{blake2b(node.encode(), digest_size=6).hexdigest()}"
