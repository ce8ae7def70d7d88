"""A pod's resolver: what the kubelet writes into /etc/resolv.conf.

https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy
"""

from __future__ import annotations

from collections.abc import Iterable

from seaway.model.workload import ResolvConf
from seaway.resources.core_v1 import PodDNSConfig, PodSpec

_MAX_NAMESERVERS = 3  # MAXNS of resolv.h; the kubelet cuts the list as well


def uses_node_resolver(spec: PodSpec) -> bool:
    """Whether the pod gets its node's resolver: `Default`, and also `ClusterFirst` in the host's network."""
    return spec.dns_policy == "Default" or (spec.dns_policy == "ClusterFirst" and spec.host_network)


def build_resolv_conf(spec: PodSpec, namespace: str, domain: str, dns_address: str) -> ResolvConf:
    """The resolver of a pod. Local nodes have no resolver of their own, so where the node's is asked for, nothing is in it."""
    if spec.dns_policy == "None" or uses_node_resolver(spec):
        base = ResolvConf((), (), ())
    else:
        searches = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain)
        base = ResolvConf((dns_address,), searches, ("ndots:5",))
    return _merged(base, spec.dns_config) if spec.dns_config else base


def _merged(base: ResolvConf, config: PodDNSConfig) -> ResolvConf:
    """`dnsConfig` adds servers and searches; its options win over those of the same name."""
    options = dict(_option(one) for one in base.options)
    options |= {one.name: one.value or "" for one in config.options if one.name}
    return ResolvConf(
        _unique((*base.nameservers, *config.nameservers))[:_MAX_NAMESERVERS],
        _unique((*base.searches, *config.searches)),
        tuple(f"{name}:{value}" if value else name for name, value in options.items()),
    )


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name, value


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
