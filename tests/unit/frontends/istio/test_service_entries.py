"""ServiceEntries: which Istio takes, what hosts they are, and where their endpoints are."""

from __future__ import annotations

import pytest

from seaway.core.codes import mesh as codes
from seaway.frontends.istio.registry import Resolution
from seaway.model.upstream import AppProtocol, Fixed, FixedEndpoint, FromRequest, OriginalDestination, Resolved

TCP = "ports: [{number: 5432, name: tcp, protocol: TCP}]"
HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]"
DB = "hosts: [db.example.com]"

TAKEN = {
    "none": f"{DB}, {TCP}, resolution: NONE",
    "none is the default": f"{DB}, {TCP}",
    "none with a target port": f"{DB}, ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8080}}]",
    "static": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: 192.0.2.1}}]",
    "static without endpoints": f"{DB}, {TCP}, resolution: STATIC",
    "unix socket": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: 'unix:///run/db'}}]",
    "dns": f"{DB}, {TCP}, resolution: DNS",
    "dns with a wildcard and endpoints": f"hosts: ['*.example.com'], {HTTP}, resolution: DNS, endpoints: [{{address: a.example.com}}]",
    "dns by one endpoint": f"{DB}, {TCP}, resolution: DNS_ROUND_ROBIN, endpoints: [{{address: a.example.com}}]",
    "dynamic dns": f"hosts: ['*.example.com'], {HTTP}, resolution: DYNAMIC_DNS",
    "protocol left open": f"{DB}, ports: [{{number: 80, name: x}}], resolution: DNS",
    "many hosts of HTTP": f"hosts: [a.example.com, b.example.com], {HTTP}, resolution: DNS",
    "many hosts of NONE": f"hosts: [a.example.com, b.example.com], {TCP}",
    "ranges": f"{DB}, {TCP}, addresses: [192.0.2.0/24, 198.51.100.7]",
    "for nobody": f"{DB}, {HTTP}, exportTo: ['~']",
    "no ports": f"{DB}, ports: []",
}


@pytest.mark.parametrize("spec", TAKEN.values(), ids=TAKEN)
def test_taken(build, entry, spec):
    world = build(entry(spec))
    assert codes.MESH_OBJECT_REFUSED.id not in world.codes
    assert any(host.key.name == "db" for hosts in world.registry.hosts.values() for host in hosts)


REFUSED = {
    "no hosts": f"hosts: [], {TCP}",
    "every host": f"hosts: ['*'], {TCP}",
    "host is no name": f"hosts: [a_b], {TCP}",
    "wildcard within": f"hosts: [a.*.com], {TCP}",
    "address is none": f"{DB}, {TCP}, addresses: [here]",
    "range with dns": f"{DB}, {TCP}, resolution: DNS, addresses: [192.0.2.0/24]",
    "port name twice": f"{DB}, ports: [{{number: 1, name: a}}, {{number: 2, name: a}}]",
    "port number twice": f"{DB}, ports: [{{number: 1, name: a}}, {{number: 1, name: b}}]",
    "port name is none": f"{DB}, ports: [{{number: 1, name: a_b}}]",
    "port out of range": f"{DB}, ports: [{{number: 70000, name: a}}]",
    "target port out of range": f"{DB}, ports: [{{number: 1, name: a, targetPort: 70000}}]",
    "protocol is none": f"{DB}, ports: [{{number: 1, name: a, protocol: FTP}}]",
    "resolution is none": f"{DB}, {TCP}, resolution: dns",
    "location is none": f"{DB}, {TCP}, location: OUTSIDE",
    "endpoints with none": f"{DB}, {TCP}, endpoints: [{{address: 192.0.2.1}}]",
    "name with static": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: a.example.com}}]",
    "endpoint without address": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{}}]",
    "endpoint port unknown": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: 192.0.2.1, ports: {{http: 1}}}}]",
    "endpoint label": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: 192.0.2.1, labels: {{'a b': c}}}}]",
    "socket path relative": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: 'unix://run/db'}}]",
    "socket with ports": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: 'unix:///run/db', ports: {{tcp: 1}}}}]",
    "wildcard with dns": f"hosts: ['*.example.com'], {HTTP}, resolution: DNS",
    "endpoint name with dns": f"{DB}, {TCP}, resolution: DNS, endpoints: [{{address: a_b}}]",
    "two endpoints for round robin": f"{DB}, {TCP}, resolution: DNS_ROUND_ROBIN, endpoints: [{{address: a.b}}, {{address: c.d}}]",
    "exact host with dynamic dns": f"{DB}, {HTTP}, resolution: DYNAMIC_DNS",
    "addresses with dynamic dns": f"hosts: ['*.e.com'], {HTTP}, resolution: DYNAMIC_DNS, addresses: [192.0.2.1]",
    "tcp with dynamic dns": f"hosts: ['*.e.com'], {TCP}, resolution: DYNAMIC_DNS",
    "many hosts of TCP": f"hosts: [a.example.com, b.example.com], {TCP}, resolution: DNS",
    "selector and endpoints": f"{DB}, {TCP}, resolution: STATIC, endpoints: [{{address: 192.0.2.1}}], workloadSelector: {{labels: {{a: b}}}}",
    "selector with a wildcard": f"{DB}, {TCP}, resolution: STATIC, workloadSelector: {{labels: {{a: '*'}}}}",
    "exported to all and one": f"{DB}, {TCP}, exportTo: ['*', shop]",
}


@pytest.mark.parametrize("spec", REFUSED.values(), ids=REFUSED)
def test_refused_alone(build, entry, spec):
    world = build(entry(spec) + entry(f"hosts: [other.example.com], {HTTP}, resolution: DNS", "other"))
    assert world.finding(codes.MESH_OBJECT_REFUSED.id).origin.line in (3, 4)
    assert not any(host.key.name == "db" for hosts in world.registry.hosts.values() for host in hosts)
    assert world.host("other.example.com")


@pytest.mark.parametrize(
    "spec",
    [
        f"{DB}, {TCP}, workloadSelector: {{labels: {{a: b}}}}",
        f"{DB}, {TCP}, resolution: STATIC, workloadSelector: {{}}",
        f"{DB}, {TCP}, resolution: DNS, workloadSelector: {{labels: {{a: b}}}}",
    ],
)
def test_taken_with_a_remark(build, entry, spec):
    assert build(entry(spec)).finding(codes.MESH_FIELD_IDLE.id)


def test_ipv6_addresses_are_said(build, entry):
    world = build(entry(f"{DB}, {TCP}, addresses: ['2001:db8::1', 192.0.2.1]"))
    assert world.finding(codes.IPV4_ONLY.id).origin.line == 4
    assert world.host("db.example.com").addresses == ("192.0.2.1/32",)


def test_fields_of_a_host(build, entry):
    meta = ", creationTimestamp: '2026-01-01T00:00:00Z'"
    world = build(entry(f"hosts: [DB.example.com], {TCP}, addresses: [192.0.2.9, 198.51.100.7/24], exportTo: [., web]", meta=meta))
    host = world.host("db.example.com")
    assert (host.namespace, host.addresses, host.external) == ("shop", ("192.0.2.9/32", "198.51.100.0/24"), True)
    assert (host.export_to, host.created, host.resolution) == ({"shop", "web"}, "2026-01-01T00:00:00Z", Resolution.NONE)
    assert [(port.number, port.name, port.protocol) for port in host.ports] == [(5432, "tcp", AppProtocol.TCP)]


ENDPOINTS = {
    "none": ("resolution: NONE", OriginalDestination()),
    "static": (
        "resolution: STATIC, endpoints: [{address: 192.0.2.1}, {address: 192.0.2.2, ports: {tcp: 7}, weight: 3, locality: a/b, labels: {v: '1'}}]",
        Fixed((FixedEndpoint("192.0.2.1", 5432), FixedEndpoint("192.0.2.2", 7, 3, "a/b", (("v", "1"),)))),
    ),
    "unix socket": ("resolution: STATIC, endpoints: [{address: 'unix:///run/db'}]", Fixed((FixedEndpoint("/run/db", 0),))),
    "locality by label": (
        "resolution: STATIC, endpoints: [{address: 192.0.2.1, labels: {istio-locality: a.b.c}}]",
        Fixed((FixedEndpoint("192.0.2.1", 5432, 1, "a/b/c", (("istio-locality", "a.b.c"),)),)),
    ),
    "account": (
        "resolution: STATIC, endpoints: [{address: 192.0.2.1, serviceAccount: db}]",
        Fixed((FixedEndpoint("192.0.2.1", 5432, spiffe="spiffe://cluster.local/ns/shop/sa/db", mtls=True),)),
    ),
    "tls by label": (
        "resolution: STATIC, endpoints: [{address: 192.0.2.1, labels: {security.istio.io/tlsMode: istio}}]",
        Fixed((FixedEndpoint("192.0.2.1", 5432, labels=(("security.istio.io/tlsMode", "istio"),), mtls=True),)),
    ),
    "dns by the host": ("resolution: DNS", Resolved((FixedEndpoint("db.example.com", 5432),))),
    "dns by endpoints": ("resolution: DNS, endpoints: [{address: a.example.com}]", Resolved((FixedEndpoint("a.example.com", 5432),))),
    "round robin": ("resolution: DNS_ROUND_ROBIN", Resolved((FixedEndpoint("db.example.com", 5432),), round_robin=True)),
    "ipv6 is not reached": ("resolution: STATIC, endpoints: [{address: '2001:db8::1'}]", Fixed(())),
}


@pytest.mark.parametrize(("spec", "wanted"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints(build, entry, spec, wanted):
    (port,) = build(entry(f"{DB}, {TCP}, {spec}")).host("db.example.com").ports
    assert port.endpoints == wanted


def test_target_ports(build, entry):
    ports = "ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]"
    assert build(entry(f"{DB}, {ports}, resolution: DNS")).host("db.example.com").ports[0].endpoints == Resolved(
        (FixedEndpoint("db.example.com", 8080),)
    )
    assert build(entry(f"{DB}, {ports}")).host("db.example.com").ports[0].endpoints == OriginalDestination(8080)


def test_dynamic_dns(build, entry):
    (port,) = build(entry(f"hosts: ['*.example.com'], {HTTP}, resolution: DYNAMIC_DNS")).host("*.example.com").ports
    assert port.endpoints == FromRequest()


WORKLOADS = """
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm, namespace: shop, labels: {app: db}}
spec: {address: 192.0.2.8, labels: {app: web, v: '1'}, serviceAccount: db}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: other, namespace: default}
spec: {address: 192.0.2.7, labels: {app: db}}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {app: db}}
spec: {serviceAccountName: pods, containers: [{name: db, image: db}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: pods, namespace: shop}
---
"""
SELECTING = "workloadSelector: {labels: {app: db}}, location: MESH_INTERNAL, resolution: STATIC"


def test_a_selector_picks_workloads_and_pods_of_its_namespace(build, entry):
    world = build(WORKLOADS + entry(f"{DB}, {TCP}, {SELECTING}"))
    (pod,) = [one for one in world.built.model.pods if one.id.name == "db-0"]
    (port,) = world.host("db.example.com").ports
    assert isinstance(port.endpoints, Fixed)
    workload, picked = port.endpoints.endpoints
    assert (workload.address, workload.labels, workload.mtls) == ("192.0.2.8", (("app", "db"), ("v", "1")), True)
    assert (picked.address, picked.port, picked.pod) == (pod.ip, 5432, pod.id)
    host = world.host("db.example.com")
    assert not host.external
    assert host.identities == ("spiffe://cluster.local/ns/shop/sa/db", "spiffe://cluster.local/ns/shop/sa/pods")


@pytest.mark.parametrize("spec", ["{}", "{address: a_b}", "{address: 192.0.2.1, ports: {http: 0}}"])
def test_refused_workload_entries_are_no_endpoints(build, entry, spec):
    text = WORKLOADS.replace("{address: 192.0.2.8, labels: {app: web, v: '1'}, serviceAccount: db}", spec)
    world = build(text + entry(f"{DB}, {TCP}, {SELECTING}"))
    assert world.finding(codes.MESH_OBJECT_REFUSED.id).origin.line in (4, 5)
    assert len(world.host("db.example.com").ports[0].endpoints.endpoints) == 1


def test_a_workload_group_is_noted(build):
    text = "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: vms}\nspec: {template: {serviceAccount: vm}}\n"
    assert build(text).finding(codes.WORKLOAD_GROUP_IDLE.id)


def test_names_of_subject(build, entry):
    world = build(entry(f"{DB}, {TCP}, resolution: DNS, subjectAltNames: [db.internal]"))
    assert world.host("db.example.com").identities == ("db.internal",)


def test_of_two_with_one_name_the_oldest_is_first(build, entry):
    young, old = ", creationTimestamp: '2026-02-01T00:00:00Z'", ", creationTimestamp: '2026-01-01T00:00:00Z'"
    world = build(entry(f"{DB}, {TCP}, resolution: DNS", "a", "web", young) + entry(f"{DB}, {TCP}, resolution: STATIC", "b", "shop", old))
    assert [host.key.name for host in world.registry.hosts["db.example.com"]] == ["b", "a"]


def test_a_service_goes_before_an_entry(build, entry):
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: http, port: 80}]}\n---\n"
    world = build(service + entry(f"hosts: [web.default.svc.cluster.local], {HTTP}, resolution: DNS"))
    assert [host.key.kind for host in world.registry.hosts["web.default.svc.cluster.local"]] == ["Service", "ServiceEntry"]


def test_ports_of_one_namespace_and_resolution_are_joined(build, entry):
    more = "ports: [{number: 443, name: tls, protocol: TLS}, {number: 5432, name: x, protocol: HTTP}]"
    world = build(entry(f"{DB}, {TCP}, resolution: DNS", "a") + entry(f"{DB}, {more}, resolution: DNS", "b"))
    assert [(port.number, port.protocol) for port in world.host("db.example.com").ports] == [
        (5432, AppProtocol.TCP),
        (443, AppProtocol.TLS),
    ]


def test_external_names_are_aliases(build):
    text = """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {ports: [{name: http, port: 80}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: front}
        spec: {type: ExternalName, externalName: middle.default.svc.cluster.local}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: middle}
        spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: lost}
        spec: {type: ExternalName, externalName: lost.default.svc.cluster.local}
    """
    host = build(text).host("web.default.svc.cluster.local")
    assert host.aliases == ("front.default.svc.cluster.local", "middle.default.svc.cluster.local")
    domains = build(text).mesh_host(host.name, 80).domains
    assert {"front", "front.default", "middle.default.svc", "web"} <= set(domains)
