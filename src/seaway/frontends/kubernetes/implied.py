"""Objects that every cluster has without anyone writing them: namespaces, their default service accounts, cluster DNS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from seaway.core.codes.workloads import NAMESPACE_MISSING
from seaway.core.finding import Findings, finding
from seaway.core.memo import Memo
from seaway.core.names import SYSTEM_NAMESPACE, Key
from seaway.frontends.kubernetes.service_addresses import is_cluster_dns
from seaway.model.cluster import Cluster
from seaway.resources.core_v1 import Namespace, Service
from seaway.resources.load import resource_of
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot, snapshot_of

NAME_LABEL = "kubernetes.io/metadata.name"
_ALWAYS = ("default", "kube-system")
_EXPECTED = frozenset({*_ALWAYS, "kube-public", "kube-node-lease", SYSTEM_NAMESPACE})


def with_implied(snapshot: Snapshot, cluster: Cluster, memo: Memo) -> tuple[Snapshot, Findings]:
    """The snapshot with cluster DNS, all namespaces that are used (each labelled with its name), and their default ServiceAccounts.

    A namespace that the manifests use without defining it is noted. Objects that are there already are left as they are.
    """
    objects = dict(snapshot.objects)
    for resource in () if any(map(is_cluster_dns, snapshot.of(Service))) else memo("dns", _cluster_dns, cluster):
        objects.setdefault(resource.key, resource)
    findings: Findings = ()
    used = dict.fromkeys(_ALWAYS) | {key.namespace: resource for key, resource in objects.items() if key.namespace}
    for name, user in used.items():
        if Key("", "Namespace", "", name) in objects:
            continue
        if user is not None and name not in _EXPECTED:
            findings += (finding(NAMESPACE_MISSING, user.at("metadata", "namespace"), user.key, namespace=name),)
        made = memo(name, _namespace, name)
        objects[made.key] = made
    for resource in [one for one in objects.values() if isinstance(one.body, Namespace)]:
        objects[resource.key] = memo(resource.key, _labelled, resource)
        account = memo(resource.key.name, _default_account, resource.key.name)
        objects.setdefault(account.key, account)
    return snapshot_of(objects.values(), snapshot.findings, snapshot.not_modelled), findings


def with_objects(snapshot: Snapshot, more: tuple[Resource[Any], ...]) -> Snapshot:
    """The snapshot with more objects; those that are there already stay."""
    objects = {**{one.key: one for one in more}, **snapshot.objects}
    return snapshot_of(objects.values(), snapshot.findings, snapshot.not_modelled)


def _namespace(name: str) -> Resource[Any]:
    return resource_of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def _default_account(namespace: str) -> Resource[Any]:
    return resource_of({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}})


def _labelled(resource: Resource[Any]) -> Resource[Any]:
    """A namespace with the label that the API server gives each (kubernetes.io/metadata.name)."""
    if resource.meta.labels.get(NAME_LABEL) == resource.key.name:
        return resource
    meta = msgspec.structs.replace(resource.meta, labels={**resource.meta.labels, NAME_LABEL: resource.key.name})
    return replace(resource, meta=meta, body=Namespace(metadata=meta))


def _cluster_dns(cluster: Cluster) -> tuple[Resource[Any], ...]:
    return tuple(_core_dns(cluster))


def _core_dns(cluster: Cluster) -> Iterator[Resource[Any]]:
    """CoreDNS as kubeadm sets it up: Deployment coredns behind Service kube-dns. The node's own DNS server answers in its pod."""
    labels = {"k8s-app": "kube-dns"}
    ports = [("dns", "UDP"), ("dns-tcp", "TCP")]
    container = {
        "name": "coredns",
        "image": "coredns",
        "ports": [{"name": name, "containerPort": 53, "protocol": protocol} for name, protocol in ports],
    }
    pod = {"serviceAccountName": "coredns", "dnsPolicy": "Default", "containers": [container]}
    yield resource_of({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "coredns", "namespace": "kube-system"}})
    yield resource_of(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "coredns", "namespace": "kube-system", "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }
    )
    yield resource_of(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "spec": {
                "selector": labels,
                "clusterIP": cluster.dns_address,
                "ports": [{"name": name, "port": 53, "protocol": protocol} for name, protocol in ports],
            },
        }
    )
