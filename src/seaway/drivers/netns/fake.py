"""Namespaces and links in memory: refuses what the kernel would, and can be told to refuse everything."""

from __future__ import annotations

from dataclasses import dataclass, field

from seaway.core.errors import DriverError
from seaway.drivers.netns.refusal import HELP
from seaway.plans.network.plan import NetworkPlan, NodeNetwork, PodNetwork


@dataclass(slots=True)
class FakeKernel:
    """What outlives a driver. `pods` are the wired ones by namespace file; `half_made` have a namespace and no wiring."""

    nodes: dict[str, NodeNetwork] = field(default_factory=dict[str, NodeNetwork])
    pods: dict[str, PodNetwork] = field(default_factory=dict[str, PodNetwork])
    half_made: set[str] = field(default_factory=set[str])
    balancers: dict[str, str] = field(default_factory=dict[str, str])


class FakeNetwork:
    """`made` and `removed` name pods in order, for tests of order; `refusal`, while set, is what every call fails with."""

    def __init__(self, kernel: FakeKernel | None = None) -> None:
        self.kernel = kernel or FakeKernel()
        self.made: list[str] = []
        self.removed: list[str] = []
        self.refusal = ""

    def ensure(self, plan: NetworkPlan) -> None:
        self._refuse()
        for node in plan.nodes:
            if self.kernel.nodes.get(node.name) not in (None, node):
                self._remove([name for name, pod in self.kernel.pods.items() if pod.node == node.name])
            self.kernel.nodes[node.name] = node
        new = [pod for pod in plan.pods if self.kernel.pods.get(pod.netns) != pod]
        kept, claimed = {pod.netns for pod in plan.pods}, {(pod.node, pod.ip) for pod in new}
        in_the_way = [name for name, pod in self.kernel.pods.items() if (pod.node, pod.ip) in claimed and name not in kept]
        self._remove([*in_the_way, *(pod.netns for pod in new if pod.netns in self.kernel.pods)])
        for pod in new:
            self._make(pod)
        self.kernel.balancers.update(plan.load_balancers)

    def prune(self, plan: NetworkPlan) -> None:
        self._refuse()
        wanted = {pod.netns for pod in plan.pods}
        self._remove([name for name in (*self.kernel.pods, *self.kernel.half_made) if name not in wanted])
        self.kernel.nodes = {node.name: node for node in plan.nodes}
        addresses = {address for address, _ in plan.load_balancers}
        self.kernel.balancers = {address: home for address, home in self.kernel.balancers.items() if address in addresses}

    def close(self) -> None:
        """There is nothing to let go of."""

    def _make(self, pod: PodNetwork) -> None:
        taken = any((one.node, one.ip) == (pod.node, pod.ip) for one in self.kernel.pods.values())
        if taken or pod.node not in self.kernel.nodes:
            raise DriverError(f"the network of {pod.netns}: route to {pod.ip}/32: File exists", help=HELP)
        self.kernel.half_made.discard(pod.netns)
        self.kernel.pods[pod.netns] = pod
        self.made.append(pod.netns)

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self.kernel.pods.pop(name, None)
            self.kernel.half_made.discard(name)
            self.removed.append(name)

    def _refuse(self) -> None:
        if self.refusal:
            raise DriverError(self.refusal, help=HELP)
