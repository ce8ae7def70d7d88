"""What a stand-in listens on, and what it speaks there."""

import pytest


def listening(world) -> dict[tuple[int, str], bool]:
    return {(port.port, port.protocol.value): port.http for port in world.pod.ports}


@pytest.mark.parametrize("name", ["http", "http-web", "http2", "h2c", "grpc", "grpc-api", "ws", "web", "metrics", "api-http"])
def test_names_that_mean_http(build, deployment, name):
    assert listening(build(deployment(f"ports: [{{name: {name}, containerPort: 80}}]"))) == {(80, "TCP"): True}


@pytest.mark.parametrize("name", ["tcp", "tcp-web", "tls", "https", "https-web", "mysql", "redis", "mongo-db", "postgres", "postgresql"])
def test_names_that_do_not(build, deployment, name):
    assert listening(build(deployment(f"ports: [{{name: {name}, containerPort: 80}}]"))) == {(80, "TCP"): False}


def test_unnamed_is_http_and_udp_is_not(build, deployment):
    world = build(deployment("ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}, {containerPort: 81, protocol: SCTP}]"))
    assert listening(world) == {(80, "TCP"): True, (80, "UDP"): False, (81, "SCTP"): False}


@pytest.mark.parametrize(
    ("app_protocol", "http"),
    [
        ("http", True),
        ("HTTP", True),
        ("kubernetes.io/h2c", True),
        ("kubernetes.io/ws", True),
        ("grpc", True),
        ("https", False),
        ("mysql", False),
    ],
)
@pytest.mark.parametrize("name", ["http", "tcp"])
def test_app_protocol_decides_over_the_name(build, deployment, service, app_protocol, http, name):
    text = deployment(f"ports: [{{name: {name}, containerPort: 8080}}]")
    text += service(f"selector: {{app: web}}, ports: [{{port: 80, targetPort: {name}, appProtocol: {app_protocol}}}]")
    assert listening(build(text)) == {(8080, "TCP"): http}


def test_a_services_port_name_decides_where_the_container_is_silent(build, deployment, service):
    text = service("selector: {app: web}, ports: [{name: mysql, port: 3306}, {name: http, port: 80, targetPort: 8080}]")
    assert listening(build(deployment("ports: [{containerPort: 3306}]") + text)) == {(3306, "TCP"): False, (8080, "TCP"): True}


def test_a_stand_in_listens_where_services_and_probes_lead(build, deployment, service):
    text = service("selector: {app: web}, ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 53, protocol: UDP}]")
    container = "readinessProbe: {httpGet: {port: 9090}}, livenessProbe: {tcpSocket: {port: 7}}, startupProbe: {tcpSocket: {port: 6, host: 192.0.2.1}}"
    assert listening(build(deployment(container) + text)) == {
        (8080, "TCP"): True,
        (53, "UDP"): False,
        (9090, "TCP"): True,
        (7, "TCP"): True,
    }


def test_a_real_program_has_the_ports_that_it_declares(build, deployment, service):
    text = service("selector: {app: web}, ports: [{port: 80, targetPort: 8080}]")
    assert listening(build(deployment("ports: [{containerPort: 1}]", annotations="seaway.dev/command: x") + text)) == {(1, "TCP"): True}


def test_an_http_probe_makes_a_port_http(build, deployment):
    assert listening(build(deployment("ports: [{name: tcp-a, containerPort: 80}], readinessProbe: {httpGet: {port: 80}}"))) == {
        (80, "TCP"): True
    }


def test_repeated_ports_fold(build, deployment):
    world = build(deployment("ports: [{containerPort: 80}, {name: web, containerPort: 80}, {name: again, containerPort: 80}]"))
    assert [(port.name, port.port) for port in world.pod.ports] == [("web", 80)]
