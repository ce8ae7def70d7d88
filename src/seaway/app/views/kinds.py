"""The kinds that `get` and `describe` know, by every name that kubectl users type."""

from __future__ import annotations

from difflib import get_close_matches

from seaway.core.errors import UsageError
from seaway.core.names import Key

_NETWORKING, _SECURITY = "networking.istio.io", "security.istio.io"

ISTIO_GATEWAY = "Gateway.networking.istio.io"
"""Istio's kind. `Gateway` alone is the model's own: pods that serve as one, whichever API it stems from."""

_KINDS: dict[str, tuple[str, ...]] = {
    "Namespace": ("namespace", "namespaces", "ns"),
    "Node": ("node", "nodes", "no"),
    "Pod": ("pod", "pods", "po"),
    "Deployment": ("deployment", "deployments", "deploy"),
    "ReplicaSet": ("replicaset", "replicasets", "rs"),
    "StatefulSet": ("statefulset", "statefulsets", "sts"),
    "DaemonSet": ("daemonset", "daemonsets", "ds"),
    "Job": ("job", "jobs"),
    "ServiceAccount": ("serviceaccount", "serviceaccounts", "sa"),
    "Service": ("service", "services", "svc"),
    "Endpoints": ("endpoints", "ep"),
    "EndpointSlice": ("endpointslice", "endpointslices"),
    "Ingress": ("ingress", "ingresses", "ing"),
    "IngressClass": ("ingressclass", "ingressclasses"),
    "NetworkPolicy": ("networkpolicy", "networkpolicies", "netpol"),
    "AdminNetworkPolicy": ("adminnetworkpolicy", "adminnetworkpolicies", "anp"),
    "BaselineAdminNetworkPolicy": ("baselineadminnetworkpolicy", "baselineadminnetworkpolicies", "banp"),
    "ClusterNetworkPolicy": ("clusternetworkpolicy", "clusternetworkpolicies", "cnp"),
    "CiliumNetworkPolicy": ("ciliumnetworkpolicy", "ciliumnetworkpolicies", "ciliumnp"),
    "CiliumClusterwideNetworkPolicy": ("ciliumclusterwidenetworkpolicy", "ciliumclusterwidenetworkpolicies", "ccnp"),
    "Secret": ("secret", "secrets"),
    "ConfigMap": ("configmap", "configmaps", "cm"),
    "Gateway": ("gateway", "gateways", "gw"),
    "VirtualService": ("virtualservice", "virtualservices", "vs"),
    "DestinationRule": ("destinationrule", "destinationrules", "dr"),
    ISTIO_GATEWAY: ("istiogateway", "istiogateways", "gateways.networking.istio.io", "gateway.networking.istio.io"),
    "ServiceEntry": ("serviceentry", "serviceentries", "se"),
    "WorkloadEntry": ("workloadentry", "workloadentries", "we"),
    "WorkloadGroup": ("workloadgroup", "workloadgroups", "wg"),
    "Sidecar": ("sidecar", "sidecars"),
    "PeerAuthentication": ("peerauthentication", "peerauthentications", "pa"),
    "RequestAuthentication": ("requestauthentication", "requestauthentications", "ra"),
    "AuthorizationPolicy": ("authorizationpolicy", "authorizationpolicies", "ap"),
    "RateLimitPolicy": ("ratelimitpolicy", "ratelimitpolicies"),
}

_GROUPS = {
    _NETWORKING: ("VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry", "WorkloadGroup", "Sidecar"),
    _SECURITY: ("PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy"),
    "policy.networking.k8s.io": ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"),
    "cilium.io": ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"),
    "seaway.dev": ("RateLimitPolicy",),
}
"""The kinds that may be named with their group, as kubectl takes them."""

CLUSTER_SCOPED = frozenset(
    {
        *("Namespace", "Node", "IngressClass", "Gateway"),
        *("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"),
        "CiliumClusterwideNetworkPolicy",
    }
)

_BY_NAME = {name: kind for kind, names in _KINDS.items() for name in names} | {
    f"{name}.{group}": kind for group, kinds in _GROUPS.items() for kind in kinds for name in _KINDS[kind]
}


def kind_named(text: str) -> str:
    """The kind that this word means; UsageError with the nearest one else."""
    kind = _BY_NAME.get(text.lower())
    if kind is None:
        near = get_close_matches(text.lower(), _BY_NAME, 1)
        raise UsageError(f"no kind is called {text!r}", help=f"did you mean {near[0]}?" if near else f"kinds: {', '.join(sorted(_KINDS))}")
    return kind


def is_of_kind(key: Key, kind: str) -> bool:
    """Whether the object is of this kind. The model's own Gateway is no object's."""
    if kind == "Gateway":
        return False
    name, _, group = kind.partition(".")
    return key.kind == name and group in ("", key.group)
