"""What a stand-in answers to an HTTP request, whatever the protocol version: a value computed from the request and the pod.

The fields are those of the Gateway API conformance backend `echo-basic` (kubernetes-sigs/gateway-api, conformance/echo-basic), so that
tools written for it read ours, and more of our own. Leaves to others: bytes, sockets and time (http1, http2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from seaway.plans.node.plan import PodOrders

Headers = tuple[tuple[str, str], ...]

MAX_DELAY_S = 600.0
"""Longest `?delay=`; more is answered with an error, as a delay that cannot be read is."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_STATUS_PATH = re.compile(r"/status/([2-5]\d\d)(?:\?.*)?")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
_JSON: Headers = (("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"))
_ENCODER = msgspec.json.Encoder()


class Request(NamedTuple):
    """`target` as it was sent (path and query); `headers` with names in Go's canonical case and without Host, as echo-basic shows them."""

    method: str
    target: str
    host: str
    proto: str
    headers: dict[str, list[str]]
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`delay_s` is how long to wait before it is sent."""

    status: int
    headers: Headers
    body: bytes
    delay_s: float = 0.0


class Identity:
    """Who answers: the JSON fields that do not depend on the request, encoded once for each port of a pod."""

    __slots__ = ("fields", "plain")

    def __init__(self, pod: PodOrders, port: int) -> None:
        fields: dict[str, object] = {
            "namespace": pod.namespace,
            "ingress": "",
            "service": "",
            "pod": pod.name,
            "httpPort": str(port),
            "node": pod.node,
            "ip": pod.ip,
            "workload": pod.workload,
            "serviceAccount": pod.service_account,
            "labels": pod.labels,
        }
        version = pod.labels.get("version") or pod.labels.get("app.kubernetes.io/version")
        if version:
            fields["version"] = version
        self.fields = _ENCODER.encode(fields)[1:] + b"\n"


def answer(identity: Identity, request: Request) -> Answer:
    """The answer to one request. `/health` says OK, `/status/NNN` only that status, anything else is echoed.

    `?delay=200ms` (a Go duration, as echo-basic has it) delays an echo, `?status=503` gives it that status, and the request header
    `X-Echo-Set-Header: name:value, …` adds headers to it.
    """
    target = request.target
    if target == "/health":
        return Answer(200, (("Content-Type", "text/plain; charset=utf-8"),), b"OK")
    if target.startswith("/status/"):
        match = _STATUS_PATH.fullmatch(target)
        return Answer(int(match[1]) if match else 400, (), b"")
    status, delay_s = 200, 0.0
    if "?" in target:
        try:
            status, delay_s = _control(target)
        except ValueError as error:
            return Answer(500, _JSON, _ENCODER.encode({"message": str(error)}))
    headers = _JSON
    wanted = request.headers.get("X-Echo-Set-Header")
    if wanted:
        headers += _echo_headers(wanted)
    return Answer(status, headers, _echo(identity, request), delay_s)


def _echo(identity: Identity, request: Request) -> bytes:
    echoed = {
        "path": request.target,
        "host": request.host,
        "method": request.method,
        "proto": request.proto,
        "headers": request.headers,
        "bodyBytes": request.body_bytes,
    }
    return b"%s,%s" % (_ENCODER.encode(echoed)[:-1], identity.fields)


def _control(target: str) -> tuple[int, float]:
    from urllib.parse import parse_qsl  # needed for these requests only; its import is a visible part of the agent's start

    query = dict(parse_qsl(target.partition("?")[2]))
    status = query.get("status", "200")
    if not (status.isascii() and status.isdigit() and 200 <= int(status) <= 599):
        raise ValueError(f"status: {status!r} is not a final HTTP status (200 to 599)")
    return int(status), parse_duration(query["delay"]) if query.get("delay") else 0.0


def parse_duration(text: str) -> float:
    """Seconds of a Go duration without a sign, e.g. `1m30s`, `200ms` (https://pkg.go.dev/time#ParseDuration). Raises ValueError."""
    parts = _DURATION.findall(text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"delay: {text!r} is not a duration such as 200ms or 1.5s")
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if seconds > MAX_DELAY_S:
        raise ValueError(f"delay: {text!r} is longer than {MAX_DELAY_S:.0f} s")
    return seconds


def _echo_headers(wanted: list[str]) -> Headers:
    pairs: list[tuple[str, str]] = []
    for entry in ",".join(wanted).split(","):
        name, _, value = entry.strip().partition(":")
        if _TOKEN.fullmatch(name) and name.lower() not in _FRAMING:
            pairs.append((name, value.strip()))
    return tuple(pairs)


@lru_cache(maxsize=1024)
def canonical_name(name: bytes) -> str:
    """`x-request-id` as `X-Request-Id`: net/http's canonical form, in which echo-basic shows header names."""
    return "-".join(part.capitalize() for part in name.decode("latin-1").split("-"))


@lru_cache(maxsize=64)
def reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
