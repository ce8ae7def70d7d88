"""`tunnel`: TCP carried to its target through an HTTP proxy."""

from __future__ import annotations

from ipaddress import ip_address

from seaway.core.finding import Finding, Findings
from seaway.core.names import is_dns_subdomain
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.place import Place
from seaway.model.upstream import Tunnel
from seaway.resources.istio.destination_rule import TunnelSettings

LEFT_OUT = "The tunnel is left out: connections go to the host itself."


def read_tunnel(block: TunnelSettings, place: Place) -> tuple[Tunnel | None, Findings]:
    """What a `tunnel` means; None where upstream refuses it."""
    wrong: list[Finding] = []
    protocol = block.protocol or "CONNECT"
    if protocol not in ("CONNECT", "POST"):
        wrong.append(place.of("protocol").refuses(f"{plain(protocol)} is neither CONNECT nor POST", LEFT_OUT))
    if not is_dns_subdomain(block.target_host.lower()) and not _is_address(block.target_host):
        wrong.append(place.of("targetHost").refuses(f"{plain(block.target_host)} is neither a DNS name nor an address", LEFT_OUT))
    if not 0 < block.target_port < 65536:
        wrong.append(place.of("targetPort").refuses(f"{block.target_port} is not a port from 1 to 65535", LEFT_OUT))
    return (None if wrong else Tunnel(protocol, block.target_host, block.target_port)), tuple(wrong)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
