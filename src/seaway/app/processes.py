"""How a node's Envoy is started, and what is to be said of processes that do not work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seaway.app.state import StateFolder
from seaway.core.codes.engines import ENVOY_NOT_REPLACED, PROCESS_CANNOT_START, PROCESS_DIED
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import GENERATED
from seaway.drivers.envoy.process import EnvoyProcess, EnvoySpec, OnEnvoyEvent
from seaway.drivers.process.daemon import Exited, Failure
from seaway.drivers.xds.nodes import Nodes
from seaway.model.names import FLOWS_SOCKET, SDS_SOCKET, envoy_id, node_netns
from seaway.plans.envoy.bootstrap import Sockets, render_bootstrap

ENVOY_WORKERS = min(4, os.cpu_count() or 1)


class Supervised(Protocol):
    """An Envoy or an agent."""

    @property
    def name(self) -> str:
        """`envoy-NODE` or `agent-NODE`."""
        ...

    @property
    def pid(self) -> int | None: ...

    @property
    def trouble(self) -> Failure | None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class NodeSource:
    """What one node's Envoys get from the xDS server, and what they tell; `is_complete` says of a node whether its Envoy has all of it."""

    xds: Nodes
    node: str
    is_complete: Callable[[str], bool]
    flows_per_million: int = 0

    def welcome(self, generation: int) -> None:
        self.xds.welcome(self.node, generation)

    def complete(self) -> bool:
        return self.is_complete(self.node)


def envoy_process(state: StateFolder, netns_folder: Path, binary: Path, source: NodeSource, on_event: OnEnvoyEvent) -> EnvoyProcess:
    """The node's Envoy. One that runs with another bootstrap or binary is replaced while it serves."""
    node = source.node

    def render(generation: int, admin_socket: Path) -> str:
        folder = state.node(node)
        own = (str(folder / SDS_SOCKET), str(folder / FLOWS_SOCKET), str(admin_socket))
        sockets = Sockets(str(state.xds_socket), *own, str(state.limits_socket))
        return render_bootstrap(envoy_id(node, generation), sockets, ENVOY_WORKERS, source.flows_per_million)

    log = state.logs / f"envoy-{node}.log"
    spec = EnvoySpec(f"envoy-{node}", binary, render, state.node(node), log, netns_folder / node_netns(node), ENVOY_WORKERS)
    return EnvoyProcess(spec, source, on_event)


def process_findings(processes: Iterable[Supervised], logs: Path) -> Findings:
    """Of processes that keep dying, and of Envoys that did not get to replace their predecessor."""
    return tuple(found for one in processes for found in (_trouble(one, logs), _refusal(one, logs)) if found is not None)


def _trouble(process: Supervised, logs: Path) -> Finding | None:
    match process.trouble:
        case Exited(reason=reason, log_tail=tail, restart_in_s=pause):
            last = tail[-1].strip() if tail else "(it is empty)"
            said = {"name": process.name, "reason": reason, "delay": f"{pause:g}", "log": f"{logs / process.name}.log", "last": last}
            return finding(PROCESS_DIED, GENERATED, **said)
        case None:
            return None
        case failure:
            return finding(PROCESS_CANNOT_START, GENERATED, name=process.name, reason=failure.reason, delay=f"{failure.restart_in_s:g}")


def _refusal(process: Supervised, logs: Path) -> Finding | None:
    if not isinstance(process, EnvoyProcess) or process.refusal is None:
        return None
    log = f"{logs / process.name}.log"
    return finding(ENVOY_NOT_REPLACED, GENERATED, name=process.name, reason=process.refusal.reason, log=log)
