"""A trafficPolicy read part by part. A part that upstream refuses is left out alone, so that one bad value costs no more than it must."""

from __future__ import annotations

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Findings
from seaway.frontends.istio.destination_rules.blocks import Blocks, Policy
from seaway.frontends.istio.destination_rules.circuit_breaker import read_circuit_breaker
from seaway.frontends.istio.destination_rules.connection_pool import read_connection_pool, read_retry_budget
from seaway.frontends.istio.destination_rules.defaults import Defaults
from seaway.frontends.istio.destination_rules.load_balancing import read_load_balancer
from seaway.frontends.istio.destination_rules.outlier_detection import read_outlier_detection
from seaway.frontends.istio.destination_rules.place import Place
from seaway.frontends.istio.destination_rules.proxy_protocol import read_proxy_protocol
from seaway.frontends.istio.destination_rules.tls import read_tls
from seaway.frontends.istio.destination_rules.tunnel import read_tunnel
from seaway.model.upstream import Ejection
from seaway.resources.istio.destination_rule import PortTrafficPolicy, TrafficPolicy


def read_policy(policy: TrafficPolicy, place: Place, defaults: Defaults) -> tuple[Policy, Findings]:
    """What a `trafficPolicy` means."""
    if policy == TrafficPolicy():
        return Policy(Blocks()), (place.find(codes.POLICY_EMPTY, field=place.field),)
    blocks, findings = _common(policy, place, defaults)
    tunnel, proxy_protocol, retry_budget = None, None, None
    if policy.tunnel is not None:
        tunnel, more = read_tunnel(policy.tunnel, place.of("tunnel"))
        findings += more
    if policy.proxy_protocol is not None:
        proxy_protocol, more = read_proxy_protocol(policy.proxy_protocol, place.of("proxyProtocol"))
        findings += more
        if tunnel is not None:
            proxy_protocol = None
            findings += (place.of("proxyProtocol").refuses("tunnel excludes it", "The proxyProtocol is left out."),)
    if policy.retry_budget is not None:
        retry_budget, more = read_retry_budget(policy.retry_budget, place.of("retryBudget"))
        findings += more
    whole = Blocks(blocks.balancer, blocks.pool, blocks.ejection, blocks.tls, tunnel, proxy_protocol, retry_budget)
    ports, more = _ports(policy.port_level_settings, place.of("portLevelSettings"), defaults)
    return Policy(whole, ports), findings + more


def _ports(items: tuple[PortTrafficPolicy, ...], place: Place, defaults: Defaults) -> tuple[tuple[tuple[int, Blocks], ...], Findings]:
    """Of several items for one port the first counts."""
    found: dict[int, Blocks] = {}
    findings: Findings = ()
    for index, item in enumerate(items):
        at = place.of(index)
        number = item.port.number if item.port is not None else None
        if number is None or not 0 < number < 65536:
            findings += (at.of("port").refuses("it needs port.number, from 1 to 65535", "This item of portLevelSettings is left out."),)
            continue
        if item == PortTrafficPolicy(port=item.port):
            findings += (at.find(codes.POLICY_EMPTY, field=at.field),)
            continue
        blocks, more = _common(item, at, defaults)
        findings += more
        if number in found:
            findings += (at.find(codes.PORT_TWICE, port=number),)
        found.setdefault(number, blocks)
    return tuple(found.items()), findings


def _common(policy: TrafficPolicy | PortTrafficPolicy, place: Place, defaults: Defaults) -> tuple[Blocks, Findings]:
    """The four parts that portLevelSettings have too."""
    findings: Findings = ()
    balancer, pool, tls = None, None, None
    ejection, more = _ejection(policy, place)
    findings += more
    if policy.load_balancer is not None:
        balancer, more = read_load_balancer(policy.load_balancer, place.of("loadBalancer"), ejection is not None)
        findings += more
    if policy.connection_pool is not None:
        pool, more = read_connection_pool(policy.connection_pool, place.of("connectionPool"), defaults)
        findings += more
    if policy.tls is not None:
        tls, more = read_tls(policy.tls, place.of("tls"))
        findings += more
    return Blocks(balancer, pool, ejection, tls), findings


def _ejection(policy: TrafficPolicy | PortTrafficPolicy, place: Place) -> tuple[Ejection | None, Findings]:
    ejection: Ejection | None = None
    findings: Findings = ()
    if policy.outlier_detection is not None:
        ejection, findings = read_outlier_detection(policy.outlier_detection, place.of("outlierDetection"))
    if policy.circuit_breaker is not None:
        shadowed = policy.outlier_detection is not None
        meant, more = read_circuit_breaker(policy.circuit_breaker, place.of("circuitBreaker"), shadowed)
        return ejection or meant, findings + more
    return ejection, findings
