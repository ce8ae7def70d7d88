"""Sidecars: which one a workload has, and what it lets it see."""

from __future__ import annotations

import pytest

from seaway.core.codes import mesh as codes
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.scopes import Scopes
from seaway.frontends.istio.sidecars import read_sidecars
from seaway.model.mesh import Unknown
from seaway.model.upstream import UpstreamId

SERVICES = "".join(
    f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{clusterIP: {ip}, ports: [{ports}]}}\n---\n"
    for name, namespace, ip, ports in (
        ("web", "shop", "10.96.1.1", "{name: http, port: 80}"),
        ("api", "shop", "10.96.1.2", "{name: http, port: 80}, {name: tcp-db, port: 5432}"),
        ("web", "pay", "10.96.1.3", "{name: http, port: 80}"),
        ("log", "pay", "10.96.1.4", "{name: http, port: 9000}"),
    )
)
PODS = "".join(
    f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}\n"
    "spec: {containers: [{name: c, image: i}]}\n---\n"
    for name, namespace in (("a", "shop"), ("b", "shop"), ("a", "pay"), ("r", "istio-system"))
)


def sidecar(spec: str, name: str = "own", namespace: str = "shop", meta: str = "") -> str:
    head = f"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: {name}, namespace: {namespace}{meta}}}\n"
    return f"{head}spec: {{{spec}}}\n---\n"


def seen(world, pod: str, namespace: str = "shop"):
    """The scope of a pod."""
    (found,) = [one for one in world.built.model.pods if one.id == (namespace, pod)]
    rules = read_sidecars(world.built.snapshot, world.settings)[0].of(found)
    client = Client(namespace, sidecar=rules.key if rules else None, egress=rules.egress if rules else ())
    return Scopes(world.sources).build(client, rules)


def names(scope):
    return {f"{host.name.removesuffix('.svc.cluster.local')}:{table.port}" for table in scope.http for host in table.hosts}


GATEWAY = "gateway.seaway-system:80"
EVERYTHING = {"web.shop:80", "api.shop:80", "web.pay:80", "log.pay:9000", GATEWAY}

EGRESS = {
    "own namespace": ("egress: [{hosts: ['./*']}]", {"web.shop:80", "api.shop:80"}),
    "another by name": ("egress: [{hosts: ['pay/*']}]", {"web.pay:80", "log.pay:9000"}),
    "one host": ("egress: [{hosts: ['./web.shop.svc.cluster.local']}]", {"web.shop:80"}),
    "a host of any namespace": ("egress: [{hosts: ['*/*.pay.svc.cluster.local']}]", {"web.pay:80", "log.pay:9000"}),
    "two ways of saying": ("egress: [{hosts: ['./*', 'pay/log.pay.svc.cluster.local']}]", {"web.shop:80", "api.shop:80", "log.pay:9000"}),
    "nobody": ("egress: [{hosts: ['~/*']}]", set()),
    "all but one namespace": ("egress: [{hosts: ['*/*', '~pay/*']}]", {"web.shop:80", "api.shop:80", GATEWAY}),
    "all": ("egress: [{hosts: ['*/*']}]", EVERYTHING),
    "only what is unknown": ("outboundTrafficPolicy: {mode: REGISTRY_ONLY}", EVERYTHING),
    "one port": ("egress: [{port: {number: 9000, protocol: HTTP, name: log}, hosts: ['*/*']}]", {"log.pay:9000"}),
    "a port apart from the others": (
        "egress: [{port: {number: 80, protocol: HTTP, name: http}, hosts: ['./web.shop.svc.cluster.local']}, {hosts: ['*/*']}]",
        {"web.shop:80", "log.pay:9000"},
    ),
    "a port that is a socket": ("egress: [{port: {number: 0, protocol: HTTP}, bind: 'unix:///x', hosts: ['*/*']}]", set()),
    "a socket in the workload": ("egress: [{captureMode: NONE, hosts: ['*/*']}]", set()),
    "a proxy for any host": ("egress: [{port: {number: 3128, protocol: HTTP_PROXY, name: p}, hosts: ['*/*']}]", set()),
}


@pytest.mark.parametrize(("spec", "wanted"), EGRESS.values(), ids=EGRESS)
def test_what_is_in_sight(build, spec, wanted):
    assert names(seen(build(SERVICES + PODS + sidecar(spec)), "a")) == wanted


def test_connections_are_scoped_as_requests_are(build):
    world = build(SERVICES + PODS + sidecar("egress: [{hosts: ['pay/*']}]"))
    assert seen(world, "a").tcp == ()
    assert 5432 in [one.port for one in seen(world, "a", "pay").tcp]


def test_a_way_out_of_its_own_address(build):
    spec = "egress: [{port: {number: 80, protocol: HTTP, name: http}, bind: 192.0.2.9, hosts: ['./*']}]"
    (table,) = seen(build(SERVICES + PODS + sidecar(spec)), "a").http
    assert (table.address, len(table.hosts)) == ("192.0.2.9", 2)


def test_a_way_out_for_connections_at_an_address(build):
    spec = "egress: [{port: {number: 5432, protocol: TCP, name: db}, bind: 192.0.2.1, hosts: ['./*']}]"
    (route,) = seen(build(SERVICES + PODS + sidecar(spec)), "a").tcp
    assert route.addresses == ("192.0.2.1/32",)


POLICIES = {
    "registry only": ("outboundTrafficPolicy: {mode: REGISTRY_ONLY}", Unknown.REGISTRY_ONLY),
    "any": ("outboundTrafficPolicy: {mode: ALLOW_ANY}", Unknown.ALLOW_ANY),
    "the API's default": ("outboundTrafficPolicy: {}, egress: [{hosts: ['./*']}]", Unknown.REGISTRY_ONLY),
    "the mesh's": ("egress: [{hosts: ['./*']}]", Unknown.ALLOW_ANY),
}


@pytest.mark.parametrize(("spec", "wanted"), POLICIES.values(), ids=POLICIES)
def test_unknown_hosts(build, spec, wanted):
    assert seen(build(SERVICES + PODS + sidecar(spec)), "a").unknown is wanted


PROXY = "outboundTrafficPolicy: {{mode: ALLOW_ANY, egressProxy: {{host: {}, port: {{number: {}}}}}}}"


def test_unknown_traffic_goes_to_a_proxy(build):
    scope = seen(build(SERVICES + PODS + sidecar(PROXY.format("log.pay.svc.cluster.local", 9000))), "a")
    assert (scope.unknown, scope.proxy) == (Unknown.ALLOW_ANY, UpstreamId("log.pay.svc.cluster.local", 9000))


def test_a_proxy_that_nobody_knows_lets_nothing_out(build):
    world = build(SERVICES + PODS + sidecar(PROXY.format("log.pay.svc.cluster.local", 1)))
    scopes = Scopes(world.sources)
    (pod,) = [one for one in world.built.model.pods if one.id == ("shop", "a")]
    rules = read_sidecars(world.built.snapshot, world.settings)[0].of(pod)
    assert scopes.build(Client("shop", sidecar=rules.key), rules).unknown is Unknown.REGISTRY_ONLY
    assert [one.code for one in scopes.findings] == [codes.EGRESS_PROXY_UNKNOWN]


def which(world, pod, namespace="shop"):
    (found,) = [one for one in world.built.model.pods if one.id == (namespace, pod)]
    rules = read_sidecars(world.built.snapshot, world.settings)[0].of(found)
    return rules.key.name if rules else ""


OWN, ROOT = "egress: [{hosts: ['./*']}]", "istio-system"


def test_the_selecting_one_goes_before_the_general_one_and_that_before_the_roots(build):
    text = sidecar(OWN, "root", ROOT) + sidecar(OWN, "all") + sidecar(f"workloadSelector: {{labels: {{app: a}}}}, {OWN}", "one")
    world = build(SERVICES + PODS + text)
    assert (which(world, "a"), which(world, "b"), which(world, "a", "pay")) == ("one", "all", "root")


def test_the_oldest_of_a_kind_counts(build):
    young, old = ", creationTimestamp: '2026-02-01T00:00:00Z'", ", creationTimestamp: '2026-01-01T00:00:00Z'"
    world = build(SERVICES + PODS + sidecar(OWN, "a", meta=young) + sidecar(OWN, "b", meta=old))
    assert which(world, "a") == "b"
    assert world.finding(codes.SIDECAR_SHADOWED.id).key.name == "a"


def test_a_selector_in_the_root_namespace_is_for_its_own_workloads(build):
    world = build(SERVICES + PODS + sidecar(f"workloadSelector: {{labels: {{app: a}}}}, {OWN}", "root", ROOT))
    assert which(world, "a") == ""


def test_the_dot_in_the_root_namespace_is_the_workloads_own(build):
    world = build(SERVICES + PODS + sidecar(OWN, "root", ROOT))
    assert names(seen(world, "a", "pay")) == {"web.pay:80", "log.pay:9000"}


REFUSED = {
    "nothing": "",
    "no hosts": "egress: [{hosts: []}]",
    "no namespace": "egress: [{hosts: [web]}]",
    "bad namespace": "egress: [{hosts: ['a_b/*']}]",
    "bad host": "egress: [{hosts: ['./a_b']}]",
    "general one not last": "egress: [{hosts: ['./*']}, {port: {number: 80, protocol: HTTP}, hosts: ['./*']}]",
    "two general ones": "egress: [{hosts: ['./*']}, {hosts: ['pay/*']}]",
    "port twice": "egress: [{port: {number: 80}, hosts: ['./*']}, {port: {number: 80}, hosts: ['./*']}]",
    "port out of range": "egress: [{port: {number: 70000}, hosts: ['./*']}]",
    "no protocol": "egress: [{port: {number: 80, protocol: FTP}, hosts: ['./*']}]",
    "target port": "egress: [{port: {number: 80, targetPort: 81}, hosts: ['./*']}]",
    "bind is none": "egress: [{port: {number: 80}, bind: here, hosts: ['./*']}]",
    "port 0 without socket": "egress: [{port: {number: 0}, hosts: ['./*']}]",
    "capture mode": "egress: [{captureMode: TPROXY, hosts: ['./*']}]",
    "mode": "outboundTrafficPolicy: {mode: ALLOW}",
    "proxy without mode": "outboundTrafficPolicy: {egressProxy: {host: a.b, port: {number: 1}}}",
    "proxy without port": "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b}}",
    "proxy that is a wildcard": "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: '*.b', port: {number: 1}}}",
    "ingress without port": "ingress: [{port: {protocol: HTTP}}]",
    "ingress twice": "ingress: [{port: {number: 80}}, {port: {number: 80}}]",
    "ingress to elsewhere": "ingress: [{port: {number: 80}, defaultEndpoint: '10.0.0.1:80'}]",
    "ingress to no port": "ingress: [{port: {number: 80}, defaultEndpoint: '127.0.0.1'}]",
}


@pytest.mark.parametrize("spec", REFUSED.values(), ids=REFUSED)
def test_refused(build, spec):
    world = build(SERVICES + PODS + sidecar(spec))
    assert codes.MESH_OBJECT_REFUSED.id in world.codes
    assert which(world, "a") == ""


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("egress: [{hosts: ['*/*', './*']}]", codes.MESH_FIELD_IDLE),
        ("egress: [{hosts: ['./*', './*']}]", codes.MESH_FIELD_IDLE),
        ("egress: [{port: {number: 3128, protocol: HTTP_PROXY, name: p}, hosts: ['*/*']}]", codes.MESH_FIELD_IDLE),
        ("egress: [{captureMode: NONE, hosts: ['*/*']}]", codes.MESH_FIELD_IDLE),
        ("egress: [{port: {number: 0, protocol: HTTP}, bind: 'unix:///x', hosts: ['*/*']}]", codes.SIDECAR_UNIX_SOCKET),
        ("ingress: [{port: {number: 80}, defaultEndpoint: 'unix:///x'}]", codes.SIDECAR_UNIX_SOCKET),
        ("ingress: [{port: {number: 80}, defaultEndpoint: '127.0.0.1:8080'}]", codes.SETTING_DIFFERS),
        ("inboundConnectionPool: {tcp: {maxConnections: 1}}", codes.SETTING_DIFFERS),
    ],
)
def test_what_is_said_of_taken_ones(build, spec, code):
    world = build(SERVICES + PODS + sidecar(spec))
    assert code.id in world.codes
    assert codes.MESH_OBJECT_REFUSED.id not in world.codes
