"""Follows a node's orders: hands them to stand-ins, programs, DNS and probes, and tells who is ready.

Leaves to others: sockets (drivers/standin), processes (drivers/programs), timing of probes (drivers/probes), the wire (server).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.agent.cluster_dns import DnsPods
from seaway.drivers.agent.identity import Hearers, NodeIdentity
from seaway.drivers.agent.messages import (
    AgentEvent,
    Applied,
    EventKind,
    Notice,
    PodError,
    ReadyChange,
    ReadySet,
    Report,
    pod_name,
)
from seaway.drivers.agent.orders import ORDERS_FILE, Orders, read_orders
from seaway.drivers.agent.parts import Parts
from seaway.drivers.probes.attempt import RunInside
from seaway.drivers.probes.real import Hearers as ProbeHearers
from seaway.drivers.probes.real import Prober
from seaway.drivers.programs.interface import ProgramEvent
from seaway.drivers.programs.restarts import Backoff
from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 10.0

_log = logging.getLogger(__name__)


class NodeAgent:
    """One node's orders, followed. `report` is called for everything that clients should hear.

    `make_parts` gets the callback that programs report to, since programs and agent need each other.
    """

    def __init__(
        self,
        node_folder: Path,
        netns_folder: Path,
        make_parts: Callable[[Callable[[ProgramEvent], None]], Parts],
        report: Callable[[Report], None],
    ) -> None:
        self._orders_path = node_folder / ORDERS_FILE
        self._report = report
        self._parts = make_parts(self._on_program)
        self._dns = DnsPods(self._parts.make_dns, netns_folder)
        self._identity = NodeIdentity(self._parts.make_certificates, Hearers(report, partial(self._event, EventKind.IDENTITY, None)))
        hearers = ProbeHearers(self._on_ready, self._on_failed, partial(self._event, EventKind.PROBE), self._run_inside)
        self._prober = Prober(hearers, netns_folder)
        self._pods: dict[PodName, PodOrders] = {}
        self._orders: Orders | None = None
        self._errors: dict[PodName, str] = {}
        self._lock = asyncio.Lock()
        self._retry: asyncio.Task[None] | None = None
        self._restarts: set[asyncio.Task[None]] = set()
        self._reopened: dict[PodName, tuple[Backoff, float]] = {}

    @property
    def standing(self) -> tuple[Report, ...]:
        """How things are, for one who has just connected: who is ready, and what is held and wanted of certificates."""
        return (ReadySet(tuple(sorted(str(name) for name in self._prober.ready))), *self._identity.standing)

    def take(self, notice: Notice) -> None:
        """The control plane's word on certificates."""
        self._identity.take(notice)

    def has_orders(self) -> bool:
        """Whether the control plane has written orders yet."""
        return self._orders_path.exists()

    async def follow_file(self, id: int = 0) -> Applied:
        """Reads the orders file and follows it. A file that cannot be read leaves the last good orders in force."""
        async with self._lock:
            try:
                orders = read_orders(self._orders_path)
            except DriverError as error:
                self._event(EventKind.ORDERS, None, f"not followed: {error.message}")
                return self._applied(id, error.message)
            try:
                await self._identity.follow(orders.node.identities)
            except DriverError as error:
                problem = error.message
                self._event(EventKind.IDENTITY, None, problem)
            else:
                problem = ""
            await self._follow(orders)  # also orders that are known: a namespace may have been made anew under its name
            return self._applied(id, problem)

    def hold_unready(self, pod: str, on: bool) -> str:
        """ "" or why it cannot be."""
        return "" if self._prober.hold_unready(pod_name(pod), on) else f"no pod {pod} on this node"

    async def stop(self) -> None:
        """Ends everything that was started, programs too."""
        async with self._lock:
            await self._end()
            await self._parts.programs.stop()

    async def let_go(self) -> None:
        """Ends the agent's own sockets and tasks; programs go on, for the next agent to adopt."""
        async with self._lock:
            await self._end()
            await self._parts.programs.let_go()

    async def _end(self) -> None:
        tasks = [*self._restarts, *((self._retry,) if self._retry is not None else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._prober.close()
        await self._parts.standins.close()
        await self._dns.stop()
        await self._identity.close()

    async def _follow(self, orders: Orders) -> None:
        self._orders = orders
        self._pods = {PodName(pod.namespace, pod.name): pod for pod in orders.node.pods}
        self._prober.follow(orders.node.pods)
        self._reopened = {name: value for name, value in self._reopened.items() if name in self._pods}
        self._errors = await self._try(orders)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._errors:
            self._retry = asyncio.get_running_loop().create_task(self._try_again(orders), name="agent-retry")

    async def _try(self, orders: Orders) -> dict[PodName, str]:
        """Everything as ordered, as far as it can be; the errors of the rest. May be called again at any time."""
        pods = orders.node.pods
        problem = await self._dns.load(orders)
        if problem:
            self._event(EventKind.DNS, None, problem)
        errors = {**await self._parts.standins.follow(pods), **await self._dns.follow(pods)}
        for name, pod in self._pods.items():
            if pod.command is None:
                self._set_up(name, pod, errors.get(name))
        program_errors = await self._parts.programs.follow(pods)
        for name, error in program_errors.items():
            self._prober.stopped(name, error)
        return {**errors, **program_errors}

    def _set_up(self, name: PodName, pod: PodOrders, error: str | None) -> None:
        """A pod without a program is up when all its sockets listen. One that runs nothing of ours (a gateway) is up at once."""
        ours = self._parts.standins.listening(name) or self._dns.listening(name) or not (pod.listen or pod.serves_dns)
        if ours and error is None:
            if not self._prober.is_up(name):
                self._prober.started(name)
        else:
            self._prober.stopped(name, error or "its sockets are closed")

    async def _try_again(self, orders: Orders) -> None:
        """What could not be opened is tried until it can be: an address may still be taken by a pod that is on its way out."""
        pause_s = FIRST_RETRY_S
        while self._errors:
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_RETRY_S, 2 * pause_s)
            async with self._lock:
                before = self._errors
                self._errors = await self._try(orders)
                if self._errors != before:
                    self._report(self._applied(0))

    def _applied(self, id: int, problem: str = "") -> Applied:
        errors = tuple(PodError(str(name), text) for name, text in sorted(self._errors.items()))
        return Applied(id, self._orders.version if self._orders is not None else "", errors, problem)

    def _on_program(self, event: ProgramEvent) -> None:
        self._event(EventKind.PROGRAM, event.pod, event.text)
        if event.running:
            self._prober.started(event.pod)
        else:
            self._prober.stopped(event.pod, event.text)

    def _on_ready(self, name: PodName, ready: bool, reason: str) -> None:
        self._report(ReadyChange(str(name), ready, reason))

    def _on_failed(self, name: PodName, why: str) -> None:
        """A liveness or startup probe wants its pod restarted."""
        pod = self._pods.get(name)
        if pod is None:
            return
        self._event(EventKind.RESTART, name, why)
        restart = self._parts.programs.restart(name, why) if pod.command is not None else self._reopen(name, why)
        self._in_background(restart)

    async def _reopen(self, name: PodName, why: str) -> None:
        """A stand-in's restart: its sockets are closed and opened again, after waits as programs that crash have them."""
        self._prober.stopped(name, why)
        now = asyncio.get_running_loop().time()
        backoff, since = self._reopened.get(name, (Backoff(), now))
        backoff = backoff.after(now - since)
        await asyncio.sleep(backoff.wait_s)
        async with self._lock:
            if name in self._pods:
                self._reopened[name] = (backoff, asyncio.get_running_loop().time())
                await self._parts.standins.reopen(name)
                self._set_up(name, self._pods[name], None)

    def _run_inside(self, name: PodName) -> RunInside | None:
        pod = self._pods.get(name)
        return partial(self._parts.programs.run_inside, name) if pod is not None and pod.command is not None else None

    def _in_background(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    def _event(self, kind: EventKind, pod: PodName | None, text: str) -> None:
        _log.info("%s %s: %s", kind.value, pod or "", text)
        self._report(AgentEvent(kind, "" if pod is None else str(pod), text))
