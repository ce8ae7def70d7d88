"""What is said on a node's agent socket: one JSON object a line, its `type` first.

Requests carry an `id` and each has one answer with the same id; reports that nobody asked for go to every client.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

import msgspec

from seaway.model.workload import PodName


class FollowOrders(msgspec.Struct, frozen=True, tag="orders"):
    """Read orders.json and follow it. Answered with `Applied`, when sockets are open and programs are started."""

    id: int
    version: str


class HoldUnready(msgspec.Struct, frozen=True, tag="unready"):
    """Makes a pod (`namespace/name`) unready whatever its probes say, until `on` is false or the agent restarts. Answer: `Done`."""

    id: int
    pod: str
    on: bool


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End all programs, close all sockets, and exit. Answered with `Done` when that has happened but for the exit."""

    id: int


class PodError(msgspec.Struct, frozen=True):
    pod: str
    message: str


class Applied(msgspec.Struct, frozen=True, tag="applied"):
    """What is followed now. `problem` says why the file could not be: `version` is then that of the last good orders ("" if none).

    `errors` are pods that could not be served, all others are. Without an `id` (0) it is a report: the errors have changed since.
    """

    id: int
    version: str
    errors: tuple[PodError, ...] = ()
    problem: str = ""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Answer to other requests; `error` is "" or why it was not done."""

    id: int
    error: str = ""


class ReadySet(msgspec.Struct, frozen=True, tag="ready"):
    """All pods that are ready: the first line that a client hears."""

    pods: tuple[str, ...]


class ReadyChange(msgspec.Struct, frozen=True, tag="change"):
    """One pod's readiness has changed; `reason` says why it is not ready."""

    pod: str
    ready: bool
    reason: str


class EventKind(Enum):
    PROGRAM = "program"
    PROBE = "probe"
    RESTART = "restart"
    ORDERS = "orders"
    DNS = "dns"


class AgentEvent(msgspec.Struct, frozen=True, tag="event"):
    """Something that happened, for people. `pod` is "" where it is about the whole node."""

    kind: EventKind
    pod: str
    text: str


AgentRequest: TypeAlias = FollowOrders | HoldUnready | Stop
Report: TypeAlias = ReadySet | ReadyChange | AgentEvent | Applied
AgentLine: TypeAlias = Report | Done

LONGEST_LINE = 16 << 20
"""Bound of one line. A full list of 1,000 pods' names takes some 50 kB."""

_ENCODER = msgspec.json.Encoder()
_REQUESTS: msgspec.json.Decoder[AgentRequest] = msgspec.json.Decoder(AgentRequest)
_LINES: msgspec.json.Decoder[AgentLine] = msgspec.json.Decoder(AgentLine)


def encode_line(message: AgentRequest | AgentLine) -> bytes:
    return _ENCODER.encode(message) + b"\n"


def decode_request(line: bytes) -> AgentRequest:
    """Raises `msgspec.DecodeError`."""
    return _REQUESTS.decode(line)


def decode_line(line: bytes) -> AgentLine:
    """Raises `msgspec.DecodeError`."""
    return _LINES.decode(line)


def pod_name(text: str) -> PodName:
    namespace, _, name = text.partition("/")
    return PodName(namespace, name)
