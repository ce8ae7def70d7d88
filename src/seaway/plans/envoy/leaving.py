"""Whose network a gateway's calls leave from: the pod's in which the client's connection came."""

from __future__ import annotations

from seaway.plans.envoy.proto import Fields, SetFilterState, extension

NETWORK_NAMESPACE = "envoy.network.upstream_bind_override.network_namespace"


def leave_from(netns: str) -> Fields:
    """Network filter: upstream connections of this one open in that namespace (where the cluster has `callers_own_network`).

    The value takes part in the key of Envoy's connection pools, so no caller ever rides on another's connection.
    """
    value: Fields = {
        "object_key": NETWORK_NAMESPACE,
        "factory_key": "envoy.hashable_string",
        "format_string": {"text_format_source": {"inline_string": netns.replace("%", "%%")}},
        "shared_with_upstream": "ONCE",
    }
    return extension("envoy.filters.network.set_filter_state", SetFilterState(on_new_connection=[value]))
