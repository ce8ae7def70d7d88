"""Services: type, addresses and ports. The backends behind them come in `endpoints`, once the pods are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.core.cidr import parse_cidr, parse_ipv4
from seaway.core.codes.workloads import EXTERNAL_NAME_ADDRESS, IPV6, SOURCE_RANGES_IGNORED
from seaway.core.finding import Finding, Findings, finding
from seaway.core.memo import Memo
from seaway.frontends.kubernetes.node_ports import PortKey, assign_node_ports, port_key
from seaway.frontends.kubernetes.ports import Target
from seaway.frontends.kubernetes.refusal import has_errors
from seaway.frontends.kubernetes.service_addresses import assign_cluster_ips, assign_load_balancers, is_cluster_dns, name_of
from seaway.frontends.kubernetes.service_rules import affinity_timeout_s, check_service
from seaway.model.cluster import Cluster, Leases
from seaway.model.service import Service, ServiceName, ServicePort, ServiceType
from seaway.model.workload import Protocol
from seaway.resources import core_v1
from seaway.resources.core_v1 import IntOrString
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

SOURCE_RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """A Service without its backends. `targets` holds the target of each port, by position: a number, or a name of container ports.

    `leads` says the same as pods see it.
    """

    resource: Resource[core_v1.Service]
    service: Service
    selector: Mapping[str, str]
    targets: tuple[IntOrString, ...]
    leads: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Fronts:
    """All Services that can be served, by identity. `dns_address` is where pods find cluster DNS."""

    services: tuple[Front, ...]
    leases: Leases
    dns_address: str
    findings: Findings


def build_fronts(snapshot: Snapshot, cluster: Cluster, leases: Leases, memo: Memo) -> Fronts:
    """Services with their addresses and ports. `leases` of the result holds no pods."""
    findings: list[Finding] = []
    sound: list[Resource[core_v1.Service]] = []
    for resource in snapshot.of(core_v1.Service):
        served, problems = memo(resource.key, _check, resource)
        findings += problems
        if served:
            sound.append(resource)
    numbers, refused = assign_node_ports(sound, cluster, dict(leases.node_ports), findings)
    sound = [one for one in sound if name_of(one) not in refused]
    cluster_ips = assign_cluster_ips(sound, cluster, dict(leases.cluster_ips), findings)
    sound = [one for one in sound if name_of(one) in cluster_ips or _needs_no_address(one)]
    balancers = assign_load_balancers(sound, cluster, dict(leases.load_balancers), findings)
    addresses = {name_of(one): (cluster_ips.get(name_of(one), ""), balancers.get(name_of(one), "")) for one in sound}
    fronts = tuple(memo(one.key, _front, one, *addresses[name_of(one)], _node_ports(one, numbers)) for one in sound)
    keys = {port_key(one, port) for one in sound for port in one.body.spec.ports}
    given = Leases(
        cluster_ips=tuple(sorted(cluster_ips.items())),
        load_balancers=tuple(sorted(balancers.items())),
        node_ports=tuple(sorted((key, number) for key, number in numbers.items() if key in keys)),
    )
    dns = next((front.service.cluster_ip for front in fronts if is_cluster_dns(front.resource) and front.service.cluster_ip), "")
    return Fronts(fronts, given, dns or cluster.dns_address, tuple(findings))


def _needs_no_address(resource: Resource[core_v1.Service]) -> bool:
    return resource.body.spec.type == "ExternalName" or resource.body.spec.cluster_ip == "None"


def _check(resource: Resource[core_v1.Service]) -> tuple[bool, Findings]:
    """Whether the API server would take it, and what is wrong with it."""
    problems = check_service(resource)
    return (False, problems) if has_errors(problems) else (True, (*problems, *_check_meaning(resource)))


def _node_ports(resource: Resource[core_v1.Service], numbers: Mapping[PortKey, int]) -> tuple[int, ...]:
    """By position of the port; 0 for none."""
    return tuple(numbers.get(port_key(resource, port), 0) for port in resource.body.spec.ports)


def _front(resource: Resource[core_v1.Service], cluster_ip: str, load_balancer_ip: str, node_ports: tuple[int, ...]) -> Front:
    spec = resource.body.spec
    kind = ServiceType(spec.type)
    external = kind is ServiceType.EXTERNAL_NAME
    service = Service(
        id=ServiceName(resource.key.namespace, resource.key.name),
        type=kind,
        labels=tuple(sorted(resource.meta.labels.items())),
        annotations=tuple(sorted(resource.meta.annotations.items())),
        cluster_ip=cluster_ip,
        load_balancer_ip=load_balancer_ip,
        external_ips=() if external else tuple(one for one in spec.external_ips if parse_ipv4(one) is not None),
        source_ranges=_source_ranges(resource),
        external_name=(spec.external_name or "").removesuffix(".") if external else "",
        ports=_ports(resource, node_ports),
        affinity_s=_affinity_s(spec),
        internal_local=spec.internal_traffic_policy == "Local",
        external_local=spec.external_traffic_policy == "Local",
        publish_not_ready=spec.publish_not_ready_addresses,
        selects_pods=bool(spec.selector) and not external,
        backends=(),
        owner=resource.key,
        origin=resource.origin,
    )
    targets = tuple(port.target_port or port.port for port in spec.ports)  # targetPort 0 and "" mean: as port
    leads = tuple(
        Target(target, port.protocol.value, port.name, port.app_protocol) for target, port in zip(targets, service.ports, strict=True)
    )
    return Front(resource, service, {} if external else spec.selector, targets, leads)


def _ports(resource: Resource[core_v1.Service], node_ports: tuple[int, ...]) -> tuple[ServicePort, ...]:
    return tuple(
        ServicePort(
            name=port.name or "",
            port=port.port,
            protocol=Protocol(port.protocol),
            app_protocol=port.app_protocol or "",
            node_port=node_ports[index],
            origin=resource.at("spec", "ports", index),
        )
        for index, port in enumerate(resource.body.spec.ports)
    )


def _affinity_s(spec: core_v1.ServiceSpec) -> int:
    return affinity_timeout_s(spec) if spec.session_affinity == "ClientIP" else 0


def _source_ranges(resource: Resource[core_v1.Service]) -> tuple[str, ...]:
    """Who may use the load balancer address. The annotation counts where the field is empty, as in cloud providers' controllers."""
    spec = resource.body.spec
    if spec.type != "LoadBalancer":
        return ()
    annotation = resource.meta.annotations.get(SOURCE_RANGES_ANNOTATION, "")
    given = spec.load_balancer_source_ranges or tuple(annotation.split(","))
    return tuple(one.strip() for one in given if parse_cidr(one.strip()) is not None)


def _check_meaning(resource: Resource[core_v1.Service]) -> list[Finding]:
    """What the API server takes, but which does not work as written."""
    spec, findings = resource.body.spec, list[Finding]()
    if spec.type == "ExternalName" and parse_ipv4(spec.external_name or "") is not None:
        origin = resource.at("spec", "externalName")
        findings.append(finding(EXTERNAL_NAME_ADDRESS, origin, resource.key, name=spec.external_name))
    if spec.type != "LoadBalancer" and spec.load_balancer_source_ranges:
        findings.append(finding(SOURCE_RANGES_IGNORED, resource.at("spec", "loadBalancerSourceRanges"), resource.key, type=spec.type))
    addresses = [("clusterIP", spec.cluster_ip or ""), *(("externalIPs", one) for one in spec.external_ips)]
    for field, text in addresses:
        if ":" in text:
            consequence = "It gets an IPv4 address instead." if field == "clusterIP" else f"Nothing is served at {text}."
            findings.append(finding(IPV6, resource.at("spec", field), resource.key, consequence=consequence))
    if spec.type != "ExternalName" and (spec.ip_family_policy == "RequireDualStack" or spec.ip_families == ("IPv6",)):
        field = "ipFamilies" if spec.ip_families == ("IPv6",) else "ipFamilyPolicy"
        findings.append(finding(IPV6, resource.at("spec", field), resource.key, consequence="The Service is served over IPv4 only."))
    return findings
