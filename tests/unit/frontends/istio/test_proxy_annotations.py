"""proxy.istio.io/config: what would change traffic is said with its line, the rest passes."""

from __future__ import annotations

import pytest

from seaway.core.codes import mesh as codes
from seaway.core.origin import GENERATED
from seaway.frontends.istio.proxy_annotations import check_proxy_annotations
from seaway.model.mesh import Capture, Member

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations:
        proxy.istio.io/config: |
          SETTING
    spec: {containers: [{name: web, image: web}]}
"""


def findings(build, setting):
    model = (world := build(DEPLOYMENT.replace("SETTING", setting))).built.model
    members = [Member(pod.id, "", "", Capture(), "", GENERATED) for pod in model.pods]
    return check_proxy_annotations(world.built.snapshot, members, model.pod)


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("interceptionMode: NONE", codes.SETTING_DIFFERS),
        ("interception_mode: NONE", codes.SETTING_DIFFERS),
        ("proxyHeaders: {requestId: {disabled: true}}", codes.SETTING_DIFFERS),
        ("drainDurations: 5s", codes.PROXY_ANNOTATION_INVALID),
        ("concurrency: many", codes.PROXY_ANNOTATION_INVALID),
        ("[a, b]", codes.PROXY_ANNOTATION_INVALID),
        ("{", codes.PROXY_ANNOTATION_INVALID),
    ],
)
def test_once_an_object_with_its_line(build, setting, code):
    (found,) = findings(build, setting)
    assert (found.code, found.origin.line) == (code, 13 if setting != "{" else found.origin.line)


@pytest.mark.parametrize("setting", ["holdApplicationUntilProxyStarts: true", "terminationDrainDuration: 5s\n          concurrency: 1"])
def test_the_usual_passes(build, setting):
    assert findings(build, setting) == ()
