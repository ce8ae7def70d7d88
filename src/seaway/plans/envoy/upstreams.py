"""An upstream as one node's Envoy holds it: its cluster, its endpoints, and the certificate that its callers show, if any."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.memo import Memo
from seaway.model.index import Model
from seaway.model.locality import parse_locality
from seaway.model.service import Health
from seaway.model.upstream import Upstream
from seaway.plans.envoy.clusters.plan import plan_cluster, plan_upstream_secrets
from seaway.plans.envoy.endpoints.plan import all_take_mtls, plan_endpoints
from seaway.plans.envoy.mesh.shortcut import Shortcut
from seaway.plans.envoy.site import Site
from seaway.protocols.xds_resource import XdsResource


def plan_upstream(
    model: Model, upstream: Upstream, health: Health, where: tuple[Site, Shortcut | None], memo: Memo
) -> Iterator[XdsResource]:
    """Its resources, in any order: the stream sends them in the one that breaks nothing. `where` is the node, and the shorter way to its
    own pods, if there is one.
    """
    site, shortcut = where
    yield memo(upstream.id, plan_cluster, upstream, site, all_take_mtls(model, upstream), shortcut)
    yield from plan_endpoints(model, upstream, health, site, memo)
    yield from plan_upstream_secrets(upstream)


def site_of(model: Model, node: str, roots: str) -> Site:
    """Where a node's Envoy stands. `roots` is the file of the authorities that this machine believes."""
    here = next((one for one in model.cluster.nodes if one.name == node), None)
    return Site(
        node=node,
        locality=parse_locality(here.locality if here is not None else ""),
        roots=roots,
        resolver=model.cluster.dns_address,
        dns_refresh_s=model.mesh.settings.dns_refresh_s,
    )
