"""The kinds that Seaway models: their served API version, scope and struct.

A new kind is a row here, a struct in its API group's module, and a root in tools/generate_schema.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.resources import apps_v1, core_v1, discovery_v1, networking_v1
from seaway.resources.meta import Struct


@dataclass(frozen=True, slots=True)
class Kind:
    """One modelled kind. `group` is "" for the core group; `body` is the struct that its objects are read into."""

    group: str
    version: str
    body: type[Struct]
    namespaced: bool = True
    label_name: bool = False
    """The name must be a DNS label, not just a DNS subdomain."""

    @property
    def name(self) -> str:
        return self.body.__name__

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


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
)

KINDS = {(row.api_version, row.name): row for row in _ROWS}
"""Rows by `(apiVersion, kind)`."""

BY_NAME = {row.name: row for row in _ROWS}
"""Rows by kind; no two modelled kinds share a name."""

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
