"""From one model to the next without a gap: a workload's old pods stay until its new ones are ready, as a rolling update has it."""

from __future__ import annotations

from dataclasses import replace

from seaway.model.index import Model
from seaway.model.service import Backend, Health, Service
from seaway.model.transition_mesh import with_members
from seaway.model.workload import Pod, PodName


def awaited_pods(former: Model, wanted: Model, health: Health, awaited: frozenset[PodName]) -> frozenset[PodName]:
    """The new pods that old ones are waiting for: new since `former`, or `awaited` before, and not ready yet.

    Pods that end (Jobs) are waited for by nobody: they may never be ready.
    """
    return frozenset(
        pod.id for pod in wanted.pods if pod.id not in health.ready and not pod.finite and (pod.id in awaited or pod.id not in former.pod)
    )


def lingering_pods(former: Model, wanted: Model, health: Health, awaited: frozenset[PodName]) -> tuple[Pod, ...]:
    """Ready pods that only the former model has, whose owner has pods that are awaited.

    Pods of one name on both sides (StatefulSets, bare pods) are replaced in place and never linger. Nor do pods that would be in their
    successors' way: those in the host's network, and those whose address is another's now, which happens where the range is full.
    """
    owners = {wanted.pod[name].owner for name in awaited}
    return tuple(pod for pod in former.pods if pod.owner in owners and pod.id in health.ready and _may_stay(pod, wanted))


def with_lingering(former: Model, wanted: Model, health: Health, awaited: frozenset[PodName]) -> Model:
    """The wanted model, with the lingering pods of the former one still there and still behind their services."""
    lingering = lingering_pods(former, wanted, health, awaited)
    if not lingering:
        return wanted
    names = frozenset(pod.id for pod in lingering)
    services = tuple(_with_backends(service, former.service.get(service.id), names) for service in wanted.services)
    gateways = tuple(replace(gateway, pods=_gateway_pods(gateway.name, gateway.pods, former, names)) for gateway in wanted.gateways)
    return with_members(former, replace(wanted, pods=_merged(wanted.pods, lingering), services=services, gateways=gateways), names)


def union_of_pods(extra: tuple[Pod, ...], model: Model) -> Model:
    """The model with these pods too, but for those that are in the way of its own: what must exist while traffic moves away from them."""
    missing = tuple(pod for pod in extra if _may_stay(pod, model))
    return replace(model, pods=_merged(model.pods, missing)) if missing else model


def _may_stay(pod: Pod, beside: Model) -> bool:
    return pod.id not in beside.pod and not pod.host_network and pod.ip not in beside.pod_at


def _merged(first: tuple[Pod, ...], second: tuple[Pod, ...]) -> tuple[Pod, ...]:
    return tuple(sorted((*first, *second), key=lambda pod: pod.id))


def _gateway_pods(gateway: str, pods: tuple[PodName, ...], former: Model, names: frozenset[PodName]) -> tuple[PodName, ...]:
    old = next((one.pods for one in former.gateways if one.name == gateway), ())
    return tuple(sorted({*pods, *(name for name in old if name in names)}))


def _with_backends(service: Service, former: Service | None, names: frozenset[PodName]) -> Service:
    if former is None or not service.selects_pods:
        return service
    kept = tuple(_renumbered(backend, former, service) for backend in former.backends if backend.pod in names)
    return replace(service, backends=(*service.backends, *kept)) if kept else service


def _renumbered(backend: Backend, former: Service, service: Service) -> Backend:
    """The former backend's ports by the positions of the service as it is now; 0 where the former service had no such port."""
    ports: list[int] = []
    for port in service.ports:
        position = next((at for at, old in enumerate(former.ports) if (old.name, old.protocol) == (port.name, port.protocol)), None)
        ports.append(backend.ports[position] if position is not None else 0)
    return replace(backend, ports=tuple(ports))
