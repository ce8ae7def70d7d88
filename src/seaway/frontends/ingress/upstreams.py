"""Upstreams of gateways outside the mesh: how they connect to the Services that their routes lead to, with the defaults of ingress-nginx.

https://github.com/kubernetes/ingress-nginx/blob/main/docs/user-guide/nginx-configuration/configmap.md
"""

from __future__ import annotations

from seaway.core.memo import Memo
from seaway.model.names import service_host
from seaway.model.route import Gateway
from seaway.model.service import Service, ServicePort
from seaway.model.upstream import AppProtocol, Ejection, Keepalive, OfService, Pool, Simple, Treatment, Upstream, UpstreamId
from seaway.model.workload import Protocol

HTTP2_PROTOCOLS = frozenset({"kubernetes.io/h2c", "h2c", "http2", "grpc"})
"""appProtocol values, and port names or their first part (`grpc`, `grpc-api`), that mean HTTP/2 with prior knowledge.

https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol
"""

# A pod that died while nobody could say so (control plane down) is left aside after five failed connects in a row, and tried again soon.
# Only failures to connect count: what an application answers is its own affair.
EJECTION = Ejection(
    consecutive_5xx=0, consecutive_local=5, split_local=True, interval_s=1, base_s=5, max_s=30, max_percent=50, min_health_percent=None
)

# A peer that has vanished with its network is noticed by probes; TCP by itself would wait for hours.
TREATMENT = Treatment(
    balancing=Simple.ROUND_ROBIN,  # load-balance
    pool=Pool(connect_timeout_s=5, idle_timeout_s=60, keepalive=Keepalive(3, 10, 5)),  # proxy-connect-timeout, upstream-keepalive-timeout
    ejection=EJECTION,
)


def build_upstreams(gateways: tuple[Gateway, ...], services: tuple[Service, ...], domain: str, memo: Memo) -> tuple[Upstream, ...]:
    """One for each service port that some route leads to, in the order of their ids."""
    by_host = {service_host(service.id, domain): service for service in services}
    wanted = {to for gateway in gateways for host in gateway.hosts for route in host.routes for to in route.leads_to}
    return tuple(memo(to, _upstream, to, by_host[to.host]) for to in sorted(wanted))


def _upstream(to: UpstreamId, service: Service) -> Upstream:
    position = next(at for at, port in enumerate(service.ports) if port.port == to.port and port.protocol is Protocol.TCP)
    port = service.ports[position]
    protocol = AppProtocol.HTTP2 if speaks_http2(port) else AppProtocol.HTTP
    return Upstream(to, protocol, OfService(service.id, position), TREATMENT, (service.owner,), port.origin)


def speaks_http2(port: ServicePort) -> bool:
    """Whether the port's appProtocol, or without one its name, asks for HTTP/2."""
    if port.app_protocol:
        return port.app_protocol.lower() in HTTP2_PROTOCOLS
    return port.name.split("-", 1)[0].lower() in HTTP2_PROTOCOLS
