"""What must be remembered from pass to pass while pods are replaced, or come into the mesh and leave it: who waits for whom, how far each
has come, and who is on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from seaway.model.index import Model
from seaway.model.passage import Standing, arrived
from seaway.model.service import Health
from seaway.model.transition import awaited_pods, union_of_pods, with_lingering
from seaway.model.transition_mesh import next_standings, with_members, with_standings
from seaway.model.workload import Pod, PodName


class Timing(Protocol):
    """Seconds; see `present`."""

    @property
    def drain_s(self) -> float: ...

    @property
    def linger_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class _Leave:
    """The model in which the pod was a member last; when its proxy takes no more connections, and when it is gone."""

    last: Model
    closes: float
    ends: float


class Rollover:
    """Times are those of the caller's clock, in seconds."""

    def __init__(self) -> None:
        self._awaited: frozenset[PodName] = frozenset()
        self._departing: dict[PodName, tuple[Pod, float]] = {}
        self._leaving: dict[PodName, _Leave] = {}
        self._passed = float("-inf")
        self._standings: dict[PodName, Standing] = {}
        self._released: dict[PodName, float] = {}
        self._captured_before: frozenset[PodName] = frozenset()
        self._on_the_way = False
        self._arrived: Model | None = None

    @property
    def departing(self) -> tuple[Pod, ...]:
        """Pods that nothing is sent to any more, and that are still there."""
        return tuple(pod for pod, _ in self._departing.values())

    @property
    def captured(self) -> frozenset[PodName]:
        """Pods whose traffic is to pass their proxy by now; those that depart do as before."""
        standing = {name for name, standing in self._standings.items() if standing.captured}
        return frozenset(standing | {name for name in self._departing if name in self._leaving})

    @property
    def released(self) -> frozenset[PodName]:
        """Pods that are captured no more, but may have connections from the time when they were."""
        return frozenset(self._released)

    def release(self, present: Model, now: float, linger_s: float) -> None:
        """Keeps what pods that have left the mesh still have open, for `linger_s`; called once a pass, after `present`."""
        captured = self.captured
        left = (self._captured_before | self._released.keys()) - captured
        ends = {name: self._released.get(name, now + linger_s) for name in left if name in present.pod}
        self._released = {name: end for name, end in ends.items() if end > now}
        self._captured_before = captured

    @property
    def on_the_way(self) -> bool:
        """Whether some pod has further steps to take once all Envoys hold what is published."""
        return self._on_the_way

    def next_model(self, former: Model | None, wanted: Model, health: Health) -> Model:
        """What traffic goes to next, on the way from `former` to `wanted`: old pods serve until the new ones are ready."""
        if former is None:
            return wanted
        self._awaited = awaited_pods(former, wanted, health, self._awaited)
        return with_lingering(former, wanted, health, self._awaited)

    def has_arrived(self, model: Model) -> bool:
        """Whether every pod of this very model is where it is to be, so that `next_mesh` would change nothing."""
        return model is self._arrived

    def next_mesh(self, former: Model | None, model: Model, settled: bool, listening: frozenset[PodName]) -> Model:
        """The model, with pods that come into the mesh, leave it or change what they accept as far as they may have come.

        `settled`: all Envoys hold what was published last; `listening` are the pods whose proxies they serve.
        """
        self._standings = next_standings(former or Model(model.cluster, (), (), ()), self._standings, model, settled, listening)
        self._on_the_way = any(standing != arrived(model.inbound.get(name)) for name, standing in self._standings.items())
        stepped = with_standings(former, model, self._standings) if former is not None else model
        self._arrived = None if self._on_the_way or stepped is not model else model
        return stepped

    def present(self, former: Model | None, model: Model, now: float, timing: Timing) -> Model:
        """The model with the pods that have left it less than `drain_s` ago: they keep their sockets and namespaces a little longer.

        So does the proxy of a pod that has left the mesh: for `drain_s` it takes connections that were on their way to it, and then asks
        those that it carries to come again, which goes past it; at the latest after `linger_s` it is gone.
        """
        self._passed = now
        for pod in former.pods if former is not None else ():
            if pod.id not in model.pod:
                self._departing.setdefault(pod.id, (pod, now + timing.drain_s))
        self._departing = {name: (pod, end) for name, (pod, end) in self._departing.items() if name not in model.pod and end > now}
        for name in former.member if former is not None else ():
            if former is not None and name not in model.member:
                self._leaving.setdefault(name, _Leave(former, now + timing.drain_s, now + timing.linger_s))
        self._leaving = {name: one for name, one in self._leaving.items() if name not in model.member and one.ends > now}
        present = union_of_pods(self.departing, model)
        for name, one in self._leaving.items():
            present = with_members(one.last, present, (name,), closing=one.closes <= now)
        return present

    def next_end(self) -> float | None:
        """When, after the last pass, something that departs, leaves the mesh or is released comes to its next time; None for never."""
        times = [end for _, end in self._departing.values()] + list(self._released.values())
        times += [time for one in self._leaving.values() for time in (one.closes, one.ends)]
        return min((time for time in times if time > self._passed), default=None)
