"""Flow records: an entry of Envoy's log with names for addresses, and with the reason for its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.analysis.flows.reasons import PASSTHROUGH, Reason, explain_entry
from seaway.protocols.flow_entry import FlowEntry, Reporter, Tag

_REPORTERS = {Reporter.SOURCE: "source", Reporter.DESTINATION: "destination", Reporter.GATEWAY: "gateway", Reporter.KERNEL: "kernel"}


@dataclass(frozen=True, slots=True)
class Inhabitant:
    """Who has an address. `workload` is `Kind/name`."""

    namespace: str
    pod: str
    workload: str


@dataclass(frozen=True, slots=True)
class Place:
    """A service of the registry as a destination, "" and 0 where there was none."""

    host: str = ""
    port: int = 0
    subset: str = ""


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """One request or connection. `source` and `destination` are None where nobody known has the address; `via` is the gateway that tells
    it. `principal` is the caller's identity, "" where it showed none.
    """

    node: str
    entry: FlowEntry
    source: Inhabitant | None
    destination: Inhabitant | None
    via: Inhabitant | None
    principal: str
    place: Place
    reason: Reason


def build_record(entry: FlowEntry, node: str, people: Mapping[str, Inhabitant], reason: Reason | None = None) -> FlowRecord:
    """`people` are pods by address. A pod that is gone leaves its address. Without a `reason` the entry has its own."""
    own = entry.reporter is Reporter.DESTINATION
    caller = entry.tags.get(Tag.CALLER, "").removeprefix("client|")
    return FlowRecord(
        node=node,
        entry=entry,
        source=people.get(_address(entry.caller)),
        destination=people.get(_address(entry.called if own else entry.upstream)),
        via=people.get(_address(entry.called)) if entry.reporter is Reporter.GATEWAY else None,
        principal=entry.peer or ("" if own else caller),
        place=_place(entry.tags.get(Tag.CLUSTER_NAME, "")),
        reason=reason or explain_entry(entry),
    )


def record_document(record: FlowRecord) -> dict[str, Any]:
    """The record as JSON has it. Fields are only ever added."""
    entry = record.entry
    return {
        "time": entry.time,
        "node": record.node,
        "reporter": _REPORTERS[entry.reporter],
        "verdict": record.reason.verdict.value,
        "text": record.reason.text,
        "because": [
            {"kind": one.kind, "namespace": one.namespace, "name": one.name, "file": one.file, "line": one.line}
            for one in record.reason.because
        ],
        "source": {**_who(record.source), "address": entry.caller, "principal": record.principal},
        "destination": {
            **_who(record.destination),
            "address": entry.called,
            "endpoint": entry.upstream,
            "host": record.place.host,
            "port": record.place.port or _port(entry.called),
            "subset": record.place.subset,
            "inRegistry": entry.tags.get(Tag.CLUSTER_NAME) != PASSTHROUGH,
        },
        "via": _who(record.via),
        "protocol": entry.protocol,
        "method": entry.method,
        "host": entry.host or entry.server_name,
        "path": entry.path,
        "status": entry.status or None,
        "grpcStatus": int(grpc) if (grpc := entry.tags.get(Tag.GRPC, "")).isdecimal() else None,
        "flags": list(entry.flags),
        "details": entry.details or entry.termination or entry.handshake_failure,
        "attempts": entry.attempts,
        "duration_ms": round(entry.duration_s * 1000, 3),
        "bytesReceived": entry.received,
        "bytesSent": entry.sent,
        "requestId": entry.request_id,
    }


def _who(one: Inhabitant | None) -> dict[str, str]:
    return {"namespace": one.namespace, "pod": one.pod, "workload": one.workload} if one else {"namespace": "", "pod": "", "workload": ""}


def _place(cluster: str) -> Place:
    """Of `outbound|PORT|SUBSET|HOST`, with a variant or without."""
    parts = cluster.split("|")
    if len(parts) < 4 or parts[0] != "outbound" or not parts[1].isdecimal():
        return Place()
    return Place(parts[3], int(parts[1]), parts[2])


def _address(text: str) -> str:
    return text.rpartition(":")[0]


def _port(text: str) -> int:
    port = text.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0
