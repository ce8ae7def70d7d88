"""Programs that are started while calls come in over gRPC: in a process of its own, since gRPC reads its environment once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """\
import asyncio, os, subprocess, sys
from contextlib import suppress
from pathlib import Path

from seaway.drivers.sds.real import SdsServer
import grpc

async def call(path):
    method = grpc.aio.insecure_channel(f"unix:{path}").unary_unary("/none/none")
    while True:
        with suppress(grpc.RpcError):
            await method(b"")

async def main(folder):
    server = SdsServer(folder / "sds.sock", lambda: None)
    await server.start()
    calls = [asyncio.create_task(call(folder / "sds.sock")) for _ in range(4)]
    mark = folder / "mark"
    for _ in range(200):
        child = subprocess.Popen(["true"], preexec_fn=mark.touch, start_new_session=True)
        assert (child.wait(), mark.exists()) == (0, True)
        mark.unlink()
        await asyncio.sleep(0.002)
    os._exit(0)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_no_child_dies_before_it_is_its_program(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
