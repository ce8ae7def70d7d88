"""What has to pass: from whom, to whom, on which port, and what says so.

Leaves to others: where needs come from (`declared.py`, `observed.py`), and the policies that let them pass (`policies.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seaway.core.cidr import in_cidr
from seaway.core.origin import Origin
from seaway.model.index import Model
from seaway.model.service import Service
from seaway.model.upstream import Fixed, OfService, UpstreamId
from seaway.model.workload import Pod, PodName

_MOST_REASONS = 3


@dataclass(frozen=True, slots=True, order=True)
class Workload:
    """All pods of one object."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Outside:
    """Addresses that are no pod's: a range, or "" for all outside of the cluster. `name` is the host that was meant, "" if unknown."""

    cidr: str
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.cidr or "outside"


End = Workload | Outside


@dataclass(frozen=True, slots=True, order=True)
class Why:
    """What says that it is needed: words, and the line that they come from, if they do."""

    text: str
    origin: Origin | None = None

    def __str__(self) -> str:
        return f"{self.text} ({self.origin})" if self.origin is not None else self.text


@dataclass(frozen=True, slots=True)
class Need:
    """A connection that has to pass. `port` is the one that the destination's pods listen on. `more` counts reasons beyond those told."""

    source: End
    destination: End
    protocol: str
    port: int
    why: tuple[Why, ...]
    more: int = 0

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} {self.port}/{self.protocol}"


Found = tuple[End, End, str, int, Why]
"""Source, destination, protocol, port, and one thing that says so."""


def join_needs(found: Iterable[Found]) -> tuple[Need, ...]:
    """Each need once, with its reasons, in a stable order. An end outside on both sides is nobody's need."""
    reasons: dict[tuple[End, End, str, int], dict[Why, None]] = {}
    for source, destination, protocol, port, why in found:
        if isinstance(source, Workload) or isinstance(destination, Workload):
            reasons.setdefault((source, destination, protocol, port), {})[why] = None
    return tuple(
        Need(*key, tuple(whys)[:_MOST_REASONS], max(0, len(whys) - _MOST_REASONS))
        for key, whys in sorted(reasons.items(), key=lambda item: (_order(item[0][0]), _order(item[0][1]), *item[0][2:]))
    )


def _order(end: End) -> tuple[str, str, str, str]:
    return ("", end.namespace, end.name, end.kind) if isinstance(end, Workload) else ("outside", end.cidr, end.name, "")


def workload_of(pod: Pod) -> Workload:
    return Workload(pod.id.namespace, pod.owner.kind, pod.owner.name)


def end_at(model: Model, address: str) -> End | None:
    """Who has an address; None for one of the cluster that nobody has now."""
    pod = model.pod_at.get(address)
    if pod is not None:
        return workload_of(pod)
    if in_cidr(address, model.cluster.pod_cidr) or in_cidr(address, model.cluster.service_cidr):
        return None
    return Outside(f"{address}/32")


def ends_of_service(model: Model, service: Service, number: int) -> Iterator[tuple[End, int]]:
    """The workloads and addresses behind one of its ports (by position), each with the port that it listens on."""
    for one in service.backends:
        if one.ports[number]:
            end = _end_of(model, one.pod, one.address)
            if end is not None:
                yield end, one.ports[number]


def ends_of_upstream(model: Model, to: UpstreamId) -> Iterator[tuple[End, int]]:
    """The same of what a route leads to."""
    upstream = model.upstream.get(to)
    match upstream.endpoints if upstream is not None else None:
        case OfService(name, number, labels) if (service := model.service.get(name)) is not None:
            for one in service.backends:
                pod = model.pod.get(one.pod) if one.pod is not None else None
                if one.ports[number] and (pod is None or set(labels) <= set(pod.labels)):
                    end = _end_of(model, one.pod, one.address)
                    if end is not None:
                        yield end, one.ports[number]
        case Fixed(endpoints):
            for one in endpoints:
                end = _end_of(model, one.pod, one.address)
                if end is not None and one.port:
                    yield end, one.port
        case _:
            return


def _end_of(model: Model, name: PodName | None, address: str) -> End | None:
    pod = model.pod.get(name) if name is not None else None
    if pod is None:
        return end_at(model, address)
    return Outside(f"{pod.ip}/32") if pod.host_network else workload_of(pod)
