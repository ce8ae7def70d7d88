"""What a holder of stand-ins does, real or fake. Leaves to others: which ports there are (plans/node), who is ready (drivers/probes)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders

Troubles = Mapping[PodName, str]
"""What did not open, one text a pod."""


class Standins(Protocol):
    async def follow(self, pods: Sequence[PodOrders]) -> Troubles:
        """Opens and closes sockets until exactly the ports of these pods listen; what was open and stays is not touched.

        Pods of whom a socket could not be opened are in the result; all others are served.
        """
        ...

    def listening(self, pod: PodName) -> bool:
        """Whether every port that the pod was ordered is open. A pod that was ordered none is not listening."""
        ...

    async def reopen(self, pod: PodName) -> None:
        """Closes the pod's sockets and connections and opens the sockets again: what a restart is to a stand-in."""
        ...

    async def close(self) -> None: ...
