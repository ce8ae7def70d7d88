"""Listeners of gateway pods: sockets in each pod's own network namespace, TLS by server name, and whose network answers leave from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seaway.core.names import Key
from seaway.model.certificate import Certificate
from seaway.model.index import Model
from seaway.model.names import certificate_secret, node_netns, pod_netns
from seaway.model.route import EdgePort, Gateway
from seaway.model.workload import Pod
from seaway.plans.envoy.access_logs import connection_log
from seaway.plans.envoy.connection_manager import build_connection_manager
from seaway.plans.envoy.edges.chains import Door, chain_owners, server_chains
from seaway.plans.envoy.gateway_place import place_of, routes_by_claims
from seaway.plans.envoy.leaving import leave_from
from seaway.plans.envoy.mesh.tls import call_as
from seaway.plans.envoy.proto import ADS, DownstreamTlsContext, Fields, Listener, TlsInspector, extension
from seaway.plans.envoy.refusals import refuses_host
from seaway.plans.envoy.resource import build_resource, provenance
from seaway.plans.envoy.timeouts import HANDSHAKE
from seaway.protocols.flow_entry import Reporter
from seaway.protocols.xds_resource import LISTENER, XdsResource


def listener_name(pod: Pod, port: int, address: str = "") -> str:
    """Name of a gateway pod's listener on one port, at one of the pod's addresses or at all of them ("")."""
    return f"gateway/{pod.id.namespace}/{pod.id.name}/{port}{f'/{address}' if address else ''}"


def plan_gateway_listeners(model: Model, gateway: Gateway, pod: Pod, netns_folder: str, default: Certificate) -> Iterator[XdsResource]:
    """One listener a port, of Ingresses and of other objects' servers. Where a port is named for both schemes it speaks plain HTTP.

    `default` is the certificate for server names that have no other.
    """
    netns = f"{netns_folder}/{node_netns(pod.node) if pod.host_network else pod_netns(pod.id)}"
    caller = model.member[pod.id].spiffe if pod.id in model.member else ""
    leaving = (leave_from(netns), *((call_as(caller),) if caller else ()))
    door = Door(model, gateway, place_of(model, gateway, pod.id), caller, leaving)
    taken = {edge.number for edge in gateway.edges if not edge.address}
    for port in sorted(set(gateway.http_ports) - taken):
        manager = build_connection_manager(door.place, "http", routes_by_claims(gateway), port)
        yield _listener(door, pod, netns, EdgePort(port, "", False, ()), {"filter_chains": [{"filters": [*leaving, manager]}]})
    for port in sorted(set(gateway.https_ports) - set(gateway.http_ports) - taken):
        chains = {"listener_filters": [_inspector()], **_tls_chains(door, default, ())}
        yield _listener(door, pod, netns, EdgePort(port, "", True, ()), chains)
    for edge in gateway.edges:
        yield _listener(door, pod, netns, edge, _edge_chains(edge, door, default))


def certificates(gateway: Gateway, default: Certificate) -> dict[str, tuple[Certificate, tuple[str, ...]]]:
    """The certificates of Ingresses by id, each with the server names that it answers, every name once; the default one always."""
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


def certificate_table(certificate: Certificate) -> str:
    """The table of routes for connections with a certificate of an Ingress, by its Secret: what that holds may change."""
    owner = certificate.owner
    return f"https/{owner.namespace}/{owner.name}" if owner is not None else f"https/{certificate.id}"


def _edge_chains(edge: EdgePort, door: Door, default: Certificate) -> Fields:
    """Servers' chains; on the port of Ingresses' TLS theirs too, for names that no server has."""
    chains = list(server_chains(edge, door))
    if not edge.by_name:
        return {"filter_chains": chains}
    gateway = door.gateway
    theirs: Fields = {}
    if gateway.hosts and not edge.address and edge.number in gateway.https_ports:
        theirs = _tls_chains(door, default, {name for server in edge.servers for name in server.names})
        if any(not server.names for server in edge.servers):  # one that takes any name
            theirs = {name: value for name, value in theirs.items() if name == "filter_chains"}
    others = theirs.get("filter_chains", ())
    assert isinstance(others, list | tuple)
    return {"listener_filters": [_inspector()], **theirs, "filter_chains": [*chains, *others]}


def _inspector() -> Fields:
    return extension("envoy.filters.listener.tls_inspector", TlsInspector())


def _listener(door: Door, pod: Pod, netns: str, edge: EdgePort, chains: Fields) -> XdsResource:
    gateway = door.gateway
    name = listener_name(pod, edge.number, edge.address)
    address = {"address": edge.address or "0.0.0.0", "port_value": edge.number, "network_namespace_filepath": netns}
    listener = Listener(
        name=name,
        stat_prefix=name,
        address={"socket_address": address},
        metadata=provenance(gateway.origin, pod.owner),
        access_log=connection_log(Reporter.GATEWAY),
        **chains,
    )
    owners: set[Key | None] = {pod.owner, *chain_owners(edge, door)}
    if edge.by_name:
        owners |= {entry.certificate.owner for entry in gateway.tls if entry.certificate is not None}
    return build_resource(LISTENER, name, listener, owners)


def _tls_chains(door: Door, default: Certificate, taken: Iterable[str]) -> Fields:
    """A chain a certificate of Ingresses, picked by SNI; the default certificate for unknown names and for none.

    Envoy's `*.` server names match any depth where certificates mean one label: a deeper name then gets the wildcard's certificate
    instead of the default one, and its client refuses either. A certificate's chain has routes of its own: hosts that it is not for are
    answered 421, since a client that asks for one has kept a connection for too long. With the default certificate all hosts are
    answered, as ingress-nginx does: whoever takes it does not mind the name. `taken` are names that others have.
    """
    groups = certificates(door.gateway, default)
    free = ((one, sorted(set(names).difference(taken))) for _, (one, names) in sorted(groups.items()))
    chains = [
        {**_tls_chain(one, door, "https" if one is default else certificate_table(one)), "filter_chain_match": {"server_names": names}}
        for one, names in free
        if names
    ]
    return {"filter_chains": chains, "default_filter_chain": _tls_chain(default, door, "https")}


def _tls_chain(certificate: Certificate, door: Door, table: str) -> Fields:
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
        "filters": [*door.leaving, build_connection_manager(door.place, table, routes_by_claims(door.gateway))],
        "transport_socket": extension("envoy.transport_sockets.tls", context),
        "transport_socket_connect_timeout": HANDSHAKE,
    }
