"""Ports on the user's own machine that lead into a gateway: a plain TCP proxy, TLS untouched."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from seaway.model.index import Model
from seaway.model.route import Gateway
from seaway.model.service import Endpoint, Health, Service
from seaway.model.upstream import Pool
from seaway.plans.envoy.clusters.binding import callers_own_network
from seaway.plans.envoy.clusters.connection_pool import circuit_breakers
from seaway.plans.envoy.endpoints.plan import build_assignment
from seaway.plans.envoy.leaving import leave_from
from seaway.plans.envoy.proto import ADS, Cluster, Fields, Listener, TcpProxy, extension, seconds
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.protocols.xds_resource import CLUSTER, LISTENER, XdsResource

CONNECT_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class HostPort:
    """A way into a gateway's HTTP ports, or HTTPS ports where `tls`.

    `netns` is a file in the namespace folder: 127.0.0.1:`port` there is listened on. `pipe` is the path of a unix socket to listen on
    instead. With neither, 127.0.0.1:`port` of Envoy's own network. `port` tells the listeners of a view apart in any case.
    """

    port: int
    tls: bool
    gateway: str
    netns: str | None
    pipe: str | None


def plan_host_port(model: Model, host_port: HostPort, health: Health, netns_folder: str) -> Iterator[XdsResource]:
    """Listener, cluster and endpoint of one host port; nothing where the gateway does not exist."""
    gateway = next((one for one in model.gateways if one.name == host_port.gateway), None)
    if gateway is None:
        return
    name = f"host/{host_port.port}"
    service = model.service.get(gateway.service) if gateway.service is not None else None
    owners = (service.owner,) if service is not None else ()
    cited = provenance(gateway.origin, service.owner if service is not None else None)
    balanced = _balanced(gateway, service, host_port.tls)
    netns = posixpath.join(netns_folder, host_port.netns) if host_port.netns is not None else None
    # Only the load balancer address can be reached from outside the cluster; to a pod, packets start out on its node.
    filters = [leave_from(netns)] if netns is not None and balanced else []
    filters.append(extension("envoy.filters.network.tcp_proxy", TcpProxy(stat_prefix=name, cluster=name)))
    address = _address(host_port, netns)
    listener = Listener(name=name, stat_prefix=name, address=address, filter_chains=[{"filters": filters}], metadata=cited)
    yield build_resource(LISTENER, name, listener, owners)
    cluster = Cluster(
        name=name,
        type="EDS",
        eds_cluster_config={"eds_config": ADS, "service_name": name},
        connect_timeout=seconds(CONNECT_TIMEOUT_S),
        circuit_breakers=circuit_breakers(Pool()),
        upstream_bind_config=callers_own_network(),
        metadata=cited,
    )
    yield build_resource(CLUSTER, name, cluster, owners)
    yield build_assignment(name, balanced or _first_pod(model, gateway, health, host_port.tls), owners)


def _address(host_port: HostPort, netns: str | None) -> Fields:
    if host_port.pipe is not None:
        return {"pipe": {"path": host_port.pipe}}
    return {"socket_address": {"address": "127.0.0.1", "port_value": host_port.port, "network_namespace_filepath": netns or ""}}


def _balanced(gateway: Gateway, service: Service | None, tls: bool) -> tuple[Endpoint, ...]:
    """The load balancer address of the gateway's Service, at the port that leads to one of the gateway's own; none without an address."""
    if service is None or not service.load_balancer_ip:
        return ()
    wanted = set(gateway.https_ports if tls else gateway.http_ports)
    for index, exposed in enumerate(service.ports):
        targets = {backend.ports[index] for backend in service.backends if backend.pod in gateway.pods}
        if targets & wanted:
            return (Endpoint(service.load_balancer_ip, exposed.port, "", None),)
    return ()


def _first_pod(model: Model, gateway: Gateway, health: Health, tls: bool) -> tuple[Endpoint, ...]:
    ports = sorted(gateway.https_ports if tls else gateway.http_ports)
    for name in sorted(gateway.pods):
        if ports and name in health.ready and name in model.pod:
            pod = model.pod[name]
            return (Endpoint(pod.ip, ports[0], pod.node, name),)
    return ()
