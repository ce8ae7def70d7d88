"""Endpoints that fail are left aside for a while. Success rates never decide; the counts do, each where it is not 0."""

from __future__ import annotations

from seaway.model.upstream import Ejection
from seaway.plans.envoy.proto import Fields, duration, wrapped

ALWAYS, NEVER = wrapped(100), wrapped(0)


def outlier_detection(ejection: Ejection | None) -> Fields:
    """The cluster's field, if any. Which answers count as failures is said in the cluster's protocol options."""
    if ejection is None:
        return {}
    fields: dict[str, object] = {
        "split_external_local_origin_errors": ejection.split_local,
        "consecutive_local_origin_failure": wrapped(ejection.consecutive_local or 5),
        "enforcing_local_origin_success_rate": NEVER,
        "enforcing_consecutive_5xx": ALWAYS if ejection.consecutive_5xx else NEVER,
        "enforcing_consecutive_gateway_failure": ALWAYS if ejection.consecutive_gateway else NEVER,
        "enforcing_success_rate": NEVER,
        "interval": duration(ejection.interval_s),
        "base_ejection_time": duration(ejection.base_s),
        "max_ejection_percent": wrapped(ejection.max_percent),
    }
    if ejection.max_s is not None:
        fields["max_ejection_time"] = duration(ejection.max_s)
    elif ejection.base_s > 300:  # Envoy's own bound, below which it does not let the base fall
        fields["max_ejection_time"] = duration(ejection.base_s)
    if ejection.consecutive_5xx:
        fields["consecutive_5xx"] = wrapped(ejection.consecutive_5xx)
    if ejection.consecutive_gateway:
        fields["consecutive_gateway_failure"] = wrapped(ejection.consecutive_gateway)
    return {"outlier_detection": fields}


def error_matcher(ejection: Ejection | None) -> Fields:
    """HttpProtocolOptions: the statuses that count as failures, where a rule lists them."""
    if ejection is None or not ejection.status_codes:
        return {}
    rules = [
        {"http_response_headers_match": {"headers": [{"name": ":status", "string_match": {"exact": str(code)}}]}}
        for code in ejection.status_codes
    ]
    return {"outlier_detection": {"error_matcher": rules[0] if len(rules) == 1 else {"or_match": {"rules": rules}}}}
