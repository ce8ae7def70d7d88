"""`connectionPool` and `retryBudget`: how many connections and requests, and for how long.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings
"""

from __future__ import annotations

from dataclasses import replace

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.destination_rules.blocks import ConnectionPool
from seaway.frontends.istio.destination_rules.defaults import Defaults
from seaway.frontends.istio.destination_rules.place import Place
from seaway.model.upstream import NO_LIMIT, Keepalive, Pool
from seaway.resources.istio.destination_rule import ConnectionPoolSettings, HTTPSettings, RetryBudget, TcpKeepalive, TCPSettings

LEFT_OUT = "The whole connectionPool is left out: the mesh's limits hold."
UPGRADE = {"DEFAULT": None, "DO_NOT_UPGRADE": False, "UPGRADE": True}
BUDGET_PERCENT, BUDGET_LEAST = 20.0, 3  # as documented; upstream's code writes 0.2 for the percent


def read_connection_pool(block: ConnectionPoolSettings, place: Place, defaults: Defaults) -> tuple[ConnectionPool | None, Findings]:
    """What a `connectionPool` means; None where upstream refuses it. Every maximum of 0 means none, as upstream has it."""
    if block.tcp is None and block.http is None:
        return None, (place.refuses("it holds neither tcp nor http", LEFT_OUT),)
    wrong: list[Finding] = []
    pool = default_pool(defaults, place)
    if block.tcp is not None:
        pool = _tcp(block.tcp, place.of("tcp"), pool, wrong)
    upgrade = None
    if block.http is not None:
        pool, upgrade = _http(block.http, place.of("http"), pool, wrong)
    return (None if wrong else ConnectionPool(pool, upgrade)), tuple(wrong)


def default_pool(defaults: Defaults, place: Place | None = None) -> Pool:
    """The pool where no connectionPool says anything else."""
    return Pool(connect_timeout_s=defaults.connect_timeout_s, keepalive=defaults.keepalive, origin=place.origin if place else None)


def _tcp(tcp: TCPSettings, place: Place, pool: Pool, wrong: list[Finding]) -> Pool:
    connections = place.of("maxConnections").number(tcp.max_connections, wrong, LEFT_OUT)
    timeout = place.of("connectTimeout").seconds(tcp.connect_timeout, wrong, LEFT_OUT)
    duration = place.of("maxConnectionDuration").seconds(tcp.max_connection_duration, wrong, LEFT_OUT)
    idle = place.of("idleTimeout").seconds(tcp.idle_timeout, wrong, LEFT_OUT, zero=True)
    pool = replace(
        pool,
        max_connections=connections or NO_LIMIT,
        connect_timeout_s=timeout or pool.connect_timeout_s,
        max_duration_s=duration,
        keepalive=_keepalive(tcp.tcp_keepalive, place.of("tcpKeepalive"), pool.keepalive, wrong),
    )
    if idle is None:
        return pool
    return replace(pool, idle_timeout_s=idle or None, tcp_idle_timeout_s=idle or None)


def _keepalive(block: TcpKeepalive | None, place: Place, mesh: Keepalive | None, wrong: list[Finding]) -> Keepalive | None:
    """Value by value over the mesh's."""
    if block is None:
        return mesh
    below = mesh or Keepalive()
    probes = place.of("probes").number(block.probes, wrong, LEFT_OUT)
    time = place.of("time").seconds(block.time, wrong, LEFT_OUT)
    interval = place.of("interval").seconds(block.interval, wrong, LEFT_OUT)
    return Keepalive(probes or below.probes, time or below.time_s, interval or below.interval_s)


def _http(http: HTTPSettings, place: Place, pool: Pool, wrong: list[Finding]) -> tuple[Pool, bool | None]:
    def limit(name: str, value: int | None) -> int:
        return place.of(name).number(value, wrong, LEFT_OUT) or 0

    policy = http.h2_upgrade_policy or "DEFAULT"
    if policy not in UPGRADE:
        wrong.append(place.of("h2UpgradePolicy").refuses(f"{policy} is none of {', '.join(UPGRADE)}", LEFT_OUT))
    elif UPGRADE[policy] and http.use_client_protocol:
        wrong.append(place.of("useClientProtocol").refuses("it excludes h2UpgradePolicy: UPGRADE", LEFT_OUT))
    idle = place.of("idleTimeout").seconds(http.idle_timeout, wrong, LEFT_OUT)
    pool = replace(
        pool,
        max_pending=limit("http1MaxPendingRequests", http.http1_max_pending_requests) or NO_LIMIT,
        max_requests=limit("http2MaxRequests", http.http2_max_requests) or NO_LIMIT,
        max_retries=limit("maxRetries", http.max_retries) or NO_LIMIT,
        max_requests_per_connection=limit("maxRequestsPerConnection", http.max_requests_per_connection),
        max_concurrent_streams=limit("maxConcurrentStreams", http.max_concurrent_streams),
        idle_timeout_s=pool.idle_timeout_s if idle is None else idle,
        client_protocol=bool(http.use_client_protocol),
        http2_keepalive=_http2_keepalive(http, place.of("http2KeepAlive"), wrong),
    )
    # useClientProtocol is a wish of its own, and stronger than the mesh's.
    return pool, False if http.use_client_protocol else UPGRADE.get(policy)


def _http2_keepalive(http: HTTPSettings, place: Place, wrong: list[Finding]) -> tuple[float, float] | None:
    block = http.http2_keep_alive
    if block is None:
        return None
    interval = place.of("interval").seconds(block.interval, wrong, LEFT_OUT)
    timeout = place.of("timeout").seconds(block.timeout, wrong, LEFT_OUT)
    if interval is None or timeout is None:
        if block.interval is None or block.timeout is None:
            wrong.append(place.refuses("it needs both interval and timeout", LEFT_OUT))
        return None
    return interval, timeout


def read_retry_budget(block: RetryBudget, place: Place) -> tuple[tuple[float, int] | None, Findings]:
    """Retries at once, in percent of active requests, and how many are always allowed."""
    consequence = "The retryBudget is left out: connectionPool.http.maxRetries alone limits retries."
    wrong: list[Finding] = []
    percent = BUDGET_PERCENT if block.percent is None else block.percent
    if not 0 <= percent <= 100:
        wrong.append(place.of("percent").refuses(f"{percent:g} is not a percentage from 0 to 100", consequence))
    least = place.of("minRetryConcurrency").number(block.min_retry_concurrency, wrong, consequence)
    place.of("budgetInterval").seconds(block.budget_interval, wrong, consequence)
    if wrong:
        return None, tuple(wrong)
    findings: Findings = ()
    if block.budget_interval is not None:
        why = "Envoy counts the requests of this moment, not those of an interval"
        findings = (place.of("budgetInterval").find(codes.WITHOUT_EFFECT, field=place.of("budgetInterval").field, reason=why),)
    return (percent, least or BUDGET_LEAST), findings
