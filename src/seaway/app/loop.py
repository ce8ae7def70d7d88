"""The control loop: manifests or health changed -> build -> publish, and keep the last good whatever happens.

One pass at a time. New pods come before traffic moves to them; old ones go after traffic has left them. What happens to an object that
Envoy refuses is `admission.py`'s matter; how one node's engines are reached is `nodes.py`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from seaway.app.admission import Gate, as_outcome
from seaway.app.engines import Engines
from seaway.app.state import write_atomically
from seaway.core.codes.engines import ENGINE_FAILED
from seaway.core.errors import DriverError
from seaway.core.finding import Finding, Findings, finding, ordered
from seaway.core.origin import GENERATED
from seaway.drivers.xds.nodes import Refusals
from seaway.frontends.build import Built, build_model
from seaway.frontends.ingress.certificates import find_expired
from seaway.model.cluster import Cluster, Leases
from seaway.model.index import Model
from seaway.model.service import Health
from seaway.model.transition import union_of_pods, with_lingering
from seaway.model.workload import Pod, PodName
from seaway.pipeline import Plans, plan_all
from seaway.plans.envoy.plan import EnvoyView, plan_envoy
from seaway.protocols.admission import Accepted, Outcome, Try
from seaway.protocols.xds_stream import Refused
from seaway.snapshot import Snapshot

_QUIET_S = 0.005
"""Changes that come closer than this are taken in one pass."""

_DRAIN_S = 2.0
"""How long a pod that nothing is sent to any more keeps its sockets and its namespace."""

_RETRY_S = 1.0
"""When an engine that failed is tried again."""

_ANSWER_S = 5.0
"""How long Envoy may take over one candidate while the object that it refuses is looked for."""


@dataclass(frozen=True, slots=True)
class Current:
    """What is published now. `snapshot` is as read; `built` is what of it was admitted; `since` is Unix time in seconds."""

    snapshot: Snapshot
    built: Built
    model: Model
    plans: Plans
    since: float


class Loop:
    """`read` gives the manifests as they are now (it may block); `views` what each node's Envoy sees of the machine."""

    def __init__(
        self,
        read: Callable[[], Snapshot],
        cluster: Cluster,
        engines: Engines,
        views: Callable[[Model], Mapping[str, EnvoyView]],
        leases: tuple[Path, Leases],
    ) -> None:
        self.cluster = cluster
        self.engines = engines
        self.health = Health()
        self.current: Current | None = None
        self.gate = Gate()
        self.after_pass: list[Callable[[], None]] = []
        self.process_findings: Callable[[], Findings] = tuple
        self._read = read
        self._views = views
        self._leases_path, self._leases = leases
        self._snapshot: Snapshot | None = None
        self._built: Built | None = None
        self._departing: dict[PodName, tuple[Pod, float]] = {}
        self._wake = asyncio.Event()
        self._manifests_changed = True
        self._refused = False
        self._searching = False
        self._failure: Finding | None = None

    @property
    def findings(self) -> Findings:
        """All findings of the current state: of reading, of building, what engines refused, and which processes do not work."""
        read = self._snapshot.findings if self._snapshot else ()
        built = self._built.findings if self._built else ()
        failed = (self._failure,) if self._failure else ()
        expired = find_expired(self._built.model, datetime.now(UTC)) if self._built else ()
        return ordered((*read, *built, *expired, *self.gate.findings, *failed, *self.process_findings()))

    def manifests_changed(self) -> None:
        """The source says that there is something new to read."""
        self._manifests_changed = True
        self._wake.set()

    def pods_changed(self) -> None:
        """An agent says that pods have become ready, or have ceased to be."""
        ready = frozenset[PodName]().union(*(node.ready for node in self.engines.nodes.values()))
        if ready != self.health.ready:
            self.health = Health(ready)
            self._wake.set()

    def envoy_refused(self) -> None:
        """An Envoy has refused a part of what was published."""
        self._refused = True
        self._wake.set()

    def envoy_accepted(self) -> None:
        """An Envoy has all that was published; once all have, this is the last good."""
        states = [self.engines.xds.state(name) for name in self.engines.nodes]
        if self._built is not None and not self._searching and all(one.settled == one.published and not one.refused for one in states):
            self.gate.accepted(self._built.snapshot)

    def envoy_is_complete(self, node: str) -> bool:
        """Whether this node's Envoy has all that is wanted, and refused nothing."""
        state = self.engines.xds.state(node)
        return self.current is not None and not self._searching and not state.refused and state.settled == state.published

    async def run(self) -> None:
        """Passes until cancelled. An engine's failure becomes a finding and is tried again; it ends nothing."""
        pause: float | None = 0.0
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            await asyncio.sleep(_QUIET_S)
            self._wake.clear()
            try:
                await self.step()
                self._failure, pause = None, self._next_departure()
            except DriverError as error:
                self._failure, pause = finding(ENGINE_FAILED, GENERATED, message=error.message, mend=error.help or "see the logs"), _RETRY_S
            for hook in self.after_pass:
                hook()

    async def step(self) -> None:
        """One pass: read and build where manifests changed, then plan and publish; then see to what Envoy refused."""
        if self._manifests_changed:
            await self._load()
        await self._publish()
        if self._refused:
            self._refused = False
            await self._find_culprits()

    async def _load(self) -> None:
        """Reads and builds. The flag falls only when that has worked, so that a failure is tried again."""
        snapshot = await asyncio.to_thread(self._read)
        self._manifests_changed = False
        former = self._snapshot
        self._snapshot = snapshot
        if self._built is None or former is None or snapshot.version != former.version:
            self._build(self.gate.admitted(snapshot))

    def _build(self, snapshot: Snapshot) -> None:
        built = build_model(snapshot, self.cluster, self._held_leases())
        if built.leases != self._leases:
            write_atomically(self._leases_path, msgspec.json.encode(built.leases))
            self._leases = built.leases
        self._built = built

    def _held_leases(self) -> Leases:
        """The leases, with those of pods that are no longer wanted but still there: one that is wanted again is the same as before."""
        present = [*(pod for pod, _ in self._departing.values()), *(self.current.model.pods if self.current else ())]
        held = {str(pod.id): pod.ip for pod in present if not pod.host_network}
        return replace(self._leases, pods=tuple(sorted((held | dict(self._leases.pods)).items())))

    async def _publish(self) -> None:
        """New pods first, then traffic, and pods away when their drain time is over."""
        assert self._snapshot is not None
        assert self._built is not None
        wanted = self._built.model
        model = wanted if self.current is None else with_lingering(self.current.model, wanted, self.health)
        present = self._with_departing(model)
        views = self._views(model)
        plans = plan_all(model, present, self.health, views)
        if self.current is None or plans != self.current.plans:
            await self.engines.network.ensure(plans.network)
            self._publish_envoy(plans)
            await asyncio.gather(*(node.take(plans.nodes[name], plans.dns) for name, node in self.engines.nodes.items()))
            await self.engines.network.prune(plans.network)
            self.current = Current(self._snapshot, self._built, model, plans, time.time())
        else:
            self.current = replace(self.current, snapshot=self._snapshot, built=self._built)

    def _publish_envoy(self, plans: Plans) -> None:
        for name in self.engines.nodes:
            self.engines.xds.publish(name, plans.nodes[name].envoy)

    def _with_departing(self, model: Model) -> Model:
        """The model with the pods that have left it less than a drain time ago: these keep their sockets and namespace a little longer."""
        now = time.monotonic()
        if self.current is not None:
            for pod in self.current.model.pods:
                if pod.id not in model.pod:
                    self._departing.setdefault(pod.id, (pod, now + _DRAIN_S))
        self._departing = {name: (pod, end) for name, (pod, end) in self._departing.items() if name not in model.pod and end > now}
        return union_of_pods(tuple(pod for pod, _ in self._departing.values()), model)

    def _next_departure(self) -> float | None:
        """Seconds until a departing pod's drain time is over; None where none departs."""
        ends = [end for _, end in self._departing.values()]
        return max(0.01, min(ends) - time.monotonic()) if ends else None

    async def _find_culprits(self) -> None:
        """Looks for the objects behind what Envoy refused, holds them back, and publishes the rest.

        Tries concern Envoy alone: pods, kernel and DNS stay as they are meanwhile.
        """
        snapshot = self._snapshot
        refusals = [refused for name in self.engines.nodes for refused in self.engines.xds.state(name).refused]
        if snapshot is None or not refusals:
            return
        search = self.gate.search(snapshot, refusals)
        self._searching = True  # what an Envoy accepts of a try is not the last good configuration
        try:
            while isinstance(search.step, Try):
                search.hear(await self._try(self.gate.variant(snapshot, search.step.changes)))
        finally:
            self._searching = False
            if self.current is not None:
                self._publish_envoy(self.current.plans)  # the tries have moved Envoy away from it
        if search.step.unexplained:
            raise DriverError(f"Envoy refuses what it took before: {search.step.unexplained}", help="see `seaway logs envoy`")
        self.gate.conclude(snapshot, search.step)
        self._build(self.gate.admitted(snapshot))
        await self._publish()

    async def _try(self, variant: Snapshot) -> Outcome:
        """What the Envoys say of the configuration made of this variant."""
        model = build_model(variant, self.cluster, self._leases).model
        views = self._views(model)
        for name in self.engines.nodes:
            self.engines.xds.publish(name, plan_envoy(model, self.health, views[name]))
        refusals: list[Refused] = []
        for name in self.engines.nodes:
            answer = await self.engines.xds.wait_settled(name, _ANSWER_S)
            if isinstance(answer, Refusals):
                refusals += answer.refused
        return as_outcome(refusals) if refusals else Accepted()


def is_up(loop: Loop) -> bool:
    """Whether every pod that is wanted is ready, and every Envoy has all that was published."""
    current = loop.current
    if current is None:
        return False
    waiting = [pod for pod in current.model.pods if pod.id not in loop.health.ready and not pod.finite]
    return not waiting and all(loop.engines.xds.state(node).settled for node in loop.engines.nodes)
