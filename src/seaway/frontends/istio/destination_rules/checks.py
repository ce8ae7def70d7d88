"""What is wrong with rules that only shows beside other objects: hosts, pods, other rules, the callers that they are for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.blocks import Blocks
from seaway.frontends.istio.destination_rules.credentials import Unusable
from seaway.frontends.istio.destination_rules.merging import Merged
from seaway.frontends.istio.destination_rules.rules import Rule
from seaway.frontends.istio.destination_rules.selection import Rules
from seaway.frontends.istio.destination_rules.subsets import SubsetRule, only
from seaway.frontends.istio.registry import Host, Registry
from seaway.model.service import Service, ServiceName
from seaway.model.upstream import Endpoints, Fixed, OfService, Plain, Protection, Resolved, UpstreamId
from seaway.model.workload import Pod, PodName


def check_hosts(rules: Iterable[Rule], registry: Registry) -> Findings:
    """Rules for hosts that nobody declares."""
    findings: list[Finding] = []
    for rule in rules:
        if not hosts_of(rule.host, registry):
            longer = f"{rule.host}.svc.{registry.domain}"
            hint = f"; did you mean {longer}?" if longer in registry.hosts else ""
            words = {"host": plain(rule.host), "hint": hint, "domain": registry.domain}
            findings.append(finding(codes.HOST_UNKNOWN, rule.origin, rule.key, **words))
    return tuple(findings)


def check_subsets(rules: Iterable[Rule], registry: Registry, services: Iterable[Service], pods: Mapping[PodName, Pod]) -> Findings:
    """Subsets whose labels no endpoint has, ready or not; once a subset, and only if its host exists and has endpoints that are known."""
    by_name = {service.id: service for service in services}
    findings: list[Finding] = []
    for rule in rules:
        hosts = hosts_of(rule.host, registry)
        for subset in rule.subsets:
            found = [count_of(only(port.endpoints, subset.labels), by_name, pods) for host in hosts for port in host.ports]
            if found and not any(found):
                labels = ",".join(f"{key}={value}" for key, value in subset.labels)
                words = {"subset": subset.name, "host": rule.host, "labels": plain(labels) if labels else "(none)"}
                findings.append(finding(codes.SUBSET_SELECTS_NOTHING, subset.origin, rule.key, **words))
    return tuple(findings)


def hosts_of(name: str, registry: Registry) -> tuple[Host, ...]:
    """The hosts that a rule's host stands for."""
    if not name.startswith("*"):
        return registry.hosts.get(name, ())
    return tuple(host for one, same in registry.hosts.items() if one.endswith(name[1:]) for host in same)


def count_of(endpoints: Endpoints, services: Mapping[ServiceName, Service], pods: Mapping[PodName, Pod]) -> int:
    match endpoints:
        case OfService(service, _, labels):
            backends = services[service].backends if service in services else ()
            return sum(1 for one in backends if set(labels) <= set(pods[one.pod].labels if one.pod is not None else ()))
        case Fixed(found) | Resolved(found):
            return len(found)
        case _:
            return 1  # whoever is called


def check_shared_hosts(rules: Rules) -> Findings:
    """Several rules of a namespace for one host: what becomes of the later ones."""
    findings: dict[tuple[object, ...], Finding] = {}
    for merged in rules.every():
        for earlier, later in _pairs(merged.rules):
            both = earlier.policy is not None and later.policy is not None
            outcome = "the trafficPolicy of this one is not used" if both else "their subsets are joined"
            words = {"host": plain(later.host), "other": earlier.key, "place": earlier.origin, "outcome": outcome}
            findings[later.key, earlier.key] = finding(codes.RULES_SHARE_HOST, later.origin, later.key, **words)
            for subset, other in _twice(earlier, later):
                words = {"subset": plain(subset.name), "place": other.origin}
                findings[later.key, subset.name] = finding(codes.SUBSET_TWICE, subset.origin, later.key, **words)
    return tuple(findings.values())


def _pairs(rules: tuple[Rule, ...]) -> Iterator[tuple[Rule, Rule]]:
    """Each later rule with the first one before it that it loses something to, else the first of all."""
    for position, later in enumerate(rules[1:], 1):
        before = rules[:position]
        yield next((one for one in before if one.policy is not None and later.policy is not None), before[0]), later


def _twice(earlier: Rule, later: Rule) -> Iterator[tuple[SubsetRule, SubsetRule]]:
    names = {subset.name: subset for subset in earlier.subsets}
    return ((subset, names[subset.name]) for subset in later.subsets if subset.name in names)


def check_upstream(
    upstream: UpstreamId, host: Host, merged: Merged, blocks: Blocks, protection: Protection | Unusable
) -> Iterator[Finding]:
    """One upstream that is really called."""
    key = (merged.policy_rule or merged.rules[0]).key
    tls = blocks.tls
    at = tls.origin if tls is not None and tls.origin is not None else merged.origin
    if tls is not None and isinstance(protection, Unusable) and not tls.broken:
        words = {"field": f"tls.{protection.field}", "problem": protection.problem, "mend": protection.mend}
        yield finding(codes.CREDENTIAL_UNUSABLE, at, key, **words)
    if tls is not None and tls.credential and isinstance(protection, Plain):
        yield finding(codes.CREDENTIAL_IGNORED, at, key, name=plain(tls.credential))
    if blocks.tunnel is not None and all(port.protocol.http for port in host.ports):
        yield finding(codes.TUNNEL_ON_HTTP, merged.origin, key, host=upstream.host)
