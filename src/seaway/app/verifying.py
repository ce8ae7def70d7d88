"""Sends what `seaway explain` was asked about in the running network, and compares what comes of it with what was said."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from seaway.app.client import ask, gateway_addresses
from seaway.app.pods import find_place, run_in_place
from seaway.app.probing import Target, probe
from seaway.app.requests import Request, send
from seaway.app.state import StateFolder
from seaway.model.called import OUTSIDE

_ANSWER_S, _PROXY_S = 5.0, 12.0
"""How long an answer is waited for. A proxy gives up a connection that is dropped after ten seconds, and answers then."""
_UNAVAILABLE = 503
_BYTES_S = 2.0
_WORDS = b"seaway probe\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back. `status` None: no HTTP answer; `pod` is NS/NAME, "" where whoever answered did not say."""

    answered: bool
    status: int | None
    pod: str
    detail: str


def verify(state: StateFolder, document: dict[str, Any]) -> dict[str, Any]:
    """The document with `sent`, and `verified`: None where there is nothing to compare."""
    question = document["question"]
    if question["protocol"] == "sctp":
        return {**document, "sent": None, "verified": None}
    place = find_place(state, question["from"])
    via = gateway_addresses(state, None) if place.name == OUTSIDE else ()
    patience_s = _PROXY_S if document["status"] == _UNAVAILABLE else _ANSWER_S
    nameless = any(one["layer"] == "dns" and one["outcome"] == "stops" for one in document["steps"])
    seen = run_in_place(state, place, partial(_sent, question, via, patience_s, nameless))
    verified = None if document["verdict"] == "unknown" else agrees(document, seen)
    return {**document, "sent": asdict(seen), "verified": verified}


def explain_and_verify(state: StateFolder, asked: dict[str, Any]) -> dict[str, Any]:
    return verify(state, ask(state, "explain", timeout_s=60.0, asked=asked))


def _sent(question: dict[str, Any], via: tuple[str, ...], patience_s: float, nameless: bool) -> Seen:
    """In the caller's place, by a process of its own. `nameless`: DNS is not expected to answer, and is not asked for minutes."""
    if nameless:
        os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
    if question["protocol"] == "http":
        return _request(question, via, patience_s)
    try:
        address = via[0] if via else socket.gethostbyname(question["host"])
    except OSError as error:
        return Seen(False, None, "", f"no address: {error}")
    if question["protocol"] == "tcp" and question["mesh"]:
        return asyncio.run(_exchange(address, question["port"]))
    (outcome,) = probe((Target("", address, question["port"], question["protocol"].upper()),))
    return Seen(outcome.allowed, None, "", outcome.detail)


def _request(question: dict[str, Any], via: tuple[str, ...], patience_s: float) -> Seen:
    headers = tuple((name, value) for name, value in question["headers"])
    if question["authority"] != question["host"]:
        headers = (*headers, ("host", question["authority"]))
    scheme = "https" if question["tls"] else "http"
    url = f"{scheme}://{question['host']}:{question['port']}{question['path']}"
    (answer,) = send(Request(url, question["method"], headers, None, 1, 1, via, patience_s))
    return Seen(answer["status"] is not None, answer["status"], _pod(answer), answer.get("error", f"status {answer['status']}"))


def _pod(answer: dict[str, Any]) -> str:
    if not answer["pod"]:
        return ""
    return f"{json.loads(answer['body']).get('namespace', '')}/{answer['pod']}"


async def _exchange(address: str, port: int) -> Seen:
    """Where proxies accept connections that they may not pass on, only bytes that come back prove anything."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), _BYTES_S)
        try:
            writer.write(_WORDS)
            came = await asyncio.wait_for(reader.read(100), _BYTES_S)
        finally:
            writer.close()
    except (OSError, TimeoutError) as error:
        return Seen(False, None, "", str(error) or "timed out")
    return Seen(bool(came), None, "", "answered" if came else "closed without an answer")


def agrees(document: dict[str, Any], seen: Seen) -> bool:
    """Whether what came is what the document says."""
    delivered, status = document["verdict"] == "delivered", document["status"]
    if delivered and status is None:
        return seen.answered and (seen.pod in document["destinations"] if seen.pod else _plausible(document, seen))
    if delivered:
        return seen.status == status
    if status is None or document["question"]["protocol"] != "http":
        return not seen.answered
    dropped = any(one["layer"] in ("policy-egress", "policy-ingress") and one["outcome"] == "stops" for one in document["steps"])
    return seen.status == status or (dropped and seen.status in (None, _UNAVAILABLE))  # the proxy may take longer than we wait


def _plausible(document: dict[str, Any], seen: Seen) -> bool:
    """Programs do not say who they are: what no proxy answers by itself is theirs."""
    return document["question"]["protocol"] != "http" or seen.status not in (403, 404, 502, 503)
