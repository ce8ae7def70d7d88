"""The cluster of an upstream, from the parts that this folder's modules make of its treatment."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.model.authorization import WorkloadPolicy
from seaway.model.names import upstream_cluster
from seaway.model.upstream import OUTSIDE_MESH, OriginateTls, Upstream
from seaway.plans.envoy.citations import policy_lines, treatment_lines
from seaway.plans.envoy.clusters.binding import callers_own_network
from seaway.plans.envoy.clusters.connection_pool import circuit_breakers, connection_options
from seaway.plans.envoy.clusters.discovery import discovery
from seaway.plans.envoy.clusters.load_balancing import common_balancing, load_balancing
from seaway.plans.envoy.clusters.outlier_detection import outlier_detection
from seaway.plans.envoy.clusters.protocols import protocol_options
from seaway.plans.envoy.clusters.tls import transport_sockets
from seaway.plans.envoy.mesh.shortcut import Shortcut
from seaway.plans.envoy.mesh.sockets import TO_OTHERS, upstream_socket
from seaway.plans.envoy.proto import Cluster, duration
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.plans.envoy.secrets import plan_certificate
from seaway.plans.envoy.site import Site
from seaway.protocols.xds_resource import CLUSTER, XdsResource


def plan_cluster(upstream: Upstream, site: Site, all_take_mtls: bool = False, shortcut: Shortcut | None = None) -> XdsResource:
    """The cluster of one upstream. `all_take_mtls` is asked where endpoints are not known beforehand.

    `shortcut` is how pods of the same node are called, None for as all others.

    Its name never depends on how it is treated, so that a change of a rule replaces it in place, with the new one warm.
    """
    name = upstream_cluster(upstream.id)
    treatment = upstream.treatment
    socket = callers_own_network() if upstream.id.variant == OUTSIDE_MESH else upstream_socket(TO_OTHERS, shortcut is not None)
    judged = policy_lines(WorkloadPolicy("", shortcut.policies)) if shortcut is not None else {}
    judges = tuple(one.key for one in shortcut.policies) if shortcut is not None else ()
    cluster = Cluster(
        name=name,
        connect_timeout=duration(treatment.pool.connect_timeout_s),
        typed_extension_protocol_options=protocol_options(upstream, shortcut),
        circuit_breakers=circuit_breakers(treatment.pool),
        upstream_bind_config=socket,
        metadata=provenance(upstream.origin, upstream.owners[0] if upstream.owners else None, {**treatment_lines(upstream), **judged}),
        **discovery(upstream, name, site),
        **load_balancing(upstream),
        **common_balancing(treatment),
        **connection_options(treatment.pool),
        **outlier_detection(treatment.ejection),
        **transport_sockets(upstream, site, all_take_mtls, shortcut is not None),
    )
    return build_resource(CLUSTER, name, cluster, (*upstream.owners, *judges))


def plan_upstream_secrets(upstream: Upstream) -> Iterator[XdsResource]:
    """The certificate that its callers show, where a rule names one."""
    protection = upstream.treatment.protection
    if isinstance(protection, OriginateTls) and protection.certificate is not None:
        yield plan_certificate(protection.certificate)
