"""What stands behind Services: selected pods, and addresses that people wrote down."""

import pytest

from seaway.core.finding import Severity
from seaway.model.workload import PodName

PORTS = "ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]"


@pytest.mark.parametrize(
    ("target", "number"),
    [
        pytest.param("targetPort: http", 8080, id="named"),
        pytest.param("targetPort: 8080", 8080, id="number"),
        pytest.param("name: x", 80, id="absent-is-port"),
        pytest.param("targetPort: 0", 80, id="zero-is-port"),
        pytest.param("targetPort: 9999", 9999, id="undeclared-number"),
        pytest.param("targetPort: dns, protocol: UDP", 53, id="named-udp"),
        pytest.param("targetPort: dns", 0, id="named-of-other-protocol"),
    ],
)
def test_target_ports(build, deployment, service, target, number):
    world = build(deployment(PORTS) + service(f"selector: {{app: web}}, ports: [{{port: 80, {target}}}]"))
    (backend,) = world.service("web").backends
    assert backend.ports == (number,)
    assert (backend.address, backend.pod, backend.node, backend.ready) == (world.pod.ip, world.pod.id, "node-1", True)


def test_named_targets_resolve_pod_by_pod(build, deployment, service):
    one, two = (
        deployment("ports: [{name: http, containerPort: 8080}]"),
        deployment("ports: [{name: http, containerPort: 9090}]", name="two"),
    )
    text = (
        (one + two)
        .replace("labels: {app: web}", "labels: {app: web, all: pods}")
        .replace("labels: {app: two}", "labels: {app: two, all: pods}")
    )
    backends = build(text + service("selector: {all: pods}, ports: [{port: 80, targetPort: http}]")).service("web").backends
    assert sorted(backend.ports for backend in backends) == [(8080,), (9090,)]


@pytest.mark.parametrize(
    ("port", "code", "text"),
    [
        pytest.param("targetPort: htpp", "NET0241", "Did you mean http?", id="misspelt"),
        pytest.param("targetPort: grpc", "NET0241", "http (8080/TCP)", id="lists-what-there-is"),
        pytest.param("targetPort: 8081", "NET0242", "http (8080/TCP)", id="undeclared"),
    ],
)
def test_wrong_targets(build, deployment, service, port, code, text):
    world = build(deployment(PORTS) + service(f"selector: {{app: web}}, ports: [{{port: 80, {port}}}]"))
    assert text in world.finding(code).help
    assert world.finding(code).origin.field == "spec.ports[0].targetPort"


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        pytest.param("app: wbe", "Did you mean app: web?", id="misspelt"),
        pytest.param("app: elsewhere", "in namespace other", id="other-namespace"),
        pytest.param("app: web, tier: x", "none carries all", id="labels-of-different-pods"),
        pytest.param("app: unheard-of", "No pod template", id="unknown"),
    ],
)
def test_selectors_that_match_nothing(build, deployment, service, labels, advice):
    tier = deployment(name="two").replace("labels: {app: two}", "labels: {app: two, tier: x}")
    other = deployment(name="elsewhere").replace("metadata: {name: elsewhere}", "metadata: {name: elsewhere, namespace: other}")
    world = build(deployment() + tier + other + service(f"selector: {{{labels}}}, ports: [{{port: 80}}]"))
    assert world.service("web").backends == ()
    assert advice in world.finding("NET0240").help


def test_scaled_to_zero_is_no_mistake(build, deployment, service):
    world = build(deployment(replicas=0) + service("selector: {app: web}, ports: [{port: 80}]"))
    assert world.service("web").backends == ()
    assert not world.codes()


def test_hostnames_under_a_headless_service(build):
    text = """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: db}
        spec:
          replicas: 2
          serviceName: db
          selector: {matchLabels: {app: db}}
          template: {metadata: {labels: {app: db}}, spec: {containers: [{name: main}]}}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: extra, labels: {app: db}}
        spec: {hostname: primary, subdomain: db, containers: [{name: main}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: db}
        spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: reader}
        spec: {selector: {app: db}, ports: [{port: 5432}]}
        """
    world = build(text)
    assert sorted(one.hostname for one in world.service("db").backends) == ["db-0", "db-1", "primary"]
    assert {one.hostname for one in world.service("reader").backends} == {""}


def test_backends_come_in_numeric_order(build, deployment, service):
    backends = build(deployment(replicas=12) + service("selector: {app: web}, ports: [{port: 80}]")).service("web").backends
    numbers = [tuple(int(part) for part in backend.address.split(".")) for backend in backends]
    assert numbers == sorted(numbers)


SELECTORLESS = """
    apiVersion: v1
    kind: Service
    metadata: {name: db}
    spec: {ports: [{name: sql, port: 5432}, {name: admin, port: 80}]}
    ---
    """
ENDPOINTS = """
    apiVersion: v1
    kind: Endpoints
    metadata: {name: db}
    subsets:
    - addresses: [{ip: 192.0.2.1, hostname: first}, {ip: 192.0.2.2}]
      notReadyAddresses: [{ip: 192.0.2.3}]
      ports: [{name: sql, port: 15432}]
    - addresses: [{ip: 192.0.2.2}]
      ports: [{name: admin, port: 8080}]
    """
SLICE = """
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
    addressType: IPv4
    endpoints:
    - {addresses: [192.0.2.1], hostname: first}
    - {addresses: [192.0.2.2], conditions: {ready: true}}
    - {addresses: [192.0.2.3], conditions: {ready: false}, nodeName: node-1}
    ports: [{name: sql, port: 15432}]
    """


def test_endpoints(build):
    world = build(SELECTORLESS + ENDPOINTS)
    found = [(one.address, one.ports, one.ready, one.hostname) for one in world.service("db").backends]
    assert found == [
        ("192.0.2.1", (15432, 0), True, "first"),
        ("192.0.2.2", (15432, 8080), True, ""),
        ("192.0.2.3", (15432, 0), False, ""),
    ]
    assert not world.codes()
    assert not world.service("db").selects_pods


def test_endpoint_slices(build):
    found = [(one.address, one.ports, one.ready, one.node) for one in build(SELECTORLESS + SLICE).service("db").backends]
    assert found == [("192.0.2.1", (15432, 0), True, ""), ("192.0.2.2", (15432, 0), True, ""), ("192.0.2.3", (15432, 0), False, "node-1")]


def test_mirrored_endpoints_are_not_doubled(build):
    world = build(SELECTORLESS + ENDPOINTS + "---" + SLICE)
    assert [one.address for one in world.service("db").backends] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def test_one_address_on_two_ports_is_two_backends(build):
    two = SLICE.replace("db-1", "db-2").replace("15432", "25432")
    found = [one.ports[0] for one in build(SELECTORLESS + SLICE + "---" + two).service("db").backends if one.address == "192.0.2.1"]
    assert found == [15432, 25432]


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        pytest.param(ENDPOINTS.replace("192.0.2.1", "127.0.0.1"), "NET0201", Severity.ERROR, id="loopback"),
        pytest.param(ENDPOINTS.replace("192.0.2.1", "169.254.169.254"), "NET0201", Severity.ERROR, id="link-local"),
        pytest.param(ENDPOINTS.replace("192.0.2.1", "db.example.com"), "NET0201", Severity.ERROR, id="a-name"),
        pytest.param(SLICE.replace("192.0.2.1", "127.0.0.1"), "NET0201", Severity.ERROR, id="slice-loopback"),
        pytest.param(SLICE.replace("port: 15432", "port: 0"), "NET0201", Severity.ERROR, id="port"),
        pytest.param(SLICE.replace("IPv4", "FQDN"), "NET0249", Severity.WARNING, id="fqdn"),
        pytest.param(SLICE.replace("IPv4", "IPv6"), "NET0249", Severity.WARNING, id="ipv6"),
        pytest.param(SLICE.replace("name: sql, port", "name: mysql, port"), "NET0248", Severity.WARNING, id="port-of-another-name"),
        pytest.param(SLICE.replace("name: sql, port", "name: sql, protocol: UDP, port"), "NET0248", Severity.WARNING, id="other-protocol"),
        pytest.param(ENDPOINTS.replace("name: db", "name: dbx"), "NET0247", Severity.WARNING, id="no-service"),
        pytest.param(SLICE.replace("kubernetes.io/service-name: db", "app: db"), "NET0247", Severity.WARNING, id="no-label"),
    ],
)
def test_bad_endpoints(build, text, code, severity):
    world = build(SELECTORLESS + text)
    assert world.finding(code).severity is severity
    assert world.has_service("db")
    if code != "NET0248":
        assert world.service("db").backends == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(SLICE, "NET0245", id="written-by-hand"),
        pytest.param(
            SLICE.replace("name: db}", "name: db, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}"),
            "NET0246",
            id="exported",
        ),
    ],
)
def test_endpoints_of_a_service_with_a_selector_are_not_used(build, text, code):
    pod = (
        "---\n    apiVersion: v1\n    kind: Pod\n    metadata: {name: db, labels: {app: db}}\n    spec: {containers: [{name: main}]}\n    "
    )
    world = build(SELECTORLESS.replace("spec: {ports", "spec: {selector: {app: db}, ports") + text + pod)
    assert [one.pod for one in world.service("db").backends] == [PodName("default", "db")]
    assert world.finding(code)


POD_REF = (
    """
    apiVersion: v1
    kind: Pod
    metadata: {name: one}
    spec: {containers: [{name: main}]}
    ---
    """
    + SELECTORLESS.lstrip()
    + """
    apiVersion: v1
    kind: Endpoints
    metadata: {name: db}
    subsets: [{addresses: [{ip: %s, targetRef: {kind: Pod, name: one}}], ports: [{name: sql, port: 1}]}]
    """
)


def test_a_target_ref_leads_to_our_pod(build):
    address = build(POD_REF % "192.0.2.1").pod.ip
    world = build(POD_REF % address)
    (backend,) = world.service("db").backends
    assert (backend.pod, backend.node) == (world.pod.id, "node-1")


def test_a_target_ref_with_another_address(build):
    world = build(POD_REF % "192.0.2.1")
    (backend,) = world.service("db").backends
    assert (backend.pod, backend.address) == (None, "192.0.2.1")
    assert world.finding("NET0250")
