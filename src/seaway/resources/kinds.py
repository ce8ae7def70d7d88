"""The kinds that Seaway models: their served API versions, scope and struct.

A new kind is a row here and a struct in its API group's module; one of Kubernetes' own also a root in tools/generate_schema.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.resources import apps_v1, core_v1, discovery_v1, networking_v1, seaway_v1
from seaway.resources.cilium_v2 import CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy
from seaway.resources.istio.authorization_policy import AuthorizationPolicy
from seaway.resources.istio.destination_rule import DestinationRule
from seaway.resources.istio.gateway import Gateway
from seaway.resources.istio.peer_authentication import PeerAuthentication
from seaway.resources.istio.request_authentication import RequestAuthentication
from seaway.resources.istio.service_entry import ServiceEntry
from seaway.resources.istio.sidecar import Sidecar
from seaway.resources.istio.telemetry import Telemetry
from seaway.resources.istio.virtual_service import VirtualService
from seaway.resources.istio.workload_entry import WorkloadEntry, WorkloadGroup
from seaway.resources.meta import Struct
from seaway.resources.policy_v1alpha1 import AdminNetworkPolicy, BaselineAdminNetworkPolicy
from seaway.resources.policy_v1alpha2 import ClusterNetworkPolicy


@dataclass(frozen=True, slots=True)
class Kind:
    """One modelled kind. `group` is "" for the core group; `body` is the struct that its objects are read into."""

    group: str
    version: str
    """The version that is recommended where there is a choice."""
    body: type[Struct]
    namespaced: bool = True
    label_name: bool = False
    """The name must be a DNS label, not just a DNS subdomain."""
    also_served: tuple[str, ...] = ()
    """Further versions, with the same fields and the same meaning."""
    whole: bool = False
    """The struct holds every field of the API, so that it is the schema, too; else there is one in schemas/."""

    @property
    def name(self) -> str:
        return self.body.__name__

    @property
    def api_version(self) -> str:
        return self.api_versions[0]

    @property
    def api_versions(self) -> tuple[str, ...]:
        """All that are served, the recommended one first."""
        return tuple(f"{self.group}/{one}" if self.group else one for one in (self.version, *self.also_served))


def _networking(body: type[Struct]) -> Kind:
    return Kind("networking.istio.io", "v1", body, also_served=("v1beta1", "v1alpha3"), whole=True)


def _security(body: type[Struct]) -> Kind:
    return Kind("security.istio.io", "v1", body, also_served=("v1beta1",), whole=True)


_ROWS = (
    Kind("", "v1", core_v1.Namespace, namespaced=False, label_name=True),
    Kind("", "v1", core_v1.Pod),
    Kind("", "v1", core_v1.Service, label_name=True),
    Kind("", "v1", core_v1.Endpoints),
    Kind("", "v1", core_v1.ServiceAccount),
    Kind("", "v1", core_v1.Secret),
    Kind("", "v1", core_v1.ConfigMap),
    Kind("apps", "v1", apps_v1.Deployment),
    Kind("apps", "v1", apps_v1.ReplicaSet),
    Kind("apps", "v1", apps_v1.StatefulSet),
    Kind("apps", "v1", apps_v1.DaemonSet),
    Kind("batch", "v1", apps_v1.Job),
    Kind("discovery.k8s.io", "v1", discovery_v1.EndpointSlice),
    Kind("networking.k8s.io", "v1", networking_v1.Ingress),
    Kind("networking.k8s.io", "v1", networking_v1.IngressClass, namespaced=False),
    Kind("networking.k8s.io", "v1", networking_v1.NetworkPolicy),
    _networking(VirtualService),
    _networking(DestinationRule),
    _networking(Gateway),
    _networking(ServiceEntry),
    _networking(WorkloadEntry),
    _networking(WorkloadGroup),
    _networking(Sidecar),
    _security(PeerAuthentication),
    _security(RequestAuthentication),
    _security(AuthorizationPolicy),
    Kind("telemetry.istio.io", "v1", Telemetry, also_served=("v1alpha1",), whole=True),
    Kind("policy.networking.k8s.io", "v1alpha1", AdminNetworkPolicy, namespaced=False, whole=True),
    Kind("policy.networking.k8s.io", "v1alpha1", BaselineAdminNetworkPolicy, namespaced=False, whole=True),
    Kind("policy.networking.k8s.io", "v1alpha2", ClusterNetworkPolicy, namespaced=False, whole=True),
    Kind("cilium.io", "v2", CiliumNetworkPolicy, whole=True),
    Kind("cilium.io", "v2", CiliumClusterwideNetworkPolicy, namespaced=False, whole=True),
    Kind("seaway.dev", "v1alpha1", seaway_v1.RateLimitPolicy, whole=True),
)

KINDS = {(version, row.name): row for row in _ROWS for version in row.api_versions}
"""Rows by `(apiVersion, kind)`."""

BY_NAME: dict[str, tuple[Kind, ...]] = {
    name: tuple(row for row in _ROWS if row.name == name) for name in dict.fromkeys(row.name for row in _ROWS)
}
"""Rows by kind. Kinds of two API groups may share a name."""

_INGRESS = "a backend is now `service: {name, port: {number}}`, and every path needs a pathType."
_SELECTOR = "spec.selector is required now."
_SAME = "they are the same."

REMOVED: dict[tuple[str, str], tuple[str, str]] = {
    ("extensions/v1beta1", "Deployment"): ("1.16", _SELECTOR),
    ("extensions/v1beta1", "DaemonSet"): ("1.16", _SELECTOR),
    ("extensions/v1beta1", "ReplicaSet"): ("1.16", _SELECTOR),
    ("extensions/v1beta1", "Ingress"): ("1.22", _INGRESS),
    ("apps/v1beta1", "Deployment"): ("1.16", _SELECTOR),
    ("apps/v1beta1", "StatefulSet"): ("1.16", _SELECTOR),
    ("apps/v1beta2", "Deployment"): ("1.16", _SELECTOR),
    ("apps/v1beta2", "StatefulSet"): ("1.16", _SELECTOR),
    ("apps/v1beta2", "DaemonSet"): ("1.16", _SELECTOR),
    ("apps/v1beta2", "ReplicaSet"): ("1.16", _SELECTOR),
    ("networking.k8s.io/v1beta1", "Ingress"): ("1.22", _INGRESS),
    ("networking.k8s.io/v1beta1", "IngressClass"): ("1.22", _SAME),
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): ("1.25", "topology became nodeName, zone and deprecatedTopology."),
}
"""API versions that modelled kinds had once: the release that removed them, and what changed with the version that is served.

https://kubernetes.io/docs/reference/using-api/deprecation-guide/
"""
