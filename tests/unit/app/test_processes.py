"""What processes that do not work are said to do: real ones that die, that cannot be started, and an Envoy that was not replaced."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from seaway.app.processes import Supervised, process_findings
from seaway.core.finding import Finding
from seaway.drivers.envoy.process import EnvoyProcess, EnvoySpec, NotReplaced
from seaway.drivers.process.daemon import Backoff, Daemon, unheard
from seaway.drivers.process.spawn import DaemonSpec

QUICK = Backoff(first_s=0.01, most_s=0.02, healthy_s=30)


class NothingToServe:
    """An Envoy's source that is never asked."""

    def welcome(self, generation: int) -> None: ...

    def complete(self) -> bool:
        return True


def supervised(folder: Path, script: str, before_next: Callable[[], None]) -> Finding:
    """The finding about a process that has died once, after `before_next` was called and another start was tried."""

    async def body() -> Finding:
        spec = DaemonSpec(
            "agent-node-1", (str(folder / "agent"),), folder / "agent-node-1.log", folder / "pid.json", tuple(os.environ.items())
        )
        daemon = Daemon(spec, unheard, QUICK)
        await daemon.start()
        try:
            before_next()
            while not (found := process_findings([daemon], folder)):
                await asyncio.sleep(0.01)
            return found[0]
        finally:
            await daemon.stop()

    program = folder / "agent"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return asyncio.run(asyncio.wait_for(body(), 30))


def test_one_that_keeps_dying(tmp_path: Path) -> None:
    found = supervised(tmp_path, "echo no more memory; exit 3", lambda: None)
    assert found.code.id == "NET0403"
    assert "agent-node-1" in found.message
    assert "no more memory" in found.help
    assert str(tmp_path / "agent-node-1.log") in found.help


def test_one_that_cannot_be_started(tmp_path: Path) -> None:
    found = supervised(tmp_path, "exit 3", (tmp_path / "agent").unlink)
    assert found.code.id == "NET0404"
    assert "agent-node-1" in found.message


def test_an_envoy_that_was_not_replaced(tmp_path: Path) -> None:
    spec = EnvoySpec("envoy-node-1", Path("/bin/false"), lambda _generation, _socket: "", tmp_path, tmp_path / "log")
    envoy = EnvoyProcess(spec, NothingToServe(), lambda _name, _event: None)
    quiet: list[Supervised] = [envoy]
    assert process_findings(quiet, tmp_path) == ()
    envoy.refusal = NotReplaced("it ended with exit code 1")
    (found,) = process_findings(quiet, tmp_path)
    assert found.code.id == "NET0406"
    assert "it ended with exit code 1" in found.message
