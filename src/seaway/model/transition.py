"""From one model to the next without a gap: a workload's old pods stay until its new ones are ready, as a rolling update has it."""

from __future__ import annotations

from dataclasses import replace

from seaway.model.index import Model
from seaway.model.service import Backend, Health, Service
from seaway.model.workload import Pod, PodName


def lingering_pods(former: Model, wanted: Model, health: Health) -> frozenset[PodName]:
    """Pods that only the former model has, whose owner still wants pods, not all of which are ready yet.

    Pods of one name on both sides (StatefulSets, bare pods) are replaced in place and never linger.
    """
    waiting = {pod.owner for pod in wanted.pods if pod.id not in health.ready and pod.id not in former.pod}
    return frozenset(pod.id for pod in former.pods if pod.id not in wanted.pod and pod.owner in waiting and pod.id in health.ready)


def with_lingering(former: Model, wanted: Model, health: Health) -> Model:
    """The wanted model, with the lingering pods of the former one still there and still behind their services."""
    names = lingering_pods(former, wanted, health)
    if not names:
        return wanted
    pods = _merged(wanted.pods, tuple(former.pod[name] for name in names))
    services = tuple(_with_backends(service, former.service.get(service.id), names) for service in wanted.services)
    gateways = tuple(replace(gateway, pods=_gateway_pods(gateway.name, gateway.pods, former, names)) for gateway in wanted.gateways)
    return replace(wanted, pods=pods, services=services, gateways=gateways)


def union_of_pods(extra: tuple[Pod, ...], model: Model) -> Model:
    """The model with these pods too, where it has none of that name: what must exist while traffic moves away from them."""
    missing = tuple(pod for pod in extra if pod.id not in model.pod)
    return replace(model, pods=_merged(model.pods, missing)) if missing else model


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
    ports = []
    for port in service.ports:
        position = next((at for at, old in enumerate(former.ports) if (old.name, old.protocol) == (port.name, port.protocol)), None)
        ports.append(backend.ports[position] if position is not None else 0)
    return replace(backend, ports=tuple(ports))
