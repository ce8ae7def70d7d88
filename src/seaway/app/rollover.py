"""What must be remembered from pass to pass while a workload's pods are replaced: who waits for whom, and who is on the way out."""

from __future__ import annotations

from seaway.model.index import Model
from seaway.model.service import Health
from seaway.model.transition import awaited_pods, union_of_pods, with_lingering
from seaway.model.workload import Pod, PodName


class Rollover:
    """Times are those of the caller's clock, in seconds."""

    def __init__(self) -> None:
        self._awaited: frozenset[PodName] = frozenset()
        self._departing: dict[PodName, tuple[Pod, float]] = {}

    @property
    def departing(self) -> tuple[Pod, ...]:
        """Pods that nothing is sent to any more, and that are still there."""
        return tuple(pod for pod, _ in self._departing.values())

    def next_model(self, former: Model | None, wanted: Model, health: Health) -> Model:
        """What traffic goes to next, on the way from `former` to `wanted`: old pods serve until the new ones are ready."""
        if former is None:
            return wanted
        self._awaited = awaited_pods(former, wanted, health, self._awaited)
        return with_lingering(former, wanted, health, self._awaited)

    def present(self, former: Model | None, model: Model, now: float, drain_s: float) -> Model:
        """The model with the pods that have left it less than `drain_s` ago: they keep their sockets and namespaces a little longer."""
        for pod in former.pods if former is not None else ():
            if pod.id not in model.pod:
                self._departing.setdefault(pod.id, (pod, now + drain_s))
        self._departing = {name: (pod, end) for name, (pod, end) in self._departing.items() if name not in model.pod and end > now}
        return union_of_pods(self.departing, model)

    def next_end(self) -> float | None:
        """When the next departing pod's time is over; None where none departs."""
        return min((end for _, end in self._departing.values()), default=None)
