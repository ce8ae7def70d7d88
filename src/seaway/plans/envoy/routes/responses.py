"""Answers without a backend, as Envoy's DirectResponseAction."""

from __future__ import annotations

from seaway.model.route import Respond
from seaway.plans.envoy.proto import Fields

LARGEST_BODY = 1 << 20
"""Bytes; each RouteConfiguration raises Envoy's own bound of 4,096 to it."""

MAX_WHY = 1000  # characters


def direct_response(respond: Respond) -> Fields:
    if respond.body:
        return {"status": respond.status, "body": {"inline_bytes": respond.body}}
    return {"status": respond.status, **({"body": {"inline_string": f"{respond.why[:MAX_WHY]}\n"}} if respond.why else {})}
