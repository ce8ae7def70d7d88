"""Questions to a running network, over its control socket or from its state folder. Imports nothing heavy: every command uses it."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from seaway.app.state import StateFolder
from seaway.core.errors import DriverError, SeawayError, UsageError
from seaway.drivers.agent.orders import read_orders
from seaway.drivers.process.pidfile import is_stopped, living
from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders

NOT_RUNNING = "no network is running"

_STATUS_S = 3.0
"""How long `status` waits for a control plane that may be sick: it is what one calls to find that out."""

_START_HELP = "start one with `seaway up DIR`, or name its state folder with --state"


def ask(state: StateFolder, method: str, *, timeout_s: float = 10.0, **params: object) -> Any:
    """One question to the control plane. Raises DriverError where it does not run or answer, and whatever error it answers with."""
    if (stopped := _stopped(state)) is not None:
        raise stopped
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(state.control_socket))
            connection.sendall(json.dumps({"method": method, "params": params}).encode() + b"\n")
            answer = json.loads(_read_line(connection))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise DriverError(NOT_RUNNING, help=_START_HELP) from error
    except (OSError, json.JSONDecodeError) as error:
        raise _stopped(state) or DriverError(
            f"the control plane does not answer: {error}", help="see logs/control.log in the state folder"
        ) from error
    if "error" in answer:
        kind = UsageError if answer["error"].get("usage") else SeawayError
        raise kind(answer["error"]["message"], help=answer["error"].get("help", ""))
    return answer["result"]


def gateway_addresses(state: StateFolder, wanted: str | None) -> tuple[str, ...]:
    """The addresses at which clients outside reach a gateway (the first where none is named). UsageError where it has none."""
    gateways = read_status(state)["gateways"]
    found = [one for one in gateways if wanted in (None, one["name"])]
    addresses = tuple(found[0]["addresses"]) if found else ()
    if not addresses:
        names = ", ".join(one["name"] for one in gateways) or "none"
        raise UsageError(f"no gateway {wanted or ''} with an address".replace("  ", " "), help=f"gateways here: {names}")
    return addresses


def _stopped(state: StateFolder) -> DriverError | None:
    """What is to be said of a control plane that is there but stopped; None of any other. Its socket would take every question."""
    process = living(state.control_pid)
    if process is None or not is_stopped(process):
        return None
    return DriverError(
        f"the control plane does not answer: its process {process.pid} is stopped",
        help=f"`kill -CONT {process.pid}` lets it go on; `seaway up` with the same folder replaces it",
    )


def is_running(state: StateFolder) -> bool:
    """Whether a control plane answers."""
    try:
        ask(state, "ping", timeout_s=2.0)
    except SeawayError:
        return False
    return True


def read_pods(state: StateFolder) -> tuple[PodOrders, ...]:
    """The orders of all pods on all nodes, from the state folder: works without a control plane. DriverError where there are none."""
    files = sorted(state.path.glob("*/orders.json"))
    pods = [pod for file in files for pod in read_orders(file).node.pods]
    if not pods:
        raise DriverError(NOT_RUNNING, help=_START_HELP)
    return tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name)))


def ready_pods(state: StateFolder, node: str) -> frozenset[PodName]:
    """This node's pods that were ready when a control plane last wrote its status; none where none did."""
    try:
        pods = json.loads(state.status.read_bytes())["pods"]
        return frozenset(PodName(pod["namespace"], pod["name"]) for pod in pods if pod["ready"] and pod["node"] == node)
    except (OSError, ValueError, LookupError, TypeError):
        return frozenset()


def _read_line(connection: socket.socket) -> bytes:
    chunks: list[bytes] = []
    while chunk := connection.recv(1 << 16):
        chunks.append(chunk)
        if chunk.endswith(b"\n"):
            break
    return b"".join(chunks)


def read_status(state: StateFolder) -> dict[str, Any]:
    """The `status` document: the control plane's own, or the last one that it wrote, where it is gone or silent but its network is not."""
    try:
        return ask(state, "status", timeout_s=_STATUS_S)
    except DriverError as error:
        silence = "not running" if error.message == NOT_RUNNING else "not answering"
        try:
            status: dict[str, Any] = json.loads(state.status.read_bytes())
            written = state.status.stat().st_mtime
        except (OSError, json.JSONDecodeError):
            raise DriverError(NOT_RUNNING, help=_START_HELP) from None
        age_s = round(time.time() - written, 1)
        return {**status, "controlPlane": silence, "controlPlaneError": error.message, "configAge_s": age_s}
