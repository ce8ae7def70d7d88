"""Starting a process inside a pod and waiting for its end, without threads: fork, enter, exec; then a pidfd on the loop."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seaway.drivers.programs.enter import PodEntrance, enter_pod


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run where. `output` is a descriptor for stdout and stderr; `before` runs in the child just before exec."""

    argv: Sequence[str]
    env: dict[str, str]
    working_dir: str
    entrance: PodEntrance
    output: int
    before: Callable[[], None] | None = None


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Starts it as leader of its own session and process group. Raises OSError if it cannot be: the text says which step failed."""

    def enter() -> None:
        try:
            enter_pod(launch.entrance)
            if launch.before is not None:
                launch.before()
        except OSError as error:
            os.write(2, f"seaway: cannot enter the pod: {error}\n".encode())
            raise

    try:
        return subprocess.Popen(
            launch.argv,
            env=launch.env,
            cwd=launch.working_dir or "/",
            stdin=subprocess.DEVNULL,
            stdout=launch.output,
            stderr=launch.output,
            start_new_session=True,
            preexec_fn=enter,
        )
    except subprocess.SubprocessError as error:
        raise OSError(0, "cannot enter the pod's namespaces (its log says why)") from error


async def wait_end(pid: int) -> None:
    """Returns when the process has ended, child or not. A child stays a zombie until someone reaps it."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def notice() -> None:
        loop.remove_reader(pidfd)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(pidfd, notice)
    try:
        await ended
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
