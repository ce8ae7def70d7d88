"""Sockets of the mesh's proxies: in whose network they open, by which mark the pod's rules know them, in whose name they speak TLS."""

from __future__ import annotations

from seaway.model.mesh import Member
from seaway.model.names import INBOUND_MARK, OUTBOUND_MARK, SHORT_DSCP, client_secret
from seaway.model.upstream import MutualMesh, Upstream
from seaway.plans.envoy.filters.terms import CALLER
from seaway.plans.envoy.leaving import NETWORK_NAMESPACE
from seaway.plans.envoy.mesh.alpn import client_alpn
from seaway.plans.envoy.mesh.tls import CALLER_SECRET, mesh_client_context
from seaway.plans.envoy.proto import Fields, FilterStateAddressSelector, RawBuffer, described, extension

TO_OTHERS, TO_APPLICATION = OUTBOUND_MARK, INBOUND_MARK

_UNACKNOWLEDGED_MS = 10_000  # a peer that has vanished with its network sends no reset; TCP by itself would go on for a quarter of an hour

_FROM_PROXY = "127.0.0.6"
"""What an application sees as the address of its own proxy, as in Istio: none that its network policy or its logs take for a caller's."""

_MATCH_NAMESPACE = "envoy.transport_socket_match"


def caller_state(member: Member, netns: str) -> Fields:
    """Listener filter: connections that stem from this one open in the pod's network, and show its certificate to the mesh.

    The first two are hashable, so that they take part in the key of Envoy's connection pools: no pod ever rides on another's connection.
    Set by the listener and not by its filter chains, so that these are the same for all pods that see the same.
    """
    values = [
        _value(NETWORK_NAMESPACE, netns),
        _value(CALLER_SECRET, client_secret(member.spiffe)),
        {**_value(CALLER, member.spiffe), "factory_key": "envoy.string"},
    ]
    name, message = "envoy.filters.listener.set_filter_state", "envoy.extensions.filters.listener.set_filter_state.v3.Config"
    return described(name, message, {"on_accept": values})


def _value(key: str, value: str) -> Fields:
    return {
        "object_key": key,
        "factory_key": "envoy.hashable_string",
        "format_string": {"text_format_source": {"inline_string": value.replace("%", "%%")}},
        "shared_with_upstream": "ONCE",
    }


def upstream_socket(mark: int, short: bool = False) -> Fields:
    """BindConfig: in the network that `caller_state` names, under this mark; `short`: past the inbound redirect of a pod on this node."""
    passing: list[Fields] = [{"description": "IP_TOS", "level": 0, "name": 1, "int_value": SHORT_DSCP << 2, "state": "STATE_PREBIND"}]
    return {
        "source_address": {"address": _FROM_PROXY if mark == TO_APPLICATION else "0.0.0.0", "port_value": 0},
        "socket_options": [
            {"description": "SO_MARK", "level": 1, "name": 36, "int_value": mark, "state": "STATE_PREBIND"},
            {"description": "TCP_USER_TIMEOUT", "level": 6, "name": 18, "int_value": _UNACKNOWLEDGED_MS, "state": "STATE_PREBIND"},
            *(passing if short else ()),
        ],
        "local_address_selector": extension("envoy.upstream.local_address_selector.filter_state_override", FilterStateAddressSelector()),
    }


def mesh_socket(upstream: Upstream, protection: MutualMesh, everywhere: bool, short: bool) -> Fields:
    """The cluster's fields: mutual TLS with those of its endpoints that can (`how_called`), plaintext with the rest.

    With all of them where the user says so, or where `everywhere`: all endpoints can. Without it, those that are not known beforehand
    (ORIGINAL_DST) are called in plaintext. `short`: with members on this node as it is.
    """
    encrypted = mesh_client_context(protection.identities, protection.sni, client_alpn(upstream))
    always = everywhere or not protection.automatic
    if always and not short:
        return {"transport_socket": encrypted}
    plain = extension("envoy.transport_sockets.raw_buffer", RawBuffer())
    here: list[Fields] = [{"name": "this node", "match": {"here": "yes"}, "transport_socket": plain}]
    mesh: list[Fields] = [{"name": "mesh", "match": {} if always else {"tlsMode": "istio"}, "transport_socket": encrypted}]
    others: list[Fields] = [{"name": "plaintext", "match": {}, "transport_socket": plain}]
    return {"transport_socket_matches": [*(here if short else ()), *mesh, *(() if always else others)]}


def how_called(mtls: bool, here: bool) -> Fields:
    """`filter_metadata` of an endpoint that takes mutual TLS, or is a member on this node. It says nothing of policies, so that one that
    changes replaces clusters alone.
    """
    said = {"tlsMode": "istio"} if mtls else {}
    said |= {"here": "yes"} if here else {}
    return {_MATCH_NAMESPACE: {"fields": {name: {"string_value": value} for name, value in said.items()}}} if said else {}
