"""What one `seaway up` runs with: flags and machine turned into values, once. Kept in the state folder for the commands that ask."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seaway.app.settings_file import Wishes
from seaway.app.state import StateFolder, write_atomically
from seaway.model.cluster import Cluster

_USUAL_PORTS = ((80, 8080, False), (443, 8443, True))
"""For HTTP and HTTPS: the port that is wanted on loopback, the one where that is taken or not allowed, and whether it is TLS."""


@dataclass(frozen=True, slots=True)
class LoopbackPort:
    """127.0.0.1:`port` on the user's machine leads to the gateway's HTTP port, or HTTPS where `tls`."""

    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """`paths` are the manifests as given, made absolute; `envoy` is "" for the one that pip installed.
    `commands` are programs by NAMESPACE/KIND/NAME of their workload.

    `linked`: the user's machine has routes to nodes and load balancer addresses (with root, where no other network has them); else a relay
    leads from its loopback to the gateway. `leaf_s` is how long workloads' certificates live, in seconds.
    """

    paths: tuple[str, ...]
    cluster: Cluster
    loopback: tuple[LoopbackPort, ...]
    rootless: bool
    envoy: str
    commands: dict[str, str]
    linked: bool = False
    leaf_s: float = 86_400.0
    flows_per_million: int = 0
    shorter_way: bool = True


def make_settings(paths: tuple[str, ...], wishes: Wishes, envoy: str) -> Settings:
    """The settings of a new network on this machine."""
    absolute = tuple(path if path == "-" else str(Path(path).absolute()) for path in paths)
    return Settings(
        absolute,
        wishes.cluster,
        free_loopback_ports(),
        os.geteuid() != 0,
        envoy,
        dict(wishes.commands),
        leaf_s=wishes.leaf_s,
        flows_per_million=wishes.flows_per_million,
        shorter_way=wishes.shorter_way,
    )


def free_loopback_ports() -> tuple[LoopbackPort, ...]:
    """80 and 443 where they may be had, else 8080 and 8443, else none."""
    found: list[LoopbackPort] = []
    for wanted, other, tls in _USUAL_PORTS:
        port = next((port for port in (wanted, other) if _is_free(port)), None)
        if port is not None:
            found.append(LoopbackPort(port, tls))
    return tuple(found)


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def save_settings(state: StateFolder, settings: Settings) -> None:
    write_atomically(state.settings, msgspec.json.encode(settings))


def load_settings(state: StateFolder) -> Settings | None:
    """The settings of the network that runs, or ran, in this state folder."""
    try:
        return msgspec.json.decode(state.settings.read_bytes(), type=Settings)
    except (OSError, msgspec.DecodeError):
        return None
