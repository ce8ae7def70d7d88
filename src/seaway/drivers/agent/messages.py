"""What is said on a node's agent socket: one JSON object a line, its `type` first.

Requests carry an `id` and each has one answer with the same id. Notices have none: what they lead to is reported. Reports go to every
client, and a new one hears first how things stand. No line ever holds a private key.
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


class TakeRoots(msgspec.Struct, frozen=True, tag="roots"):
    """Notice: these roots (PEM) are trusted from now on. The report `RootsHeld` with this version says that all Envoys hold them."""

    version: str
    pem: str


class TakeChain(msgspec.Struct, frozen=True, tag="chain"):
    """Notice: the certificate (PEM, with its intermediates) that answers a `SignRequest`. `root` is the fingerprint of its root."""

    identity: str
    chain: str
    root: str


class RefuseRequest(msgspec.Struct, frozen=True, tag="refuse"):
    """Notice: a `SignRequest` is not granted."""

    identity: str
    reason: str


class ShowFlows(msgspec.Struct, frozen=True, tag="flows"):
    """Tell what Envoy has told of flows: a `FlowBatch` each, the oldest first, then `Done`. With `follow`, then new ones as they come."""

    id: int
    follow: bool = False


class FlowBatch(msgspec.Struct, frozen=True, tag="flow-batch"):
    """What Envoy has told at once, for those who asked: entries of this log, as `drivers/flows` reads them."""

    log: str
    message: bytes


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


class SignRequest(msgspec.Struct, frozen=True, tag="sign"):
    """The node wants a certificate for this SPIFFE ID; `request` is a certificate request in PEM. Said again to every new client."""

    identity: str
    request: str


class RootsHeld(msgspec.Struct, frozen=True, tag="roots-held"):
    """The version of the roots that every Envoy of the node holds; "" where one lacks those that came last, or may."""

    version: str


class CertificateHeld(msgspec.Struct, frozen=True, tag="certificate"):
    """The node serves this certificate. `serial` is in hexadecimal, times are seconds since 1970, `root` a fingerprint."""

    identity: str
    serial: str
    not_before: float
    not_after: float
    root: str


class CertificateSet(msgspec.Struct, frozen=True, tag="certificates"):
    """All certificates that the node serves: what a new client hears."""

    held: tuple[CertificateHeld, ...]


class CertificateDropped(msgspec.Struct, frozen=True, tag="certificate-dropped"):
    """The node has forgotten this identity's certificate and key."""

    identity: str


class EventKind(Enum):
    PROGRAM = "program"
    PROBE = "probe"
    RESTART = "restart"
    ORDERS = "orders"
    DNS = "dns"
    IDENTITY = "identity"


class AgentEvent(msgspec.Struct, frozen=True, tag="event"):
    """Something that happened, for people. `pod` is "" where it is about the whole node."""

    kind: EventKind
    pod: str
    text: str


Notice: TypeAlias = TakeRoots | TakeChain | RefuseRequest
AgentRequest: TypeAlias = FollowOrders | HoldUnready | Stop | ShowFlows | Notice
IdentityReport: TypeAlias = SignRequest | RootsHeld | CertificateSet | CertificateHeld | CertificateDropped
Report: TypeAlias = ReadySet | ReadyChange | AgentEvent | Applied | IdentityReport
AgentLine: TypeAlias = Report | Done | FlowBatch

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
