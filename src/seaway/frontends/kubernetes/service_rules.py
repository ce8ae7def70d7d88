"""The API server's validation of a Service: what would be refused on `kubectl apply`.

Source: ValidateService in https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go
Addresses and node ports, which depend on the other Services, are judged in `service_addresses` and `node_ports`.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.cidr import parse_cidr, parse_ipv4, refused_endpoint
from seaway.core.finding import Findings
from seaway.core.names import is_dns_label, is_dns_subdomain
from seaway.frontends.kubernetes.refusal import refused
from seaway.frontends.kubernetes.template_rules import PROTOCOLS, is_port_number, port_problem
from seaway.resources.core_v1 import Service, ServicePort, ServiceSpec
from seaway.resources.resource import Resource, Step

TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
DEFAULT_AFFINITY_S = 10800  # v1.DefaultClientIPServiceAffinitySeconds: three hours
LONGEST_AFFINITY_S = 86400

Problem = tuple[tuple[Step, ...], str, str]


def check_service(resource: Resource[Service]) -> Findings:
    """All that the API server would refuse in one Service."""
    problems = [*_spec_problems(resource.body.spec), *_port_list_problems(resource.body.spec)]
    return tuple(refused(resource, path, problem, advice) for path, problem, advice in problems)


def _spec_problems(spec: ServiceSpec) -> Iterator[Problem]:
    if spec.type not in TYPES:
        yield ("spec", "type"), f"is {spec.type}", f"Use one of: {', '.join(TYPES)}."
    if spec.type == "ExternalName":
        yield from _external_name_problems(spec.external_name or "")
    if spec.cluster_ip == "None" and spec.type in ("NodePort", "LoadBalancer"):
        yield ("spec", "clusterIP"), f"is None, which type {spec.type} forbids", "Remove clusterIP, or make the type ClusterIP."
    if spec.session_affinity not in ("None", "ClientIP"):
        yield ("spec", "sessionAffinity"), f"is {spec.session_affinity}", "Use None or ClientIP."
    timeout = affinity_timeout_s(spec)
    if spec.session_affinity == "ClientIP" and not 1 <= timeout <= LONGEST_AFFINITY_S:
        path = ("spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds")
        yield path, f"is {timeout}", f"Use 1 to {LONGEST_AFFINITY_S} seconds."
    for field, policy in (("internalTrafficPolicy", spec.internal_traffic_policy), ("externalTrafficPolicy", spec.external_traffic_policy)):
        if policy not in (None, "Cluster", "Local"):
            yield ("spec", field), f"is {policy}", "Use Cluster or Local."
    if spec.external_traffic_policy and spec.type in ("ClusterIP", "ExternalName") and not spec.external_ips:
        advice = "Remove it, or use type NodePort or LoadBalancer."
        yield ("spec", "externalTrafficPolicy"), "is set on a Service that nothing outside reaches", advice
    yield from _address_problems(spec)


def affinity_timeout_s(spec: ServiceSpec) -> int:
    """The ClientIP timeout as given, or the API's default."""
    config = spec.session_affinity_config
    given = config.client_ip.timeout_seconds if config and config.client_ip else None
    return DEFAULT_AFFINITY_S if given is None else given


def _external_name_problems(name: str) -> Iterator[Problem]:
    if not is_dns_subdomain(name.removesuffix(".")):
        problem = f'is "{name}", which is no DNS name' if name else "is absent, which type ExternalName needs"
        yield ("spec", "externalName"), problem, "Write the name that DNS shall answer with, such as db.example.com."


def _address_problems(spec: ServiceSpec) -> Iterator[Problem]:
    for index, text in enumerate(spec.external_ips):
        address = parse_ipv4(text)
        kind = refused_endpoint(address) if address is not None else ""
        if (address is None and ":" not in text) or kind:
            yield (
                ("spec", "externalIPs", index),
                f'is "{text}", {kind or "which is no address"}',
                "Write an address that leads to the nodes.",
            )
    if spec.type == "LoadBalancer":
        for index, text in enumerate(spec.load_balancer_source_ranges):
            if parse_cidr(text.strip()) is None and ":" not in text:
                path = ("spec", "loadBalancerSourceRanges", index)
                yield path, f'is "{text}", which is no range', "Write a range such as 192.0.2.0/24."
    if spec.load_balancer_ip and parse_ipv4(spec.load_balancer_ip) is None:
        yield ("spec", "loadBalancerIP"), f'is "{spec.load_balancer_ip}", which is no IPv4 address', "Write an IPv4 address, or remove it."
    given = spec.cluster_ip or ""
    if spec.type != "ExternalName" and given not in ("", "None") and parse_ipv4(given) is None and ":" not in given:
        yield ("spec", "clusterIP"), f'is "{given}", which is no address', "Remove it to get a free address."


def _port_list_problems(spec: ServiceSpec) -> Iterator[Problem]:
    if not spec.ports and spec.type != "ExternalName" and spec.cluster_ip != "None":
        yield ("spec", "ports"), "holds no port", "Add at least one port; only headless Services do without."
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for index, port in enumerate(spec.ports):
        at: tuple[Step, ...] = ("spec", "ports", index)
        yield from _port_problems(port, at, len(spec.ports) > 1, spec.type)
        if port.name and port.name in names:
            yield (*at, "name"), f'is "{port.name}" again', "Give each port its own name."
        if (port.port, port.protocol) in numbers:
            yield (*at, "port"), f"is {port.port}/{port.protocol} again", "List each port and protocol once."
        names.add(port.name or "")
        numbers.add((port.port, port.protocol))


def _port_problems(port: ServicePort, at: tuple[Step, ...], several: bool, type: str) -> Iterator[Problem]:
    if not is_port_number(port.port):
        yield (*at, "port"), f"is {port.port}, but ports are 1 to 65535", "Write the port that clients use."
    if port.protocol not in PROTOCOLS:
        yield (*at, "protocol"), f"is {port.protocol}", f"Use one of: {', '.join(PROTOCOLS)}."
    if several and not port.name:
        yield at, "has no name, although there are several ports", "Name every port."
    if port.name and not is_dns_label(port.name):
        yield (*at, "name"), f'is "{port.name}", which is no DNS label', "Use at most 63 of a-z, 0-9 and hyphens."
    if port.target_port not in (None, 0, "") and (problem := port_problem(port.target_port or 0)):
        yield (*at, "targetPort"), problem, "Write a port number, or the name of a port of the pods' containers."
    if port.node_port and type == "ClusterIP":
        yield (*at, "nodePort"), "is set on a Service of type ClusterIP", "Remove it, or use type NodePort or LoadBalancer."
