"""Waits for the end of processes, and brings it about. A process is one of `pidfile.py`, so none can be mistaken for another."""

from __future__ import annotations

import asyncio
import os
import signal

from seaway.drivers.process.pidfile import Process, open_living, send_signal


async def wait_gone(process: Process, timeout_s: float | None = None) -> bool:
    """Waits until the process has ended, whoever started it. Says whether it has; False only after `timeout_s`."""
    pidfd = open_living(process)
    if pidfd is None:
        return True
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, gone.set)
    try:
        async with asyncio.timeout(timeout_s):
            await gone.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
    return True


async def end_process(process: Process, grace_s: float) -> None:
    """SIGTERM, and SIGKILL after `grace_s`. Gone already is fine. Raises DriverError if it is another user's."""
    pidfd = open_living(process)
    if pidfd is None:
        return
    try:
        send_signal(pidfd, signal.SIGTERM)
        if not await wait_gone(process, grace_s):
            send_signal(pidfd, signal.SIGKILL)
            await wait_gone(process)
    finally:
        os.close(pidfd)
