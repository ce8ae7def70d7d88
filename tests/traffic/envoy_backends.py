"""Run inside a test's sandbox: `envoy_backends.py FOLDER POD...`, a namespace file a pod.

On port 8080 of each: HTTP/1.1 that answers in JSON who asked for what, and a WebSocket echo. On 8081: the stand-in's h2c.
Prints one line when it listens, ends with its standard input.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

from aiohttp import WSMsgType, web

from seaway.drivers.process.namespaces import in_netns
from seaway.drivers.standin.real import StandinServer
from seaway.model.workload import Protocol
from seaway.plans.node.plan import PodOrders, StandinPort


def orders(name: str) -> PodOrders:
    return PodOrders(
        namespace="shop", name=name, netns=name, ip="", address="0.0.0.0", node="node-1", revision="1", hostname=name, labels={},
        service_account="default", workload="", listen=(StandinPort(8081, Protocol.TCP, True),), command=None, serves_dns=False, finite=False,
        probes=(), resolv_conf="", hosts="",
    )  # fmt: skip


def application(pod: str) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("upgrade", "").lower() == "websocket":
            sock = web.WebSocketResponse()
            await sock.prepare(request)
            async for message in sock:
                if message.type is WSMsgType.TEXT:
                    await sock.send_str(f"{pod} {message.data}")
            return sock
        await asyncio.sleep(float(request.headers.get("x-wait", "0")))
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = {"pod": pod, "peer": request.remote, "path": request.raw_path, "headers": headers, "method": request.method}
        return web.json_response(body, headers={"server": "backend"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def main(folder: Path, pods: list[str]) -> None:
    for pod in pods:
        runner = web.AppRunner(application(pod))
        await runner.setup()
        with in_netns(folder / pod):
            sock = socket.create_server(("0.0.0.0", 8080))
        await web.SockSite(runner, sock).start()
    standins = StandinServer(folder)
    troubles = await standins.follow([orders(pod) for pod in pods])
    print(troubles or "listening", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
