"""networking.k8s.io/v1 NetworkPolicy: defaults, refusals and meaning, as the API server and its documentation have them.

Sources: pkg/apis/networking/{v1/defaults.go,validation/validation.go} of https://github.com/kubernetes/kubernetes;
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.cidr import parse_cidr
from seaway.core.finding import Finding, Findings
from seaway.frontends.kubernetes.refusal import has_errors, refused
from seaway.frontends.policies.reading import (
    Reading,
    audited,
    cidr_problem,
    ipv6_note,
    is_part_of,
    own_namespace,
    port_name_problem,
    port_problem,
    selector_of,
)
from seaway.model.policies.language import (
    Action,
    Block,
    Direction,
    NamedPort,
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
from seaway.resources.meta import LabelSelector
from seaway.resources.networking_v1 import IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec
from seaway.resources.resource import Resource, Step

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_Path = tuple[Step, ...]


def read_network_policy(resource: Resource[NetworkPolicy]) -> Reading:
    """The one policy that an object is."""
    audit, findings = audited(resource)
    spec = resource.body.spec
    subject, problems = selector_of(spec.pod_selector, resource, ("spec", "podSelector"))
    findings += problems + tuple(_type_problems(resource, spec))
    rules: dict[Direction, tuple[Rule, ...]] = {}
    for direction in Direction:
        rules[direction], problems = _rules(resource, spec, direction)
        findings += problems
    if has_errors(findings):
        return Reading((), findings)
    types = directions(spec)
    policy = Policy(
        key=resource.key,
        origin=resource.origin,
        tier=Tier.NAMESPACED,
        priority=0,
        subject=Pods(subject, own_namespace(resource.key.namespace)),
        sections=tuple(Section(direction, True, rules[direction]) for direction in Direction if direction in types),
        audit=audit,
    )
    return Reading((policy,), findings)


def directions(spec: NetworkPolicySpec) -> tuple[Direction, ...]:
    """What the policy is about: where policyTypes is absent, ingress, and egress where it has such rules."""
    if spec.policy_types:
        return tuple(direction for direction in Direction if direction.value.capitalize() in spec.policy_types)
    return (Direction.INGRESS, Direction.EGRESS) if spec.egress else (Direction.INGRESS,)


def _type_problems(resource: Resource[NetworkPolicy], spec: NetworkPolicySpec) -> Findings:
    path = ("spec", "policyTypes")
    if len(spec.policy_types) > 2:
        return (refused(resource, path, "has more than two entries", "Ingress and Egress is all that there is."),)
    wrong = (one for one in spec.policy_types if one not in ("Ingress", "Egress"))
    return tuple(refused(resource, path, f"holds {one}", "Ingress and Egress is all that there is.") for one in wrong)


def _rules(resource: Resource[NetworkPolicy], spec: NetworkPolicySpec, direction: Direction) -> tuple[tuple[Rule, ...], Findings]:
    if direction is Direction.INGRESS:
        written = [(rule.from_, rule.ports) for rule in spec.ingress]
    else:
        written = [(rule.to, rule.ports) for rule in spec.egress]
    found: list[Rule] = []
    findings: Findings = ()
    for index, (peers, ports) in enumerate(written):
        at = ("spec", direction.value, index)
        meant: list[Peer] = []
        for number, peer in enumerate(peers):
            some, problems = _peer(resource, peer, (*at, "from" if direction is Direction.INGRESS else "to", number))
            meant += some
            findings += problems
        matches: list[PortMatch] = []
        for number, port in enumerate(ports):
            problems = tuple(_port_problems(resource, port, (*at, "ports", number)))
            findings += problems
            matches += [] if problems else [_port(port)]
        origin = resource.at(*at)
        found.append(Rule(index, Action.ALLOW, tuple(meant) if peers else None, tuple(matches) if ports else None, origin))
    return tuple(found), findings


def _peer(resource: Resource[NetworkPolicy], peer: NetworkPolicyPeer, path: _Path) -> tuple[tuple[Peer, ...], Findings]:
    """What one item of `from` or `to` means: one peer, where nothing is wrong with it."""
    pods, namespaces, block = peer.pod_selector, peer.namespace_selector, peer.ip_block
    if pods is None and namespaces is None and block is None:
        return (), (refused(resource, path, "names no peer", "Give podSelector, namespaceSelector or ipBlock."),)
    if block is not None:
        if pods is not None or namespaces is not None:
            return (), (refused(resource, path, "has an ipBlock beside a selector", "Make two items of them."),)
        return _block(resource, block, (*path, "ipBlock"))
    selected, problems = selector_of(pods or LabelSelector(), resource, (*path, "podSelector"))
    if namespaces is None:
        return (Pods(selected, own_namespace(resource.key.namespace)),), problems
    spaces, more = selector_of(namespaces, resource, (*path, "namespaceSelector"))
    return (Pods(selected, spaces),), problems + more


def _block(resource: Resource[NetworkPolicy], block: IPBlock, path: _Path) -> tuple[tuple[Peer, ...], Findings]:
    advice = "Write an address and the length of its prefix."
    if problem := cidr_problem(block.cidr):
        return (), (refused(resource, (*path, "cidr"), problem, advice),)
    findings: Findings = ()
    for number, text in enumerate(block.except_):
        at = (*path, "except", number)
        if problem := cidr_problem(text):
            findings += (refused(resource, at, problem, advice),)
        elif not is_part_of(text, block.cidr):
            findings += (refused(resource, at, f"is {text}, no proper part of {block.cidr}", "An exception takes away from its own cidr."),)
    if parse_cidr(block.cidr) is None:
        findings += (ipv6_note(block.cidr, resource, (*path, "cidr")),)
    return (Block(block.cidr, block.except_),), findings


def _port_problems(resource: Resource[NetworkPolicy], port: NetworkPolicyPort, path: _Path) -> Iterator[Finding]:
    if port.protocol is not None and port.protocol not in _PROTOCOLS:
        yield refused(resource, (*path, "protocol"), f"is {port.protocol}", f"One of {', '.join(_PROTOCOLS)}.")
    at, end = (*path, "port"), (*path, "endPort")
    match port.port:
        case None:
            if port.end_port is not None:
                yield refused(resource, end, "stands without a port", "Give the first port of the range as `port`.")
        case str(name):
            if problem := port_name_problem(name):
                advice = "Remove the quotes." if name.isdigit() else "Write the name of a container's port, or a number."
                yield refused(resource, at, problem, advice)
            if port.end_port is not None:
                yield refused(resource, end, "stands beside the name of a port", "A range begins with a number.")
        case int(number):
            if problem := port_problem(number):
                yield refused(resource, at, problem, "Write the port that the container listens on.")
            if port.end_port is not None and (problem := port_problem(port.end_port)):
                yield refused(resource, end, problem, "Write the last port of the range.")
            elif port.end_port is not None and port.end_port < number:
                yield refused(resource, end, f"is below the port {number}", "Write the last port of the range.")


def _port(port: NetworkPolicyPort) -> PortMatch:
    protocol = Transport(port.protocol or "TCP")
    match port.port:
        case None:
            return PortRange(protocol)
        case str(name):
            return NamedPort(protocol, name)
        case int(number):
            return PortRange(protocol, number, port.end_port or number)
