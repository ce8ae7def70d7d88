"""What members accept: PeerAuthentication from the mesh down to a port, and what is spoken on which port."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seaway.core.finding import Finding, Findings
from seaway.frontends.build import build_model
from seaway.frontends.istio.enrolment import enrol
from seaway.frontends.istio.inbounds import People, build_inbounds
from seaway.frontends.istio.settings import Settings
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.mesh import Inbound
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster((Node("node-1", "172.31.0.1", "10.244.1.0/24"),))
ROOT = "istio-system"
TRAFFIC = "traffic.sidecar.istio.io/"

Object = dict[str, Any]


def peer(mode: str | None = None, name: str = "default", namespace: str = "shop", **more: Any) -> Object:
    """A PeerAuthentication; `app` selects, `ports` are portLevelMtls, `created` is its age."""
    metadata = {"name": name, "namespace": namespace} | ({"creationTimestamp": more["created"]} if "created" in more else {})
    spec: Object = {}
    if mode is not None:
        spec["mtls"] = {"mode": mode}
    if "app" in more:
        spec["selector"] = {"matchLabels": {"app": more["app"]}}
    if "ports" in more:
        spec["portLevelMtls"] = {port: {"mode": value} for port, value in more["ports"].items()}
    return {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": metadata, "spec": spec}


def service(name: str, port: Object, app: str = "web", created: str = "2026-01-01T00:00:00Z") -> Object:
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": created}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": app}, "ports": [port]}}


def pod(app: str = "web", annotations: dict[str, str] | None = None) -> Object:
    container = {"name": "main", "ports": [{"containerPort": 9090}]}
    metadata = {"name": app, "namespace": "shop", "labels": {"app": app}, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def built(*objects: Object) -> tuple[dict[str, Inbound], Findings]:
    """One object a line, after the namespace and two pods on lines 1 to 5."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
    loaded = load_text("\n---\n".join(json.dumps(one) for one in (namespace, *objects)), "mesh.yaml")
    assert not loaded.findings, [one.message for one in loaded.findings]
    made = build_model(snapshot_of(loaded.resources), CLUSTER, Leases())
    settings = Settings("cluster.local")
    members, _, _ = enrol(made.snapshot, made.model.pods, settings)
    people = People(members, made.model.pod)
    inbounds, findings = build_inbounds(made.snapshot, people, made.model.services, settings)
    assert [one.pod for one in inbounds] == [one.pod for one in members if one.pod.namespace == "shop"], "gateways have none"
    return {one.pod.name: one for one in inbounds if one.pod.namespace == "shop"}, findings


HTTP = {"name": "http", "port": 80, "targetPort": 8080}


def modes(*objects: Object) -> dict[str, str]:
    """Of pod web with port 8080: its mode and that of other ports, each with the line that decided."""
    inbounds, _ = built(pod(), service("web", HTTP), *objects)
    one = inbounds["web"]
    named = {str(port.port): f"{port.mtls.value} {port.origin.line}" for port in one.ports}
    return {**named, "other": f"{one.other.value} {one.other_origin.line}"}


def test_permissive_by_default() -> None:
    inbounds, _ = built(pod(), service("web", HTTP))
    assert modes() == {"8080": "PERMISSIVE 0", "other": "PERMISSIVE 0"}
    assert str(inbounds["web"].other_origin) == "(Istio's default)"


@pytest.mark.parametrize(
    ("objects", "mode"),
    [
        pytest.param([peer("STRICT", namespace=ROOT)], "STRICT 7", id="mesh"),
        pytest.param([peer("STRICT", namespace=ROOT), peer("DISABLE")], "DISABLE 9", id="namespace-over-mesh"),
        pytest.param([peer("STRICT", namespace=ROOT), peer("UNSET")], "STRICT 7", id="unset-inherits"),
        pytest.param([peer("STRICT", namespace=ROOT), peer(None)], "STRICT 7", id="nothing-inherits"),
        pytest.param([peer("STRICT"), peer("DISABLE", "w", app="web")], "DISABLE 9", id="workload-over-namespace"),
        pytest.param([peer("STRICT"), peer("DISABLE", "w", app="api")], "STRICT 7", id="another-workload"),
        pytest.param([peer("STRICT"), peer(None, "w", app="web")], "STRICT 7", id="workload-inherits"),
        pytest.param([peer("STRICT", namespace="other")], "PERMISSIVE 0", id="another-namespace"),
        pytest.param([peer("STRICT", "w", ROOT, app="web")], "PERMISSIVE 0", id="selector-in-root"),
        pytest.param([peer("STRICT", "b"), peer("DISABLE", "a")], "DISABLE 9", id="by-name-where-of-one-age"),
        pytest.param([peer("STRICT", "a"), peer("DISABLE", "b", created="2026-01-01T00:00:00Z")], "DISABLE 9", id="oldest"),
    ],
)
def test_the_nearest_scope_decides(objects: list[Object], mode: str) -> None:
    assert modes(*objects) == {"8080": mode, "other": mode}


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        pytest.param({"8080": "DISABLE"}, {"8080": "DISABLE 7", "other": "STRICT 7"}, id="port"),
        pytest.param({"8080": "UNSET"}, {"8080": "STRICT 7", "other": "STRICT 7"}, id="port-inherits"),
        pytest.param({"9090": "PERMISSIVE"}, {"8080": "STRICT 7", "9090": "PERMISSIVE 7", "other": "STRICT 7"}, id="of-no-service"),
    ],
)
def test_ports_have_modes_of_their_own(ports: dict[str, str], expected: dict[str, str]) -> None:
    assert modes(peer("STRICT", "w", app="web", ports=ports)) == expected


@pytest.mark.parametrize(
    ("name", "value", "port"),
    [
        pytest.param("excludeInboundPorts", "8080", "DISABLE 3", id="excluded"),
        pytest.param("includeInboundPorts", "9090", "DISABLE 3", id="not-included"),
        pytest.param("includeInboundPorts", "8080", "STRICT 7", id="included"),
    ],
)
def test_what_is_not_captured_is_plaintext(name: str, value: str, port: str) -> None:
    inbounds, _ = built(pod(annotations={TRAFFIC + name: value}), service("web", HTTP), peer("STRICT"))
    found = next(one for one in inbounds["web"].ports if one.port == 8080)
    assert f"{found.mtls.value} {found.origin.line}" == port


@pytest.mark.parametrize(
    ("port", "protocol"),
    [
        pytest.param({"name": "grpc-api", "port": 80, "targetPort": 8080}, "GRPC", id="name"),
        pytest.param({"name": "x", "appProtocol": "tcp", "port": 80, "targetPort": 8080}, "TCP", id="app-protocol"),
        pytest.param({"name": "x", "port": 80, "targetPort": 8080}, "detect", id="neither"),
    ],
)
def test_what_is_spoken_is_the_services_to_say(port: Object, protocol: str) -> None:
    inbounds, _ = built(pod(), service("web", port))
    assert [(one.port, one.protocol.value) for one in inbounds["web"].ports] == [(8080, protocol)]


def test_the_oldest_service_decides_what_is_spoken() -> None:
    tcp = {"name": "tcp", "port": 81, "targetPort": 8080}
    inbounds, findings = built(pod(), service("a", HTTP, created="2026-02-01T00:00:00Z"), service("b", tcp))
    assert [one.protocol.value for one in inbounds["web"].ports] == ["TCP"]
    assert [(one.code.id, one.origin.line) for one in findings] == [("NET0632", 5)]


def test_udp_is_none_of_our_ports() -> None:
    inbounds, _ = built(pod(), service("web", {"name": "dns", "port": 53, "protocol": "UDP"}))
    assert inbounds["web"].ports == ()


def codes(*objects: Object) -> list[str]:
    return [one.code.id for one in built(pod(), pod("api"), service("web", HTTP), *objects)[1]]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([peer("STRICT", namespace=ROOT), peer("STRICT"), peer("DISABLE", "w", app="web")], [], id="nothing"),
        pytest.param([peer("STRICT", "w", ROOT, app="web")], ["NET0627"], id="selector-in-root"),
        pytest.param([peer("STRICT", "a"), peer("STRICT", "b")], ["NET0628"], id="second-of-a-namespace"),
        pytest.param([peer("STRICT", "a", app="web"), peer("STRICT", "b", app="web")], ["NET0628"], id="second-of-a-workload"),
        pytest.param([peer("STRICT", "a", app="web"), peer("STRICT", "b", app="api")], [], id="two-workloads"),
        pytest.param([peer("STRICT", ports={"8080": "DISABLE"})], ["NET0629"], id="ports-without-selector"),
        pytest.param([peer("strict")], ["NET0629"], id="no-such-mode"),
        pytest.param([peer("STRICT", "w", app="web", ports={"0": "DISABLE"})], ["NET0629"], id="no-such-port"),
        pytest.param([peer("STRICT", "w", app="web", ports={"80": "DISABLE"})], ["NET0630"], id="port-of-the-service"),
        pytest.param([peer("STRICT", "w", app="web", ports={"9090": "DISABLE"})], [], id="declared-port"),
        pytest.param([peer("STRICT", "w", app="nobody")], ["NET0631"], id="selects-nobody"),
    ],
)
def test_findings(objects: list[Object], expected: list[str]) -> None:
    assert codes(*objects) == expected


def test_a_services_port_is_named_with_the_one_that_was_meant() -> None:
    _, findings = built(pod(), service("web", HTTP), peer("STRICT", "w", app="web", ports={"80": "DISABLE"}))
    found: Finding
    (found,) = findings
    assert "which 80 is: it leads to 8080" in found.why
    assert found.help == "Write 8080."


def test_a_refused_object_changes_nothing() -> None:
    assert modes(peer("STRICT", ports={"8080": "DISABLE"})) == {"8080": "PERMISSIVE 0", "other": "PERMISSIVE 0"}
