"""Whom the members of a Cilium rule mean: endpoints, entities, CIDRs, nodes, names; one kind of member a rule.

Cilium's selectors read labels with a prefix for where they come from, and namespaces, accounts and clusters by labels of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from seaway.core.cidr import parse_cidr
from seaway.core.codes.policies import PART_NOT_ENFORCED
from seaway.core.finding import Finding, Findings, finding
from seaway.core.labels import Operator, Requirement
from seaway.frontends.kubernetes.implied import NAME_LABEL
from seaway.frontends.kubernetes.refusal import refused
from seaway.frontends.policies.names import selector_pattern
from seaway.frontends.policies.reading import cidr_problem, ipv6_note, own_namespace
from seaway.model.policies.language import Action, Block, Entity, Names, Nodes, Peer, Pods
from seaway.resources.cilium_v2 import CIDRRule, CiliumEgress, CiliumIngress, FQDNSelector
from seaway.resources.meta import LabelSelector
from seaway.resources.resource import Resource, Step

_Path = tuple[Step, ...]
_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
_CLUSTER = "io.cilium.k8s.policy.cluster"
_ENTITIES: dict[str, Entity | None] = {
    "all": Entity.ALL,
    "world": Entity.WORLD,
    "world-ipv4": Entity.WORLD,
    "world-ipv6": None,
    "cluster": Entity.CLUSTER,
    "remote-node": Entity.NODES,
    "ingress": Entity.GATEWAYS,
    **dict.fromkeys(("host", "kube-apiserver", "health", "init", "unmanaged", "none")),
}
"""None of those that nobody is here: a pod and its own node are never policed, and there is no API server."""

_OPERATORS = {operator.value: operator for operator in Operator}


@dataclass(frozen=True, slots=True)
class Home:
    """Where a policy lives: `namespace` is "" for a clusterwide one."""

    namespace: str

    def confined(self, pods: Pods) -> Pods:
        """A namespaced policy selects in its own namespace, whatever its selector says."""
        return replace(pods, namespaces=own_namespace(self.namespace)) if self.namespace else pods


def selected_pods(given: LabelSelector, resource: Resource[Any], path: _Path, home: Home) -> tuple[Pods, Findings]:
    """A selector of endpoints."""
    pods: list[Requirement] = []
    spaces: list[Requirement] = []
    accounts: list[Requirement] = []
    findings: Findings = ()
    for one, at in _requirements(given):
        if isinstance(one, str):
            findings += (refused(resource, (*path, *at), one, "See the documentation of label selectors."),)
            continue
        source, _, key = one.key.rpartition(":")
        key = key if source in ("k8s", "any", "") else one.key
        if key == _NAMESPACE:
            spaces.append(replace(one, key=NAME_LABEL))
        elif key.startswith(_NAMESPACE_LABELS):
            spaces.append(replace(one, key=key.removeprefix(_NAMESPACE_LABELS)))
        elif key == _ACCOUNT:
            accounts.append(replace(one, key="name"))
        elif key != _CLUSTER:
            pods.append(replace(one, key=key))
    home_spaces = own_namespace(home.namespace) if home.namespace else ()
    return Pods(tuple(pods), tuple(spaces) or home_spaces, tuple(accounts)), findings


def _requirements(given: LabelSelector) -> Iterator[tuple[Requirement | str, _Path]]:
    """What must hold, or what is wrong with it, with its place."""
    for key, value in sorted(given.match_labels.items()):
        yield Requirement(key, Operator.IN, frozenset((value,))), ("matchLabels", key)
    for index, one in enumerate(given.match_expressions):
        at = ("matchExpressions", index)
        operator = _OPERATORS.get(one.operator)
        if operator is None or (operator in (Operator.IN, Operator.NOT_IN)) != bool(one.values):
            yield f"has operator {one.operator} {'with' if one.values else 'without'} values", at
        else:
            yield Requirement(one.key, operator, frozenset(one.values)), at


def peers_of(
    entry: CiliumIngress | CiliumEgress, resource: Resource[Any], path: _Path, home: Home, action: Action
) -> tuple[tuple[Peer, ...] | None, Findings]:
    """None where no member says whom; nobody where a member is empty, or is one that is not honoured."""
    members = _members(entry)
    given = [(name, value) for name, value in members if value is not None]
    if len(given) > 1:
        names = " and ".join(name for name, _ in given)
        return None, (refused(resource, path, f"has {names}", "One kind of member a rule: make a rule of each."),)
    if not given:
        return None, ()
    ((name, _),) = given
    at = (*path, name)
    match name:
        case "fromEndpoints" | "toEndpoints":
            return _endpoints(entry, resource, at, home)
        case "fromEntities" | "toEntities":
            return _entities(entry.from_entities if isinstance(entry, CiliumIngress) else entry.to_entities, resource, at)
        case "fromCIDR" | "toCIDR":
            cidrs = entry.from_cidr if isinstance(entry, CiliumIngress) else entry.to_cidr
            return _blocks(tuple(CIDRRule(cidr=one) for one in cidrs or ()), resource, at)
        case "fromCIDRSet" | "toCIDRSet":
            return _blocks((entry.from_cidr_set if isinstance(entry, CiliumIngress) else entry.to_cidr_set) or (), resource, at)
        case "fromNodes" | "toNodes":
            return _nodes((entry.from_nodes if isinstance(entry, CiliumIngress) else entry.to_nodes) or (), resource, at, home)
        case "toFQDNs" if isinstance(entry, CiliumEgress):
            if action is Action.DENY:
                return (), (refused(resource, at, "stands in a rule that denies", "Names can only be allowed."),)
            patterns, problems = patterns_of(entry.to_fqdns or (), resource, at)
            return (Names(patterns, proxied=True),), problems
        case _:
            return (), (_nobody(resource, at),)


def patterns_of(given: tuple[FQDNSelector, ...], resource: Resource[Any], path: _Path) -> tuple[tuple[str, ...], Findings]:
    """Names of domains as patterns of the language."""
    found = [selector_pattern(one) for one in given]
    advice = "Give matchName, or matchPattern, of letters, digits, dashes and dots."
    wrong = tuple(refused(resource, (*path, number), "is no name", advice) for number, one in enumerate(found) if one is None)
    return tuple(one for one in found if one is not None), wrong


def _members(entry: CiliumIngress | CiliumEgress) -> tuple[tuple[str, object], ...]:
    if isinstance(entry, CiliumIngress):
        return (
            ("fromEndpoints", entry.from_endpoints),
            ("fromRequires", entry.from_requires),
            ("fromCIDR", entry.from_cidr),
            ("fromCIDRSet", entry.from_cidr_set),
            ("fromEntities", entry.from_entities),
            ("fromGroups", entry.from_groups),
            ("fromNodes", entry.from_nodes),
        )
    return (
        ("toEndpoints", entry.to_endpoints),
        ("toRequires", entry.to_requires),
        ("toCIDR", entry.to_cidr),
        ("toCIDRSet", entry.to_cidr_set),
        ("toEntities", entry.to_entities),
        ("toGroups", entry.to_groups),
        ("toNodes", entry.to_nodes),
        ("toServices", entry.to_services),
        ("toFQDNs", entry.to_fqdns),
    )


def _nobody(resource: Resource[Any], path: _Path) -> Finding:
    effect = "it matches nobody"
    return finding(PART_NOT_ENFORCED, resource.at(*path), resource.key, what=f"a rule with {path[-1]}", effect=effect)


def _endpoints(entry: CiliumIngress | CiliumEgress, resource: Resource[Any], path: _Path, home: Home) -> tuple[tuple[Peer, ...], Findings]:
    written = entry.from_endpoints if isinstance(entry, CiliumIngress) else entry.to_endpoints
    found: list[Peer] = []
    findings: Findings = ()
    for number, one in enumerate(written or ()):
        reserved = [key for key in one.match_labels if key.startswith("reserved:")]
        if reserved:
            some, problems = _entities((reserved[0].removeprefix("reserved:"),), resource, (*path, number))
            found += some
        else:
            pods, problems = selected_pods(one, resource, (*path, number), home)
            found.append(pods)
        findings += problems
    return tuple(found), findings


def _entities(names: tuple[str, ...] | None, resource: Resource[Any], path: _Path) -> tuple[tuple[Peer, ...], Findings]:
    found: list[Peer] = []
    findings: Findings = ()
    for number, name in enumerate(names or ()):
        if name not in _ENTITIES:
            findings += (refused(resource, (*path, number), f"is {name}", f"One of {', '.join(_ENTITIES)}."),)
        elif (entity := _ENTITIES[name]) is not None:
            found.append(entity)
    return tuple(found), findings


def _blocks(rules: tuple[CIDRRule, ...], resource: Resource[Any], path: _Path) -> tuple[tuple[Peer, ...], Findings]:
    """Of addresses outside. A bare address is a range of one."""
    found: list[Peer] = []
    findings: Findings = ()
    for number, rule in enumerate(rules):
        at = (*path, number)
        if rule.cidr is None:
            findings += (_nobody(resource, path),)
            continue
        cidr = rule.cidr if "/" in rule.cidr else f"{rule.cidr}/{128 if ':' in rule.cidr else 32}"
        problem = next((one for one in map(cidr_problem, (cidr, *rule.except_)) if one), "")
        if problem:
            findings += (refused(resource, at, problem, "Write an address and the length of its prefix."),)
            continue
        if parse_cidr(cidr) is None:
            findings += (ipv6_note(cidr, resource, at),)
        found.append(Block(cidr, rule.except_, pods=False))
    return tuple(found), findings


def _nodes(written: tuple[LabelSelector, ...], resource: Resource[Any], path: _Path, home: Home) -> tuple[tuple[Peer, ...], Findings]:
    found: list[Peer] = []
    findings: Findings = ()
    for number, one in enumerate(written):
        pods, problems = selected_pods(one, resource, (*path, number), home)
        found.append(Nodes(pods.pods))
        findings += problems
    return tuple(found), findings
