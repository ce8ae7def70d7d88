"""The kinds that `get` and `describe` know, by every name that kubectl users type."""

from __future__ import annotations

from difflib import get_close_matches

from seaway.core.errors import UsageError

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
    "Secret": ("secret", "secrets"),
    "ConfigMap": ("configmap", "configmaps", "cm"),
    "Gateway": ("gateway", "gateways", "gw"),
}

CLUSTER_SCOPED = frozenset({"Namespace", "Node", "IngressClass", "Gateway"})

_BY_NAME = {name: kind for kind, names in _KINDS.items() for name in names}


def kind_named(text: str) -> str:
    """The kind that this word means; UsageError with the nearest one else."""
    kind = _BY_NAME.get(text.lower())
    if kind is None:
        near = get_close_matches(text.lower(), _BY_NAME, 1)
        raise UsageError(f"no kind is called {text!r}", help=f"did you mean {near[0]}?" if near else f"kinds: {', '.join(sorted(_KINDS))}")
    return kind
