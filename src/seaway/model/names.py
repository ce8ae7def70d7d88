"""Strings that two planes must agree on, each made by exactly one function here."""

from __future__ import annotations

from hashlib import blake2b

from seaway.model.service import ServiceName
from seaway.model.upstream import UpstreamId
from seaway.model.workload import PodName

NETNS_FOLDER = "ns"
"""Folder below the state folder that holds one network namespace file a pod and a node, inside the sandbox's own mount namespace."""

HOST_NETNS = "host"
"""Name of the namespace file for the network that `seaway up` was called in (absent without root)."""

SDS_SOCKET = "sds.sock"
"""The agent's socket below its node's folder, at which the node's Envoy asks for certificates."""


FLOWS_SOCKET = "flows.sock"
"""The agent's socket below its node's folder, at which the node's Envoy tells of flows."""

LIMITS_SOCKET, LIMITS_LOCK = "limits.sock", "limits.lock"
"""In the state folder: where one of the agents counts requests for all nodes, and what that one holds."""


def names_set(patterns: tuple[str, ...], proxied: bool) -> str:
    """The kernel's set of what DNS answers gave for these names: pairs of who asked and the address."""
    return f"named_{blake2b(repr((patterns, proxied)).encode(), digest_size=6).hexdigest()}"


def pod_netns(pod: PodName) -> str:
    """File name of a pod's network namespace below `NETNS_FOLDER`. Names hold no underscore, so it is unique."""
    return f"{pod.namespace}_{pod.name}"


def node_netns(node: str) -> str:
    """File name of a node's network namespace below `NETNS_FOLDER`."""
    return f"node_{node}"


def envoy_id(node: str, generation: int) -> str:
    """The name by which one of a node's Envoys asks for configuration; there are two while one replaces the other."""
    return f"{node}@{generation}"


def split_envoy_id(envoy: str) -> tuple[str, int]:
    """Node and generation of an Envoy; 0 where the name holds none."""
    node, _, generation = envoy.partition("@")
    return node, int(generation) if generation.isdecimal() else 0


def service_host(service: ServiceName, domain: str) -> str:
    """The fully qualified name of a Service, without the final dot."""
    return f"{service.name}.{service.namespace}.svc.{domain}"


def upstream_cluster(upstream: UpstreamId) -> str:
    """Envoy's cluster of an upstream, in the form that Istio's users know; a variant follows where there is one."""
    variant = f"|{upstream.variant}" if upstream.variant else ""
    return f"outbound|{upstream.port}|{upstream.subset}|{upstream.host}{variant}"


def gateway_routes(gateway: str, table: str, suffix: str = "") -> str:
    """Envoy's RouteConfiguration of a gateway: `http`, `https`, or a table of one of its certificates or servers."""
    return f"{gateway}/{table}{suffix}"


def server_secret_name(namespace: str, name: str) -> str:
    """SDS secret of a gateway's server, by the Secret that it stems from: what it holds may change, and moves no listener."""
    return f"kubernetes-gateway://{namespace}/{name}"


def outbound_listener(pod: PodName) -> str:
    """Envoy's listener inside a member for what leaves it."""
    return f"outbound/{pod}"


def inbound_listener(pod: PodName) -> str:
    """Envoy's listener inside a member for what comes to it."""
    return f"inbound/{pod}"


def outbound_routes(scope: str, port: int, host: str = "") -> str:
    """Envoy's RouteConfiguration of a scope for one port; with a host, for connections that are known to be for it."""
    return f"outbound/{scope}/{port}{'/' if host else ''}{host}"


def inbound_routes(slot: str, kind: str) -> str:
    """Envoy's RouteConfiguration of a set of workloads under one policy, for one kind of HTTP port."""
    return f"inbound/{slot}/{kind}"


def certificate_secret(certificate_id: str) -> str:
    """Name of the SDS secret that holds a gateway certificate."""
    return f"kubernetes://{certificate_id}"


def spiffe_id(trust_domain: str, namespace: str, service_account: str) -> str:
    """A workload's identity, in the form that Istio gives it."""
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"


ROOT_SECRET = "ROOTCA"
"""Name of the SDS secret that holds the roots which peers' certificates are verified against."""


def server_secret(spiffe: str) -> str:
    """Name of the SDS secret with an identity's certificate, as listeners serve it."""
    return f"server|{spiffe}"


def client_secret(spiffe: str) -> str:
    """Name of the same certificate, as it is fetched on demand for calls: of two subscriptions to one name on one delta stream, Envoy
    leaves the second without an answer."""
    return f"client|{spiffe}"


OUTBOUND_PORT, INBOUND_PORT = 15001, 15006
"""Where a member's proxy listens inside its pod for what leaves it, and for what comes."""

SHORT_DSCP = 43
"""DSCP of packets that the inbound redirect of a pod lets pass; from the pool for local use (RFC 2474, section 6: xxxx11)."""

OUTBOUND_MARK, INBOUND_MARK = 0x5EA1, 0x5EA2
"""Marks of the proxy's own sockets in a pod: towards others, and towards the pod's application. They pass the capture."""
