"""The process of a node's agent: `python -m seaway.app.agent --node NAME --state NODE_FOLDER --netns-folder FOLDER`.

Runs inside the sandbox, in the node's network namespace, apart from the control plane: it follows NODE_FOLDER/orders.json whether that
runs or not. SIGTERM ends it and leaves programs running for the next agent; a `stop` on its socket ends them too.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import random
import resource
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.agent.identity import Certificates, Hearers
from seaway.drivers.agent.node import NodeAgent
from seaway.drivers.agent.parts import Parts
from seaway.drivers.agent.server import SOCKET_FILE, AgentServer
from seaway.drivers.dns.interface import ClusterDns
from seaway.drivers.flows.nflog import PolicyLog
from seaway.drivers.flows.ring import Ring
from seaway.drivers.process.namespaces import CLONE_NEWNET, setns
from seaway.drivers.programs.interface import ProgramEvent
from seaway.drivers.programs.real import ProgramKeeper
from seaway.drivers.standin.real import StandinServer
from seaway.model.names import FLOWS_SOCKET, LIMITS_LOCK, LIMITS_SOCKET, SDS_SOCKET, node_netns
from seaway.protocols.rate_counter import RateCounter
from seaway.protocols.renewal import Renewals

TAKE_OVER_S = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """`node_folder` holds orders.json and takes all that the agent writes, but for programs' logs in `../logs/pods`."""

    node: str
    node_folder: Path
    netns_folder: Path

    @property
    def program_logs(self) -> Path:
        return self.node_folder.parent / "logs" / "pods"


async def run_agent(settings: AgentSettings) -> None:
    """Follows the orders until a signal or a `stop`. Raises DriverError if the socket cannot be opened.

    The socket opens after the first orders are followed, so that a client never hears that nothing is ready while sockets are opening.
    """
    over = asyncio.Event()
    flows = Ring()
    server = AgentServer(settings.node_folder / SOCKET_FILE, over.set, flows)

    def make_parts(report: Callable[[ProgramEvent], None]) -> Parts:
        keeper = ProgramKeeper(settings.netns_folder, settings.node_folder, settings.program_logs, report)
        make_dns, make_certificates = (
            partial(_make_dns, settings.node_folder, settings.netns_folder),
            partial(_make_certificates, settings.node_folder),
        )
        return Parts(StandinServer(settings.netns_folder), keeper, make_dns, make_certificates)

    agent = NodeAgent(settings.node_folder, settings.netns_folder, make_parts, server.report)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # the terminal that `up` was called in has closed
    try:
        if agent.has_orders():
            await agent.follow_file()
        await server.open(agent)
        _log.info("agent of %s listens, pid %d", settings.node, os.getpid())
        policy_log = PolicyLog(flows)
        with _warned():
            policy_log.open()
        beside = (
            asyncio.create_task(_hear_flows(settings.node_folder / FLOWS_SOCKET, flows), name="flows"),
            asyncio.create_task(_count_requests(settings.node_folder.parent), name="limits"),
        )
        await over.wait()
        policy_log.close()
        for one in beside:
            one.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    finally:
        await server.close()
        await agent.let_go()


@contextmanager
def _warned() -> Generator[None]:
    """What can be done without is only logged."""
    try:
        yield
    except DriverError as error:
        _log.error("%s; %s", error.message, error.help)


async def _hear_flows(socket: Path, flows: Ring) -> None:
    """Keeps what Envoy tells. What that takes is loaded once pods are served: they must not wait for it."""
    real = await asyncio.to_thread(import_module, "seaway.drivers.flows.real")
    server = real.FlowServer(flows)
    try:
        await server.start(socket)
        await asyncio.Event().wait()
    except DriverError as error:
        _log.error("flows are not heard: %s", error.message)
    finally:
        await server.stop()


async def _count_requests(state: Path) -> None:
    """Counts what is limited over all nodes, on behalf of all of them. Who holds the lock does; another takes over when it has gone."""
    lock = os.open(state / LIMITS_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    server = None
    try:
        while not _locked(lock):
            await asyncio.sleep(TAKE_OVER_S)
        real = await asyncio.to_thread(import_module, "seaway.drivers.rate_limits.real")
        server = real.RateLimitServer(RateCounter(), asyncio.get_running_loop().time)
        await server.start(state / LIMITS_SOCKET)
        _log.info("requests that are limited over all nodes are counted here")
        await asyncio.Event().wait()
    except DriverError as error:
        _log.error("requests are not counted over nodes: %s", error.message)
    finally:
        if server is not None:
            await server.stop()
        os.close(lock)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def main(argv: Sequence[str] | None = None) -> int:
    settings = _settings(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.raiseExceptions = False  # a log that cannot be written (closed, disk full) must not stop the node
    _raise_open_files()
    try:
        lock = _only_one(settings)
        _enter_node(settings)
        with suppress(KeyboardInterrupt):
            asyncio.run(run_agent(settings))
        os.close(lock)
    except DriverError as error:
        _log.error("%s %s", error.message, error.help)
        return 2
    return 0


def _settings(argv: Sequence[str] | None) -> AgentSettings:
    parser = argparse.ArgumentParser(prog="python -m seaway.app.agent", description="Runs one node's stand-ins, programs, probes and DNS.")
    parser.add_argument("--node", required=True, help="the node's name")
    parser.add_argument("--state", required=True, type=Path, help="the node's folder in the state folder")
    parser.add_argument("--netns-folder", required=True, type=Path, help="where the namespace files are")
    args = parser.parse_args(argv)
    return AgentSettings(str(args.node), Path(args.state).resolve(), Path(args.netns_folder).resolve())


def _raise_open_files() -> None:
    """1,000 pods' sockets and connections want more descriptors than a shell's usual soft limit of 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _only_one(settings: AgentSettings) -> int:
    """Holds NODE_FOLDER/agent.lock for the life of the process: two agents would fight for every socket. Raises DriverError."""
    path = settings.node_folder / "agent.lock"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DriverError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise DriverError(f"an agent of {settings.node} runs already", help=f"It holds {path}.") from error
    return fd


def _enter_node(settings: AgentSettings) -> None:
    """Probes come from the node's own address, as a kubelet's do. Where the node has no namespace, the agent stays where it is."""
    path = settings.netns_folder / node_netns(settings.node)
    if path.exists():
        try:
            setns(path, CLONE_NEWNET)
        except OSError as error:
            raise DriverError(f"cannot enter the namespace of {settings.node}: {error.strerror}") from error


def _make_dns(node_folder: Path, netns_folder: Path, upstreams: tuple[str, ...]) -> ClusterDns:
    from seaway.drivers.dns.server import DnsServer  # loaded on nodes that serve DNS only

    return DnsServer(upstreams, node_folder / "dns-zone.json", _log.warning, netns_folder=netns_folder)


def _make_certificates(node_folder: Path, hearers: Hearers) -> Certificates:
    from seaway.drivers.agent.identities import Identities  # loads cryptography and gRPC: on nodes with identities only
    from seaway.drivers.sds.real import SdsServer

    return Identities(partial(SdsServer, node_folder / SDS_SOCKET), hearers, Renewals(random.random))


if __name__ == "__main__":
    sys.exit(main())
