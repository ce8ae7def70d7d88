"""Mistakes in what NetworkPolicies come to in this cluster: selectors that match nothing, ports that nobody listens on, names without DNS.

They are read off the verdict table, so that what is warned of is what will happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from seaway.core.codes.policies import (
    ABSENT_NAMESPACE,
    BLOCK_WITH_PODS,
    EITHER_NOT_BOTH,
    INGRESS_TOO,
    NAMED_PORT_NOWHERE,
    NAMESPACE_NAME_LABEL,
    NO_DNS,
    ONLY_HOST_NETWORK,
    PEER_MATCHES_NOTHING,
    POLICY_SELECTS_NO_POD,
    POLICY_SERVICE_PORT,
    SERVICE_RANGE,
)
from seaway.core.finding import Finding, Findings, finding
from seaway.core.labels import Operator, Selector, matches
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.kubernetes.implied import NAME_LABEL
from seaway.frontends.policies.reading import is_part_of, own_namespace
from seaway.frontends.policies.shapes import peers_field
from seaway.model.cluster import Cluster
from seaway.model.policies.causes import Reason
from seaway.model.policies.language import Block, Direction, NamedPort, Pods, Policy, PortRange, Rule, Transport
from seaway.model.policies.masks import bits
from seaway.model.policies.verdicts import VerdictTable
from seaway.model.service import Service
from seaway.model.workload import DnsServer, Pod, PodName
from seaway.resources.networking_v1 import NetworkPolicy
from seaway.resources.resource import Resource, Step


@dataclass(frozen=True)
class Survey:
    """The cluster as the checks look at it."""

    table: VerdictTable
    services: tuple[Service, ...]
    cluster: Cluster

    @cached_property
    def pod(self) -> Mapping[PodName, Pod]:
        return {pod.id: pod for pod in self.table.ground.pods}

    @cached_property
    def namespaces(self) -> Mapping[str, Mapping[str, str]]:
        return {name: dict(labels) for name, labels in self.table.ground.namespaces}

    def mask(self, peer: Pods | Block) -> int:
        return self.table.known.peer_masks.get(peer, 0)

    def pods_of(self, mask: int) -> tuple[PodName, ...]:
        return tuple(sorted(name for at in bits(mask) for name in self.table.known.all[at].pods))

    def spaces(self, selector: Selector) -> tuple[str, ...]:
        return tuple(name for name, labels in self.namespaces.items() if matches(selector, labels))

    def labelled(self, selector: Selector) -> list[Pod]:
        """Pods of all namespaces, those in the host's network too."""
        return [pod for pod in self.table.ground.pods if matches(selector, dict(pod.labels))]


Source = Resource[NetworkPolicy]


def check_effects(resource: Source, policy: Policy, survey: Survey) -> Findings:
    """What one policy comes to."""
    return (
        *_subject(resource, policy, survey),
        *(
            found
            for section in policy.sections
            for rule in section.rules
            for found in (*_peers(resource, section.direction, rule, survey), *_ports(resource, policy, section.direction, rule, survey))
        ),
    )


def _subject(resource: Source, policy: Policy, survey: Survey) -> Iterator[Finding]:
    namespace, at = resource.key.namespace, resource.at("spec", "podSelector")
    selector, spec = policy.subject.pods, resource.body.spec
    mask = survey.mask(policy.subject)
    if mask:
        if spec.egress and not spec.policy_types and "ingress" not in resource.raw["spec"]:
            yield finding(INGRESS_TOO, resource.at("spec", "egress"), resource.key, pods=counted(survey.pods_of(mask)))
        return
    labelled = survey.labelled(selector)
    mine = [pod for pod in labelled if pod.id.namespace == namespace]
    if mine:
        advice = "Policies cannot protect such pods; take them out of the host's network."
        yield finding(ONLY_HOST_NETWORK, at, resource.key, who="the policy selects", advice=advice)
    elif selector or resource.meta.namespace is None:
        elsewhere = sorted({pod.id.namespace for pod in labelled}) if selector else []
        hint = f"; such pods are in {elsewhere[0]}, and a policy selects in its own namespace" if elsewhere else ""
        yield finding(POLICY_SELECTS_NO_POD, at, resource.key, hint=hint, namespace=namespace)


def _peers(resource: Source, direction: Direction, rule: Rule, survey: Survey) -> Iterator[Finding]:
    for number, peer in enumerate(rule.peers or ()):
        path = ("spec", direction.value, rule.index, peers_field(direction), number)
        if isinstance(peer, Block):
            yield from _block(resource, direction, path, peer, survey)
        elif isinstance(peer, Pods):
            if not survey.mask(peer):
                yield from _empty_peer(resource, path, peer, survey)
            follower = (rule.peers or ())[number + 1 : number + 2]
            if follower and isinstance(follower[0], Pods):
                yield from _either(resource, path, peer, follower[0], survey)


def _block(resource: Source, direction: Direction, path: tuple[Step, ...], block: Block, survey: Survey) -> Iterator[Finding]:
    at = resource.at(*path, "ipBlock", "cidr")
    cluster = survey.cluster
    if block.cidr == cluster.service_cidr or is_part_of(block.cidr, cluster.service_cidr):
        yield finding(SERVICE_RANGE, at, resource.key, cidr=block.cidr, range=cluster.service_cidr)
    pods = survey.pods_of(survey.mask(block))
    if direction is Direction.EGRESS and pods and is_part_of(cluster.pod_cidr, block.cidr):
        yield finding(BLOCK_WITH_PODS, at, resource.key, cidr=block.cidr, count=len(pods), range=cluster.pod_cidr)


def _empty_peer(resource: Source, path: tuple[Step, ...], peer: Pods, survey: Survey) -> Iterator[Finding]:
    """Why a peer of selectors matches no pod."""
    at, key = resource.at(*path), resource.key
    own = peer.namespaces == own_namespace(key.namespace)
    spaces = survey.spaces(peer.namespaces)
    labelled = survey.labelled(peer.pods)
    if not spaces:
        yield _no_namespace(resource, path, peer)
    elif any(pod.host_network and pod.id.namespace in spaces for pod in labelled):
        advice = "Allow the node's address with an ipBlock."
        yield finding(ONLY_HOST_NETWORK, at, key, who="the peer matches", advice=advice)
    elif own and peer.pods and labelled:
        where = min({pod.id.namespace for pod in labelled})
        hint = f" of namespace {key.namespace}; such pods are in {where}"
        advice = f"Add a namespaceSelector with `{NAME_LABEL}: {where}` to the same item."
        yield finding(PEER_MATCHES_NOTHING, at, key, hint=hint, advice=advice)
    elif peer.pods:
        advice = "Compare the selector with the labels of the pod templates."
        yield finding(PEER_MATCHES_NOTHING, at, key, hint=f" in {', '.join(spaces[:3])}", advice=advice)


def _no_namespace(resource: Source, path: tuple[Step, ...], peer: Pods) -> Finding:
    at = resource.at(*path, "namespaceSelector")
    for one in peer.namespaces:
        if one.operator is Operator.IN and one.key == "name":
            value = min(one.values)
            return finding(NAMESPACE_NAME_LABEL, at, resource.key, label=f"name={value}", value=value)
        if one.operator is Operator.IN and one.key == NAME_LABEL:
            return finding(ABSENT_NAMESPACE, at, resource.key, namespace=", ".join(sorted(one.values)))
    advice = "Compare the selector with the labels of the namespaces."
    return finding(PEER_MATCHES_NOTHING, at, resource.key, hint=": no namespace has these labels", advice=advice)


def _either(resource: Source, path: tuple[Step, ...], first: Pods, second: Pods, survey: Survey) -> Iterator[Finding]:
    """A namespaceSelector alone, then a podSelector alone whose pods are in those namespaces and not here: they were meant together."""
    own = own_namespace(resource.key.namespace)
    if first.pods or first.namespaces in ((), own) or not second.pods or second.namespaces != own or survey.mask(second):
        return
    spaces = (*survey.spaces(first.namespaces), *_called(first.namespaces))
    if any(pod.id.namespace in spaces for pod in survey.labelled(second.pods)):
        yield finding(EITHER_NOT_BOTH, resource.at(*path), resource.key, namespace=resource.key.namespace)


def _called(selector: Selector) -> frozenset[str]:
    """The namespaces that somebody means who writes `name: NAMESPACE`."""
    return frozenset(value for one in selector if one.operator is Operator.IN and one.key == "name" for value in one.values)


def _ports(resource: Source, policy: Policy, direction: Direction, rule: Rule, survey: Survey) -> Iterator[Finding]:
    """Ports that none of the pods listens on that a rule leads to."""
    mask = survey.mask(policy.subject)
    if direction is Direction.EGRESS:
        mask = 0
        for peer in rule.peers or ():
            if isinstance(peer, Pods):
                mask |= survey.mask(peer)
    pods = [survey.pod[name] for name in survey.pods_of(mask)]
    if not pods:
        return
    for number, port in enumerate(rule.ports or ()):
        at = ("spec", direction.value, rule.index, "ports", number)
        if isinstance(port, NamedPort):
            yield from _named_port(resource, at, port, pods)
        elif port.first == port.last:
            yield from _service_port(resource, at, port, pods, survey)


def _named_port(resource: Source, at: tuple[Step, ...], port: NamedPort, pods: list[Pod]) -> Iterator[Finding]:
    protocols = {one.protocol.value for pod in pods for one in pod.ports if one.name == port.name}
    wanted = port.protocol.value if port.protocol is not None else "any protocol"
    if wanted not in protocols:
        hint = f"; there it is {', '.join(sorted(protocols))}" if protocols else ""
        yield finding(NAMED_PORT_NOWHERE, resource.at(*at), resource.key, name=port.name, protocol=wanted, hint=hint)


def _service_port(resource: Source, at: tuple[Step, ...], port: PortRange, pods: list[Pod], survey: Survey) -> Iterator[Finding]:
    if any(
        one.port == port.first and (port.protocol is None or one.protocol.value == port.protocol.value) for pod in pods for one in pod.ports
    ):
        return
    names = {pod.id for pod in pods}
    for service in survey.services:
        for place, one in enumerate(service.ports):
            which = "port" if one.port == port.first else "node port" if one.node_port == port.first else ""
            if not which or (port.protocol is not None and one.protocol.value != port.protocol.value):
                continue
            targets = sorted({backend.ports[place] for backend in service.backends if backend.pod in names} - {0, port.first})
            if targets:
                where = resource.at(*at)
                args = {"port": port.first, "which": which, "service": service.id, "target": " or ".join(map(str, targets))}
                yield finding(POLICY_SERVICE_PORT, where, resource.key, **args)
                return


def check_dns(survey: Survey) -> Findings:
    """Pods that may open some connections and cannot ask cluster DNS: one finding for each policy that isolates them."""
    table = survey.table
    servers = [table.identity_of_pod[pod.id] for pod in table.ground.pods if isinstance(pod.runs, DnsServer) and not pod.host_network]
    found: dict[tuple[Key, Origin], list[PodName]] = {}
    for one, side in zip(table.identities, table.egress, strict=True):
        if side is None or not servers or not any(answer.allowed for _, answers in side.parts for answer in answers):
            continue
        asked = [table.verdict(one.number, server, Transport.UDP, 53) for server in servers]
        cause = asked[0].egress
        if cause.reason is Reason.DEFAULT_DENY and not any(verdict.allowed for verdict in asked):
            found.setdefault(cause.policies[0], []).extend(one.pods)
    namespace = next((pod.id.namespace for pod in table.ground.pods if isinstance(pod.runs, DnsServer)), "")
    return tuple(
        finding(NO_DNS, origin, key, pods=counted(tuple(sorted(pods))), namespace=namespace)
        for (key, origin), pods in sorted(found.items())
    )


def counted(pods: tuple[PodName, ...]) -> str:
    """`shop/web and 4 more pods`."""
    return str(pods[0]) if len(pods) == 1 else f"{pods[0]} and {len(pods) - 1} more pods"
