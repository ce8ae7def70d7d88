"""What a policy is judged against: the pods that it selects, their ports, the other policies that apply to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from seaway.frontends.istio.authorization.policies import Read
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.request_authentication.build import ReadTokens
from seaway.frontends.istio.selection import Selection
from seaway.model.authorization import Action
from seaway.model.service import Service
from seaway.model.upstream import AppProtocol, OfService
from seaway.model.workload import GatewayProxy, Pod, PodName

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Workloads:
    """`members` have a proxy, which enforces policies; `pods` are all of them."""

    members: tuple[Pod, ...]
    pods: tuple[Pod, ...]
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a pod behind a Service's: `number` is the pod's own, `called` the Service's."""

    number: int
    called: int
    protocol: AppProtocol


@dataclass(frozen=True)
class Scene:
    read: tuple[Read, ...]
    tokens: tuple[ReadTokens, ...]
    workloads: Workloads
    registry: Registry

    @cached_property
    def ports(self) -> Mapping[PodName, frozenset[Port]]:
        """The ports of pods that some Service leads to. Gateways serve HTTP, whatever they decrypt it from."""
        services = {service.id: service for service in self.workloads.services}
        gateways = {pod.id for pod in self.workloads.members if isinstance(pod.runs, GatewayProxy)}
        found: dict[PodName, set[Port]] = {}
        for host in (host for hosts in self.registry.hosts.values() for host in hosts):
            for port in host.ports:
                if isinstance(port.endpoints, OfService) and (service := services.get(port.endpoints.service)) is not None:
                    for backend in service.backends:
                        number = backend.ports[port.endpoints.port]
                        if backend.pod is not None and number:
                            protocol = AppProtocol.HTTP if backend.pod in gateways else port.protocol
                            found.setdefault(backend.pod, set()).add(Port(number, port.number, protocol))
        return {pod: frozenset(ports) for pod, ports in found.items()}

    def members(self, selection: Selection) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.workloads.members if selection.takes(pod))

    def ports_of(self, pods: Iterable[Pod]) -> frozenset[Port]:
        return frozenset(port for pod in pods for port in self.ports.get(pod.id, ()))

    def allowing(self, pod: Pod) -> tuple[Read, ...]:
        """The ALLOW policies that apply to a pod, without those that only say what they would do."""
        return tuple(one for one in self.read if one.policy.action is Action.ALLOW and not one.policy.dry_run and one.selection.takes(pod))


def names(pods: Iterable[Pod]) -> str:
    """`a/b, c/d and 4 more`."""
    every = [str(pod.id) for pod in pods]
    rest = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + rest
