"""Needs that were seen: flow records (`seaway flows -o json`) as connections between workloads.

Flows that a policy denied, or that found nobody, are no needs. A request through a proxy is a connection to its endpoint; one through a
gateway is two: from the client to the gateway, and from there on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from seaway.analysis.suggest.needs import End, Found, Need, Why, Workload, end_at, join_needs, workload_of
from seaway.core.cidr import parse_ipv4
from seaway.model.index import Model

ARRIVED = frozenset({"delivered", "accepted", "audited", "failed", "refused"})
"""Verdicts of flows that had a way to whom they were for; what they were told there is another matter."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A connection that was seen, how often, and one of the requests on it. Ends are `namespace/Kind/name` of a workload, "" where nobody
    known had the address, and the address.

    `port` is the one that the called pod listens on.
    """

    source: tuple[str, str]
    destination: tuple[str, str]
    protocol: str
    port: int
    example: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """The connections of some flows, and how many of those were left out since they did not arrive."""

    hops: tuple[Hop, ...]
    flows: int
    stopped: int


def fold_flows(flows: Iterable[dict[str, Any]]) -> Seen:
    """What flow documents say, each connection between two ends once. Of equal ones the first is the example."""
    found: dict[tuple[tuple[str, str], tuple[str, str], str, int], Hop] = {}
    count = stopped = 0
    for flow in flows:
        count += 1
        if flow["verdict"] not in ARRIVED:
            stopped += 1
            continue
        for hop in _hops(flow):
            key = (hop.source, hop.destination, hop.protocol, hop.port)
            known = found.get(key)
            example = known.example or hop.example if known is not None else hop.example
            found[key] = Hop(*key, example, known.times + 1 if known is not None else 1)
    return Seen(tuple(found[key] for key in sorted(found)), count, stopped)


def _hops(flow: dict[str, Any]) -> Iterator[Hop]:
    source, destination, via = flow["source"], flow["destination"], flow["via"]
    caller = (_name(source), _split(source["address"])[0])
    protocol = flow["protocol"] if flow["protocol"] in ("UDP", "SCTP") else "TCP"
    example = f"{flow['method']} {flow['host']}{flow['path'].partition('?')[0]}" if flow["method"] else ""
    called_at, called_port = _split(destination["address"])
    end, port = _split(destination["endpoint"])
    if flow["reporter"] == "destination" or not end:  # the endpoint of a pod's own proxy is the pod
        end, port = called_at, called_port
    callee = (_name(destination), end)
    if _name(via):
        gateway = (_name(via), called_at)
        yield Hop(caller, gateway, "TCP", called_port, example)
        caller = gateway
        if not _split(destination["endpoint"])[0]:
            return
    if flow["protocol"] != "ICMP" and port and parse_ipv4(end) is not None:
        yield Hop(caller, callee, protocol, port, example)


def _name(end: dict[str, Any]) -> str:
    return f"{end['namespace']}/{end['workload']}" if end["pod"] else ""


def _split(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address, int(port) if port.isdecimal() else 0


def observed_needs(model: Model, seen: Seen) -> tuple[tuple[Need, ...], tuple[str, ...]]:
    """Needs of workloads that are there, and what nobody known was an end of."""
    there = {workload_of(pod) for pod in model.pods if not pod.host_network}
    found: list[Found] = []
    lost: dict[str, None] = {}
    for hop in seen.hops:
        source, destination = (_end(model, there, *end) for end in (hop.source, hop.destination))
        if source is None or destination is None:
            lost[f"{hop.source[0] or hop.source[1]} -> {hop.destination[0] or hop.destination[1]} {hop.port}/{hop.protocol}"] = None
            continue
        times = f"{hop.times} {'flows' if hop.times > 1 else 'flow'}"
        found.append((source, destination, hop.protocol, hop.port, Why(f"{times}{f', such as {hop.example}' if hop.example else ''}")))
    return join_needs(found), tuple(lost)


def _end(model: Model, there: Collection[Workload], name: str, address: str) -> End | None:
    """By name first: a pod may have another address now, or be gone."""
    if not name:
        return end_at(model, address)
    namespace, kind, workload = name.split("/")
    found = Workload(namespace, kind, workload)
    return found if found in there else None
