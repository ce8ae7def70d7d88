"""Which of a member's connections pass its proxy: the annotations `traffic.sidecar.istio.io/…`.

Grammar: pkg/kube/inject/validate.go in istio/istio; meaning and order: tools/istio-iptables there. IPv6 ranges mean nothing here, where
pods have IPv4 addresses only.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import TypeVar

from seaway.core.codes.membership import CAPTURE_NOT_HONOURED, CAPTURE_VALUE
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import Origin
from seaway.model.mesh import Capture
from seaway.model.workload import Pod

TRAFFIC = "traffic.sidecar.istio.io/"
_MODE = "sidecar.istio.io/interceptionMode"
_HONOURED = frozenset(
    {
        "includeInboundPorts",
        "excludeInboundPorts",
        "includeOutboundPorts",
        "excludeOutboundPorts",
        "includeOutboundIPRanges",
        "excludeOutboundIPRanges",
    }
)
_NO_INTERFACES = frozenset({"kubevirtInterfaces", "excludeInterfaces", "istioInterfaces"})

Value = TypeVar("Value")


def read_capture(pod: Pod, annotations: Mapping[str, str], at: Callable[[str], Origin]) -> tuple[Capture, Findings]:
    """What the annotations ask for. `at` says where one stands; a bad one is left out, with a finding."""
    findings: list[Finding] = []

    def read(name: str, parse: Callable[[str], Value | str], otherwise: Value) -> Value:
        text = annotations.get(TRAFFIC + name)
        if text is None:
            return otherwise
        value = parse(text)
        if not isinstance(value, str):
            return value
        advice = "Write ports between 0 and 65535" if "Ports" in name else "Write ranges such as 10.0.0.0/8"
        findings.append(
            finding(CAPTURE_VALUE, at(TRAFFIC + name), pod.owner, name=TRAFFIC + name, problem=value, advice=f"{advice}, with commas.")
        )
        return otherwise

    capture = Capture(
        inbound=read("includeInboundPorts", _ports_or_all, None),
        inbound_excluded=read("excludeInboundPorts", _ports, ()),
        outbound=read("includeOutboundPorts", _ports, ()),
        outbound_excluded=read("excludeOutboundPorts", _ports, ()),
        ranges=read("includeOutboundIPRanges", _ranges_or_all, None),
        ranges_excluded=read("excludeOutboundIPRanges", _ranges, ()),
    )
    return capture, (*findings, *_not_honoured(pod, annotations, at))


def _ports(text: str) -> tuple[int, ...] | str:
    """The ports in order, each once; a text says what is wrong."""
    ports: set[int] = set()
    for word in text.split(",") if text.strip() else ():
        one = word.strip()
        if not (one.isascii() and one.isdecimal() and int(one) < 65536):
            return f"{one!r} is no port"
        ports.add(int(one))
    return tuple(sorted(ports))


def _ports_or_all(text: str) -> tuple[int, ...] | str | None:
    return None if text == "*" else _ports(text)


def _ranges(text: str) -> tuple[str, ...] | str:
    """The IPv4 ranges in order, host bits cleared, each once and none within another; a text says what is wrong."""
    ranges: list[ipaddress.IPv4Network] = []
    for word in text.split(",") if text else ():
        try:
            network = ipaddress.ip_network(word, strict=False)
        except ValueError:
            return f"{word!r} is no range of addresses"
        if "/" not in word:
            return f"{word!r} has no prefix length"
        if isinstance(network, ipaddress.IPv4Network):
            ranges.append(network)
    return tuple(str(one) for one in ipaddress.collapse_addresses(ranges))


def _ranges_or_all(text: str) -> tuple[str, ...] | str | None:
    return None if text == "*" else _ranges(text)


def _not_honoured(pod: Pod, annotations: Mapping[str, str], at: Callable[[str], Origin]) -> Findings:
    """Names that upstream knows and we do not act on, and names that nobody knows."""
    found: list[Finding] = []

    def note(name: str, reason: str, advice: str) -> None:
        found.append(finding(CAPTURE_NOT_HONOURED, at(name), pod.owner, name=name, reason=reason, advice=advice))

    for name in sorted(annotations):
        short = name.removeprefix(TRAFFIC)
        if short in _NO_INTERFACES and short != name:
            note(name, "Pods have one interface here.", "Nothing needs to be done.")
        elif short != name and short not in _HONOURED:
            note(name, "Istio has no annotation of this name.", f"Known are: {', '.join(sorted(_HONOURED))}.")
    mode = annotations.get(_MODE, "REDIRECT")
    if mode not in ("REDIRECT", "TPROXY"):
        note(_MODE, f"{mode} would leave all traffic uncaptured in Istio; here it is captured.", "Exclude ports and ranges instead.")
    return tuple(found)
