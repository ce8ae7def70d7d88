"""The file that a node's agent follows: NODE_FOLDER/orders.json. What stands in it is planned by plans/node and plans/dns.

It holds environments with values of Secrets: mode 0600. Leaves to others: telling the agent that it has changed (link).
"""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast, get_type_hints

import msgspec

from seaway.core.errors import DriverError
from seaway.core.origin import Origin
from seaway.model.workload import Exec, GrpcHealth, HttpGet, PodName, Probe, ProbeKind, TcpConnect, Timing
from seaway.plans.node.plan import NodeOrders, PodOrders
from seaway.protocols.dns_learning import NameClient

ORDERS_FILE = "orders.json"
NO_ZONE = b"null"


@dataclass(frozen=True, slots=True)
class Orders:
    """`version` hashes the rest. `dns_zone` is the encoded `protocols.dns_zone.DnsZone`, or `NO_ZONE`."""

    version: str
    node: NodeOrders
    dns_zone: bytes
    upstreams: tuple[str, ...]


class _ProbeRow(msgspec.Struct, frozen=True):
    """A `Probe` with its action under the action's own name: msgspec tells no two untagged dataclasses apart."""

    kind: ProbeKind
    container: str
    timing: Timing
    origin: Origin
    http: HttpGet | None = None
    tcp: TcpConnect | None = None
    exec: Exec | None = None
    grpc: GrpcHealth | None = None


def _pod_row() -> type[msgspec.Struct]:
    """`PodOrders` field by field, its probes as rows: made from the dataclass, so that a field added there is in the file too."""
    hints = get_type_hints(PodOrders)
    rows: list[Any] = []
    for one in fields(PodOrders):
        kind = tuple[_ProbeRow, ...] if one.name == "probes" else hints[one.name]
        rows.append((one.name, kind) if one.default is MISSING else (one.name, kind, one.default))
    return msgspec.defstruct("_PodRow", rows, frozen=True)


_PodRow = _pod_row()
_POD_FIELDS = tuple(one.name for one in fields(PodOrders) if one.name != "probes")


class _NodeRow(msgspec.Struct, frozen=True):
    node: str
    pods: tuple[_PodRow, ...]  # pyright: ignore[reportInvalidTypeForm]  # a type made at import
    identities: tuple[str, ...] = ()
    names: tuple[NameClient, ...] = ()


class _OrdersRow(msgspec.Struct, frozen=True):
    version: str
    upstreams: tuple[str, ...]
    dns: msgspec.Raw
    node: _NodeRow


_DECODER = msgspec.json.Decoder(_OrdersRow)
_ENCODER = msgspec.json.Encoder()


def encode_orders(node: NodeOrders, dns_zone: bytes = NO_ZONE, upstreams: tuple[str, ...] = ()) -> tuple[str, bytes]:
    """The version and the whole text of an orders file. Equal orders give equal bytes."""
    pods = [_row_of(pod) for pod in node.pods]
    ordered = {"node": node.node, "pods": pods, "identities": node.identities, "names": node.names}
    body = {"upstreams": upstreams, "dns": msgspec.Raw(dns_zone), "node": ordered}
    text = _ENCODER.encode(body)
    version = blake2b(text, digest_size=8).hexdigest()
    return version, b'{"version":"%s",%s' % (version.encode(), text[1:])


def decode_orders(text: bytes) -> Orders:
    """The orders in a file's text. Raises `msgspec.DecodeError` (its subclass ValidationError names the field) if it is not one."""
    row = _DECODER.decode(text)
    pods = cast("tuple[Any, ...]", row.node.pods)
    node = NodeOrders(row.node.node, tuple(_pod_of(pod) for pod in pods), row.node.identities, row.node.names)
    return Orders(row.version, node, bytes(row.dns), row.upstreams)


def write_orders(path: Path, node: NodeOrders, dns_zone: bytes = NO_ZONE, upstreams: tuple[str, ...] = ()) -> str:
    """Writes the file atomically, mode 0600, and returns its version. Raises DriverError; the file is then as it was before."""
    version, text = encode_orders(node, dns_zone, upstreams)
    draft = path.with_suffix(".new")
    try:
        draft.unlink(missing_ok=True)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(text)
        draft.rename(path)
    except OSError as error:
        hint = "The state folder must be writable and have room; --state names another."
        raise DriverError(f"orders of {node.node}: {path}: {error.strerror}", help=hint) from error
    return version


def read_orders(path: Path) -> Orders:
    """Raises DriverError if there is no file or it holds no orders."""
    try:
        return decode_orders(path.read_bytes())
    except OSError as error:
        raise DriverError(f"orders: {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise DriverError(
            f"orders: {path}: {error}", help="It is written by `seaway up`; start it again to have it written anew."
        ) from error


def ordered_pods(path: Path) -> frozenset[PodName]:
    """The pods of a file; none where there is no file that can be read."""
    try:
        return frozenset(PodName(pod.namespace, pod.name) for pod in read_orders(path).node.pods)
    except DriverError:
        return frozenset()


def _row_of(pod: PodOrders) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(pod, name) for name in _POD_FIELDS}
    row["probes"] = [_probe_row(probe) for probe in pod.probes]
    return row


def _probe_row(probe: Probe) -> dict[str, object]:
    row: dict[str, object] = {"kind": probe.kind, "container": probe.container, "timing": probe.timing, "origin": probe.origin}
    match probe.action:
        case HttpGet():
            row["http"] = probe.action
        case TcpConnect():
            row["tcp"] = probe.action
        case Exec():
            row["exec"] = probe.action
        case GrpcHealth():
            row["grpc"] = probe.action
    return row


def _pod_of(row: Any) -> PodOrders:
    probes = cast("tuple[_ProbeRow, ...]", row.probes)
    return PodOrders(**{name: getattr(row, name) for name in _POD_FIELDS}, probes=tuple(_probe_of(probe) for probe in probes))


def _probe_of(row: _ProbeRow) -> Probe:
    action = row.http or row.tcp or row.exec or row.grpc
    if action is None:
        raise msgspec.ValidationError("a probe without an action")
    return Probe(row.kind, row.container, action, row.timing, row.origin)
