"""The control plane of a local network: sandbox, processes, loop, control socket, wired together and taken apart again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from seaway.app.agents import Agents
from seaway.app.certificates import Certificates, CertificateSettings
from seaway.app.client import ready_pods
from seaway.app.control import ControlServer
from seaway.app.down import forget
from seaway.app.engines import CaptureThread, Engines, NodeEngines
from seaway.app.loop import Loop, is_up
from seaway.app.processes import NodeSource, Supervised, envoy_process, process_findings
from seaway.app.questions import certificate_questions, questions, reach_questions
from seaway.app.relay import end_relay, pipe_of
from seaway.app.settings import Settings
from seaway.app.state import StateFolder, read_leases, write_atomically
from seaway.app.tables import TableWatch
from seaway.app.token_keys import Places, TokenKeeper
from seaway.app.views.certificates import find_troubles
from seaway.app.views.status import status_document
from seaway.core.codes.engines import DEFECT, ENGINE_FAILED, ENVOY_NOT_REPLACED, PROCESS_CANNOT_START, PROCESS_DIED
from seaway.core.errors import DriverError
from seaway.core.finding import Finding, Findings
from seaway.drivers.agent.link import AgentLink
from seaway.drivers.agent.messages import AgentEvent, Applied, ReadyChange, ReadySet, Report
from seaway.drivers.agent.server import SOCKET_FILE
from seaway.drivers.ca.default_certificate import default_certificate
from seaway.drivers.envoy.binary import find_envoy
from seaway.drivers.envoy.process import EnvoyEvent
from seaway.drivers.envoy.replacement import NotReplaced, Replaced
from seaway.drivers.jwks.real import UrlFetcher
from seaway.drivers.nft.captures import CaptureDriver
from seaway.drivers.nft.real import NftDriver
from seaway.drivers.process.daemon import Adopted, Exited, Started, StartFailed
from seaway.drivers.sandbox.sandbox import Sandbox, destroy_sandbox
from seaway.drivers.xds.nodes import Disconnected, WaveDone
from seaway.drivers.xds.nodes import Report as XdsReport
from seaway.drivers.xds.real import XdsServer
from seaway.frontends.kubernetes.commanded import with_commands
from seaway.model.index import Model
from seaway.model.names import HOST_NETNS, node_netns
from seaway.model.workload import PodName
from seaway.plans.envoy.host_ports import HostPort
from seaway.plans.envoy.view import EnvoyView
from seaway.snapshot import Snapshot
from seaway.sources.files import FileSource

_ADOPTED_S = 3.0
"""How long an agent that was found running may take to say which pods are ready, before anything is published without it."""

_SAID_AT_ONCE = (PROCESS_DIED, PROCESS_CANNOT_START, ENVOY_NOT_REPLACED)
"""Findings that were told as events already, each time with the newest words."""

_FIRST_NEWS_S = 0.01
_NEWS_S = 0.1
_STATUS_S = 0.15


class ControlPlane:
    """One run of `seaway up`, inside the sandbox, with agents that were started for it. `say` prints progress and events, a line each."""

    def __init__(
        self, state: StateFolder, settings: Settings, source: FileSource, sandbox: Sandbox, agents: Agents, say: Callable[[str], None]
    ) -> None:
        self.state = state
        self.settings = settings
        self._source = source
        self._status_due: asyncio.TimerHandle | None = None
        self._sandbox = sandbox
        self._agents = agents
        self._say = say
        self._processes: list[Supervised] = []
        self._adopted: set[str] = set()
        self._stop = asyncio.Event()
        self._stops = 0
        self.loop: Loop | None = None
        self._links: dict[str, AgentLink] = {}
        self._tables: dict[str, NftDriver] = {}
        self._certificates = Certificates(CertificateSettings(state.roots, settings.leaf_s), self._links, say)
        outside = sandbox.netns_folder / HOST_NETNS
        places = Places(sandbox.netns_folder, outside if outside.exists() else None)
        self._token_keys = TokenKeeper(state.token_keys, places, UrlFetcher(), self._keys_changed)

    async def run(self, started: Callable[[dict[str, Any]], None]) -> None:
        """Runs until SIGINT or SIGTERM, then takes everything away. `started` is called when the first configuration is out."""
        _keep_defects(self.state.logs / "defects.log")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_stop)
        xds = XdsServer(self._heard_envoy)
        await xds.start(self.state.xds_socket)
        try:
            await self._run(xds, started)
        except DriverError:
            await xds.stop()
            raise
        await self._take_apart(xds)

    async def _run(self, xds: XdsServer, started: Callable[[dict[str, Any]], None]) -> None:
        """Everything between the first process and the wish to stop."""
        cluster = self.settings.cluster
        await self._start_processes(xds)
        captures = CaptureThread(CaptureDriver(self._sandbox.netns_folder))
        engines = Engines(self._agents.network, captures, xds, {node.name: await self._node_engines(node.name) for node in cluster.nodes})
        self.loop = Loop(self._read, cluster, engines, self._views, (self.state.leases, read_leases(self.state.leases)))
        self.loop.after_pass.append(self._status_changed)
        self.loop.after_pass.append(self._follow_authority)
        self.loop.findings_of_others = self._other_findings
        about_certificates = certificate_questions(self.loop, self._certificates, partial(default_certificate, self.state.certificate))
        control = ControlServer(questions(self.loop, self._processes_running) | reach_questions(self.loop) | about_certificates)
        await control.start(self.state.control_socket)
        await self._await_adopted_agents()
        self.loop.pods_changed()
        await self._serve(self.loop, started)
        await control.stop()

    async def _serve(self, loop: Loop, started: Callable[[dict[str, Any]], None]) -> None:
        """Runs the loop and its watchers until somebody asks to stop."""
        tasks = [
            asyncio.create_task(one)
            for one in (
                loop.run(),
                self._watch_manifests(loop),
                TableWatch(self._tables, loop.engines.captures, self._sandbox.netns_folder, self._say).run(),
                self._certificates.run(),
                self._announce(loop, started),
            )
        ]
        stop = asyncio.create_task(self._until_stopped())
        done, _ = await asyncio.wait([stop, *tasks[:4]], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, stop):
            task.cancel()
        await asyncio.gather(*tasks, stop, return_exceptions=True)
        for task in done - {stop}:
            task.result()

    async def _until_stopped(self) -> None:
        await self._stop.wait()

    async def _start_processes(self, xds: XdsServer) -> None:
        """Takes over the agent of every node, and starts its Envoy or finds the one that runs."""
        binary = find_envoy(Path(self.settings.envoy) if self.settings.envoy else None)
        for node in self.settings.cluster.nodes:
            agent = self._agents.processes[node.name]
            agent.tell(self._heard_process)
            source = NodeSource(xds, node.name, self._is_complete, self.settings.flows_per_million)
            envoy = envoy_process(self.state, self._sandbox.netns_folder, binary, source, self._heard_process)
            self._processes += [agent, envoy]
            await envoy.start()

    def _is_complete(self, node: str) -> bool:
        return self.loop is not None and self.loop.envoy_is_complete(node)

    async def _node_engines(self, node: str) -> NodeEngines:
        folder = self.state.node(node)
        presumed = frozenset[PodName]() if f"agent-{node}" in self._adopted else ready_pods(self.state, node)
        link = AgentLink(folder / SOCKET_FILE, partial(self._heard_agent, node), presumed)
        self._links[node] = link
        await link.open()
        self._tables[node] = NftDriver(self._sandbox.netns_folder / node_netns(node))
        allow = partial(self._certificates.allow, node)
        return NodeEngines(folder, link, self._tables[node], self.settings.cluster.dns_upstreams, allow)

    def _read(self) -> Snapshot:
        return with_commands(self._source.read(), self.settings.commands)

    def _views(self, model: Model) -> Mapping[str, EnvoyView]:
        """The first node's Envoy also answers on the user's loopback, for the first gateway."""
        certificate = default_certificate(self.state.certificate)
        first = self.settings.cluster.nodes[0].name
        ports = self._host_ports(model.gateways[0].name) if model.gateways else ()
        folder = str(self._sandbox.netns_folder)
        return {
            node.name: EnvoyView(
                node.name,
                folder,
                certificate,
                ports if node.name == first else (),
                shorter_way=self.settings.shorter_way,
                token_keys=self._token_keys.texts,
            )
            for node in self.settings.cluster.nodes
        }

    def _host_ports(self, gateway: str) -> tuple[HostPort, ...]:
        if not self.settings.linked:
            return tuple(HostPort(one.port, one.tls, gateway, None, str(pipe_of(self.state, one))) for one in self.settings.loopback)
        return tuple(HostPort(one.port, one.tls, gateway, HOST_NETNS, None) for one in self.settings.loopback)

    async def _await_adopted_agents(self) -> None:
        """An agent that was found running knows which pods are ready: without it all traffic would be taken from them for a moment."""
        waiting = [link for node, link in self._links.items() if f"agent-{node}" in self._adopted]
        with suppress(TimeoutError):
            async with asyncio.timeout(_ADOPTED_S):
                while not all(link.connected and link.ready for link in waiting):
                    await asyncio.sleep(0.01)

    async def _watch_manifests(self, loop: Loop) -> None:
        async for _ in self._source.changes(self._stop):
            loop.manifests_changed()

    async def _announce(self, loop: Loop, started: Callable[[dict[str, Any]], None]) -> None:
        """Says when the first configuration is complete, and from then on what changes; failures at once."""
        version = ""
        seen: frozenset[Finding] = frozenset()
        while True:
            if not version and is_up(loop) and loop.current is not None:
                version = loop.current.built.snapshot.version
                self._write_status()
                started(status_document(loop, self._processes_running()))
                seen = frozenset(loop.findings)
            for finding in loop.findings:
                if finding not in seen and finding.code not in _SAID_AT_ONCE and (version or finding.code in (ENGINE_FAILED, DEFECT)):
                    self._say(f"{finding.severity.value}[{finding.code.id}] {finding.origin.full}: {finding.message}")
            seen = frozenset(loop.findings)
            if version and loop.current is not None and loop.current.built.snapshot.version != version:
                version = loop.current.built.snapshot.version
                self._say(
                    f"configuration {version} is live: {len(loop.current.model.pods)} pods, {len(loop.current.model.services)} services"
                )
            await asyncio.sleep(_NEWS_S if version else _FIRST_NEWS_S)

    def _heard_agent(self, node: str, report: Report) -> None:
        match report:
            case ReadySet() | ReadyChange():
                if self.loop is not None:
                    self.loop.pods_changed()
            case AgentEvent() | Applied():
                self._say(str(report))
            case _:
                self._certificates.hear(node, report)

    def _follow_authority(self) -> None:
        if self.loop is not None and self.loop.current is not None:
            self._certificates.follow(self.loop.current.model.mesh.authority)
            self._token_keys.follow(self.loop.current.model)

    def _keys_changed(self) -> None:
        if self.loop is not None:
            self.loop.keys_changed()

    def _other_findings(self) -> Findings:
        return (*process_findings(self._processes, self.state.logs), *find_troubles(self._certificates), *self._token_keys.findings)

    def _heard_envoy(self, node: str, report: XdsReport) -> None:
        if self.loop is None:
            return
        match report:
            case WaveDone(refusals=()):
                self.loop.envoy_accepted()
                self.loop.envoy_settled()
            case WaveDone():
                self.loop.envoy_refused()
            case Disconnected():
                self._say(f"{node}: Envoy has left; it goes on with what it holds")
            case _:
                pass

    def _heard_process(self, name: str, event: EnvoyEvent) -> None:
        match event:
            case Adopted():
                self._adopted.add(name)
                self._say(f"{name} was found running")
            case Exited(reason=reason, log_tail=lines, restart_in_s=pause):
                self._say(f"{name} {reason}; started again in {pause:g} s")
                for line in lines[-2:]:
                    self._say(f"  {line}")
            case StartFailed(reason=reason, restart_in_s=pause):
                self._say(f"{name} {reason}; tried again in {pause:g} s")
            case Replaced():
                self._say(f"{name} has replaced the one from before")
            case NotReplaced(reason=reason):
                self._say(f"{name} is still the one from before: {reason}")
            case Started():
                pass

    def _processes_running(self) -> Mapping[str, bool]:
        return {process.name: process.pid is not None for process in self._processes}

    def _status_changed(self) -> None:
        """Has the status written soon; once for passes that come close together, so that none of them waits for it. The first at once."""
        if not self.state.status.exists():
            self._write_status()
        elif self._status_due is None:
            self._status_due = asyncio.get_running_loop().call_later(_STATUS_S, self._write_status)

    def _write_status(self) -> None:
        assert self.loop is not None
        if self._status_due is not None:
            self._status_due.cancel()
            self._status_due = None
        with suppress(OSError):
            write_atomically(self.state.status, json.dumps(status_document(self.loop, self._processes_running())).encode())

    def _asked_to_stop(self) -> None:
        self._stops += 1
        self._stop.set()
        if self._stops > 1:
            destroy_sandbox(self.state.path)
            os._exit(1)

    async def _take_apart(self, xds: XdsServer) -> None:
        """Everything away, in the order in which nothing is started again meanwhile."""
        if self._status_due is not None:
            self._status_due.cancel()
        await self._token_keys.stop()
        for link in self._links.values():
            await link.close()
        await asyncio.gather(*(process.stop() for process in self._processes))
        await xds.stop()
        end_relay(self.state)
        await asyncio.to_thread(destroy_sandbox, self.state.path)
        forget(self.state)


def _keep_defects(path: Path) -> None:
    """Tracebacks of our own mistakes go into a file: on a terminal they would help nobody."""
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    log = logging.getLogger("seaway")
    log.addHandler(handler)
    log.propagate = False
