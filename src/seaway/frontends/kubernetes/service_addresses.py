"""Cluster addresses and load balancer addresses: given, held by a lease, or chosen.

A chosen address starts from a hash of the Service's name, so that one Service more or less moves no other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seaway.core.cidr import Cidr, first_free, format_ipv4, parse_cidr, parse_ipv4
from seaway.core.codes.workloads import (
    CLUSTER_IP_OUTSIDE,
    CLUSTER_IP_TAKEN,
    LOAD_BALANCER_CLASS,
    LOAD_BALANCER_IP_OUTSIDE,
    LOAD_BALANCER_IP_TAKEN,
    LOAD_BALANCER_RANGE_FULL,
    SERVICE_RANGE_FULL,
)
from seaway.core.finding import Finding, finding
from seaway.model.cluster import Cluster
from seaway.resources.core_v1 import Service
from seaway.resources.resource import Resource

Services = Sequence[Resource[Service]]


@dataclass(slots=True)
class AddressBook:
    """Addresses by `namespace/service`, in order of being given; the first holder of an address keeps it."""

    addresses: dict[str, str]
    holders: dict[int, str]

    def give(self, name: str, address: int) -> None:
        self.addresses[name] = format_ipv4(address)
        self.holders[address] = name


def name_of(resource: Resource[Service]) -> str:
    """`namespace/service`: how leases and findings name a Service."""
    return f"{resource.key.namespace}/{resource.key.name}"


def is_cluster_dns(resource: Resource[Service]) -> bool:
    """The Service in front of cluster DNS: kube-system/kube-dns, or what carries its label there."""
    return resource.key.namespace == "kube-system" and (
        resource.key.name == "kube-dns" or resource.meta.labels.get("k8s-app") == "kube-dns"
    )


def assign_cluster_ips(services: Services, cluster: Cluster, leases: Mapping[str, str], findings: list[Finding]) -> dict[str, str]:
    """The address of every Service that has one, by `namespace/service`. Services that cannot get theirs are named by a finding.

    The DNS address is kept for cluster DNS; the first address of the range is the API server's.
    """
    span = _range(cluster.service_cidr)
    dns = parse_ipv4(cluster.dns_address)
    book = AddressBook({}, {span.first: "the network", span.first + 1: "default/kubernetes", span.last: "the network"})
    wanting = [one for one in services if one.body.spec.type != "ExternalName" and one.body.spec.cluster_ip != "None"]
    wanting.sort(key=lambda one: (not is_cluster_dns(one), one.key))
    for resource in wanting:
        if text := resource.body.spec.cluster_ip:
            _give_cluster_ip(resource, text, span, cluster.service_cidr, book, findings)
    free = [one for one in wanting if not one.body.spec.cluster_ip or ":" in one.body.spec.cluster_ip]
    if dns is not None and dns not in book.holders:
        book.holders[dns] = "cluster DNS"
        for owner in [one for one in free if is_cluster_dns(one)][:1]:
            book.give(name_of(owner), dns)
    missing = _choose(free, leases, _dynamic(span), book)
    findings += [finding(SERVICE_RANGE_FULL, one.origin, one.key, range=cluster.service_cidr) for one in missing]
    return book.addresses


def _give_cluster_ip(resource: Resource[Service], text: str, span: Cidr, cidr: str, book: AddressBook, findings: list[Finding]) -> None:
    address = parse_ipv4(text)
    if address is None:
        return
    origin = resource.at("spec", "clusterIP")
    if address not in span:
        findings.append(finding(CLUSTER_IP_OUTSIDE, origin, resource.key, address=text, range=cidr))
    elif first := book.holders.get(address):
        findings.append(finding(CLUSTER_IP_TAKEN, origin, resource.key, address=text, first=first))
    else:
        book.give(name_of(resource), address)


def assign_load_balancers(services: Services, cluster: Cluster, leases: Mapping[str, str], findings: list[Finding]) -> dict[str, str]:
    """The address of every LoadBalancer Service that gets one; the others stay without, as if pending."""
    pool = _range(cluster.load_balancer_cidr)
    inside = Cidr(pool.first + 1, pool.last - 1) if pool.size > 2 else pool
    book = AddressBook({}, {number: f"node {node.name}" for node in cluster.nodes if (number := parse_ipv4(node.address)) is not None})
    free: list[Resource[Service]] = []
    for resource in services:
        spec = resource.body.spec
        if spec.type != "LoadBalancer":
            continue
        if spec.load_balancer_class:
            origin = resource.at("spec", "loadBalancerClass")
            findings.append(finding(LOAD_BALANCER_CLASS, origin, resource.key, name=spec.load_balancer_class))
        elif (address := parse_ipv4(spec.load_balancer_ip or "")) is not None:
            _give_load_balancer(resource, address, pool, cluster, book, findings)
        else:
            free.append(resource)
    missing = _choose(free, leases, inside, book)
    findings += [finding(LOAD_BALANCER_RANGE_FULL, one.origin, one.key, range=cluster.load_balancer_cidr) for one in missing]
    return book.addresses


def _give_load_balancer(
    resource: Resource[Service], address: int, pool: Cidr, cluster: Cluster, book: AddressBook, findings: list[Finding]
) -> None:
    origin, text = resource.at("spec", "loadBalancerIP"), format_ipv4(address)
    first = book.holders.get(address) or ("the pods" if address in _range(cluster.pod_cidr) else "")
    first = first or ("the Services' own range" if address in _range(cluster.service_cidr) else "")
    if first:
        findings.append(finding(LOAD_BALANCER_IP_TAKEN, origin, resource.key, address=text, first=first))
        return
    if address not in pool:
        findings.append(finding(LOAD_BALANCER_IP_OUTSIDE, origin, resource.key, address=text, range=cluster.load_balancer_cidr))
    book.give(name_of(resource), address)


def _choose(free: Services, leases: Mapping[str, str], span: Cidr, book: AddressBook) -> Iterable[Resource[Service]]:
    """Addresses for those that ask for none: held ones first, then free ones. Returns those for which there was none."""
    late: list[Resource[Service]] = []
    for resource in free:
        if name_of(resource) in book.addresses:
            continue
        held = parse_ipv4(leases.get(name_of(resource), ""))
        if held is not None and held in span and held not in book.holders:
            book.give(name_of(resource), held)
        else:
            late.append(resource)
    missing: list[Resource[Service]] = []
    for resource in late:
        start = span.first + zlib.crc32(name_of(resource).encode()) % max(span.size, 1)
        address = None if missing else first_free(span, start, book.holders)
        if address is None:
            missing.append(resource)
        else:
            book.give(name_of(resource), address)
    return missing


def _dynamic(span: Cidr) -> Cidr:
    """The upper part of the service range, where Kubernetes chooses from, so that given addresses, usually low, stay free.

    https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
    """
    lower = min(max(16, span.size // 16), 256)
    return Cidr(span.first + lower, span.last - 1) if span.size > 2 * lower else Cidr(span.first + 1, span.last - 1)


def _range(cidr: str) -> Cidr:
    span = parse_cidr(cidr)
    assert span is not None, f"the settings let {cidr} pass as a range"
    return span
