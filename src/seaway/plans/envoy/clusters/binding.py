"""Where upstream sockets open, for callers that are not captured."""

from __future__ import annotations

from seaway.plans.envoy.proto import Fields, FilterStateAddressSelector, extension

UNACKNOWLEDGED_MS = 10_000  # a peer that has vanished with its network sends no reset; TCP by itself would go on for a quarter of an hour


def callers_own_network() -> Fields:
    """BindConfig: the upstream socket opens in the network namespace that the listener put into filter state, else in Envoy's own."""
    user_timeout = {"description": "TCP_USER_TIMEOUT", "level": 6, "name": 18, "int_value": UNACKNOWLEDGED_MS, "state": "STATE_PREBIND"}
    return {
        "source_address": {"address": "0.0.0.0", "port_value": 0},
        "socket_options": [user_timeout],
        "local_address_selector": extension("envoy.upstream.local_address_selector.filter_state_override", FilterStateAddressSelector()),
    }
