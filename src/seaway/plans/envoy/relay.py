"""A second, tiny Envoy for ordinary users: it listens on the user's loopback and hands bytes to the node's Envoy over unix sockets.

Without root no link can join the user's network with the sandbox's; a socket in the file system can be reached from both.
"""

from __future__ import annotations

import json

from seaway.plans.envoy.bootstrap import overload_manager
from seaway.plans.envoy.proto import Fields

TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"

# A node's Envoy that starts, or takes another's place, has bound its socket for some milliseconds before it listens on it.
PATIENCE: Fields = {"max_connect_attempts": 50, "backoff_options": {"base_interval": "0.01s", "max_interval": "0.1s"}}


def render_relay(ports: tuple[tuple[int, str], ...]) -> str:
    """Its bootstrap: each (port, path of a unix socket) is a plain TCP proxy from 127.0.0.1:port."""
    listeners: list[Fields] = []
    clusters: list[Fields] = []
    for port, path in ports:
        name = f"loopback-{port}"
        proxy: Fields = {"@type": TCP_PROXY, "stat_prefix": name, "cluster": name, **PATIENCE}
        address: Fields = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
        filters: list[Fields] = [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]
        listeners.append({"name": name, "address": address, "filter_chains": [{"filters": filters}]})
        endpoint: Fields = {"endpoint": {"address": {"pipe": {"path": path}}}}
        assignment: Fields = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
        clusters.append({"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": assignment})
    static: Fields = {"listeners": listeners, "clusters": clusters}
    return json.dumps({"static_resources": static, "overload_manager": overload_manager(1)}, indent=1)
