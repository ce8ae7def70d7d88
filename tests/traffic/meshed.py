"""Manifests of small meshed networks, and what a meshed pod says of who called it."""

from __future__ import annotations

import re
import sys
from typing import Any

import yaml
from network import ROOT, Answer, Network, exchange

PROGRAM = f"{sys.executable} {ROOT}/tests/traffic/program.py"
GREETING = b"220 at your service\r\n"
GREETER = (
    f"{sys.executable} -c \"import socketserver as s; H = type('H', (s.BaseRequestHandler,), "
    f"{{'handle': lambda self: self.request.sendall({GREETING!r})}}); s.ThreadingTCPServer(('', 2525), H).serve_forever()\""
)

Object = dict[str, Any]


def namespace(name: str, enrolled: bool = True) -> Object:
    labels = {"istio-injection": "enabled"} if enrolled else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def account(name: str, namespace: str = "shop") -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def pod(app: str, *ports: tuple[str, int], namespace: str = "shop", annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    """A pod called `APP-0`, with a service account of its app's name and these ports."""
    container = {"name": app, "ports": [{"name": name, "containerPort": port} for name, port in ports]}
    metadata = {"name": f"{app}-0", "namespace": namespace, "labels": {"app": app}, "annotations": annotations or {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"serviceAccountName": app, "containers": [container], **spec},
    }


def command(words: str) -> dict[str, str]:
    return {"seaway.dev/command": words}


def service(name: str, *ports: tuple[str, int, int], app: str = "", namespace: str = "shop", **spec: Any) -> Object:
    rows = [{"name": port, "port": number, "targetPort": target} for port, number, target in ports]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": app or name}, "ports": rows, **spec}}


def peer_authentication(mode: str, app: str = "", name: str = "default", namespace: str = "shop", **ports: str) -> Object:
    """`ports` are `p8080="DISABLE"`."""
    spec: Object = {"mtls": {"mode": mode}}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if ports:
        spec["portLevelMtls"] = {port.removeprefix("p"): {"mode": value} for port, value in ports.items()}
    metadata = {"name": app or name, "namespace": namespace}
    return {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": metadata, "spec": spec}


def text_of(*objects: Object) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False)


def identity(name: str, namespace: str = "shop") -> str:
    return f"spiffe://cluster.local/ns/{namespace}/sa/{name}"


def caller_of(answer: Answer) -> str:
    """The identity of the caller, as the called application is told it; "" where it is told none."""
    headers = {name.lower(): value for name, value in answer.echo.get("headers", {}).items()}
    told = headers.get("x-forwarded-client-cert", "")
    found = re.findall(r"URI=([^;,]+)", told if isinstance(told, str) else ",".join(told))
    return found[-1] if found else ""


def get(network: Network, source: str, address: str, port: int, host: str = "", path: str = "/") -> Answer:
    """A request from inside a pod (`namespace/name`)."""
    return network.inside(source).get(address, port, path, host or address)


def talk(network: Network, source: str, address: str, port: int, words: bytes = b"hello\n") -> bytes:
    """What comes back on a plain connection; b"" where it is closed without an answer."""
    with network.inside(source).connect(address, port) as connection:
        if words:
            connection.sendall(words)
        try:
            return connection.recv(4096)
        except ConnectionResetError:
            return b""


def keep_asking(network: Network, source: str, address: str, port: int, host: str) -> Any:
    """A connection from inside a pod, and a function that sends one more request on it."""
    connection = network.inside(source).connect(address, port)
    return connection, lambda: exchange(connection, "/", host, close=False)
