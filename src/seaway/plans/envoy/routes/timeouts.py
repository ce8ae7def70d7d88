"""How long an exchange may take, retries included."""

from __future__ import annotations

from seaway.model.route import RoutePolicy
from seaway.plans.envoy.proto import Fields, duration


def timeouts(policy: RoutePolicy) -> Fields:
    """Fields of a RouteAction; a limit of 0 is none (Envoy's own 15 s would cut off long answers)."""
    limit = duration(policy.timeout_s)
    return {"timeout": limit, **({"max_stream_duration": {"grpc_timeout_header_max": limit}} if policy.grpc_timeout else {})}
