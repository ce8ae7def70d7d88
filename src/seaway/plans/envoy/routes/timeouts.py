"""How long an exchange may take, retries included."""

from __future__ import annotations

from seaway.model.route import RoutePolicy
from seaway.plans.envoy.proto import Fields, duration


def timeouts(policy: RoutePolicy) -> Fields:
    """Fields of a RouteAction; a limit of 0 is none (Envoy's own 15 s would cut off long answers).

    A deadline that gRPC's callers send (`grpc-timeout`) holds where there is no other: beside `max_stream_duration` Envoy passes `timeout`
    over (`FilterUtility::finalTimeout`), and would not limit anything. Where there is a limit, it holds for gRPC too; who sent a shorter
    deadline keeps it by itself.
    """
    limit = duration(policy.timeout_s)
    deadline = policy.grpc_timeout and not policy.timeout_s
    return {"timeout": limit, **({"max_stream_duration": {"grpc_timeout_header_max": limit}} if deadline else {})}
