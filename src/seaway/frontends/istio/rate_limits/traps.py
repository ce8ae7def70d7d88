"""Limits with nothing wrong in them that do not count what they seem to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from seaway.core.codes import rate_limits as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.authorization.scene import Workloads, names
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.rate_limits.build import RateLimits, ReadLimits
from seaway.model.authorization import OPEN, CountedBy, RateLimit, WorkloadPolicy
from seaway.model.mesh import Inbound, Mtls
from seaway.model.upstream import AppProtocol
from seaway.model.workload import GatewayProxy, Pod, PodName

_OF_PROXIES = frozenset(("forwarded", "true-client-ip", "x-forwarded-for", "x-real-ip"))


@dataclass(frozen=True, slots=True)
class Guarded:
    """What stands before pods: policies, and what members accept."""

    policies: Mapping[PodName, WorkloadPolicy]
    inbounds: Mapping[PodName, Inbound]


def find_limit_traps(limits: RateLimits, workloads: Workloads, guarded: Guarded) -> Findings:
    return tuple(found for one in limits.read for found in _traps(one, workloads, guarded))


def _traps(read: ReadLimits, workloads: Workloads, guarded: Guarded) -> Iterator[Finding]:
    pods = tuple(pod for pod in workloads.pods if read.takes(pod))
    counting = tuple(pod for pod in pods if pod.id in guarded.inbounds or isinstance(pod.runs, GatewayProxy))
    if not pods:
        if read.targets is None:
            yield read.place.of("selector").find(codes.LIMITS_NOTHING, selection=read.selection)
        return
    if others := tuple(pod for pod in pods if pod not in counting):
        yield read.place.find(codes.NO_PROXY, pods=names(others))
    if opaque := tuple(pod for pod in counting if _all_bytes(guarded.inbounds.get(pod.id), pod)):
        yield read.place.find(codes.NEVER_HTTP, pods=names(opaque))
    for limit in read.limits:
        yield from _key_traps(limit, read.place.of("limits", limit.index), counting, guarded)


def _all_bytes(inbound: Inbound | None, pod: Pod) -> bool:
    if inbound is None or isinstance(pod.runs, GatewayProxy):
        return False
    return bool(inbound.ports) and all(not port.protocol.http and port.protocol is not AppProtocol.DETECT for port in inbound.ports)


def _key_traps(limit: RateLimit, place: Place, pods: tuple[Pod, ...], guarded: Guarded) -> Iterator[Finding]:
    for number, key in enumerate(limit.keys):
        at = place.of("key", number)
        match key.by:
            case CountedBy.HEADER if not _made_here(key.name, pods, guarded):
                advice = "Count by remoteAddress, which is the client's address after trusted proxies."
                if key.name not in _OF_PROXIES:
                    advice = "Count by a claim, sourcePrincipal or remoteAddress; or set the header at the gateway, whatever callers send."
                yield at.find(codes.CALLERS_HEADER, header=key.name, advice=advice)
            case CountedBy.CLAIM:
                if without := [pod for pod in pods if not guarded.policies.get(pod.id, OPEN).tokens]:
                    yield at.find(codes.CLAIM_UNVERIFIED, claim=key.name, pods=names(without))
            case CountedBy.CALLER:
                if blind := [pod for pod in pods if _knows_nobody(guarded.inbounds.get(pod.id), pod)]:
                    yield at.find(codes.CALLER_UNKNOWN, pods=names(blind))
            case _:
                pass


def _made_here(header: str, pods: Iterable[Pod], guarded: Guarded) -> bool:
    """Whether a verified token's claim is what the header holds, at all of these."""
    made = ({name.lower() for one in guarded.policies.get(pod.id, OPEN).tokens for name, _ in one.claim_headers} for pod in pods)
    return all(header in names_there for names_there in made)


def _knows_nobody(inbound: Inbound | None, pod: Pod) -> bool:
    if inbound is None or isinstance(pod.runs, GatewayProxy):
        return True
    return inbound.other is Mtls.DISABLE and all(port.mtls is Mtls.DISABLE for port in inbound.ports)
