"""The control loop: manifests or health changed -> build -> publish, and keep the last good whatever happens.

One pass at a time. New pods come before traffic moves to them; old ones go after traffic has left them. What happens to an object that
Envoy refuses is `admission.py`'s matter; how one node's engines are reached is `engines.py`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from seaway.app.admission import Gate, as_outcome
from seaway.app.engines import Engines, all_of
from seaway.app.rollover import Rollover
from seaway.app.state import write_atomically
from seaway.core.codes.engines import DEFECT, ENGINE_FAILED, REFUSED_WITHOUT_CULPRIT
from seaway.core.errors import DriverError, SeawayError
from seaway.core.finding import Finding, Findings, finding, ordered
from seaway.core.memo import Memo
from seaway.core.origin import GENERATED
from seaway.drivers.xds.nodes import Refusals
from seaway.frontends.build import Built, build_model
from seaway.frontends.ingress.certificates import find_expired
from seaway.model.cluster import Cluster, Leases
from seaway.model.index import Model
from seaway.model.names import inbound_listener, outbound_listener
from seaway.model.service import Health
from seaway.model.transition import union_of_pods
from seaway.model.transition_mesh import with_members
from seaway.model.workload import GatewayProxy, PodName
from seaway.pipeline import Plans, Presence, plan_all
from seaway.plans.envoy.plan import plan_envoys
from seaway.plans.envoy.view import EnvoyView
from seaway.protocols.admission import Accepted, Outcome, Try
from seaway.protocols.xds_resource import LISTENER
from seaway.protocols.xds_stream import Refused
from seaway.snapshot import Snapshot

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. Changes that come closer than `quiet_s` are taken in one pass. Where they do not end (a pod that flaps), passes are
    `spacing_s` apart over time, and at most `at_once` of them closer. A pod that nothing is sent to any more keeps its sockets and its
    namespace for `drain_s`; one that has left the mesh keeps connections through its proxy for at most `linger_s`. What an engine refused
    is tried again after `retry_s`. Envoy has `answer_s` for each candidate while a culprit is looked for.
    """

    quiet_s: float = 0.005
    spacing_s: float = 0.1
    at_once: int = 5
    drain_s: float = 2.0
    linger_s: float = 60.0
    retry_s: float = 1.0
    answer_s: float = 5.0


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
        self.served = self.health  # what rules and orders were made by
        self.current: Current | None = None
        self.gate = Gate()
        self.timing = Timing()
        self.after_pass: list[Callable[[], None]] = []
        self.findings_of_others: Callable[[], Findings] = tuple
        self._read = read
        self._views = views
        self._leases_path, self._leases = leases
        self._snapshot: Snapshot | None = None
        self._built: Built | None = None
        self._admitted: Snapshot | None = None
        self._offered: Snapshot | None = None
        self._kept = Memo()
        self._rollover = Rollover()
        self._wake = asyncio.Event()
        self._turn = 0.0
        self._manifests_changed = True
        self._refused = False
        self._strayed = False
        self._torn = False
        self._held: frozenset[PodName] = frozenset()
        self._failure: Finding | None = None
        self._unexplained: Finding | None = None

    @property
    def findings(self) -> Findings:
        """All findings of the current state: of reading, of building, what engines refused, and which processes do not work."""
        read = self._snapshot.findings if self._snapshot else ()
        built = self._built.findings if self._built else ()
        failed = tuple(one for one in (self._failure, self._unexplained) if one is not None)
        expired = find_expired(self._built.model, datetime.now(UTC)) if self._built else ()
        return ordered((*read, *built, *expired, *self.gate.findings, *failed, *self.findings_of_others()))

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

    def keys_changed(self) -> None:
        """Keys of a token issuer were fetched that were others before; views hold them."""
        self._wake.set()

    def envoy_refused(self) -> None:
        """An Envoy has refused a part of what was published."""
        self._refused = True
        self._wake.set()

    def envoy_accepted(self) -> None:
        """An Envoy has all that was published; once all have, this is the last good. What it takes of a try is not."""
        if self._offered is not None and self.current is not None and not self._strayed and not self.engines.xds.behind:
            self.gate.accepted(self._offered)

    def envoy_settled(self) -> None:
        """An Envoy has answered to all that was published: pods that wait for that may go on."""
        if self._held or self._rollover.on_the_way:
            self._wake.set()

    def envoy_is_complete(self, node: str) -> bool:
        """Whether this node's Envoy has all that is wanted, and refused nothing."""
        return self.current is not None and not self._strayed and node not in self.engines.xds.behind

    async def run(self) -> None:
        """Passes until cancelled. An engine's failure becomes a finding and is tried again; it ends nothing."""
        pause: float | None = 0.0
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            await asyncio.sleep(self._wait_s())
            self._wake.clear()
            try:
                await self.step()
                self._failure, pause = None, self._pause_s()
            except SeawayError as error:
                self._failure, pause = (
                    finding(ENGINE_FAILED, GENERATED, message=error.message, mend=error.help or "see the logs"),
                    self.timing.retry_s,
                )
            except Exception as defect:  # our own mistake: it must not end what serves
                _log.exception("pass over %s", self._snapshot.version if self._snapshot else "nothing")
                self._failure, pause = finding(DEFECT, GENERATED, defect=repr(defect)), self.timing.retry_s
            for hook in self.after_pass:
                hook()

    def _wait_s(self) -> float:
        """How long the next pass is put off: for changes that belong together, and so that passes keep their distance over time."""
        now = time.monotonic()
        self._turn = max(self._turn, now - self.timing.at_once * self.timing.spacing_s) + self.timing.spacing_s
        return max(self.timing.quiet_s, self._turn - now)

    def _pause_s(self) -> float | None:
        """Seconds until a pass is due though nothing changes: a departing pod's time is over, or Envoy is to be tried again."""
        departure = self._rollover.next_end()
        due = [self.timing.retry_s] if self._refused else []
        due += [departure - time.monotonic()] if departure is not None else []
        return max(0.01, min(due)) if due else None

    async def step(self) -> None:
        """One pass: read and build where manifests changed, then plan and publish; then see to what Envoy refused."""
        if self._manifests_changed:
            await self._load()
        await self._publish()
        if self._refused:
            await self._find_culprits()

    async def _load(self) -> None:
        """Reads and builds. What fails is tried again, and so is what has changed while it was read."""
        self._manifests_changed = False
        try:
            snapshot = await asyncio.to_thread(self._read)
            self._build(self.gate.admitted(snapshot))  # also where nothing but lines has moved: findings and views name them
            self._snapshot = snapshot
        except Exception:
            self._manifests_changed = True
            raise

    def _build(self, admitted: Snapshot) -> None:
        built = build_model(admitted, self.cluster, self._held_leases(), self._kept.part("built"))
        if built.leases != self._leases:
            try:
                write_atomically(self._leases_path, msgspec.json.encode(built.leases))
            except OSError as error:
                raise DriverError(f"cannot write {self._leases_path}: {error.strerror}", help="make room in the state folder") from error
            self._leases = built.leases
        self._built, self._admitted = built, admitted

    def _held_leases(self) -> Leases:
        """The leases, with those of pods that are no longer wanted but still there: one that is wanted again is the same as before."""
        present = [*self._rollover.departing, *(self.current.model.pods if self.current else ())]
        held = {str(pod.id): pod.ip for pod in present if not pod.host_network}
        return replace(self._leases, pods=tuple(sorted((held | dict(self._leases.pods)).items())))

    async def _publish(self) -> None:
        """New pods first, then traffic, and pods away when their drain time is over."""
        assert self._snapshot is not None
        assert self._built is not None
        health = self.health
        former = self.current.model if self.current is not None else None
        model = self._rollover.next_model(former, self._built.model, health)
        if not self._rollover.has_arrived(model):
            model = self._rollover.next_mesh(former, model, self._settled(), self._listening())
        now = time.monotonic()
        present = self._rollover.present(former, model, now, self.timing)
        self._rollover.release(present, now, self.timing.linger_s)
        plans = plan_all(
            model,
            Presence(present, self._rollover.captured, self._rollover.released),
            health,
            self._views(model),
            self._kept.part("planned"),
        )
        held = self._without_network(present)
        if self.current is None or self._strayed or self._torn or plans != self.current.plans or held != self._held:
            self._torn = True  # should it break off on the way, engines hold a part of it
            if self.current is not None:
                await self._judge(plans, model)
            await self.engines.network.ensure(plans.network)
            if self.current is None:
                await self._judge(plans, model)
            await self.engines.captures.apply(plans.captures)
            self._publish_envoy(plans)
            held = self._without_network(present)
            await all_of(*(node.take(plans.nodes[name], plans.dns, held) for name, node in self.engines.nodes.items()))
            await self.engines.network.prune(plans.network)
            self.current, self._torn = Current(self._snapshot, self._built, model, plans, time.time()), False
            self._held = held
        else:
            self.current = replace(self.current, snapshot=self._snapshot, built=self._built, model=model)
            self._offered = self._admitted
        self.served = health
        self.envoy_accepted()
        if (self._rollover.on_the_way and self._settled()) or held != self._without_network(present):
            self._wake.set()

    async def _judge(self, plans: Plans, model: Model) -> None:
        """Under network policies a new pod is judged before it has a link, and at the first start before anything runs in it. Without them
        nobody waits for tables: they come with the agents' orders."""
        if model.policies:
            await all_of(*(node.set_rules(plans.nodes[name]) for name, node in self.engines.nodes.items()))

    def _settled(self) -> bool:
        """Whether all Envoys have answered to all that was published last."""
        states = [self.engines.xds.state(name) for name in self.engines.nodes]
        return self.current is not None and not self._strayed and all(one.connected and one.settled == one.published for one in states)

    def _listening(self) -> frozenset[PodName]:
        """Members whose listeners their node's Envoy has."""
        if self.current is None:
            return frozenset()
        return frozenset(name for name in self.current.model.member if self._has_listeners(self.current.model, name))

    def _has_listeners(self, model: Model, name: PodName) -> bool:
        """Whether a member's listeners serve: they are with its node's Envoy, and so is all that they refer to."""
        node = model.pod[name].node if name in model.pod else ""
        if node not in self.engines.nodes:
            return False
        state = self.engines.xds.state(node)
        listeners = ((LISTENER, outbound_listener(name)), (LISTENER, inbound_listener(name)))
        return state.settled == state.published and all(one in state.accepted for one in listeners)

    def _without_network(self, present: Model) -> frozenset[PodName]:
        """Members that have never run here and whose proxy does not listen yet: nothing of them starts before it does."""
        ordered = frozenset[PodName]().union(*(node.ordered for node in self.engines.nodes.values()))
        return frozenset(
            name
            for name in present.member
            if name not in ordered
            and name in present.pod
            and not isinstance(present.pod[name].runs, GatewayProxy)
            and not self._has_listeners(present, name)
        )

    def _publish_envoy(self, plans: Plans) -> None:
        """`envoy_accepted` may be called before this returns."""
        self._offered, self._strayed = self._admitted, False
        for name in self.engines.nodes:
            self.engines.xds.publish(name, plans.nodes[name].envoy)

    async def _find_culprits(self) -> None:
        """Looks for the objects behind what Envoy refused, holds them back, and publishes the rest.

        Tries concern Envoy alone: pods, kernel and DNS stay as they are meanwhile. What is not explained then is asked for again later.
        """
        self._refused = False
        try:
            judges = [name for name in self.engines.nodes if self.engines.xds.state(name).connected]
            if self._unexplained is not None:
                for name in judges:
                    self.engines.xds.retry(name)
                self._unexplained = None
            if refusals := await self._refusals(judges):
                await self._search(refusals, judges)
        except SeawayError:
            self._refused = True
            raise
        finally:
            if self._strayed and self.current is not None:
                self._publish_envoy(self.current.plans)

    async def _search(self, refusals: list[Refused], judges: list[str]) -> None:
        assert self._snapshot is not None
        search = self.gate.search(self._snapshot, refusals)
        while isinstance(search.step, Try):
            search.hear(await self._try(self.gate.variant(self._snapshot, search.step.changes), judges))
        if words := search.step.unexplained:
            self._unexplained, self._refused = finding(REFUSED_WITHOUT_CULPRIT, GENERATED, node=", ".join(judges), words=words), True
            return
        self.gate.conclude(self._snapshot, search.step)
        self._build(self.gate.admitted(self._snapshot))
        await self._publish()

    async def _try(self, variant: Snapshot, judges: list[str]) -> Outcome:
        """What the Envoys say of the configuration made of this variant."""
        model = build_model(variant, self.cluster, self._leases).model
        views = self._views(model)
        present = model
        if self.current is not None:
            former = self.current.model
            present = with_members(former, union_of_pods(former.pods, model), former.member)
        self._strayed = True
        for name, resources in plan_envoys(model, self.health, views, present=present).items():
            self.engines.xds.publish(name, resources)
        refusals = await self._refusals(judges)
        return as_outcome(refusals) if refusals else Accepted()

    async def _refusals(self, judges: list[str]) -> list[Refused]:
        """What these nodes' Envoys refuse of what was published last. DriverError where one says nothing."""
        answers = [await self.engines.xds.wait_settled(name, self.timing.answer_s) for name in judges]
        return [refused for answer in answers if isinstance(answer, Refusals) for refused in answer.refused]


def is_up(loop: Loop) -> bool:
    """Whether every pod that is wanted is ready, and every Envoy has all that was published."""
    current = loop.current
    if current is None or loop.served != loop.health:
        return False
    waiting = [pod for pod in current.model.pods if pod.id not in loop.health.ready and not pod.finite]
    return not waiting and all(loop.engines.xds.state(node).settled for node in loop.engines.nodes)
