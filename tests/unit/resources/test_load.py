"""Objects: what is loaded, what is refused and with which words, and what is noted."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.core.names import Key
from seaway.resources.core_v1 import ConfigMap, Service
from seaway.resources.load import join, load_text, resource_of

HEAD = "apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: c\n"
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers: [{name: c}]
"""


def findings(text: str) -> list[tuple[str, int, int, str]]:
    return [(one.code.id, one.origin.line, one.origin.column, one.message) for one in load_text(text, "a.yaml").findings]


IDENTITY = [
    pytest.param("kind: Pod\nmetadata: {name: a}", "NET0112", (1, 1), "no apiVersion in a Pod", "here `v1`", id="no-apiVersion"),
    pytest.param("apiVersion: v1\nmetadata: {name: a}", "NET0112", (1, 1), "no kind", "Add kind", id="no-kind"),
    pytest.param("metadata: {name: a}", "NET0112", (1, 1), "no apiVersion and no kind", "Add", id="neither"),
    pytest.param(
        "apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {containers: []}",
        "NET0112",
        (3, 1),
        "no metadata.name in a Pod",
        "Add",
        id="no-name",
    ),
    pytest.param("apiVersion: v1\nkind: ConfigMap", "NET0112", (1, 1), "no metadata.name in a ConfigMap", "Add", id="no-metadata"),
    pytest.param("services: {}\nversion: '3'", "NET0111", (1, 1), "neither apiVersion nor kind", "Move", id="something-else"),
    pytest.param("- a", "NET0110", (1, 1), "a list where", "Remove", id="list"),
    pytest.param("just text", "NET0110", (1, 1), 'the text "just text" where', "Remove", id="text"),
    pytest.param(
        "apiVersion: 1\nkind: Pod", "NET0121", (1, 1), "apiVersion must be text, not the number 1", "quotes", id="apiVersion-number"
    ),
    pytest.param(
        "apiVersion: v1\nkind: service\nmetadata: {name: a}",
        "NET0113",
        (2, 1),
        "no kind service in v1, did you mean Service?",
        "CamelCase",
        id="kind-case",
    ),
    pytest.param("apiVersion: v1\nkind: Servce", "NET0113", (2, 1), "did you mean Service?", "CamelCase", id="kind-spelling"),
    pytest.param(
        "apiVersion: v1\nkind: Deploymnet", "NET0113", (2, 1), "did you mean Deployment (apps/v1)?", "CamelCase", id="kind-and-group"
    ),
    pytest.param(
        "apiVersion: networking.k8s.io/v1\nkind: networkpolicy",
        "NET0113",
        (2, 1),
        "did you mean NetworkPolicy?",
        "CamelCase",
        id="not-modelled-kind-case",
    ),
    pytest.param(
        "apiVersion: v1\nkind: Deployment\nmetadata: {name: a}", "NET0115", (1, 1), "it is served as apps/v1", "apps/v1", id="wrong-group"
    ),
    pytest.param("apiVersion: app/v1\nkind: Deployment", "NET0115", (1, 1), "it is served as apps/v1", "apps/v1", id="group-spelling"),
    pytest.param(
        "apiVersion: networking.k8s.oi/v1\nkind: Ingress",
        "NET0115",
        (1, 1),
        "served as networking.k8s.io/v1",
        "networking.k8s.io/v1",
        id="domain-spelling",
    ),
    pytest.param(
        "apiVersion: networking.k8s.oi/v1\nkind: NetworkPolicy",
        "NET0115",
        (1, 1),
        "served as networking.k8s.io/v1",
        "networking",
        id="domain-spelling-not-modelled",
    ),
    pytest.param("apiVersion: V1\nkind: Pod", "NET0115", (1, 1), "it is served as v1", "v1", id="version-case"),
    pytest.param(
        "apiVersion: apps/v2\nkind: Deployment", "NET0115", (1, 1), "it is served as apps/v1", "apps/v1", id="version-of-the-future"
    ),
    *(
        pytest.param(
            f"apiVersion: {version}\nkind: {kind}", "NET0114", (1, 1), f"removed in Kubernetes {removed}", served, id=f"{version}-{kind}"
        )
        for version, kind, removed, served in [
            ("extensions/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1"),
            ("networking.k8s.io/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1"),
            ("networking.k8s.io/v1beta1", "IngressClass", "1.22", "networking.k8s.io/v1"),
            ("discovery.k8s.io/v1beta1", "EndpointSlice", "1.25", "discovery.k8s.io/v1"),
            ("extensions/v1beta1", "Deployment", "1.16", "apps/v1"),
            ("apps/v1beta2", "StatefulSet", "1.16", "apps/v1"),
        ]
    ),
    pytest.param(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a.b}",
        "NET0116",
        (3, 12),
        "metadata.name 'a.b' is not a valid name",
        "`a-b`",
        id="service-name",
    ),
    pytest.param(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: My_Map}", "NET0116", (3, 12), "'My_Map'", "`my-map`", id="upper-case-name"
    ),
    pytest.param(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: A}",
        "NET0116",
        (3, 21),
        "metadata.namespace 'A'",
        "`a`",
        id="namespace",
    ),
]


@pytest.mark.parametrize(("text", "code", "place", "message", "help"), IDENTITY)
def test_identity(text: str, code: str, place: tuple[int, int], message: str, help: str) -> None:
    loaded = load_text(text, "a.yaml")
    assert not loaded.resources
    (found,) = loaded.findings
    assert (found.code.id, found.origin.line, found.origin.column) == (code, *place)
    assert message in found.message
    assert help in found.help


FIELDS = [
    pytest.param(
        POD + "    imgae: x",
        "NET0120",
        (7, 5),
        "Container has no field spec.containers[0].imgae, did you mean image?",
        "Rename",
        id="spelling",
    ),
    pytest.param(POD + "    Image: x", "NET0120", (7, 5), "did you mean image?", "Rename", id="case"),
    pytest.param(POD + "  hostnetwork: true", "NET0120", (7, 3), "did you mean hostNetwork?", "Rename", id="camel-case"),
    pytest.param(
        DEPLOYMENT + "  containers: []", "NET0120", (10, 3), "but there is spec.template.spec.containers", "indentation", id="wrong-level"
    ),
    pytest.param(DEPLOYMENT + "  qqq: 1", "NET0120", (10, 3), "DeploymentSpec has no field spec.qqq", "Fields here", id="unknown"),
    pytest.param(
        HEAD.format(kind="ConfigMap") + "data: {x: yes}",
        "NET0121",
        (4, 8),
        "data.x must be text, not the boolean true",
        "quotes",
        id="bare-yes",
    ),
    pytest.param(
        HEAD.format(kind="ConfigMap") + "data: {x: 1}",
        "NET0121",
        (4, 8),
        "data.x must be text, not the number 1",
        "quotes",
        id="bare-number",
    ),
    pytest.param(
        POD + "    env: [{name: X, value: 5}]", "NET0121", (7, 21), "env[0].value must be text, not the number 5", "quotes", id="env-number"
    ),
    pytest.param(POD + "    args: [a, on]", "NET0121", (7, 15), "args[1] must be text, not the boolean true", "quotes", id="list-item"),
    pytest.param(
        POD + "    ports: {containerPort: 80}", "NET0121", (7, 5), "ports must be a list, not a mapping", "`- `", id="list-as-mapping"
    ),
    pytest.param(
        POD + "    ports: [80]", "NET0121", (7, 13), "ports[0] must be a mapping, not the number 80", "Write", id="scalar-as-mapping"
    ),
    pytest.param(
        POD + '    ports: [{containerPort: "80"}]',
        "NET0121",
        (7, 14),
        'containerPort must be a whole number, not the text "80"',
        "Remove the quotes",
        id="quoted-number",
    ),
    pytest.param(
        POD + "    ports: [{containerPort: 80.5}]", "NET0121", (7, 14), "a whole number, not the number 80.5", "Write", id="fraction"
    ),
    pytest.param(
        POD + '  hostNetwork: "true"', "NET0121", (7, 3), 'true or false, not the text "true"', "Remove the quotes", id="quoted-boolean"
    ),
    pytest.param(
        POD + "    readinessProbe: {httpGet: {port: [80]}}",
        "NET0121",
        (7, 32),
        "port must be a whole number or text, not a list",
        "Write",
        id="int-or-string",
    ),
    pytest.param(
        POD + "    resources: {limits: {memory: 1Gx}}",
        "NET0121",
        (7, 26),
        'a quantity such as 500m or 1Gi, not the text "1Gx"',
        "Write",
        id="quantity",
    ),
    pytest.param(
        "apiVersion: v1\nkind: Pod\nmetadata: [a]\nspec: {containers: []}",
        "NET0121",
        (3, 1),
        "metadata must be a mapping, not a list",
        "Remove the dash",
        id="metadata",
    ),
    pytest.param(
        POD + "    ports: [{name: x}]", "NET0122", (7, 13), "spec.containers[0].ports[0].containerPort is missing", "Add it", id="required"
    ),
    pytest.param(HEAD.format(kind="Pod"), "NET0122", (1, 1), "spec is missing", "Add it", id="required-spec"),
    pytest.param(
        HEAD.format(kind="Service") + "spec: {ports: [{port: }]}",
        "NET0122",
        (4, 17),
        "spec.ports[0].port is missing",
        "Add it",
        id="required-null",
    ),
    pytest.param(HEAD.format(kind="Secret") + "data: {x: '???'}", "NET0123", (4, 8), "data.x is not base64", "stringData", id="base64"),
]


@pytest.mark.parametrize(("text", "code", "place", "message", "help"), FIELDS)
def test_field(text: str, code: str, place: tuple[int, int], message: str, help: str) -> None:
    loaded = load_text(text, "a.yaml")
    assert not loaded.resources
    (found,) = loaded.findings
    assert (found.code.id, found.origin.line, found.origin.column) == (code, *place)
    assert message in found.message
    assert help in found.help
    assert found.why


def test_every_mistake_of_an_object_is_reported() -> None:
    text = (
        DEPLOYMENT.replace("name: a}", "name: a, lables: {}}", 1)
        .replace("name: c}", "name: c, ports: 80, x: 1}")
        .replace("spec:\n  s", "spec:\n  replica: 1\n  s")
    )
    assert [found[:3] for found in findings(text)] == [("NET0120", 3, 21), ("NET0120", 5, 3), ("NET0121", 10, 30), ("NET0120", 10, 41)]


@pytest.mark.parametrize(
    "text",
    [
        POD + "    ports: [{containerPort: 80.0}]",
        POD + "    ports: [{containerPort: 0x50}]",
        POD + "    readinessProbe: {httpGet: {port: http}}",
        POD + "    readinessProbe: {httpGet: {port: 80}}",
        POD + "    resources: {limits: {cpu: 1, memory: 1.5, x: 100m, z: 1e3, w: +1Gi}}",
        POD + "    args: null\n    env:\n  nodeSelector: ~",
        POD + "status: {phase: [not checked]}",
        DEPLOYMENT.replace("name: a}", "name: a, creationTimestamp: null, uid: x, resourceVersion: '1'}", 1),
    ],
    ids=["float", "hex", "named", "numbered", "quantities", "nulls", "status", "server-fields"],
)
def test_accepted(text: str) -> None:
    loaded = load_text(text, "a.yaml")
    assert not loaded.findings
    assert not loaded.ignored
    assert len(loaded.resources) == 1


def test_nulls_and_status_are_not_part_of_the_object() -> None:
    (found,) = load_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: }\ndata: {x: , z: '1'}\nstatus: {}", "a.yaml"
    ).resources
    assert found.raw == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "", "z": "1"}}
    assert isinstance(found.body, ConfigMap)
    assert found.body.data == {"x": "", "z": "1"}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (POD, Key("", "Pod", "default", "a")),
        (POD.replace("name: a", "name: a, namespace: ns"), Key("", "Pod", "ns", "a")),
        (DEPLOYMENT, Key("apps", "Deployment", "default", "a")),
        (HEAD.format(kind="Namespace"), Key("", "Namespace", "", "a")),
        (
            "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a, namespace: ns}",
            Key("networking.k8s.io", "IngressClass", "", "a"),
        ),
    ],
    ids=["default", "given", "group", "cluster", "cluster-with-namespace"],
)
def test_key(text: str, key: Key) -> None:
    assert [one.key for one in load_text(text, "a.yaml").resources] == [key]


def test_lists_are_expanded_and_items_keep_their_lines() -> None:
    text = """apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata: {name: a}
- apiVersion: v1
  kind: ServiceList
  items:
  - metadata: {name: b}
    spec: {portz: []}
  - metadata: {name: c}
"""
    loaded = load_text(text, "a.yaml")
    assert [(str(one.key), one.mark.line) for one in loaded.resources] == [("Namespace a", 4), ("Service default/c", 12)]
    assert [(one.code.id, one.origin.line) for one in loaded.findings] == [("NET0120", 11)]
    assert loaded.refused == (Key("", "Service", "default", "b"),)


def test_other_kinds_are_counted() -> None:
    text = """
{apiVersion: batch/v1, kind: CronJob}
---
{apiVersion: batch/v1, kind: CronJob}
---
{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a}}
---
{apiVersion: policy/v1beta1, kind: PodDisruptionBudget}
---
{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}
"""
    loaded = load_text(text, "a.yaml")
    assert not loaded.findings
    assert loaded.not_modelled == {
        "batch/v1/CronJob": 2,
        "serving.knative.dev/v1/Service": 1,
        "policy/v1beta1/PodDisruptionBudget": 1,
    }


def test_generated_name_is_stable() -> None:
    text = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-}\nspec: {template: {spec: {containers: [{name: c}]}}}"
    first, second = load_text(text, "a.yaml").resources[0], load_text("\n\n" + text, "b.yaml").resources[0]
    assert first.key == second.key
    assert first.key.name.startswith("a-")
    assert first.meta.name == first.key.name == first.raw["metadata"]["name"]


def test_digest_is_of_the_content_not_of_the_place() -> None:
    first, second = load_text(POD, "a.yaml").resources[0], load_text("# c\n" + POD.replace("name: a}", 'name: "a"}'), "b.yaml").resources[0]
    assert first.digest == second.digest
    assert first.digest != load_text(POD.replace("name: c", "name: d"), "a.yaml").resources[0].digest


def test_broken_tells_that_unknown_objects_may_be_missing() -> None:
    assert load_text(POD + "---\na: [", "a.yaml").broken
    assert load_text("apiVersion: v1\nkind: Pod\n", "a.yaml").broken
    assert not load_text(POD + "    x: 1", "a.yaml").broken
    assert not load_text("services: {}", "a.yaml").broken


def test_origin_of_a_field() -> None:
    (found,) = load_text(HEAD.format(kind="Service") + "spec:\n  ports:\n  - port: 80\n    targetPort: web\n", "a.yaml").resources
    assert isinstance(found.body, Service)
    assert found.at("spec", "ports", 0, "targetPort").full == "a.yaml:7:5"
    assert found.at("spec", "ports", 0, "nodePort").full == "a.yaml:6:5"


def test_join_keeps_the_first_of_two_and_names_both() -> None:
    joined = join([load_text("---\n" + POD, "a.yaml"), load_text(POD.replace("name: c", "name: d") + "---\n" + POD, "b.yaml")])
    assert [one.file for one in joined.resources] == ["a.yaml"]
    assert [(one.origin.full, one.message) for one in joined.findings] == [
        ("b.yaml:1:1", "Pod default/a is defined twice: here and at a.yaml:2"),
        ("b.yaml:8:1", "Pod default/a is defined twice: here and at a.yaml:2"),
    ]


def test_fields_without_effect_are_noted_once() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {healthCheckNodePort: 30000}\n"
    pod = POD + "    ports: [{containerPort: 1, hostIP: 1.1.1.1}, {containerPort: 2, hostIP: 1.1.1.1}]\n"
    joined = join([load_text(service % "a", "a.yaml"), load_text(service % "b" + "---\n" + pod, "b.yaml")])
    assert [(one.origin.full, one.severity.value, one.message) for one in joined.findings] == [
        ("a.yaml:4:8", "note", "Service spec.healthCheckNodePort is accepted by Kubernetes, and has no effect here (2 times)"),
        ("b.yaml:12:32", "note", "Pod spec.containers[].ports[].hostIP is accepted by Kubernetes, and has no effect here (2 times)"),
    ]


def test_fields_that_cannot_matter_are_not_noted() -> None:
    text = POD + "    resources: {}\n    volumeMounts: []\n    securityContext: {runAsUser: 1}\n  tolerations: []\n  volumes: []\n"
    assert not load_text(text, "a.yaml").ignored


def test_sysctls_are_noted_although_the_rest_of_the_security_context_is_not() -> None:
    text = POD + "  securityContext: {fsGroup: 1, sysctls: [{name: a, value: b}]}\n"
    assert [one.field for one in load_text(text, "a.yaml").ignored] == ["spec.securityContext.sysctls"]


def test_resource_of() -> None:
    found = resource_of({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}})
    assert found.key == Key("", "Service", "default", "a")
    assert (found.origin.line, str(found.at("spec"))) == (0, "(made by seaway)")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"apiVersion": "v1", "kind": "Foo"}, "not a modelled kind: v1 Foo"),
        (
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"porrt": 80}]}},
            "porrt.*; .*port is missing",
        ),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {}}, "no metadata.name"),
    ],
)
def test_resource_of_nonsense(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resource_of(raw)
