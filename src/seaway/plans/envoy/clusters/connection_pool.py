"""How many connections and requests a cluster takes at once, and how the kernel finds out that a peer is gone.

Limits hold for all callers on the node together, not for each pod as with a proxy in every pod: the counters are the cluster's.
"""

from __future__ import annotations

from math import ceil

from seaway.model.upstream import Keepalive, Pool
from seaway.plans.envoy.proto import Fields, wrapped


def circuit_breakers(pool: Pool) -> Fields:
    """The pool's limits."""
    limits = {
        "max_connections": pool.max_connections,
        "max_pending_requests": pool.max_pending,
        "max_requests": pool.max_requests,
        "max_retries": pool.max_retries,
    }
    threshold: dict[str, object] = {name: wrapped(limit) for name, limit in limits.items()}
    if pool.retry_budget is not None:
        percent, least = pool.retry_budget
        threshold["retry_budget"] = {"budget_percent": {"value": percent}, "min_retry_concurrency": wrapped(least)}
    return {"thresholds": [threshold]}


def connection_options(pool: Pool) -> Fields:
    """TCP keepalive, where there is any."""
    return {"upstream_connection_options": {"tcp_keepalive": _keepalive(pool.keepalive)}} if pool.keepalive is not None else {}


def _keepalive(keepalive: Keepalive) -> Fields:
    """In whole seconds, of which the kernel takes at least one; 0 is left to it."""
    values = {
        "keepalive_probes": keepalive.probes,
        "keepalive_time": ceil(keepalive.time_s),
        "keepalive_interval": ceil(keepalive.interval_s),
    }
    return {name: wrapped(value) for name, value in values.items() if value}
