"""`loadBalancer`: how requests are spread over endpoints.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings
"""

from __future__ import annotations

from math import isqrt

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.blocks import LoadBalancer
from seaway.frontends.istio.destination_rules.locality import read_locality
from seaway.frontends.istio.destination_rules.place import Place
from seaway.frontends.istio.destination_rules.warmup import read_warmup
from seaway.model.upstream import Balancing, ConsistentHash, HashBy, Passthrough, Simple
from seaway.resources.istio.destination_rule import ConsistentHashLB, HTTPCookie, LoadBalancerSettings

LEFT_OUT = "The whole loadBalancer is left out: requests go to the endpoint with the fewest under way, wherever it is."
SIMPLE: dict[str, Balancing] = {
    "UNSPECIFIED": Simple.LEAST_REQUEST,
    "LEAST_REQUEST": Simple.LEAST_REQUEST,
    "LEAST_CONN": Simple.LEAST_REQUEST,
    "ROUND_ROBIN": Simple.ROUND_ROBIN,
    "RANDOM": Simple.RANDOM,
    "PASSTHROUGH": Passthrough(),
}
LARGEST_RING = 8 * 1024 * 1024  # Envoy's maximum_ring_size
LARGEST_TABLE = 5_000_011  # Envoy's bound on Maglev's table, itself excluded
DEFAULT_RING = 1024


def read_load_balancer(block: LoadBalancerSettings, place: Place, ejects: bool) -> tuple[LoadBalancer | None, Findings]:
    """What a `loadBalancer` means; None where upstream refuses it. `ejects`: there is outlier detection beside it."""
    wrong: list[Finding] = []
    notes: list[Finding] = []
    balancing = _balancing(block, place, wrong, notes)
    warmup = read_warmup(block, place, balancing, wrong, notes)
    locality = None
    if block.locality_lb_setting is not None:
        locality, said = read_locality(block.locality_lb_setting, place.of("localityLbSetting"), ejects)
        notes += said
    if block.zone_aware_lb_setting is not None:
        at = place.of("zoneAwareLbSetting")
        if block.locality_lb_setting is not None:
            wrong.append(at.refuses("it excludes localityLbSetting", LEFT_OUT))
        notes.append(at.find(codes.ZONE_AWARE_NOT_HONOURED))
    if block.backend_utilization is not None:
        at = place.of("backendUtilization")
        notes.append(at.find(codes.WITHOUT_EFFECT, field=at.field, reason="Istio makes nothing of it either"))
    return (None if wrong else LoadBalancer(balancing, warmup, locality)), (*wrong, *notes)


def _balancing(block: LoadBalancerSettings, place: Place, wrong: list[Finding], notes: list[Finding]) -> Balancing:
    if block.consistent_hash is not None:
        at = place.of("consistentHash")
        if block.simple is not None:
            wrong.append(at.refuses("it excludes simple", LEFT_OUT))
        return _consistent_hash(block.consistent_hash, at, wrong, notes)
    at = place.of("simple")
    name = block.simple or "UNSPECIFIED"
    if name not in SIMPLE:
        known = ", ".join(one for one in SIMPLE if one != "UNSPECIFIED")
        wrong.append(at.refuses(f"{plain(name)} is none of {known}", LEFT_OUT))
    elif name == "LEAST_CONN":
        notes.append(at.find(codes.DEPRECATED, field=at.field, value="LEAST_CONN", instead="LEAST_REQUEST"))
    return SIMPLE.get(name, Simple.LEAST_REQUEST)


def _consistent_hash(block: ConsistentHashLB, place: Place, wrong: list[Finding], notes: list[Finding]) -> Balancing:
    keys: list[HashBy] = []
    if block.http_header_name:
        keys.append(HashBy("header", block.http_header_name))
    if block.http_cookie is not None:
        keys.append(_cookie(block.http_cookie, place.of("httpCookie"), wrong))
    if block.use_source_ip:
        keys.append(HashBy("source"))
    if block.http_query_parameter_name:
        keys.append(HashBy("query", block.http_query_parameter_name))
    if len(keys) != 1:
        names = "httpHeaderName, httpCookie, useSourceIp or httpQueryParameterName"
        wrong.append(place.refuses(f"it holds {'none' if not keys else 'more than one'} of {names}", LEFT_OUT))
        return Simple.LEAST_REQUEST
    ring, table = _sizes(block, place, wrong, notes)
    return ConsistentHash(keys[0], ring, table)


def _cookie(cookie: HTTPCookie, place: Place, wrong: list[Finding]) -> HashBy:
    if not cookie.name:
        wrong.append(place.refuses("it has no name", LEFT_OUT))
    ttl = place.of("ttl").seconds(cookie.ttl, wrong, LEFT_OUT, zero=True)
    attributes = tuple((one.name, one.value) for one in cookie.attributes)
    return HashBy("cookie", cookie.name, cookie.path, ttl, attributes)


def _sizes(block: ConsistentHashLB, place: Place, wrong: list[Finding], notes: list[Finding]) -> tuple[int, int]:
    """The least size of the ring, and Maglev's table (0 for a ring)."""
    algorithms = [name for name, value in (("ringHash", block.ring_hash), ("maglev", block.maglev)) if value is not None]
    if len(algorithms) > 1 or (algorithms and block.minimum_ring_size):
        wrong.append(place.refuses("it holds more than one of ringHash, maglev and minimumRingSize", LEFT_OUT))
    if block.minimum_ring_size:
        at = place.of("minimumRingSize")
        notes.append(at.find(codes.DEPRECATED, field=at.field, value="minimumRingSize", instead="ringHash.minimumRingSize"))
        return at.number(block.minimum_ring_size, wrong, LEFT_OUT, LARGEST_RING) or DEFAULT_RING, 0
    if block.maglev is not None:
        return DEFAULT_RING, _table(block.maglev.table_size, place.of("maglev", "tableSize"), wrong)
    if block.ring_hash is not None:
        at = place.of("ringHash", "minimumRingSize")
        return at.number(block.ring_hash.minimum_ring_size, wrong, LEFT_OUT, LARGEST_RING) or DEFAULT_RING, 0
    return DEFAULT_RING, 0


def _table(size: int | None, place: Place, wrong: list[Finding]) -> int:
    if not size or not 0 < size < LARGEST_TABLE or not _is_prime(size):
        wrong.append(place.refuses(f"{size or 'nothing'} is not a prime number below {LARGEST_TABLE}", LEFT_OUT))
        return 0
    return size


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % factor for factor in range(2, isqrt(number) + 1))
