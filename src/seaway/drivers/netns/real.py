"""Wires nodes and pods over netlink, inside the sandbox.

`ensure` only adds and `prune` only removes, so that the loop can do one before traffic moves and the other after. All methods block, and
change the calling thread's network namespace while they run: call them from one thread that does nothing else.
"""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from seaway.core.errors import DriverError
from seaway.drivers.netns.inside import SCOPE_LINK, link_index, new_netns, open_netlink, sysctl
from seaway.drivers.process.namespaces import MNT_DETACH, umount
from seaway.model.names import node_netns
from seaway.plans.network.plan import NEXT_HOP, NetworkPlan, NodeNetwork, PodNetwork

OUTSIDE_ADDRESS = "198.18.254.2"
"""The fabric's own address: what nodes see as source of requests from outside."""

HOST_ADDRESS = "198.18.254.1"
"""The host's end of its link to the fabric. 198.18.0.0/15 is set aside for tests of networks (RFC 2544), so it is no real network's."""

UPLINK = "outside"
"""The fabric's end of that link, where there is one (see drivers/sandbox/uplink.py)."""


@dataclass(slots=True)
class _Node:
    """A node's namespace and an open netlink socket in it."""

    network: NodeNetwork
    netlink: IPRoute


class NetworkDriver:
    """`folder` holds the namespace files; it lives on the sandbox's own tmpfs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fabric: IPRoute | None = None
        self._nodes: dict[str, _Node] = {}
        self._pods: dict[str, PodNetwork] = {}
        self._balancers: dict[str, str] = {}

    def ensure(self, plan: NetworkPlan) -> None:
        """Makes what the plan has and the kernel lacks. What an earlier control plane left is found and kept."""
        with _explained("the network of nodes and pods"):
            for node in plan.nodes:
                if node.name not in self._nodes:
                    self._nodes[node.name] = self._ensure_node(node)
            for pod in plan.pods:
                known = self._pods.get(pod.netns)
                if known != pod:
                    if known is not None:
                        self._remove_pod(known)
                    self._ensure_pod(pod, self._nodes[pod.node])
                    self._pods[pod.netns] = pod
            self._route_balancers(dict(plan.load_balancers))

    def prune(self, plan: NetworkPlan) -> None:
        """Removes the pods that the plan does not have."""
        wanted = {pod.netns for pod in plan.pods}
        with _explained("the network of pods"):
            for netns in [one for one in self._pods if one not in wanted]:
                self._remove_pod(self._pods.pop(netns))
            known = wanted | {node_netns(node.name) for node in plan.nodes}
            for path in self._folder.iterdir():
                if "_" in path.name and not path.name.startswith(".") and path.name not in known:
                    # a pod of an earlier control plane, or a node that left
                    self._remove_file(path)

    def close(self) -> None:
        """Closes the netlink sockets; leaves the network as it is."""
        for node in self._nodes.values():
            node.netlink.close()
        if self._fabric is not None:
            self._fabric.close()

    def _ensure_node(self, node: NodeNetwork) -> _Node:
        fabric = self._open_fabric()
        path = self._folder / node_netns(node.name)
        fresh = not path.exists()
        if fresh:
            new_netns(path)
        netlink = open_netlink(path)
        if fresh:
            self._wire_node(node, fabric, netlink, path)
        return _Node(node, netlink)

    def _open_fabric(self) -> IPRoute:
        if self._fabric is None:
            self._fabric = IPRoute()
            sysctl("net.ipv4.ip_forward", "1")
            lo = 1
            self._fabric.link("set", index=lo, state="up")
            _add(self._fabric.addr, index=lo, address=OUTSIDE_ADDRESS, prefixlen=32)
            for index in self._fabric.link_lookup(ifname=UPLINK):
                self._fabric.link("set", index=index, state="up")
                self._fabric.route("replace", dst=f"{HOST_ADDRESS}/32", oif=index, scope=SCOPE_LINK, prefsrc=OUTSIDE_ADDRESS)
        return self._fabric

    def _wire_node(self, node: NodeNetwork, fabric: IPRoute, netlink: IPRoute, path: Path) -> None:
        """A veth between fabric and node, with the node's address on its end and a default route back."""
        name = _link_name("n", node.name)
        with path.open() as netns:
            fabric.link("add", ifname=name, kind="veth", state="up", peer={"ifname": "uplink", "net_ns_fd": netns.fileno()})
        outer = link_index(fabric, name)
        # not NEXT_HOP: that is the node's own address towards its pods, and it would not answer when asked by an address of its own
        _add(fabric.addr, index=outer, address=OUTSIDE_ADDRESS, prefixlen=32)
        fabric.route("add", dst=f"{node.address}/32", oif=outer, prefsrc=OUTSIDE_ADDRESS, scope=SCOPE_LINK)
        fabric.route("add", dst=node.pod_cidr, gateway=node.address, oif=outer, prefsrc=OUTSIDE_ADDRESS, flags=_ONLINK)
        sysctl("net.ipv4.ip_forward", "1", path)
        sysctl("net.ipv4.conf.all.route_localnet", "0", path)
        inner = link_index(netlink, "uplink")
        netlink.link("set", index=1, state="up")
        netlink.addr("add", index=inner, address=node.address, prefixlen=32)
        netlink.link("set", index=inner, state="up")
        netlink.route("add", dst=f"{OUTSIDE_ADDRESS}/32", oif=inner, scope=SCOPE_LINK, prefsrc=node.address)
        netlink.route("add", dst="0.0.0.0/0", gateway=OUTSIDE_ADDRESS, oif=inner, prefsrc=node.address)

    def _ensure_pod(self, pod: PodNetwork, node: _Node) -> None:
        path = self._folder / pod.netns
        marker = path.with_name(f".{pod.netns}")
        wiring = f"{pod.node} {pod.ip}"
        if path.exists():
            if marker.exists() and marker.read_text() == wiring:
                return
            self._remove_file(path)
        new_netns(path)
        sysctl("net.ipv6.conf.default.disable_ipv6", "1", path)  # pods are IPv4: no duplicate address detection, no router solicitations
        sysctl("net.ipv4.ip_unprivileged_port_start", "0", path)  # as container runtimes set it
        self._wire_pod(pod, node, path)
        marker.write_text(wiring)

    def _wire_pod(self, pod: PodNetwork, node: _Node, path: Path) -> None:
        name = _link_name("p", pod.netns)
        with path.open() as netns:
            node.netlink.link("add", ifname=name, kind="veth", state="up", peer={"ifname": "eth0", "net_ns_fd": netns.fileno()})
        outer = link_index(node.netlink, name)
        _add(node.netlink.addr, index=outer, address=NEXT_HOP, prefixlen=32)
        node.netlink.route("replace", dst=f"{pod.ip}/32", oif=outer, scope=SCOPE_LINK, prefsrc=node.network.address)
        inside = open_netlink(path)
        try:
            inner = link_index(inside, "eth0")
            inside.link("set", index=1, state="up")
            inside.addr("add", index=inner, address=pod.ip, prefixlen=32)
            inside.link("set", index=inner, state="up")
            inside.route("add", dst=f"{NEXT_HOP}/32", oif=inner, scope=SCOPE_LINK)
            inside.route("add", dst="0.0.0.0/0", gateway=NEXT_HOP, oif=inner)
        finally:
            inside.close()

    def _remove_pod(self, pod: PodNetwork) -> None:
        """Its link goes at once, so that the address is free; the namespace when the last process in it ends."""
        node = self._nodes[pod.node]
        for index in node.netlink.link_lookup(ifname=_link_name("p", pod.netns)):
            node.netlink.link("del", index=index)
        self._remove_file(self._folder / pod.netns)

    def _remove_file(self, path: Path) -> None:
        if path.exists():
            umount(path, MNT_DETACH)
            path.unlink()
        path.with_name(f".{path.name}").unlink(missing_ok=True)

    def _route_balancers(self, wanted: dict[str, str]) -> None:
        fabric = self._open_fabric()
        for address, home in wanted.items():
            if self._balancers.get(address) != home:
                node = self._nodes[home].network
                outer = link_index(fabric, _link_name("n", node.name))
                fabric.route("replace", dst=f"{address}/32", gateway=node.address, oif=outer, prefsrc=OUTSIDE_ADDRESS, flags=_ONLINK)
        for address in self._balancers.keys() - wanted.keys():
            fabric.route("del", dst=f"{address}/32")
        self._balancers = wanted


_ONLINK = 4  # RTNH_F_ONLINK: the next hop is reachable although no subnet says so


def _link_name(prefix: str, name: str) -> str:
    """At most 15 characters, the kernel's limit, and the same for the same name."""
    return f"{prefix}{blake2b(name.encode(), digest_size=6).hexdigest()}"


def _add(verb: Any, **arguments: Any) -> None:
    """An addition that may have been made before."""
    try:
        verb("add", **arguments)
    except NetlinkError as error:
        if error.code != errno.EEXIST:
            raise


@contextmanager
def _explained(what: str) -> Generator[None]:
    try:
        yield
    except (NetlinkError, OSError) as error:
        raise DriverError(
            f"{what}: {error}", help="`seaway down` clears what is there; `seaway up` needs CAP_NET_ADMIN in its sandbox"
        ) from error
