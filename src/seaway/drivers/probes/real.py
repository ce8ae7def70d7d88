"""Runs the probes of all pods of a node on one loop, and says which pods are ready.

Timing is the kubelet's: probes start when the pod's workload does, after their initial delay; startup probes hold the others back;
a liveness or startup probe that has failed waits for the restart that it asked for. Leaves to others: restarting (drivers/agent).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seaway.drivers.probes.attempt import RunInside, attempt
from seaway.drivers.probes.reach import Reach
from seaway.drivers.probes.verdict import Verdict
from seaway.model.workload import PodName, Probe, ProbeKind
from seaway.plans.node.plan import PodOrders

AT_ONCE = 256
"""Attempts under way at one time: far above what 1,000 pods need (100 a second, each some milliseconds, at most a timeout)."""

HELD_UNREADY = "held unready by hand"


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who is told. `ready`: a pod's readiness changed, and why. `failed`: a startup or liveness probe wants its pod restarted.

    `noted`: anything worth an event, such as a readiness probe that fails now. `run_inside` gives what exec probes of a pod run with.
    """

    ready: Callable[[PodName, bool, str], None]
    failed: Callable[[PodName, str], None]
    noted: Callable[[PodName, str], None]
    run_inside: Callable[[PodName], RunInside | None]


@dataclass(slots=True)
class _Pod:
    orders: PodOrders
    up: bool = False
    since: float = 0.0
    why_down: str = "not started"
    held: bool = False
    ready: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    passed: set[int] = field(default_factory=set[int])
    reasons: dict[int, str] = field(default_factory=dict[int, str])


class Prober:
    """Probes by pod. Probes are told apart by their place in `PodOrders.probes`. `netns_folder` holds the pods' namespace files."""

    def __init__(self, hearers: Hearers, netns_folder: Path) -> None:
        self._hearers = hearers
        self._netns_folder = netns_folder
        self._pods: dict[PodName, _Pod] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def ready(self) -> frozenset[PodName]:
        return frozenset(name for name, pod in self._pods.items() if pod.ready)

    def follow(self, pods: Sequence[PodOrders]) -> None:
        """Forgets pods that are gone, begins with new ones; those with the same revision and probes are not touched."""
        wanted = {PodName(pod.namespace, pod.name): pod for pod in pods}
        for name in self._pods.keys() - wanted.keys():
            self._stop(self._pods[name])
            self._set_ready(name, self._pods.pop(name), False, "deleted")
        for name, orders in wanted.items():
            pod = self._pods.get(name)
            if pod is None:
                self._pods[name] = _Pod(orders)
            elif pod.orders.revision != orders.revision:
                self._stop(pod)
                self._set_ready(name, pod, False, "replaced")
                self._pods[name] = _Pod(orders, held=pod.held)
            else:
                probes_changed = pod.orders.probes != orders.probes
                pod.orders = orders
                if probes_changed and pod.up:
                    self.started(name)

    def started(self, name: PodName) -> None:
        """The pod's sockets listen, or its program runs (again): its probes begin anew. Without probes it is ready now."""
        pod = self._pods.get(name)
        if pod is None:
            return
        self._stop(pod)
        pod.up, pod.since = True, asyncio.get_running_loop().time()
        if any(probe.kind is ProbeKind.STARTUP for probe in pod.orders.probes):
            self._begin(name, pod, frozenset({ProbeKind.STARTUP}))
        else:
            self._begin(name, pod, frozenset({ProbeKind.READINESS, ProbeKind.LIVENESS}))
        self._judge(name, pod)

    def stopped(self, name: PodName, why: str) -> None:
        pod = self._pods.get(name)
        if pod is None:
            return
        self._stop(pod)
        pod.up, pod.why_down = False, why
        self._judge(name, pod)

    def is_up(self, name: PodName) -> bool:
        pod = self._pods.get(name)
        return pod is not None and pod.up

    def hold_unready(self, name: PodName, on: bool) -> bool:
        """Makes a pod unready whatever its probes say, or ends that. False if there is no such pod."""
        pod = self._pods.get(name)
        if pod is None:
            return False
        pod.held = on
        self._judge(name, pod)
        return True

    def close(self) -> None:
        for pod in self._pods.values():
            self._stop(pod)

    def _begin(self, name: PodName, pod: _Pod, kinds: frozenset[ProbeKind]) -> None:
        for place, probe in enumerate(pod.orders.probes):
            if probe.kind in kinds:
                task = asyncio.get_running_loop().create_task(self._watch(name, pod, place, probe), name=f"probe {name} {place}")
                pod.tasks.add(task)
                task.add_done_callback(pod.tasks.discard)

    def _stop(self, pod: _Pod) -> None:
        for task in pod.tasks:
            task.cancel()
        pod.tasks = set()
        pod.passed.clear()
        pod.reasons.clear()

    async def _watch(self, name: PodName, pod: _Pod, place: int, probe: Probe) -> None:
        """One probe until its pod's workload ends; startup probes until they pass, these and liveness probes until they fail."""
        timing = probe.timing
        verdict = Verdict()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, pod.since + timing.initial_delay_s - loop.time()))
        # Pods start together; the second attempts spread over the period, and so do all that follow.
        pause_s = random.uniform(0.5, 1.0) * timing.period_s
        while True:
            async with self._slots:
                reason = await attempt(probe.action, self._reach(pod.orders), timing.timeout_s, self._hearers.run_inside(name))
            before, verdict = verdict.passed, verdict.after(not reason, timing)
            if reason:
                pod.reasons[place] = f"{probe.kind.value.capitalize()} probe failed: {reason}"
            if verdict.passed is not before and self._changed(name, pod, place, probe, verdict.passed):
                return
            if verdict.passed is None and reason:
                self._judge(name, pod)
            await asyncio.sleep(pause_s)
            pause_s = timing.period_s

    def _reach(self, orders: PodOrders) -> Reach:
        return Reach(orders.ip, self._netns_folder / orders.netns if orders.probe_inside else None)

    def _changed(self, name: PodName, pod: _Pod, place: int, probe: Probe, passed: bool | None) -> bool:
        """A verdict has changed; True if this probe has nothing more to do."""
        (pod.passed.add if passed else pod.passed.discard)(place)
        if not passed:
            self._hearers.noted(name, pod.reasons[place])
        if probe.kind is ProbeKind.READINESS:
            self._judge(name, pod)
            return False
        if not passed:
            self._hearers.failed(name, pod.reasons[place])
            return True
        if probe.kind is ProbeKind.STARTUP:
            startups = {one for one, other in enumerate(pod.orders.probes) if other.kind is ProbeKind.STARTUP}
            if startups <= pod.passed:
                self._begin(name, pod, frozenset({ProbeKind.READINESS, ProbeKind.LIVENESS}))
                self._judge(name, pod)
            return True
        return False

    def _judge(self, name: PodName, pod: _Pod) -> None:
        """Ready is: up, every startup and readiness probe passed, not held."""
        if not pod.up:
            self._set_ready(name, pod, False, pod.why_down)
        elif pod.held:
            self._set_ready(name, pod, False, HELD_UNREADY)
        else:
            gates = {place for place, probe in enumerate(pod.orders.probes) if probe.kind is not ProbeKind.LIVENESS}
            open_gates = sorted(gates - pod.passed)
            reason = next((pod.reasons[place] for place in open_gates if place in pod.reasons), "waiting for its probes")
            self._set_ready(name, pod, not open_gates, reason if open_gates else "")

    def _set_ready(self, name: PodName, pod: _Pod, ready: bool, reason: str) -> None:
        if pod.ready is not ready:
            pod.ready = ready
            self._hearers.ready(name, ready, reason)
