"""Who is in the mesh, by labels of namespace and pod; and which traffic of a pod passes its proxy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from seaway.core.finding import Findings
from seaway.frontends.build import build_model
from seaway.frontends.istio.enrolment import enrol
from seaway.frontends.istio.settings import Settings
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.mesh import Capture, Member, Outsider
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster((Node("node-1", "172.31.0.1", "10.244.1.0/24"),))
TRAFFIC = "traffic.sidecar.istio.io/"
NGINX = "registry.k8s.io/ingress-nginx/controller:v1.12"


@dataclass
class Enrolled:
    members: dict[str, Member]
    outsiders: dict[str, Outsider]
    findings: Findings
    codes: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.codes = [one.code.id for one in self.findings]

    def of(self, pod: str) -> Member | Outsider:
        return self.members.get(pod) or self.outsiders[pod]


def enrolled(*objects: dict[str, object]) -> Enrolled:
    """One object a line, so that origins are `mesh.yaml:N`."""
    loaded = load_text("\n---\n".join(json.dumps(one) for one in objects), "mesh.yaml")
    assert not loaded.findings, [one.message for one in loaded.findings]
    built = build_model(snapshot_of(loaded.resources), CLUSTER, Leases())
    members, outsiders, findings = enrol(built.snapshot, built.model.pods, Settings("cluster.local"))
    assert len(members) + len(outsiders) == len(built.model.pods)
    return Enrolled({one.pod.name: one for one in members}, {one.pod.name: one for one in outsiders}, findings)


def namespace(name: str = "shop", **labels: str) -> dict[str, object]:
    names = {"injection": "istio-injection", "rev": "istio.io/rev", "mode": "istio.io/dataplane-mode"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {names[key]: value for key, value in labels.items()}},
    }


def pod(
    name: str = "web",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    in_namespace: str = "shop",
    **spec: object,
) -> dict[str, object]:
    metadata = {"name": name, "namespace": in_namespace, "labels": labels or {}, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "main"}], **spec}}


INJECT = "sidecar.istio.io/inject"
REV = "istio.io/rev"
ENABLED, DISABLED = {"injection": "enabled"}, {"injection": "disabled"}

CASES = [
    pytest.param({}, {}, {}, False, "no label asks for it", 1, id="nothing"),
    pytest.param(ENABLED, {}, {}, True, "namespace label istio-injection: enabled", 1, id="namespace"),
    pytest.param(DISABLED, {INJECT: "true"}, {}, False, "namespace label istio-injection: disabled", 1, id="namespace-says-no"),
    pytest.param({"injection": "off"}, {}, {}, False, "namespace label istio-injection: off", 1, id="another-word"),
    pytest.param(ENABLED, {INJECT: "false"}, {}, False, 'pod label sidecar.istio.io/inject: "false"', 3, id="pod-says-no"),
    pytest.param({}, {INJECT: "true"}, {}, True, 'pod label sidecar.istio.io/inject: "true"', 3, id="pod-says-yes"),
    pytest.param(ENABLED, {}, {INJECT: "false"}, False, 'pod annotation sidecar.istio.io/inject: "false"', 3, id="annotation-says-no"),
    pytest.param(
        ENABLED, {INJECT: "true"}, {INJECT: "false"}, True, "namespace label istio-injection: enabled", 1, id="label-over-annotation"
    ),
    pytest.param({"rev": "canary"}, {}, {}, True, "namespace label istio.io/rev: canary", 1, id="revision"),
    pytest.param({"rev": "canary"}, {REV: "stable"}, {}, True, "namespace label istio.io/rev: canary", 1, id="namespace-revision-first"),
    pytest.param({}, {REV: "canary"}, {}, True, "pod label istio.io/rev: canary", 3, id="pod-revision"),
    pytest.param(
        {}, {REV: "canary", INJECT: "false"}, {}, False, 'pod label sidecar.istio.io/inject: "false"', 3, id="pod-revision-but-no"
    ),
    pytest.param({"injection": "disabled", "rev": "x"}, {}, {}, False, "namespace label istio-injection: disabled", 1, id="both-no"),
    pytest.param({"injection": "enabled", "rev": "x"}, {}, {}, True, "namespace label istio-injection: enabled", 1, id="both-yes"),
]


@pytest.mark.parametrize(("labels", "pod_labels", "annotations", "inside", "why", "line"), CASES)
def test_labels_decide(
    labels: dict[str, str], pod_labels: dict[str, str], annotations: dict[str, str], inside: bool, why: str, line: int
) -> None:
    found = enrolled(namespace(**labels), pod(labels=pod_labels, annotations=annotations)).of("web")
    assert (isinstance(found, Member), found.why, str(found.origin)) == (inside, why, f"mesh.yaml:{line}")


def test_a_member_has_its_service_accounts_identity() -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "front", "namespace": "shop"}}
    found = enrolled(namespace(**ENABLED), account, pod(serviceAccountName="front"))
    assert found.members["web"].spiffe == "spiffe://cluster.local/ns/shop/sa/front"


def test_host_network_is_never_in_the_mesh() -> None:
    found = enrolled(namespace(**ENABLED), pod(hostNetwork=True), pod("asks", {INJECT: "true"}, hostNetwork=True))
    assert found.outsiders["web"].why == found.outsiders["asks"].why == "hostNetwork: true"
    assert found.codes == ["NET0625"]


def test_kube_system_is_never_in_the_mesh() -> None:
    found = enrolled(namespace("kube-system", **ENABLED), pod(in_namespace="kube-system"))
    assert found.outsiders["web"].why == "namespace kube-system is never in the mesh"


@pytest.mark.parametrize(
    ("labels", "pod_labels", "annotations", "codes"),
    [
        pytest.param(ENABLED, {INJECT: "true"}, {}, [], id="plain"),
        pytest.param({"injection": "enabled", "rev": "x"}, {}, {}, ["NET0620"], id="both-labels"),
        pytest.param(ENABLED, {INJECT: "yes"}, {}, ["NET0621"], id="odd-yes"),
        pytest.param(ENABLED, {INJECT: "nope"}, {}, ["NET0621"], id="odd-no"),
        pytest.param({}, {INJECT: "yes"}, {}, ["NET0621"], id="odd-unheard"),
        pytest.param({}, {}, {INJECT: "true"}, ["NET0626"], id="annotation-alone"),
        pytest.param({}, {}, {INJECT: "false"}, [], id="annotation-agrees"),
        pytest.param({"mode": "ambient"}, {}, {}, ["NET0623"], id="ambient"),
        pytest.param({"mode": "ambient", "injection": "enabled"}, {}, {}, [], id="ambient-and-injected"),
    ],
)
def test_what_is_said_of_labels(labels: dict[str, str], pod_labels: dict[str, str], annotations: dict[str, str], codes: list[str]) -> None:
    assert enrolled(namespace(**labels), pod(labels=pod_labels, annotations=annotations)).codes == codes


def test_pods_of_a_template_are_decided_together() -> None:
    template = {"metadata": {"labels": {"app": "api", INJECT: "yes"}}, "spec": {"containers": [{"name": "main"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "api"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "shop"}, "spec": spec}
    found = enrolled(namespace(**ENABLED), deployment)
    assert len([one for one in found.members if one.startswith("api-")]) == 3
    assert found.codes == ["NET0621"]


def test_seaways_own_gateway_is_in_where_there_is_a_mesh() -> None:
    assert any(name.startswith("gateway-") for name in enrolled(namespace(**ENABLED), pod()).members)
    assert not enrolled(namespace(), pod()).members


def test_another_controller_is_in_only_if_labels_say_so() -> None:
    def controller(name: str) -> dict[str, object]:
        container = {"name": "controller", "image": NGINX, "args": ["/nginx-ingress-controller"]}
        template = {"metadata": {"labels": {"app": "in"}}, "spec": {"containers": [container]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": "in"}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "in", "namespace": name}, "spec": spec}

    found = enrolled(namespace(**ENABLED), namespace("edge"), pod(), controller("edge"))
    assert [name for name in found.outsiders if name.startswith("in-")]
    found = enrolled(namespace(**ENABLED), pod(), controller("shop"))
    assert [name for name in found.members if name.startswith("in-")]


def capture_of(**annotations: str) -> tuple[Capture, list[str]]:
    given = {TRAFFIC + name: value for name, value in annotations.items()}
    found = enrolled(namespace(**ENABLED), pod(annotations=given))
    return found.members["web"].capture, found.codes


@pytest.mark.parametrize(
    ("name", "value", "capture"),
    [
        pytest.param("includeInboundPorts", "*", Capture(), id="all-ports"),
        pytest.param("includeInboundPorts", "", Capture(inbound=()), id="no-ports"),
        pytest.param("includeInboundPorts", "8080, 80", Capture(inbound=(80, 8080)), id="ports"),
        pytest.param("excludeInboundPorts", "22", Capture(inbound_excluded=(22,)), id="not-in"),
        pytest.param("includeOutboundPorts", "9000", Capture(outbound=(9000,)), id="more-out"),
        pytest.param("excludeOutboundPorts", "3306,5432", Capture(outbound_excluded=(3306, 5432)), id="not-out"),
        pytest.param("includeOutboundIPRanges", "*", Capture(), id="all-ranges"),
        pytest.param("includeOutboundIPRanges", "10.96.0.0/12", Capture(ranges=("10.96.0.0/12",)), id="ranges"),
        pytest.param("includeOutboundIPRanges", "10.0.0.0/8,10.1.0.0/16", Capture(ranges=("10.0.0.0/8",)), id="one-in-another"),
        pytest.param("includeOutboundIPRanges", "10.1.2.3/8", Capture(ranges=("10.0.0.0/8",)), id="host-bits"),
        pytest.param("excludeOutboundIPRanges", "192.0.2.0/24,2001:db8::/32", Capture(ranges_excluded=("192.0.2.0/24",)), id="v6-aside"),
    ],
)
def test_what_passes_the_proxy(name: str, value: str, capture: Capture) -> None:
    assert capture_of(**{name: value}) == (capture, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("excludeInboundPorts", "*", id="star-where-none-is"),
        pytest.param("excludeOutboundPorts", "80-90", id="span"),
        pytest.param("includeInboundPorts", "65536", id="too-large"),
        pytest.param("includeInboundPorts", "80,", id="comma-at-the-end"),
        pytest.param("excludeOutboundIPRanges", "10.0.0.1", id="no-length"),
        pytest.param("excludeOutboundIPRanges", "somewhere", id="no-address"),
    ],
)
def test_bad_values_are_left_out_and_named(name: str, value: str) -> None:
    assert capture_of(**{name: value}) == (Capture(), ["NET0622"])


@pytest.mark.parametrize("name", ["kubevirtInterfaces", "excludeOutboundPort"])
def test_what_is_not_acted_on_is_said(name: str) -> None:
    assert capture_of(**{name: "x"}) == (Capture(), ["NET0624"])


def test_interception_mode_is_said_to_be_the_only_one() -> None:
    found = enrolled(namespace(**ENABLED), pod(annotations={"sidecar.istio.io/interceptionMode": "NONE"}))
    assert found.codes == ["NET0624"]
