"""What is said of packets that the kernel tells of: the rules by which they pass, or do not, as policies are now."""

from __future__ import annotations

import pytest

from seaway.analysis.flows.drops import drop_flow, explain_drop, unexplained
from seaway.analysis.flows.reasons import Verdict
from seaway.frontends.build import build_model
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.protocols.policy_log import DropEntry, PolicyVerdict
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

MANIFESTS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, labels: {app: api}}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api}
spec:
  podSelector: {matchLabels: {app: api}}
  ingress:
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}
"""


@pytest.fixture(scope="module")
def model() -> Model:
    return build_model(snapshot_of(load_text(MANIFESTS, "m.yaml").resources), default_cluster(1), Leases()).model


def entry(model: Model, verdict: PolicyVerdict, source: str, target: str, port: int) -> DropEntry:
    addresses = {pod.id.name: pod.ip for pod in model.pods}
    return DropEntry(1.0, verdict, 0, addresses[source], addresses[target], "TCP", 40000, port)


@pytest.mark.parametrize(
    ("way", "text", "lines"),
    [
        pytest.param(("web", "api", 80), "let pass by ingress: rule 1 of NetworkPolicy default/api", [18], id="by-a-rule"),
        pytest.param(("api", "web", 80), "let pass: no network policy has a say", [], id="open"),
        pytest.param(("web", "api", 81), "let pass by a network policy that is no more as it was: now this may not pass", [], id="changed"),
    ],
)
def test_accepts(model: Model, way: tuple[str, str, int], text: str, lines: list[int]) -> None:
    accepted = entry(model, PolicyVerdict.ACCEPTED, *way)
    reason = explain_drop(accepted, model)
    assert (reason.verdict, reason.text) == (Verdict.ACCEPTED, text)
    assert [one.line for one in reason.because] == lines
    assert unexplained(accepted).verdict is Verdict.ACCEPTED
    assert drop_flow(accepted).denied_by == ""


def test_drops(model: Model) -> None:
    denied = explain_drop(entry(model, PolicyVerdict.DENIED, "web", "api", 81), model)
    assert denied.verdict is Verdict.DENIED
    assert denied.text.startswith("ingress: default deny of NetworkPolicy default/api, nearest rule differs in port 80/TCP")
    assert unexplained(entry(model, PolicyVerdict.DENIED, "web", "api", 81)).verdict is Verdict.DENIED
