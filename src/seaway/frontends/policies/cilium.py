"""cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy: sections, default deny, and the rules in them.

Who is meant by a rule's members is in `cilium_peers.py`. What a rule asks for beyond addresses and ports is in the language where it has a
word for it, and is said not to be enforced.
Source: pkg/policy/api and pkg/k8s/apis/cilium.io/utils of https://github.com/cilium/cilium
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway.core.codes.policies import PART_NOT_ENFORCED
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.kubernetes.refusal import has_errors, refused
from seaway.frontends.policies.cilium_peers import Home, patterns_of, peers_of, selected_pods
from seaway.frontends.policies.reading import Reading, audited, port_name_problem
from seaway.model.policies.language import (
    Action,
    Direction,
    HttpMatch,
    Layer7,
    Lookups,
    NamedPort,
    Peer,
    Policy,
    PortMatch,
    PortRange,
    Requests,
    Rule,
    Section,
    Tier,
    Transport,
)
from seaway.resources.cilium_v2 import (
    CiliumClusterwideNetworkPolicy,
    CiliumEgress,
    CiliumIngress,
    CiliumNetworkPolicy,
    CiliumRule,
    ICMPRule,
    L7Rules,
    PortProtocol,
    PortRule,
    PortRuleHTTP,
)
from seaway.resources.resource import Resource, Step

_Path = tuple[Step, ...]
_PROTOCOLS: dict[str, Transport | None] = {"": None, "ANY": None, **{one.value: one for one in Transport if one is not Transport.OTHER}}


def read_cilium_policy(resource: Resource[CiliumNetworkPolicy]) -> Reading:
    return _read(resource, resource.body.spec, resource.body.specs, Home(resource.key.namespace))


def read_clusterwide_policy(resource: Resource[CiliumClusterwideNetworkPolicy]) -> Reading:
    return _read(resource, resource.body.spec, resource.body.specs, Home(""))


def _read(resource: Resource[Any], spec: CiliumRule | None, specs: tuple[CiliumRule, ...], home: Home) -> Reading:
    """A policy for each of its rules."""
    audit, findings = audited(resource)
    written: list[tuple[_Path, CiliumRule]] = [(("specs", number), one) for number, one in enumerate(specs)]
    if spec is not None:
        written.insert(0, (("spec",), spec))
    if not written:
        findings += (refused(resource, (), "has neither spec nor specs", "Write its rule as `spec`."),)
    policies: list[Policy] = []
    for part, (path, rule) in enumerate(written):
        if rule.node_selector is not None:
            findings += (_unenforced(resource, (*path, "nodeSelector"), "a policy for nodes"),)
            continue
        if rule.endpoint_selector is None:
            findings += (refused(resource, path, "has no endpointSelector", "Write `endpointSelector: {}` for all pods."),)
            continue
        subject, problems = selected_pods(rule.endpoint_selector, resource, (*path, "endpointSelector"), home)
        sections, more = _sections(resource, rule, path, home)
        findings += problems + more
        policies.append(
            Policy(resource.key, resource.at(*path), Tier.NAMESPACED, 0, home.confined(subject), sections, audit=audit, part=part)
        )
    return Reading(() if has_errors(findings) else tuple(policies), findings)


def _unenforced(resource: Resource[Any], path: _Path, what: str) -> Finding:
    effect = "connections are judged by addresses and ports alone"
    return finding(PART_NOT_ENFORCED, resource.at(*path), resource.key, what=f"{what} ({path[-1]})", effect=effect)


def _sections(resource: Resource[Any], rule: CiliumRule, path: _Path, home: Home) -> tuple[tuple[Section, ...], Findings]:
    """Of each direction one, where it has an entry at all."""
    found: list[Section] = []
    findings: Findings = ()
    deny = rule.enable_default_deny
    for direction, allowing, denying, wanted in (
        (Direction.INGRESS, rule.ingress, rule.ingress_deny, deny.ingress),
        (Direction.EGRESS, rule.egress, rule.egress_deny, deny.egress),
    ):
        rules: list[Rule] = []
        for action, entries, field in ((Action.ALLOW, allowing, ""), (Action.DENY, denying, "Deny")):
            for index, entry in enumerate(entries):
                some, problems = _rules(resource, entry, (*path, f"{direction.value}{field}", index), home, action)
                rules += some
                findings += problems
        if allowing or denying:
            found.append(Section(direction, wanted is not False, tuple(rules)))
    return tuple(found), findings


def _rules(
    resource: Resource[Any], entry: CiliumIngress | CiliumEgress, path: _Path, home: Home, action: Action
) -> tuple[tuple[Rule, ...], Findings]:
    """One for each of its `toPorts`, whose L7 rules are their own; one where it has none."""
    members, findings = peers_of(entry, resource, path, home, action)
    if entry.to_ports and entry.icmps:
        findings += (refused(resource, (*path, "icmps"), "stands beside toPorts", "Make two rules of it."),)
    if entry.authentication is not None:
        findings += (_unenforced(resource, (*path, "authentication"), "authentication"),)
    index = path[-1]
    assert isinstance(index, int)
    origin = resource.at(*path)
    if entry.icmps:
        types = tuple(_icmp_types(entry.icmps))
        return (Rule(index, action, members, types, origin),), findings
    if not entry.to_ports:
        # A rule that says nothing at all lets nothing through, where NetworkPolicy's lets everything.
        peers: tuple[Peer, ...] = () if members is None else members
        return (Rule(index, action, peers, None, origin),), findings
    rules: list[Rule] = []
    for number, one in enumerate(entry.to_ports):
        at = (*path, "toPorts", number)
        ports, problems = _ports(resource, one, at)
        layer7, more = _layer7(resource, one, at, action)
        findings += problems + more
        rules.append(Rule(index, action, members, ports, resource.at(*at), layer7=layer7))
    return tuple(rules), findings


def _icmp_types(icmps: tuple[ICMPRule, ...]) -> Iterator[PortMatch]:
    """Of IPv4; nobody here has an IPv6 address."""
    for one in icmps:
        for field in one.fields:
            if field.family != "IPv6":
                number = _ICMP_TYPES.get(field.type, -1) if isinstance(field.type, str) else field.type
                yield PortRange(Transport.ICMP, number, number)


_ICMP_TYPES = {
    **{str(number): number for number in range(256)},
    "EchoReply": 0,
    "DestinationUnreachable": 3,
    "Redirect": 5,
    "Echo": 8,
    "EchoRequest": 8,
    "RouterAdvertisement": 9,
    "RouterSelection": 10,
    "TimeExceeded": 11,
    "ParameterProblem": 12,
    "Timestamp": 13,
    "TimestampReply": 14,
    "Photuris": 40,
    "ExtendedEchoRequest": 42,
    "ExtendedEcho Reply": 43,
}


def _ports(resource: Resource[Any], rule: PortRule, path: _Path) -> tuple[tuple[PortMatch, ...], Findings]:
    if not rule.ports:
        return (PortRange(None),), ()
    found: list[PortMatch] = []
    findings: Findings = ()
    for number, port in enumerate(rule.ports):
        match, problem = _port(port)
        if match is None:
            at = (*path, "ports", number)
            findings += (
                refused(resource, at, problem, "A number from 0 to 65535 as text, or a port's name; protocol TCP, UDP, SCTP or ANY."),
            )
        else:
            found.append(match)
    return tuple(found), findings


def _port(port: PortProtocol) -> tuple[PortMatch | None, str]:
    if port.protocol.upper() not in _PROTOCOLS:
        return None, f"has protocol {port.protocol}"
    protocol = _PROTOCOLS[port.protocol.upper()]
    text = port.port
    if not text.isdigit():
        problem = port_name_problem(text)
        return (None, problem) if problem else (NamedPort(protocol, text), "")
    number = int(text)
    last = port.end_port or number
    if number > 65535 or last > 65535 or last < number:
        return None, f"has ports {number} to {last}"
    return (PortRange(protocol) if number == 0 else PortRange(protocol, number, last)), ""


def _layer7(resource: Resource[Any], rule: PortRule, path: _Path, action: Action) -> tuple[Layer7 | None, Findings]:
    given = {"serverNames": rule.server_names, "terminatingTLS": rule.terminating_tls, "originatingTLS": rule.originating_tls}
    findings: Findings = tuple(_unenforced(resource, (*path, name), "a rule about TLS") for name, value in given.items() if value)
    if rule.listener is not None:
        findings += (_unenforced(resource, (*path, "listener"), "a listener"),)
    rules = rule.rules
    if rules is None or rules == L7Rules():
        return None, findings
    if action is Action.DENY:
        return None, (*findings, refused(resource, (*path, "rules"), "stand in a rule that denies", "Only ports can be denied."))
    if rules.kafka or rules.l7proto or rules.l7:
        findings += (_unenforced(resource, (*path, "rules"), "a rule about requests that are neither HTTP nor DNS"),)
    if rules.http:
        findings += (_unenforced(resource, (*path, "rules", "http"), "a rule about HTTP requests"),)
        return Requests(tuple(map(_http, rules.http))), findings
    if rules.dns:
        patterns, problems = patterns_of(rules.dns, resource, (*path, "rules", "dns"))
        return Lookups(patterns), (*findings, *problems)
    return None, findings


def _http(rule: PortRuleHTTP) -> HttpMatch:
    headers = [(name.strip(), value.strip()) for name, _, value in (one.partition(":") for one in rule.headers)]
    headers += [(one.name, one.value) for one in rule.header_matches]
    return HttpMatch(rule.method, rule.path, rule.host, tuple(headers))
