"""Resolver, host names, service accounts and what runs."""

import pytest

from seaway.core.finding import Severity
from seaway.model.workload import DnsServer, GatewayProxy, ResolvConf, Standin

CLUSTER_SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("", ResolvConf(("10.96.0.10",), CLUSTER_SEARCH, ("ndots:5",)), id="cluster-first"),
        pytest.param("dnsPolicy: Default", ResolvConf((), (), ()), id="node"),
        pytest.param("hostNetwork: true", ResolvConf((), (), ()), id="host-network-means-node"),
        pytest.param(
            "hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet",
            ResolvConf(("10.96.0.10",), CLUSTER_SEARCH, ("ndots:5",)),
            id="host-network",
        ),
        pytest.param(
            "dnsPolicy: None, dnsConfig: {nameservers: [192.0.2.1], searches: [a.example], options: [{name: timeout, value: '1'}, {name: rotate}]}",
            ResolvConf(("192.0.2.1",), ("a.example",), ("timeout:1", "rotate")),
            id="own",
        ),
        pytest.param(
            "dnsConfig: {nameservers: [192.0.2.1, 10.96.0.10], searches: [a.example, cluster.local], options: [{name: ndots, value: '2'}]}",
            ResolvConf(("10.96.0.10", "192.0.2.1"), (*CLUSTER_SEARCH, "a.example"), ("ndots:2",)),
            id="merged",
        ),
        pytest.param(
            "dnsConfig: {nameservers: [192.0.2.1, 192.0.2.2, 192.0.2.3]}",
            ResolvConf(("10.96.0.10", "192.0.2.1", "192.0.2.2"), CLUSTER_SEARCH, ("ndots:5",)),
            id="three-servers-at-most",
        ),
    ],
)
def test_resolv_conf(build, deployment, spec, expected):
    world = build(deployment(spec=spec))
    assert world.pod.resolv_conf == expected
    assert ("NET0220" in world.codes(Severity.NOTE)) is (not expected.nameservers)


def test_pods_ask_the_dns_service_of_the_manifests(build, deployment):
    text = """
---
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {clusterIP: 10.96.0.53, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}
"""
    world = build(deployment() + text)
    assert world.pod.resolv_conf.nameservers == ("10.96.0.53",)
    assert world.pods("kube-system") == []


@pytest.mark.parametrize(
    ("spec", "hostname"),
    [
        pytest.param("hostname: db", "db", id="hostname"),
        pytest.param("hostname: db, subdomain: sub", "db", id="subdomain"),
        pytest.param("hostname: db, subdomain: sub, setHostnameAsFQDN: true", "db.sub.default.svc.cluster.local", id="fqdn"),
        pytest.param("hostname: db, setHostnameAsFQDN: true", "db", id="fqdn-without-subdomain"),
    ],
)
def test_host_names(build, deployment, spec, hostname):
    pod = build(deployment(spec=spec)).pod
    assert pod.hostname == hostname
    assert pod.subdomain == ("sub" if "sub:" in spec or "subdomain" in spec else "")


def test_a_host_name_that_linux_cannot_hold(build, deployment):
    world = build(deployment(spec=f"hostname: {'h' * 40}, subdomain: sub, setHostnameAsFQDN: true"))
    assert world.pods() == []
    assert world.finding("NET0221")


def test_long_pod_names_are_cut_for_the_host_name(build):
    name = "p" * 62 + ".x"
    assert build(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: main}}]}}").pod.hostname == "p" * 62


def test_host_aliases(build, deployment):
    pod = build(deployment(spec="hostAliases: [{ip: 192.0.2.1, hostnames: [a, b]}]")).pod
    assert pod.hosts == (("192.0.2.1", ("a", "b")),)


def test_service_accounts(build, deployment):
    account = "\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n"
    assert build(deployment(spec="serviceAccountName: robot") + account).pod.service_account == "robot"
    assert build(deployment(spec="serviceAccount: robot") + account).pod.service_account == "robot"
    world = build(deployment(spec="serviceAccountName: robot"))
    assert world.pod.service_account == "robot"
    assert world.finding("NET0210").message == "no ServiceAccount robot in namespace default"


def test_what_runs(build, deployment):
    world = build(deployment() + deployment("image: registry.k8s.io/ingress-nginx/controller:v1.12.0", name="edge"))
    assert {pod.owner.name: type(pod.runs) for pod in world.pods()} == {"web": Standin, "edge": GatewayProxy}
    (dns,) = world.pods("kube-system")
    assert isinstance(dns.runs, DnsServer)
    assert world.pods("seaway-system") == []


def test_host_ports_are_noted_once(build, deployment):
    ports = "ports: [{containerPort: 80, hostPort: 80}]"
    world = build(deployment(ports, replicas=2) + deployment(ports, name="two"))
    assert world.finding("NET0219").message == "hostPort is not honoured (2 workloads have some, first Deployment default/two)"
