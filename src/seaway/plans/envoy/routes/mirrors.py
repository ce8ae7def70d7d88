"""Copies of requests, as Envoy's RequestMirrorPolicy."""

from __future__ import annotations

from collections.abc import Iterable

from seaway.model.names import upstream_cluster
from seaway.model.route import Mirror
from seaway.plans.envoy.proto import Fields, wrapped
from seaway.plans.envoy.routes.percentages import fraction


def mirror_policies(mirrors: Iterable[Mirror]) -> list[Fields]:
    """Copies go with the request's own Host, and are not traced."""
    return [_policy(one) for one in mirrors]


def _policy(mirror: Mirror) -> Fields:
    return {
        "cluster": upstream_cluster(mirror.to),
        "runtime_fraction": {"default_value": fraction(mirror.percent)},
        "trace_sampled": wrapped(False),
        "disable_shadow_host_suffix_append": True,
    }
