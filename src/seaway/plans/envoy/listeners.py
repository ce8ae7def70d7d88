"""Listeners of gateway pods: sockets in each pod's own network namespace, TLS by server name, and whose network answers leave from."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.names import Key
from seaway.model.certificate import Certificate
from seaway.model.names import certificate_secret, node_netns, pod_netns
from seaway.model.route import Gateway
from seaway.model.workload import Pod
from seaway.plans.envoy.access_logs import connection_log
from seaway.plans.envoy.connection_manager import build_connection_manager
from seaway.plans.envoy.mesh.tls import call_as
from seaway.plans.envoy.proto import ADS, DownstreamTlsContext, Fields, Listener, SetFilterState, TlsInspector, extension, seconds
from seaway.plans.envoy.refusals import refuses_host
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.protocols.flow_entry import Reporter
from seaway.protocols.xds_resource import LISTENER, XdsResource

HANDSHAKE_TIMEOUT_S = 15
NETWORK_NAMESPACE = "envoy.network.upstream_bind_override.network_namespace"


def listener_name(pod: Pod, port: int) -> str:
    """Name of a gateway pod's listener on one port."""
    return f"gateway/{pod.id.namespace}/{pod.id.name}/{port}"


def plan_gateway_listeners(gateway: Gateway, pod: Pod, netns_folder: str, default: Certificate, caller: str) -> Iterator[XdsResource]:
    """One listener a port. Where a port is named for both schemes it speaks plain HTTP.

    `caller` is the pod's SPIFFE ID, "" outside the mesh.
    """
    netns = f"{netns_folder}/{node_netns(pod.node) if pod.host_network else pod_netns(pod.id)}"
    leaving = [leave_from(netns), *([call_as(caller)] if caller else [])]
    for port in sorted(set(gateway.http_ports)):
        filters = [*leaving, build_connection_manager(gateway, False, port)]
        yield _listener(gateway, pod, netns, port, {"filter_chains": [{"filters": filters}]})
    for port in sorted(set(gateway.https_ports) - set(gateway.http_ports)):
        filters = [*leaving, build_connection_manager(gateway, True, port)]
        yield _listener(gateway, pod, netns, port, _tls_chains(gateway, filters, default))


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


def certificates(gateway: Gateway, default: Certificate) -> dict[str, tuple[Certificate, tuple[str, ...]]]:
    """The gateway's certificates by id, each with the server names that it answers, every name once; the default one always."""
    groups: dict[str, tuple[Certificate, tuple[str, ...]]] = {default.id: (default, ())}
    seen: set[str] = set()
    for entry in gateway.tls:
        host = entry.host.lower()
        if host in seen or host == "*" or refuses_host(host):
            continue
        seen.add(host)
        certificate = entry.certificate or default
        groups[certificate.id] = (certificate, (*groups.get(certificate.id, (certificate, ()))[1], host))
    return groups


def _listener(gateway: Gateway, pod: Pod, netns: str, port: int, chains: Fields) -> XdsResource:
    name = listener_name(pod, port)
    address = {"address": "0.0.0.0", "port_value": port, "network_namespace_filepath": netns}
    listener = Listener(
        name=name,
        stat_prefix=name,
        address={"socket_address": address},
        metadata=provenance(gateway.origin, pod.owner),
        access_log=connection_log(Reporter.GATEWAY),
        **chains,
    )
    owners: set[Key | None] = {pod.owner}
    if port not in gateway.http_ports:
        owners |= {entry.certificate.owner for entry in gateway.tls if entry.certificate is not None}
    return build_resource(LISTENER, name, listener, owners)


def _tls_chains(gateway: Gateway, filters: list[Fields], default: Certificate) -> Fields:
    """A chain a certificate, picked by SNI; the default certificate for unknown names and for none.

    Envoy's `*.` server names match any depth where certificates mean one label: a deeper name then gets the wildcard's certificate
    instead of the default one, and its client refuses either. Which host is served is decided by the Host header alone, on every
    connection, as ingress-nginx does; a client that reuses a connection for another host of the same certificate is answered.
    """
    groups = certificates(gateway, default)
    chains = [
        {**_tls_chain(one, filters), "filter_chain_match": {"server_names": sorted(names)}}
        for _, (one, names) in sorted(groups.items())
        if names
    ]
    return {
        "listener_filters": [extension("envoy.filters.listener.tls_inspector", TlsInspector())],
        "filter_chains": chains,
        "default_filter_chain": _tls_chain(default, filters),
    }


def _tls_chain(certificate: Certificate, filters: list[Fields]) -> Fields:
    secret = certificate_secret(certificate.id)
    context = DownstreamTlsContext(
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificate_sds_secret_configs": [{"name": secret, "sds_config": ADS}],
        },
    )
    return {
        "name": secret,
        "filters": filters,
        "transport_socket": extension("envoy.transport_sockets.tls", context),
        "transport_socket_connect_timeout": seconds(HANDSHAKE_TIMEOUT_S),
    }
