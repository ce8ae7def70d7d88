"""What all dialects of policies share: their objects' selectors, address ranges, port names and annotations, read and checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from seaway.core.cidr import is_ipv6, parse_cidr
from seaway.core.codes.policies import AUDIT_VALUE, IPV6_BLOCK
from seaway.core.finding import Finding, Findings, finding
from seaway.core.labels import Selector, equal_to, is_label_key, is_label_value
from seaway.frontends.kubernetes.implied import NAME_LABEL
from seaway.frontends.kubernetes.refusal import refused
from seaway.frontends.kubernetes.selection import read_selector
from seaway.model.policies.language import Policy
from seaway.resources.meta import LabelSelector
from seaway.resources.resource import Resource, Step

AUDIT_ANNOTATION = "seaway.dev/audit"

_PORT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one object says; no policy where the API server would refuse it."""

    policies: tuple[Policy, ...]
    findings: Findings


def own_namespace(namespace: str) -> Selector:
    """The namespaces' selector that means one namespace."""
    return equal_to({NAME_LABEL: namespace})


def selector_of(given: LabelSelector, resource: Resource[Any], path: tuple[Step, ...]) -> tuple[Selector, Findings]:
    """A label selector, with what the API server refuses in it."""
    selector, findings = read_selector(given, resource, path)
    advice = "See the documentation of labels for what they may hold."
    for key, value in given.match_labels.items():
        if not is_label_key(key):
            findings += (refused(resource, (*path, "matchLabels", key), "is no valid label name", advice),)
        elif not is_label_value(value):
            findings += (refused(resource, (*path, "matchLabels", key), f'has value "{value}", no valid label value', advice),)
    for index, expression in enumerate(given.match_expressions):
        if wrong := next((value for value in expression.values if not is_label_value(value)), None):
            findings += (refused(resource, (*path, "matchExpressions", index, "values"), f'holds "{wrong}", no valid label value', advice),)
    return selector, findings


def audited(resource: Resource[Any]) -> tuple[bool, Findings]:
    """Whether the object's policies only report."""
    value = resource.meta.annotations.get(AUDIT_ANNOTATION)
    if value in (None, "true", "false"):
        return value == "true", ()
    at = resource.at("metadata", "annotations", AUDIT_ANNOTATION)
    return False, (finding(AUDIT_VALUE, at, resource.key, annotation=AUDIT_ANNOTATION, value=value),)


def is_cidr(text: str) -> bool:
    """Whether the text is a range of either family."""
    return parse_cidr(text) is not None or ("/" in text and is_ipv6(text))


def cidr_problem(text: str) -> str:
    return "" if is_cidr(text) else f'is "{text}", no range such as 10.0.0.0/8'


def ipv6_note(text: str, resource: Resource[Any], path: tuple[Step, ...]) -> Finding:
    return finding(IPV6_BLOCK, resource.at(*path), resource.key, cidr=text)


def is_part_of(part: str, whole: str) -> bool:
    """Whether one range lies in another one and is smaller; both are ranges."""
    inner, outer = ipaddress.ip_network(part, strict=False), ipaddress.ip_network(whole, strict=False)
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner != outer and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner != outer and inner.subnet_of(outer)


def port_name_problem(name: str) -> str:
    """Why this is no port name ("" where it is): at most 15 of [a-z0-9-], a letter among them.

    Source: IsValidPortName of https://github.com/kubernetes/apimachinery.
    """
    if re.fullmatch(r"\d+", name, re.ASCII):
        return f'is the text "{name}", which would be a port\'s name, and names hold a letter'
    if len(name) > 15:
        return f'is "{name}": names of ports have at most 15 characters'
    if not _PORT_NAME.fullmatch(name) or not re.search("[a-z]", name):
        return f'is "{name}", no name of a port: a to z, 0 to 9 and single dashes between them'
    return ""


def port_problem(port: int) -> str:
    return "" if 1 <= port <= 65535 else f"is {port}, no port from 1 to 65535"
