"""How requests are spread over a cluster's endpoints."""

from __future__ import annotations

from typing import assert_never

from seaway.model.upstream import ConsistentHash, FromRequest, OriginalDestination, Passthrough, Simple, Treatment, Upstream, Warmup
from seaway.plans.envoy.proto import Fields, duration, wrapped

SLOW_STARTERS = {Simple.ROUND_ROBIN: "round_robin_lb_config", Simple.LEAST_REQUEST: "least_request_lb_config"}
NO_RUNTIME_KEY = "seaway"  # Envoy demands one; nothing sets it


def load_balancing(upstream: Upstream) -> Fields:
    """`lb_policy` and its configuration."""
    balancing = upstream.treatment.balancing
    if isinstance(upstream.endpoints, OriginalDestination) and upstream.endpoints.port:
        return {"lb_policy": "CLUSTER_PROVIDED", "original_dst_lb_config": {"upstream_port_override": wrapped(upstream.endpoints.port)}}
    if isinstance(upstream.endpoints, OriginalDestination | FromRequest):
        return {"lb_policy": "CLUSTER_PROVIDED"}
    match balancing:
        case Passthrough():
            return {"lb_policy": "CLUSTER_PROVIDED"}
        case ConsistentHash(_, ring, 0):
            return {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": wrapped(ring)}}
        case ConsistentHash(_, _, table):
            return {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": wrapped(table)}}
        case Simple():
            warmup = upstream.treatment.warmup
            slowly = {SLOW_STARTERS[balancing]: {"slow_start_config": _slow_start(warmup)}} if warmup and balancing in SLOW_STARTERS else {}
            return {"lb_policy": balancing.value, **slowly}
        case _:
            assert_never(balancing)


def _slow_start(warmup: Warmup) -> Fields:
    return {
        "slow_start_window": duration(warmup.window_s),
        "aggression": {"default_value": warmup.aggression, "runtime_key": NO_RUNTIME_KEY},
        "min_weight_percent": {"value": warmup.minimum_percent},
    }


def common_balancing(treatment: Treatment) -> Fields:
    """`common_lb_config`: at which share of healthy endpoints all of them are used, and whether the weights of localities count.

    Where a treatment leaves the former to Envoy, it leaves the rest of ejection to it as well.
    """
    fields: dict[str, object] = {}
    if treatment.ejection is not None and treatment.ejection.min_health_percent is not None:
        fields["healthy_panic_threshold"] = {"value": treatment.ejection.min_health_percent}
        # Envoy gathers changes of health for a second; an endpoint that is ejected would go on to get requests for as long.
        fields["update_merge_window"] = duration(0)
    if weighs_localities(treatment):
        fields["locality_weighted_lb_config"] = {}
    return {"common_lb_config": fields} if fields else {}


def weighs_localities(treatment: Treatment) -> bool:
    """Only where a rule says something of localities: otherwise their weights would spoil what least requests and rings decide."""
    locality = treatment.locality
    return locality.active and bool(locality.distribute or locality.failover or locality.priority_labels)
