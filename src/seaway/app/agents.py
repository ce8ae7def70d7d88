"""The nodes' agents, which are started before anything else: they load while the control plane does. Imports nothing heavy for that."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway import __version__
from seaway.app.network_thread import NetworkThread
from seaway.app.state import StateFolder
from seaway.drivers.netns.real import NetworkDriver
from seaway.drivers.process.daemon import Daemon
from seaway.drivers.process.spawn import DaemonSpec
from seaway.model.cluster import Cluster
from seaway.model.names import node_netns
from seaway.plans.network.plan import NetworkPlan, NodeNetwork


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents' processes by node, and the network that made the namespaces which they run in."""

    network: NetworkThread
    processes: Mapping[str, Daemon]


async def start_agents(state: StateFolder, cluster: Cluster, netns_folder: Path) -> Agents:
    """Makes the nodes' namespaces, and starts an agent in each or finds the one that runs. Raises DriverError."""
    network = NetworkThread(NetworkDriver(netns_folder))
    nodes = tuple(NodeNetwork(node.name, node.address, node.pod_cidr) for node in cluster.nodes)
    await network.ensure(NetworkPlan(nodes, (), ()))
    processes = {node.name: _agent_daemon(state, netns_folder, node.name) for node in cluster.nodes}
    for process in processes.values():
        await process.start()
    return Agents(network, processes)


def agent_argv(node: str, folder: Path, netns_folder: Path) -> tuple[str, ...]:
    """How an agent is started: what `seaway.app.agent` reads, without its imports."""
    where = ("--state", str(folder), "--netns-folder", str(netns_folder))
    return (sys.executable, "-m", "seaway.app.agent", "--node", node, *where)


def _agent_daemon(state: StateFolder, netns_folder: Path, node: str) -> Daemon:
    """The node's agent: DNS, stand-ins, programs and probes."""
    folder = state.node(node)
    folder.mkdir(mode=0o700, exist_ok=True)
    spec = DaemonSpec(
        name=f"agent-{node}",
        argv=agent_argv(node, folder, netns_folder),
        log_path=state.logs / f"agent-{node}.log",
        pid_file=folder / "agent.pid.json",
        env=tuple(os.environ.items()),
        netns_path=netns_folder / node_netns(node),
        revision=__version__,
    )
    return Daemon(spec)
