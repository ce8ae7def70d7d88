"""policy.networking.k8s.io: AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1), ClusterNetworkPolicy (v1alpha2).

They stand before and behind the namespaced policies, in order of their priority, and isolate nobody. The two versions differ in words for
actions and ports, and end up in the same tiers.
Source: apis of https://github.com/kubernetes-sigs/network-policy-api
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from seaway.core.cidr import parse_cidr
from seaway.core.codes.policies import UNKNOWN_PEER
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.kubernetes.refusal import has_errors, refused
from seaway.frontends.policies.names import domain_pattern
from seaway.frontends.policies.reading import Reading, audited, cidr_problem, ipv6_note, port_problem, selector_of
from seaway.model.policies.language import (
    Action,
    Block,
    Direction,
    NamedPort,
    Names,
    Nodes,
    Peer,
    Pods,
    Policy,
    PortMatch,
    PortRange,
    Rule,
    Section,
    Tier,
    Transport,
)
from seaway.resources.policy_v1alpha1 import (
    AdminNetworkPolicy,
    AdminNetworkPolicyEgressRule,
    AdminNetworkPolicyIngressRule,
    AdminNetworkPolicyPeer,
    AdminNetworkPolicyPort,
    AdminNetworkPolicySubject,
    BaselineAdminNetworkPolicy,
)
from seaway.resources.policy_v1alpha2 import (
    ClusterNetworkPolicy,
    ClusterNetworkPolicyEgressRule,
    ClusterNetworkPolicyIngressRule,
    ClusterNetworkPolicyProtocol,
    ClusterPort,
)
from seaway.resources.resource import Resource, Step

_Path = tuple[Step, ...]
_IngressRule: TypeAlias = AdminNetworkPolicyIngressRule | ClusterNetworkPolicyIngressRule
_EgressRule: TypeAlias = AdminNetworkPolicyEgressRule | ClusterNetworkPolicyEgressRule
_PRIORITIES = range(1001)
_ADMIN_ACTIONS = {"Allow": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS}
_BASELINE_ACTIONS = {"Allow": Action.ALLOW, "Deny": Action.DENY}
_CLUSTER_ACTIONS = {"Accept": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS}
_PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True, slots=True)
class _Dialect:
    """In what the kinds differ."""

    tier: Tier
    priority: int
    actions: dict[str, Action]
    most_rules: int
    most_items: int


def read_admin_policy(resource: Resource[AdminNetworkPolicy]) -> Reading:
    spec = resource.body.spec
    dialect = _Dialect(Tier.ADMIN, spec.priority, _ADMIN_ACTIONS, 100, 100)
    return _read(resource, dialect, spec.subject, spec.ingress, spec.egress)


def read_baseline_policy(resource: Resource[BaselineAdminNetworkPolicy]) -> Reading:
    """The kind's one object has no priority: it comes first among the Baseline tier's."""
    spec = resource.body.spec
    reading = _read(resource, _Dialect(Tier.BASELINE, 0, _BASELINE_ACTIONS, 100, 100), spec.subject, spec.ingress, spec.egress)
    if resource.key.name != "default":
        problem = refused(resource, ("metadata", "name"), "is not default", "There is one such object; name it `default`.")
        return Reading((), (*reading.findings, problem))
    return reading


def read_cluster_policy(resource: Resource[ClusterNetworkPolicy]) -> Reading:
    spec = resource.body.spec
    tier = {"Admin": Tier.ADMIN, "Baseline": Tier.BASELINE}.get(spec.tier)
    if tier is None:
        return Reading((), (refused(resource, ("spec", "tier"), f"is {spec.tier}", "Admin or Baseline."),))
    return _read(resource, _Dialect(tier, spec.priority, _CLUSTER_ACTIONS, 25, 25), spec.subject, spec.ingress, spec.egress)


def _read(
    resource: Resource[Any],
    dialect: _Dialect,
    subject: AdminNetworkPolicySubject,
    ingress: Sequence[_IngressRule],
    egress: Sequence[_EgressRule],
) -> Reading:
    audit, findings = audited(resource)
    if dialect.priority not in _PRIORITIES:
        findings += (refused(resource, ("spec", "priority"), f"is {dialect.priority}", "A number from 0 to 1000."),)
    pods, problems = _selected(resource, subject.namespaces, subject.pods, ("spec", "subject"))
    findings += problems
    sections: list[Section] = []
    for direction, rules in ((Direction.INGRESS, ingress), (Direction.EGRESS, egress)):
        if len(rules) > dialect.most_rules:
            most = f"has more than {dialect.most_rules} rules"
            findings += (refused(resource, ("spec", direction.value), most, "Make two policies of it."),)
        meant: list[Rule] = []
        for index, rule in enumerate(rules):
            one, problems = _rule(resource, dialect, rule, ("spec", direction.value, index))
            findings += problems
            meant += [one] if one is not None else []
        if rules:
            sections.append(Section(direction, False, tuple(meant)))
    if has_errors(findings) or pods is None:
        return Reading((), findings)
    return Reading((Policy(resource.key, resource.origin, dialect.tier, dialect.priority, pods, tuple(sections), audit),), findings)


def _selected(resource: Resource[Any], spaces: Any, pods: Any, path: _Path) -> tuple[Pods | None, Findings]:
    """A subject or a peer of pods."""
    if (spaces is None) == (pods is None):
        return None, (refused(resource, path, "must have one of namespaces and pods", "Give exactly one of them."),)
    if spaces is not None:
        selector, findings = selector_of(spaces, resource, (*path, "namespaces"))
        return Pods((), selector), findings
    where, findings = selector_of(pods.namespace_selector, resource, (*path, "pods", "namespaceSelector"))
    which, more = selector_of(pods.pod_selector, resource, (*path, "pods", "podSelector"))
    return Pods(which, where), findings + more


def _rule(resource: Resource[Any], dialect: _Dialect, rule: _IngressRule | _EgressRule, path: _Path) -> tuple[Rule | None, Findings]:
    action = dialect.actions.get(rule.action)
    findings: Findings = ()
    if action is None:
        return None, (refused(resource, (*path, "action"), f"is {rule.action}", f"One of {', '.join(dialect.actions)}."),)
    outgoing = isinstance(rule, AdminNetworkPolicyEgressRule | ClusterNetworkPolicyEgressRule)
    field, written = ("to", rule.to) if outgoing else ("from", rule.from_)
    if not 1 <= len(written) <= dialect.most_items:
        findings += (refused(resource, (*path, field), f"has {len(written)} peers", f"From 1 to {dialect.most_items} peers."),)
    peers: list[Peer] = []
    unknown: tuple[Finding, ...] = ()
    for number, peer in enumerate(written):
        at = (*path, field, number)
        some, problems = _peer(resource, peer, at, outgoing, action)
        findings += problems
        peers += some
        if not some and not problems:
            unknown += (_unknown(resource, at, action),)
    ports, problems = _ports(resource, rule, path)
    origin = resource.at(*path)
    index = path[-1]
    assert isinstance(index, int)
    if unknown and action is not Action.ALLOW:
        return Rule(index, Action.DENY, None, None, origin, rule.name), findings + unknown
    if unknown:
        peers = []
    nameless = bool(ports) and any(isinstance(one, NamedPort) for one in ports) and any(not isinstance(one, Pods) for one in peers)
    if nameless:
        problems += (refused(resource, path, "has a named port beside peers that are no pods", "Make two rules of it."),)
    return Rule(index, action, tuple(peers), ports, origin, rule.name), findings + unknown + problems


def _unknown(resource: Resource[Any], path: _Path, action: Action) -> Finding:
    effect = "the rule lets nothing through" if action is Action.ALLOW else "the rule denies everything"
    return finding(UNKNOWN_PEER, resource.at(*path), resource.key, effect=effect)


def _peer(
    resource: Resource[Any], peer: AdminNetworkPolicyPeer, path: _Path, outgoing: bool, action: Action
) -> tuple[tuple[Peer, ...], Findings]:
    """No peer and no finding of one that says nothing."""
    given = [
        name
        for name, value in (
            ("namespaces", peer.namespaces is not None),
            ("pods", peer.pods is not None),
            ("nodes", peer.nodes is not None),
            ("networks", bool(peer.networks)),
            ("domainNames", bool(peer.domain_names)),
        )
        if value
    ]
    if not given:
        return (), ()
    if len(given) > 1:
        return (), (refused(resource, path, f"has {' and '.join(given)}", "Make an item of each."),)
    if given[0] in ("namespaces", "pods"):
        pods, findings = _selected(resource, peer.namespaces, peer.pods, path)
        return ((pods,) if pods is not None else ()), findings
    if not outgoing:
        return (), (refused(resource, (*path, given[0]), "is for egress only", "Name pods or namespaces."),)
    if peer.nodes is not None:
        selector, findings = selector_of(peer.nodes, resource, (*path, "nodes"))
        return (Nodes(selector),), findings
    if peer.domain_names:
        if action is not Action.ALLOW:
            return (), (refused(resource, (*path, "domainNames"), "is only for rules that allow", "Deny by networks."),)
        patterns = [domain_pattern(one) for one in peer.domain_names]
        if None in patterns:
            at = (*path, "domainNames", patterns.index(None))
            return (), (refused(resource, at, "is no name of a domain", "Write example.com, or *.example.com for all below it."),)
        return (Names(tuple(one for one in patterns if one is not None)),), ()
    return tuple(map(Block, peer.networks)), tuple(_network_problems(resource, peer.networks, (*path, "networks")))


def _network_problems(resource: Resource[Any], networks: tuple[str, ...], path: _Path) -> Iterator[Finding]:
    for number, text in enumerate(networks):
        if problem := cidr_problem(text):
            yield refused(resource, (*path, number), problem, "Write an address and the length of its prefix.")
        elif parse_cidr(text) is None:
            yield ipv6_note(text, resource, (*path, number))


def _ports(resource: Resource[Any], rule: _IngressRule | _EgressRule, path: _Path) -> tuple[tuple[PortMatch, ...] | None, Findings]:
    """None where the rule is about everything, ICMP too."""
    found: list[PortMatch] = []
    findings: Findings = ()
    if isinstance(rule, AdminNetworkPolicyIngressRule | AdminNetworkPolicyEgressRule):
        field, items = "ports", [_admin_port(one) for one in rule.ports]
    else:
        field, items = "protocols", [_cluster_port(one) for one in rule.protocols]
    for number, (match, problem) in enumerate(items):
        if match is None:
            findings += (refused(resource, (*path, field, number), problem, "See the reference of the kind."),)
        else:
            found.append(match)
    return (tuple(found) if items else None), findings


_Match = tuple[PortMatch | None, str]


def _admin_port(port: AdminNetworkPolicyPort) -> _Match:
    number, span, name = port.port_number, port.port_range, port.named_port
    if sum(one is not None for one in (number, span, name)) != 1:
        return None, "must have one of portNumber, portRange and namedPort"
    if name is not None:
        return NamedPort(None, name), ""
    if number is not None:
        return _numbered(number.protocol, number.port, number.port)
    assert span is not None
    return _numbered(span.protocol, span.start, span.end)


def _cluster_port(port: ClusterNetworkPolicyProtocol) -> _Match:
    given = [(name, one) for name, one in (("TCP", port.tcp), ("UDP", port.udp), ("SCTP", port.sctp)) if one is not None]
    if len(given) + (port.destination_named_port is not None) != 1:
        return None, "must have one of tcp, udp, sctp and destinationNamedPort"
    if port.destination_named_port is not None:
        return NamedPort(None, port.destination_named_port), ""
    ((protocol, transport),) = given
    return _cluster_span(protocol, transport.destination_port)


def _cluster_span(protocol: str, port: ClusterPort) -> _Match:
    if (port.number is None) == (port.range is None):
        return None, "must have one of number and range"
    if port.number is not None:
        return _numbered(protocol, port.number, port.number)
    assert port.range is not None
    if port.range.start >= port.range.end:
        return None, "has a range that ends before it begins"
    return _numbered(protocol, port.range.start, port.range.end)


def _numbered(protocol: str, first: int, last: int) -> _Match:
    if protocol not in _PROTOCOLS:
        return None, f"has protocol {protocol}"
    problem = port_problem(first) or port_problem(last) or ("ends before it begins" if last < first else "")
    return (None, problem) if problem else (PortRange(Transport(protocol), first, last), "")
