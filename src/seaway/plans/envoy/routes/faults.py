"""Failures on purpose: configuration of Envoy's fault filter for one route."""

from __future__ import annotations

from google.protobuf.message import Message

from seaway.model.route import Abort, Fault
from seaway.plans.envoy.proto import Fields, HttpFault, duration, pack
from seaway.plans.envoy.routes.percentages import fraction

FILTER = "envoy.filters.http.fault"


def fault_config(fault: Fault) -> Message:
    """For the route's `typed_per_filter_config`."""
    fields: dict[str, object] = {}
    if fault.delay is not None:
        fields["delay"] = {"fixed_delay": duration(fault.delay.seconds), "percentage": fraction(fault.delay.percent)}
    if fault.abort is not None:
        fields["abort"] = {**_status(fault.abort), "percentage": fraction(fault.abort.percent)}
    return pack(HttpFault(**fields))


def _status(abort: Abort) -> Fields:
    return {"http_status": abort.status} if abort.grpc is None else {"grpc_status": abort.grpc}
