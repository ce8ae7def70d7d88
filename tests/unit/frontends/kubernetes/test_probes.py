"""Probes, and which of them can be run."""

import pytest

from seaway.core.finding import Severity
from seaway.model.workload import Exec, GrpcHealth, HttpGet, ProbeKind, TcpConnect, Timing

PORTS = "ports: [{name: http, containerPort: 8080}]"
COMMAND = "seaway.dev/command: serve"


@pytest.mark.parametrize(
    ("probe", "action"),
    [
        pytest.param("httpGet: {port: http}", HttpGet("IP", 8080, "/", False, ()), id="named-port"),
        pytest.param("httpGet: {port: 9090, path: /ok}", HttpGet("IP", 9090, "/ok", False, ()), id="number"),
        pytest.param("httpGet: {port: 9090, path: ok}", HttpGet("IP", 9090, "/ok", False, ()), id="path-without-slash"),
        pytest.param("httpGet: {port: 80, host: 192.0.2.1}", HttpGet("192.0.2.1", 80, "/", False, ()), id="host"),
        pytest.param("httpGet: {port: 80, httpHeaders: [{name: A, value: b}]}", HttpGet("IP", 80, "/", False, (("A", "b"),)), id="headers"),
        pytest.param("httpGet: {port: 80, scheme: HTTPS}", HttpGet("IP", 80, "/", True, ()), id="https"),
        pytest.param("tcpSocket: {port: http}", TcpConnect("IP", 8080), id="tcp"),
        pytest.param("grpc: {port: 9000}", GrpcHealth(9000, ""), id="grpc"),
        pytest.param("grpc: {port: 9000, service: ready}", GrpcHealth(9000, "ready"), id="grpc-service"),
        pytest.param("exec: {command: [cat, /ready]}", Exec(("cat", "/ready")), id="exec"),
    ],
)
def test_actions(build, deployment, probe, action):
    world = build(deployment(f"{PORTS}, readinessProbe: {{{probe}}}", annotations=COMMAND))
    (found,) = world.pod.probes
    if isinstance(action, HttpGet | TcpConnect) and action.host == "IP":
        action = type(action)(world.pod.ip, *(getattr(action, name) for name in action.__slots__[1:]))
    assert found.action == action
    assert (found.kind, found.container) == (ProbeKind.READINESS, "main")
    assert found.origin.field.endswith("containers[0].readinessProbe")


@pytest.mark.parametrize(
    ("fields", "timing"),
    [
        pytest.param("", Timing(0, 10, 1, 1, 3), id="defaults"),
        pytest.param(", periodSeconds: 0, timeoutSeconds: 0, failureThreshold: 0", Timing(0, 10, 1, 1, 3), id="zero-is-default"),
        pytest.param(
            ", initialDelaySeconds: 5, periodSeconds: 2, timeoutSeconds: 3, successThreshold: 4, failureThreshold: 6",
            Timing(5, 2, 3, 4, 6),
            id="given",
        ),
    ],
)
def test_timing(build, deployment, fields, timing):
    (probe,) = build(deployment(f"readinessProbe: {{tcpSocket: {{port: 80}}{fields}}}")).pod.probes
    assert probe.timing == timing


def test_all_three_kinds(build, deployment):
    probe = "{tcpSocket: {port: 80}}"
    world = build(deployment(f"readinessProbe: {probe}, livenessProbe: {probe}, startupProbe: {probe}"))
    assert [one.kind for one in world.pod.probes] == [ProbeKind.STARTUP, ProbeKind.READINESS, ProbeKind.LIVENESS]


@pytest.mark.parametrize(
    ("probe", "how"),
    [("exec: {command: [x]}", "exec"), ("grpc: {port: 1}", "gRPC"), ("httpGet: {port: 80, scheme: HTTPS}", "HTTPS")],
    ids=["exec", "grpc", "https"],
)
def test_what_a_stand_in_cannot_answer_is_left_out(build, deployment, probe, how):
    world = build(deployment(f"livenessProbe: {{{probe}}}", replicas=3))
    assert all(pod.probes == () for pod in world.pods())
    assert world.finding("NET0217").message == f"liveness probe ({how}) of container main is not run"
    assert world.finding("NET0217").severity is Severity.NOTE


def test_only_the_programs_own_container_is_probed(build, deployment):
    side = "initContainers: [{name: side, restartPolicy: Always, readinessProbe: {tcpSocket: {port: 1}}}]"
    world = build(deployment("readinessProbe: {tcpSocket: {port: 80}}", side, annotations=COMMAND))
    assert [one.container for one in world.pod.probes] == ["main"]
    assert world.finding("NET0217").why == "Only the program of container main runs."


def test_an_unknown_named_port(build, deployment):
    world = build(deployment(f"{PORTS}, readinessProbe: {{httpGet: {{port: web}}}}"))
    assert world.pod.probes == ()
    found = world.finding("NET0216")
    assert found.severity is Severity.ERROR
    assert "http" in found.help


def test_gateways_and_dns_are_not_probed(build, deployment):
    text = deployment("image: registry.k8s.io/ingress-nginx/controller:v1.12.0, readinessProbe: {httpGet: {port: 10254}}")
    world = build(text)
    assert world.pod.probes == ()
    assert world.codes(Severity.NOTE) == ["NET0217"]
