"""What a driver of the network does, real or fake. Which namespaces there are is the network plan's matter."""

from __future__ import annotations

from typing import Protocol

from seaway.plans.network.plan import NetworkPlan


class Network(Protocol):
    """Methods block, and belong to one thread that does nothing else: the real driver moves it between namespaces."""

    def ensure(self, plan: NetworkPlan) -> None:
        """Makes what the plan has and the kernel lacks; takes nothing from anyone, but for pods and nodes that have moved, and for pods
        that the plan does not have at addresses that it gives to others.

        What an earlier driver left is found and kept; what it left half-made is made anew. Raises DriverError where the kernel refuses,
        also for an address that another pod on the node has; what was made by then stays, and the next call goes on from there.
        """
        ...

    def prune(self, plan: NetworkPlan) -> None:
        """Removes what the plan does not have, an earlier driver's too. Raises DriverError."""
        ...

    def close(self) -> None:
        """Lets go of the kernel; leaves the network as it is."""
        ...
