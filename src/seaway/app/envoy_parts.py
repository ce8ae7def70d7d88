"""What a piece of Envoy's configuration consists of, part by part with the line of each: filter chains, rules of authorization, TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]

_TREATMENT = {"pool": "connection pool", "ejection": "outlier detection"}
_ENDPOINTS = {"mesh": "endpoints that can", "plaintext": "the rest"}
_RBAC = ("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", "envoy.extensions.filters.network.rbac.v3.RBAC")


@dataclass(frozen=True, slots=True)
class Part:
    """`origin` is `file:line`, "" where none is known."""

    what: str
    origin: str


def cited(config: Config, name: str = "from") -> str:
    """What the metadata cite under this word; "" where they cite nothing."""
    found = config.get("metadata", {}).get("filter_metadata", {}).get("seaway", {}).get(name, "")
    return found if isinstance(found, str) else ""


def parts_of_listener(listener: Config) -> Iterator[Part]:
    """Its filter chains, each with the rules of authorization that stand in it."""
    default = listener.get("default_filter_chain")
    for chain in [*listener.get("filter_chains", ()), *([default] if default else [])]:
        yield Part(f"chain {chain.get('name') or '(only one)'}: {_taken(chain)} {_sent(chain)}", cited(chain))
        for one in chain.get("filters", ()):
            yield from rules_in(one.get("typed_config", {}))


def parts_of_routes(routes: Config) -> Iterator[Part]:
    """The rules of authorization that hold for all of them."""
    for one in routes.get("typed_per_filter_config", {}).values():
        yield from rules_in(one)


def parts_of_cluster(cluster: Config) -> Iterator[Part]:
    """What a DestinationRule says of it, and how its connections are protected."""
    for name, words in _TREATMENT.items():
        if line := cited(cluster, name):
            yield Part(words, line)
    sockets = {one.get("name", ""): one.get("transport_socket", {}) for one in cluster.get("transport_socket_matches", ())}
    if "transport_socket" in cluster:
        sockets["all endpoints"] = cluster["transport_socket"]
    for name, socket in sockets.items():
        yield Part(f"{_protection(socket)} to {_ENDPOINTS.get(name, name)}", cited(cluster, "tls") or cited(cluster))


def rules_in(config: Config) -> Iterator[Part]:
    """Rules of RBAC; each is named after the line that it stems from."""
    if not str(config.get("@type", "")).endswith(_RBAC):
        return
    held = config.get("rbac", config)
    for kind, how in (("rules", ""), ("shadow_rules", " (not enforced)")):
        rules = held.get(kind, {})
        for name in rules.get("policies", {}):
            policy, _, line = name.rpartition("@")
            yield Part(f"{rules.get('action', 'ALLOW')} {policy}{how}", line)


def _taken(chain: Config) -> str:
    """Which connections a chain takes."""
    match = chain.get("filter_chain_match", {})
    words = [
        *(f"{one['address_prefix']}/{one['prefix_len']}" for one in match.get("prefix_ranges", ())),
        *([f"port {match['destination_port']}"] if "destination_port" in match else []),
        *match.get("server_names", ()),
        *([match["transport_protocol"]] if "transport_protocol" in match else []),
        *match.get("application_protocols", ()),
    ]
    return " ".join(words) or "all others"


def _sent(chain: Config) -> str:
    """Where its connections, or the requests on them, go."""
    for one in reversed(chain.get("filters", ())):
        config = one.get("typed_config", {})
        if "rds" in config:
            return f"{_ended(chain)}-> routes {config['rds'].get('route_config_name', '')}"
        if "cluster" in config:
            return f"{_ended(chain)}-> {config['cluster']}"
        if "weighted_clusters" in config:
            return f"{_ended(chain)}-> {', '.join(each['name'] for each in config['weighted_clusters'].get('clusters', ()))}"
    return ""


def _ended(chain: Config) -> str:
    context = chain.get("transport_socket", {}).get("typed_config", {})
    if not context:
        return ""
    return "(mutual TLS) " if context.get("require_client_certificate") else "(TLS) "


def _protection(socket: Config) -> str:
    context = socket.get("typed_config", {})
    if "common_tls_context" not in context:
        return "plaintext"
    common = context["common_tls_context"]
    shown = "custom_tls_certificate_selector" in common or "tls_certificate_sds_secret_configs" in common or "tls_certificates" in common
    return f"{'mutual TLS' if shown else 'TLS'}{' as ' + context['sni'] if context.get('sni') else ''}"
