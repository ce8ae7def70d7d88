"""Wires nodes and pods over netlink, inside the sandbox: see `interface.Network`.

What is there is known from marker files beside the namespace files: one is written when its namespace is completely wired, so that what a
crash left half-made is told from what may be kept. Links are named and numbered here, and neighbours are set, so that nothing has to be
asked of the kernel, and no packet waits for ARP. All methods change the calling thread's network namespace while they run.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv4Address
from itertools import count, islice
from os import O_CLOEXEC, O_RDONLY, close
from os import open as open_fd
from pathlib import Path

from seaway.drivers.netns.fabric import Fabric
from seaway.drivers.netns.inside import new_netns, open_netlink, sysctl
from seaway.drivers.netns.refusal import explained
from seaway.drivers.netns.route_socket import RouteSocket
from seaway.drivers.netns.rtnetlink import (
    SCOPE_LINK,
    LinkEnd,
    Message,
    Route,
    add_address,
    add_neighbour,
    add_route,
    delete_group,
    set_group,
    set_up,
    veth_pair,
    without_ipv6_address,
)
from seaway.drivers.process.namespaces import MNT_DETACH, umount
from seaway.model.names import node_netns
from seaway.plans.network.plan import NEXT_HOP, NetworkPlan, NodeNetwork, PodNetwork

_LO = 1

_ETH0 = 100
"""Behind the tunnels that some kernels put into each new namespace."""

_FIRST_POD_LINK = 1000
"""The kernel takes a veth's ends into service at once only where their indexes differ; others wait up to a second (link_watch.c)."""

_NODE_MAC = bytes.fromhex("eeeeeeeeeeee")
"""Of the node's end of each pod's link, as Calico has it: it is alone on it."""

_LEAVING = 4711
"""The group of links that are about to be deleted."""

_AT_ONCE = 100
"""Pods that are wired before their node hears of them."""


@dataclass(slots=True)
class _Node:
    """A node's namespace: its file, opened, a netlink socket in it, and the indexes for its next links."""

    network: NodeNetwork
    fd: int
    netlink: RouteSocket
    indexes: count[int]

    def close(self) -> None:
        close(self.fd)
        self.netlink.close()


class NetworkDriver:
    """`folder` holds the namespace files; it lives on the sandbox's own tmpfs. The fabric is the namespace of the calling thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fabric: Fabric | None = None
        self._nodes: dict[str, _Node] = {}
        self._wired: dict[str, str] = {}

    def ensure(self, plan: NetworkPlan) -> None:
        try:
            with explained("the network of nodes and pods"):
                fabric = self._open()
                for node in plan.nodes:
                    self._ensure_node(node, fabric)
                new = [pod for pod in plan.pods if self._wired.get(pod.netns) != _wiring(pod)]
                self._remove([*self._in_the_way(new, plan), *(pod.netns for pod in new if (self._folder / pod.netns).exists())])
                for node in plan.nodes:
                    self._wire_pods([pod for pod in new if pod.node == node.name], self._nodes[node.name])
                fabric.route_balancers({address: self._nodes[home].network for address, home in plan.load_balancers})
        except BaseException:
            self.close()  # the next call looks at what is really there
            raise

    def prune(self, plan: NetworkPlan) -> None:
        wanted = {pod.netns for pod in plan.pods} | {node_netns(node.name) for node in plan.nodes}
        try:
            with explained("the network of pods"):
                self._open().forget_balancers({address for address, _ in plan.load_balancers})
                for node in plan.nodes:
                    self._open_node(node)
                there = [path.name for path in self._folder.iterdir() if "_" in path.name and not path.name.startswith(".")]
                self._remove([name for name in there if name not in wanted])
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for node in self._nodes.values():
            node.close()
        if self._fabric is not None:
            self._fabric.close()
        self._fabric, self._nodes, self._wired = None, {}, {}

    def _in_the_way(self, new: Sequence[PodNetwork], plan: NetworkPlan) -> list[str]:
        """Pods that the plan does not have, at addresses that it gives to others."""
        kept, claimed = {pod.netns for pod in plan.pods}, {_wiring(pod) for pod in new}
        return [name for name, wiring in self._wired.items() if wiring in claimed and name not in kept]

    def _open(self) -> Fabric:
        """The fabric; the first time also what an earlier driver has wired."""
        if self._fabric is None:
            self._fabric = Fabric()
            markers = [path for path in self._folder.iterdir() if path.name.startswith(".") and "_" in path.name]
            self._wired = {path.name[1:]: path.read_text() for path in markers}
        return self._fabric

    def _ensure_node(self, network: NodeNetwork, fabric: Fabric) -> None:
        name, wiring = node_netns(network.name), f"{network.address} {network.pod_cidr}"
        if self._wired.get(name) != wiring:
            # without its node a pod is nothing: those of a half-made or changed node go with it
            self._remove([name, *(pod for pod, text in self._wired.items() if text.split()[0] == network.name)])
            self._make_node(network, fabric)
            self._mark(name, wiring)
        self._open_node(network)

    def _open_node(self, network: NodeNetwork) -> None:
        """Gets hold of a node that is wired."""
        path = self._folder / node_netns(network.name)
        if network.name not in self._nodes and path.name in self._wired:
            netlink = open_netlink(path)
            first = max(_FIRST_POD_LINK, *(index + 1 for index in netlink.links()))
            self._nodes[network.name] = _Node(network, open_fd(path, O_RDONLY | O_CLOEXEC), netlink, count(first))

    def _make_node(self, network: NodeNetwork, fabric: Fabric) -> None:
        with new_netns(self._folder / node_netns(network.name)):
            sysctl("net.ipv4.ip_forward", "1")
            sysctl("net.ipv4.conf.all.route_localnet", "0")
            sysctl("net.ipv4.tcp_migrate_req", "1")  # as in pods: gateways may share the node's network
            sysctl("net.ipv6.conf.default.disable_ipv6", "1")
            with RouteSocket() as inside:
                fabric.wire_node(network, inside)
                inside.send((set_up(_LO, "loopback"), add_address(_LO, NEXT_HOP, SCOPE_LINK)))

    def _wire_pods(self, pods: Sequence[PodNetwork], node: _Node) -> None:
        """Inside of each pod first, then all routes on the node in one go; only then are the pods complete."""
        every = iter(pods)
        while some := tuple(islice(every, _AT_ONCE)):
            indexes = tuple(islice(node.indexes, len(some)))
            for pod, index in zip(some, indexes, strict=True):
                self._make_pod(pod, index, node)
            node.netlink.send(message for pod, index in zip(some, indexes, strict=True) for message in _on_node(pod, index, node.network))
            for pod in some:
                self._mark(pod.netns, _wiring(pod))
            with open_netlink(self._folder / some[-1].netns) as last:
                last.await_link(_ETH0)  # the kernel takes links into service in the order in which they came up

    def _make_pod(self, pod: PodNetwork, index: int, node: _Node) -> None:
        with new_netns(self._folder / pod.netns):
            sysctl("net.ipv4.ip_unprivileged_port_start", "0")  # as container runtimes set it
            sysctl("net.ipv4.tcp_migrate_req", "1")  # an Envoy that is replaced hands over the connections that it has not accepted yet
            with RouteSocket() as inside:
                # a kernel without IPv6 does not know its attributes
                inside.send(_in_pod(pod, index, node.fd), tolerated=(errno.EAFNOSUPPORT,))

    def _mark(self, name: str, wiring: str) -> None:
        (self._folder / f".{name}").write_text(wiring)
        self._wired[name] = wiring

    def _remove(self, names: Iterable[str]) -> None:
        """Their links go at once, so that addresses are free; a namespace when the last process in it ends."""
        every = tuple(names)
        if not every:
            return
        gone = {node_netns(name): name for name in self._nodes}
        for name in every:
            if name in gone:
                self._nodes.pop(gone[name]).close()
        groups = [(one.netlink, [set_group(_pod_link(name), _LEAVING) for name in every]) for one in self._nodes.values()]
        for netlink, messages in groups:
            netlink.send((*messages, delete_group(_LEAVING)), tolerated=(errno.ENODEV,))
        self._open().remove_nodes(every)
        for name in every:
            self._wired.pop(name, None)
            (self._folder / f".{name}").unlink(missing_ok=True)
            _remove_file(self._folder / name)


def _in_pod(pod: PodNetwork, index: int, node_fd: int) -> tuple[Message, ...]:
    end = LinkEnd("eth0", _ETH0, _pod_mac(pod))
    peer = LinkEnd(_pod_link(pod.netns), index, _NODE_MAC, node_fd)
    return (
        veth_pair(end, peer),
        without_ipv6_address(_ETH0),
        add_address(_ETH0, pod.ip),
        set_up(_LO, f"loopback of {pod.pod}"),
        set_up(_ETH0, f"link of {pod.pod}"),
        add_neighbour(_ETH0, NEXT_HOP, _NODE_MAC),
        add_route(Route(f"{NEXT_HOP}/32", _ETH0)),
        add_route(Route("0.0.0.0/0", _ETH0, gateway=NEXT_HOP)),
    )


def _on_node(pod: PodNetwork, index: int, node: NodeNetwork) -> tuple[Message, ...]:
    return (
        set_up(index, f"link to {pod.pod}"),
        add_neighbour(index, pod.ip, _pod_mac(pod)),
        add_route(Route(f"{pod.ip}/32", index, source=node.address)),
    )


def _pod_mac(pod: PodNetwork) -> bytes:
    """Made of the address, as container network plugins make it."""
    return b"\x0a\x58" + IPv4Address(pod.ip).packed


def _wiring(pod: PodNetwork) -> str:
    return f"{pod.node} {pod.ip}"


def _pod_link(netns: str) -> str:
    """Name of the node's end: at most 15 characters, the kernel's limit, and the same for the same pod."""
    return f"p{blake2b(netns.encode(), digest_size=6).hexdigest()}"


def _remove_file(path: Path) -> None:
    try:
        umount(path, MNT_DETACH)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # not mounted: half-made
            raise
    path.unlink(missing_ok=True)
