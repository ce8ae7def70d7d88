"""What driver tests share: network namespaces of their own, an event loop beside the test, and orders for pods."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.core.origin import Origin
from seaway.model.workload import Command, Protocol
from seaway.plans.node.plan import PodOrders, StandinPort


class Namespaces:
    """Network namespaces with loopback up, each held open by a process that ends with the test, also with a killed one (its stdin)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._holders: dict[str, subprocess.Popen[str]] = {}

    def make(self, name: str) -> Path:
        argv = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat >/dev/null"]
        holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "up\n"
        path = self.folder / name
        self.drop(name)
        self._holders[name] = holder
        path.symlink_to(f"/proc/{holder.pid}/ns/net")
        return path

    def drop(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
        holder = self._holders.pop(name, None)
        if holder is not None:
            holder.kill()
            holder.communicate()

    def close(self) -> None:
        for name in tuple(self._holders):
            self.drop(name)


class LoopThread:
    """An event loop in a thread: the test itself stays plain code with blocking sockets, as clients have."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def call(self, work: Callable[[], Any]) -> Any:
        async def step() -> Any:
            return work()

        return self.run(step())

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for the name of a unix socket, which pytest's own may not."""
    folder = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def namespaces(short_path: Path) -> Iterator[Namespaces]:
    if os.geteuid() != 0:
        pytest.skip("making network namespaces needs root")
    folder = short_path / "ns"
    folder.mkdir()
    made = Namespaces(folder)
    yield made
    made.close()


@pytest.fixture
def beside() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture
def pod_orders() -> Callable[..., PodOrders]:
    """`pod_orders("web-0", http=(8080,), tcp=(), udp=(), command=("sh", "-c", …))`, any other field by its name."""

    def make(
        name: str = "web-0", *, http: tuple[int, ...] = (), tcp: tuple[int, ...] = (), udp: tuple[int, ...] = (), **other: Any
    ) -> PodOrders:
        ports = [StandinPort(port, Protocol.TCP, True) for port in http] + [StandinPort(port, Protocol.TCP, False) for port in tcp]
        ports += [StandinPort(port, Protocol.UDP, False) for port in udp]
        command = other.pop("command", None)
        restart = other.pop("restart", "Always")
        env = other.pop("env", ())
        if isinstance(command, tuple):
            command = Command(command, env, "", restart, Origin("pod.yaml", 3))
        fields: dict[str, Any] = {
            "namespace": "default",
            "name": name,
            "netns": f"default_{name}",
            "ip": "127.0.0.1",
            "address": "0.0.0.0",
            "node": "node-1",
            "revision": "r1",
            "hostname": name,
            "labels": {"app": "web", "version": "v1"},
            "service_account": "default",
            "workload": "Deployment/web",
            "listen": tuple(ports),
            "command": command,
            "serves_dns": False,
            "finite": False,
            "probes": (),
            "resolv_conf": "search default.svc.cluster.local\nnameserver 10.96.0.10\n",
            "hosts": "127.0.0.1\tlocalhost\n10.9.8.7\talias.example\n",
        }
        return PodOrders(**{**fields, **other})

    return make
