"""Where a cluster gets its endpoints from: the control plane (EDS), DNS, or the caller's own connection or request."""

from __future__ import annotations

from typing import assert_never

from seaway.model.upstream import Fixed, FromRequest, OfService, OriginalDestination, OriginateTls, Passthrough, Resolved, Upstream
from seaway.plans.envoy.endpoints.assignment import assignment
from seaway.plans.envoy.endpoints.targets import named_targets
from seaway.plans.envoy.proto import ADS, CaresResolver, DnsCluster, DynamicForwardProxyCluster, Fields, duration, extension, wrapped
from seaway.plans.envoy.site import Site

JITTER_S = 0.1  # upstream's own
DNS_PORT = 53

# Envoy may ask before cluster DNS listens, and a name may come late: without these it would ask again only after `dns_refresh_s`.
AGAIN_S, AGAIN_MOST_S = 0.5, 10


def discovery(upstream: Upstream, name: str, site: Site) -> Fields:
    """The cluster's type and what belongs to it."""
    if isinstance(upstream.treatment.balancing, Passthrough):
        return {"type": "ORIGINAL_DST"}
    match upstream.endpoints:
        case OfService() | Fixed():
            return {"type": "EDS", "eds_cluster_config": {"eds_config": ADS, "service_name": name}}
        case OriginalDestination():
            return {"type": "ORIGINAL_DST"}
        case Resolved(_, round_robin):
            targets = named_targets(upstream, site)
            alone = len({(one.address, one.port) for one in targets}) == 1  # all that Envoy takes for it
            return {"load_assignment": assignment(name, targets, upstream.treatment, site), **_dns(site, round_robin and alone)}
        case FromRequest():
            # Envoy wants to be told where the server is not held against the host that was asked for; in plaintext it cannot be.
            config = DynamicForwardProxyCluster(dns_cache_config=dns_cache(site), allow_insecure_cluster_options=not _verified(upstream))
            return {"cluster_type": extension("envoy.clusters.dynamic_forward_proxy", config)}
        case _:
            assert_never(upstream.endpoints)


def _dns(site: Site, first_only: bool) -> Fields:
    """All addresses of all names, or the first one of a single name.

    Names are IPv4, as everything here. A name that cannot be resolved holds nothing up: there are no endpoints until it can.
    """
    config = DnsCluster(
        dns_lookup_family="V4_ONLY",
        dns_refresh_rate=duration(site.dns_refresh_s),
        dns_jitter=duration(JITTER_S),
        dns_failure_refresh_rate={"base_interval": duration(AGAIN_S), "max_interval": duration(AGAIN_MOST_S)},
        respect_dns_ttl=True,
        typed_dns_resolver_config=resolver(site),
        all_addresses_in_single_endpoint=first_only,
    )
    return {"cluster_type": extension("envoy.cluster.dns", config), "wait_for_warm_on_init": {"value": False}}


def _verified(upstream: Upstream) -> bool:
    protection = upstream.treatment.protection
    return isinstance(protection, OriginateTls) and protection.match_host and not protection.sni


def resolver(site: Site) -> Fields:
    """The cluster's own DNS, which is near: a question that a second does not answer is lost. Envoy asks from the node, so that a host of
    a ServiceEntry is the world's to it, and never the address that stands for it among members.
    """
    address: Fields = {"socket_address": {"address": site.resolver, "port_value": DNS_PORT}}
    options = {"no_default_search_domain": True}
    patience = {"query_timeout_seconds": wrapped(1), "query_tries": wrapped(3)}
    cares = CaresResolver(resolvers=[address], dns_resolver_options=options, **patience)
    return extension("envoy.network.dns_resolver.cares", cares)


def dns_cache(site: Site) -> Fields:
    """DnsCacheConfig of everything that is resolved when it is asked for; filters that ask must have the very same one."""
    return {
        "name": "seaway",
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": duration(site.dns_refresh_s),
        "dns_failure_refresh_rate": {"base_interval": duration(AGAIN_S), "max_interval": duration(AGAIN_MOST_S)},
        "typed_dns_resolver_config": resolver(site),
    }
