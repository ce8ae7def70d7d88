"""`proxyProtocol`: the server is told the caller's address in front of each connection."""

from __future__ import annotations

from seaway.core.finding import Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.place import Place
from seaway.resources.istio.destination_rule import ProxyProtocol

VERSIONS = {"V1": 1, "V2": 2}


def read_proxy_protocol(block: ProxyProtocol, place: Place) -> tuple[int | None, Findings]:
    """The version of a `proxyProtocol`, 1 where it names none; None where upstream refuses it."""
    name = block.version or "V1"
    if name in VERSIONS:
        return VERSIONS[name], ()
    consequence = "The proxyProtocol is left out: connections begin without its header."
    return None, (place.of("version").refuses(f"{plain(name)} is neither V1 nor V2", consequence),)
