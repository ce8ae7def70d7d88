"""Objects that are there although nobody wrote them."""

import pytest

from seaway.core.finding import Severity
from seaway.core.names import Key
from seaway.frontends.kubernetes.implied import NAME_LABEL
from seaway.model.workload import DnsServer, GatewayProxy, Protocol

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: %s}\nspec: {containers: [{name: main}]}\n"


def test_an_empty_folder_is_a_cluster_with_dns_and_a_gateway(build):
    world = build("")
    assert {type(pod.runs) for pod in world.built.model.pods} == {DnsServer, GatewayProxy}
    dns = world.service("kube-dns", "kube-system")
    assert dns.cluster_ip == "10.96.0.10"
    assert [(port.name, port.port, port.protocol) for port in dns.ports] == [("dns", 53, Protocol.UDP), ("dns-tcp", 53, Protocol.TCP)]
    assert [backend.ports for backend in dns.backends] == [(53, 53)]
    assert len(world.built.model.gateways) == 1
    assert world.built.findings == ()


def test_namespaces_that_are_used_are_made_and_noted(build):
    world = build(POD % "shop" + "---\n" + POD.replace("one", "two") % "shop")
    assert world.finding("NET0211").message == "namespace shop is used but not defined"
    made = world.built.snapshot.objects[Key("", "Namespace", "", "shop")]
    assert made.meta.labels == {NAME_LABEL: "shop"}


@pytest.mark.parametrize("namespace", ["default", "kube-system", "kube-public"])
def test_namespaces_that_every_cluster_has_are_not_noted(build, namespace):
    assert not build(POD % namespace).codes(*Severity)


def test_defined_namespaces_keep_their_labels_and_get_their_name(build):
    world = build("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n---\n" + POD % "shop")
    namespace = world.built.snapshot.objects[Key("", "Namespace", "", "shop")]
    assert namespace.meta.labels == namespace.body.metadata.labels == {"team": "a", NAME_LABEL: "shop"}
    assert Key("", "ServiceAccount", "shop", "default") in world.built.snapshot.objects
    assert not world.built.findings


def test_cluster_dns_of_the_manifests_is_kept(build):
    text = """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: dns, namespace: kube-system}
        spec:
          selector: {matchLabels: {k8s-app: kube-dns}}
          template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: [{name: dns}]}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: kube-dns, namespace: kube-system}
        spec: {selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}
        """
    world = build(text, nodes=2)
    assert [type(pod.runs) for pod in world.pods("kube-system")] == [DnsServer, DnsServer]
    assert world.service("kube-dns", "kube-system").cluster_ip == "10.96.0.10", "an address of its own it does not ask for"


def test_the_snapshots_version_changes_with_its_content_only(build):
    assert build(POD % "shop").built.snapshot.version == build("# a comment\n" + POD % "shop").built.snapshot.version
    assert build(POD % "shop").built.snapshot.version != build(POD % "other").built.snapshot.version
