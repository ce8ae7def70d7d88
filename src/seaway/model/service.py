"""Services: stable names and addresses in front of backends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.workload import PodName, Protocol


class ServiceName(NamedTuple):
    """Identity of a Service; prints as `namespace/name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ServiceType(Enum):
    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"
    EXTERNAL_NAME = "ExternalName"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`name` is "" for the single unnamed port. `app_protocol` is "" where not given; `node_port` is 0 where there is none."""

    name: str
    port: int
    protocol: Protocol
    app_protocol: str
    node_port: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Backend:
    """One address behind a Service.

    `pod` is None for addresses from Endpoints or EndpointSlices that are no pod of ours. `ports` maps each service port (by position
    in `Service.ports`) to the backend's own port number, 0 where the backend lacks it (a named target port that it does not declare).
    `ready` is what the manifest itself says (EndpointSlice conditions); for pods the running network's probes decide, see `endpoints`.
    `hostname` is the name that DNS publishes under a headless Service ("" for none).
    """

    address: str
    pod: PodName | None
    node: str
    hostname: str
    ports: tuple[int, ...]
    ready: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Service:
    """`cluster_ip` is "" for headless and ExternalName Services. `affinity_s` is the ClientIP timeout, 0 for no affinity.

    `load_balancer_ip` is "" except for LoadBalancer Services. `source_ranges` limits who may use the load balancer address (empty: anyone).
    `internal_local` and `external_local`: the traffic policy is Local, only backends on the node of arrival serve.
    """

    id: ServiceName
    type: ServiceType
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    cluster_ip: str
    load_balancer_ip: str
    external_ips: tuple[str, ...]
    source_ranges: tuple[str, ...]
    external_name: str
    ports: tuple[ServicePort, ...]
    affinity_s: int
    internal_local: bool
    external_local: bool
    publish_not_ready: bool
    selects_pods: bool
    backends: tuple[Backend, ...]
    owner: Key
    origin: Origin

    @property
    def headless(self) -> bool:
        return not self.cluster_ip and self.type is not ServiceType.EXTERNAL_NAME

    def port_named(self, name: str) -> int | None:
        """Position of the port with this name in `ports`."""
        return next((index for index, port in enumerate(self.ports) if port.name == name), None)

    def port_numbered(self, number: int) -> int | None:
        """Position of the (first) port with this number in `ports`."""
        return next((index for index, port in enumerate(self.ports) if port.port == number), None)


@dataclass(frozen=True, slots=True)
class Health:
    """What the running network knows of its pods: those that are ready now. A pod that is not in it is not ready."""

    ready: frozenset[PodName] = frozenset()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A backend that may be used now, for one service port. `mtls`: callers of the mesh are to speak mutual TLS with it."""

    address: str
    port: int
    node: str
    pod: PodName | None
    mtls: bool = False


def is_ready(backend: Backend, health: Health) -> bool:
    """Whether a backend serves: a pod by its probes, any other address by what its manifest says."""
    return backend.pod in health.ready if backend.pod is not None else backend.ready


def health_of(service: Service, health: Health) -> Health:
    """As much of it as concerns this Service."""
    return Health(frozenset(one.pod for one in service.backends if one.pod is not None and one.pod in health.ready))


def endpoints(service: Service, port: int, health: Health) -> tuple[Endpoint, ...]:
    """The usable endpoints of one service port (by its position), in order of address: ready ones, or all where not-ready are published."""
    return tuple(
        Endpoint(one.address, one.ports[port], one.node, one.pod)
        for one in service.backends
        if one.ports[port] and (service.publish_not_ready or is_ready(one, health))
    )
