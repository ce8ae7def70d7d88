"""Mistakes in the shape of a NetworkPolicy, which its own object tells: lists that are read otherwise than they look."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from seaway.core.codes.policies import DNS_BY_ONE_PROTOCOL, EMPTY_IS_ANYONE, SECTION_IGNORED, STRAY_DASH
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.policies.network_policy import directions
from seaway.model.policies.language import Direction, Policy, PortRange, Rule, Transport
from seaway.resources.networking_v1 import NetworkPolicy
from seaway.resources.resource import Resource

_DNS = 53
_ONE_PROTOCOL = {
    Transport.UDP: "Answers that do not fit a datagram are asked for again over TCP, and time out.",
    Transport.TCP: "Lookups go over UDP first, and time out. Where a port names no protocol, it is TCP.",
}


def check_shape(resource: Resource[NetworkPolicy], policy: Policy) -> Findings:
    """What the object's own lines tell."""
    return (*_ignored(resource), *_empty_lists(resource), *_dashes(resource), *_dns(resource, policy))


def peers_field(direction: Direction) -> str:
    return "from" if direction is Direction.INGRESS else "to"


def _ignored(resource: Resource[NetworkPolicy]) -> Iterator[Finding]:
    spec = resource.body.spec
    for direction, rules in ((Direction.INGRESS, spec.ingress), (Direction.EGRESS, spec.egress)):
        if rules and direction not in directions(spec):
            at = resource.at("spec", direction.value)
            yield finding(SECTION_IGNORED, at, resource.key, section=direction.value, type=direction.value.capitalize())


def _empty_lists(resource: Resource[NetworkPolicy]) -> Iterator[Finding]:
    spec: Any = resource.raw.get("spec") or {}
    for direction in directions(resource.body.spec):
        field = peers_field(direction)
        for index, rule in enumerate(spec.get(direction.value) or ()):
            if rule.get(field) == []:
                yield finding(EMPTY_IS_ANYONE, resource.at("spec", direction.value, index, field), resource.key, field=field)


def _dashes(resource: Resource[NetworkPolicy]) -> Iterator[Finding]:
    """A rule with peers alone and, right after it, one with ports alone."""
    spec = resource.body.spec
    for direction, rules in (
        (Direction.INGRESS, [(rule.from_, rule.ports) for rule in spec.ingress]),
        (Direction.EGRESS, [(rule.to, rule.ports) for rule in spec.egress]),
    ):
        for index, ((peers, ports), (next_peers, next_ports)) in enumerate(itertools.pairwise(rules)):
            if peers and not ports and next_ports and not next_peers and direction in directions(spec):
                if direction is Direction.EGRESS and any(port.port in (_DNS, "dns") for port in next_ports):
                    continue  # DNS for everyone is a rule of its own on purpose
                yield finding(STRAY_DASH, resource.at("spec", direction.value, index + 1), resource.key)


def _dns(resource: Resource[NetworkPolicy], policy: Policy) -> Iterator[Finding]:
    """Rules for port 53 of one protocol, in a policy that nowhere allows the other."""
    rules = [rule for section in policy.sections if section.direction is Direction.EGRESS for rule in section.rules]
    allowed = {transport: [rule for rule in rules if _covers(rule, transport)] for transport in _ONE_PROTOCOL}
    for transport, other in ((Transport.UDP, Transport.TCP), (Transport.TCP, Transport.UDP)):
        for rule in allowed[transport]:
            if _names_dns(rule, transport) and not allowed[other]:
                at = resource.at("spec", "egress", rule.index, "ports")
                yield finding(DNS_BY_ONE_PROTOCOL, at, resource.key, allowed=transport.value, why=_ONE_PROTOCOL[transport])
                return


def _covers(rule: Rule, transport: Transport) -> bool:
    ranges = [one for one in rule.ports or () if isinstance(one, PortRange) and one.protocol is transport]
    return rule.ports is None or any(one.first <= _DNS <= one.last for one in ranges)


def _names_dns(rule: Rule, transport: Transport) -> bool:
    return any(isinstance(one, PortRange) and one == PortRange(transport, _DNS, _DNS) for one in rule.ports or ())
