"""The processes of one node: how its Envoy and its agent are started."""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from pathlib import Path

from seaway import __version__
from seaway.app.state import StateFolder, write_atomically
from seaway.drivers.process.daemon import Daemon, OnEvent
from seaway.drivers.process.spawn import DaemonSpec
from seaway.model.names import node_netns
from seaway.plans.envoy.bootstrap import render_bootstrap

ENVOY_WORKERS = min(4, os.cpu_count() or 1)


def envoy_daemon(state: StateFolder, netns_folder: Path, node: str, binary: Path, on_event: OnEvent) -> Daemon:
    """The node's Envoy. One that runs with another bootstrap or binary is not adopted but replaced."""
    folder = state.node(node)
    bootstrap = folder / "envoy.json"
    text = render_bootstrap(node, "seaway", str(state.xds_socket), str(folder / "envoy-admin.sock"), ENVOY_WORKERS).encode()
    write_atomically(bootstrap, text)
    argv = (
        *(str(binary), "--config-path", str(bootstrap), "--concurrency", str(ENVOY_WORKERS)),
        *("--disable-hot-restart", "--log-level", "warning", "--drain-time-s", "10"),
    )
    spec = DaemonSpec(
        name=f"envoy-{node}",
        argv=argv,
        log_path=state.logs / f"envoy-{node}.log",
        pid_file=folder / "envoy.pid.json",
        env=tuple(os.environ.items()),
        netns_path=netns_folder / node_netns(node),
        revision=blake2b(b"\0".join((text, *(word.encode() for word in argv))), digest_size=8).hexdigest(),
    )
    return Daemon(spec, on_event)


def agent_daemon(state: StateFolder, netns_folder: Path, node: str, on_event: OnEvent) -> Daemon:
    """The node's agent: DNS, stand-ins, programs and probes."""
    folder = state.node(node)
    spec = DaemonSpec(
        name=f"agent-{node}",
        argv=(sys.executable, "-m", "seaway.app.agent", "--node", node, "--state", str(folder), "--netns-folder", str(netns_folder)),
        log_path=state.logs / f"agent-{node}.log",
        pid_file=folder / "agent.pid.json",
        env=tuple(os.environ.items()),
        netns_path=netns_folder / node_netns(node),
        revision=__version__,
    )
    return Daemon(spec, on_event)
