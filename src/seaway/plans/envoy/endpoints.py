"""Where an upstream's traffic goes now: one ClusterLoadAssignment a cluster, the only resource that pods coming and going change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.model.index import Model
from seaway.model.names import upstream_cluster
from seaway.model.service import Endpoint, Health, endpoints
from seaway.model.upstream import MutualMesh, OfService, OriginalDestination, Passthrough, Upstream
from seaway.plans.envoy.mesh.sockets import TAKES_MTLS
from seaway.plans.envoy.proto import ClusterLoadAssignment, Fields
from seaway.plans.envoy.resource import build_resource, metadata
from seaway.protocols.xds_resource import ENDPOINTS, XdsResource


def plan_endpoints(model: Model, upstream: Upstream, health: Health, memo: Memo) -> XdsResource:
    """The usable endpoints of an upstream. None at all makes Envoy answer 503 at once."""
    usable = _usable(model, upstream, health)
    owners = (*upstream.owners, *_pod_owners(model, usable))
    return memo(upstream.id, build_assignment, upstream_cluster(upstream.id), usable, owners)


def _usable(model: Model, upstream: Upstream, health: Health) -> tuple[Endpoint, ...]:
    match upstream.endpoints:
        case OfService(service, port) if service in model.service:
            found = endpoints(model.service[service], port, health)
            if not isinstance(upstream.treatment.protection, MutualMesh):
                return found
            return tuple(replace(one, mtls=True) if model.takes_mtls(one.pod, one.port) else one for one in found)
        case _:
            return ()


def callers_choose(upstream: Upstream) -> bool:
    """Whether each connection goes where its caller was going, so that endpoints are not said."""
    return isinstance(upstream.endpoints, OriginalDestination) or isinstance(upstream.treatment.balancing, Passthrough)


def all_take_mtls(model: Model, upstream: Upstream) -> bool:
    """Whether callers who choose an endpoint by its address may speak mutual TLS with whichever they choose."""
    if not callers_choose(upstream) or not isinstance(upstream.endpoints, OfService):
        return False
    service, position = model.service.get(upstream.endpoints.service), upstream.endpoints.port
    targets = [(one.pod, one.ports[position]) for one in service.backends if one.ports[position]] if service is not None else []
    return bool(targets) and all(model.takes_mtls(pod, port) for pod, port in targets)


def build_assignment(name: str, usable: tuple[Endpoint, ...], owners: tuple[Key, ...]) -> XdsResource:
    """One locality without a name; each address once (Envoy would drop the second), in order."""
    once = {(one.address, one.port): one for one in reversed(usable)}
    localities: list[Fields] = [{"lb_endpoints": [_endpoint(once[key]) for key in sorted(once)]}] if once else []
    return build_resource(ENDPOINTS, name, ClusterLoadAssignment(cluster_name=name, endpoints=localities), owners)


def _endpoint(one: Endpoint) -> Fields:
    fields: dict[str, object] = {
        "endpoint": {"address": {"socket_address": {"address": one.address, "port_value": one.port}}},
    }
    if one.pod is not None:
        named = cast(Fields, metadata({"pod": str(one.pod), "node": one.node})["filter_metadata"])
        fields["metadata"] = {"filter_metadata": {**named, **(TAKES_MTLS if one.mtls else {})}}
    return fields


def _pod_owners(model: Model, usable: tuple[Endpoint, ...]) -> Iterator[Key]:
    for one in usable:
        pod = model.pod.get(one.pod) if one.pod is not None else None
        if pod is not None:
            yield pod.owner
