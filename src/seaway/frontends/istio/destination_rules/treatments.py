"""What the parts of a rule come to for one upstream, once it is known what host it is about."""

from __future__ import annotations

from dataclasses import replace

from seaway.frontends.istio.destination_rules.blocks import Blocks, LoadBalancer, Locality
from seaway.frontends.istio.destination_rules.connection_pool import default_pool
from seaway.frontends.istio.destination_rules.defaults import Defaults
from seaway.frontends.istio.registry import HostPort
from seaway.model.upstream import LocalityBalancing, Pool, Simple, Treatment

LEAST_REQUEST = LoadBalancer(Simple.LEAST_REQUEST)


def treat(blocks: Blocks, port: HostPort, distribution: tuple[str, ...], defaults: Defaults) -> Treatment:
    """Everything but how connections are protected. `distribution` are labels by which the Service wants its traffic to stay near."""
    balancer = blocks.balancer or LEAST_REQUEST
    ejection = blocks.ejection or defaults.ejection
    return Treatment(
        balancing=balancer.balancing,
        warmup=balancer.warmup,
        locality=_locality(balancer.locality, distribution, ejection is not None, defaults),
        pool=_pool(blocks, port, defaults),
        ejection=ejection,
        tunnel=blocks.tunnel,
        proxy_protocol=blocks.proxy_protocol or 0,
    )


def _pool(blocks: Blocks, port: HostPort, defaults: Defaults) -> Pool:
    given = blocks.pool or defaults.pool
    pool = given.pool if given is not None else default_pool(defaults)
    upgrade = given.upgrade if given is not None else None
    if upgrade is None:
        upgrade = defaults.upgrade_http2 and port.protocol.http  # a port that is only guessed to be HTTP is left as it is
    return replace(pool, upgrade_http2=upgrade, retry_budget=blocks.retry_budget)


def _locality(given: Locality | None, distribution: tuple[str, ...], ejects: bool, defaults: Defaults) -> LocalityBalancing:
    """The rule's, else the Service's trafficDistribution, else the mesh's."""
    if given is None and distribution:
        return LocalityBalancing(active=True, priority_labels=distribution)
    found = given or defaults.locality
    if found is None or not found.enabled:
        return LocalityBalancing()
    return LocalityBalancing(bool(found.distribute) or ejects, found.distribute, found.failover, found.priority_labels)
