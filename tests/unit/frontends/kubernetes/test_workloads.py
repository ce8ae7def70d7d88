"""Which pods objects make, under which names and labels, and which objects the API server would refuse."""

import re
import textwrap

import pytest

from seaway.core.finding import Severity
from seaway.core.names import Key

SAFE = "[bcdfghjklmnpqrstvwxz2456789]"

STATEFUL_SET = """
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: db}
    spec:
      replicas: 2
      serviceName: db
      selector: {matchLabels: {app: db}}
      template:
        metadata: {labels: {app: db}}
        spec: {containers: [{name: main}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: db}
    spec: {clusterIP: None, selector: {app: db}}
    """

DAEMON_SET = """
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: agent}
    spec:
      selector: {matchLabels: {app: agent}}
      template:
        metadata: {labels: {app: agent}}
        spec: {containers: [{name: main}]}
    """

JOB = """
    apiVersion: batch/v1
    kind: Job
    metadata: {name: load}
    spec:
      %s
      template:
        metadata: {labels: {app: load}}
        spec: {restartPolicy: Never, containers: [{name: main}]}
    """


def test_deployment_pods_are_named_after_a_hash_of_the_template(build, deployment):
    pods = build(deployment(replicas=3)).pods()
    assert len(pods) == 3
    digest = dict(pods[0].labels)["pod-template-hash"]
    assert re.fullmatch(SAFE + "{10}", digest)
    for pod in pods:
        assert re.fullmatch(f"web-{digest}-{SAFE}{{5}}", pod.id.name)
        assert pod.owner == Key("apps", "Deployment", "default", "web")
        assert pod.hostname == pod.id.name
        assert pod.service_account == "default"
        assert dict(pod.labels) == {"app": "web", "pod-template-hash": digest}


def test_scaling_keeps_pods_and_a_new_template_replaces_them(build, deployment):
    two = {pod.id for pod in build(deployment(replicas=2)).pods()}
    three = {pod.id for pod in build(deployment(replicas=3)).pods()}
    other = {pod.id for pod in build(deployment("image: v2", replicas=2)).pods()}
    assert two < three
    assert not two & other


@pytest.mark.parametrize(
    ("replicas", "count"), [("replicas: 0", 0), ("replicas: 4", 4), ("paused: false", 1)], ids=["zero", "four", "default"]
)
def test_replicas(build, replicas, count):
    text = f"""
        apiVersion: apps/v1
        kind: ReplicaSet
        metadata: {{name: rs}}
        spec:
          {replicas if "paused" not in replicas else "minReadySeconds: 0"}
          selector: {{matchLabels: {{app: rs}}}}
          template: {{metadata: {{labels: {{app: rs}}}}, spec: {{containers: [{{name: main}}]}}}}
        """
    pods = build(text).pods()
    assert len(pods) == count
    assert all(re.fullmatch(f"rs-{SAFE}{{5}}", pod.id.name) for pod in pods)


def test_stateful_set(build):
    pods = build(STATEFUL_SET).pods()
    assert [pod.id.name for pod in pods] == ["db-0", "db-1"]
    for index, pod in enumerate(pods):
        labels = dict(pod.labels)
        assert labels["statefulset.kubernetes.io/pod-name"] == pod.id.name
        assert labels["apps.kubernetes.io/pod-index"] == str(index)
        assert re.fullmatch(f"db-{SAFE}{{10}}", labels["controller-revision-hash"])
        assert (pod.hostname, pod.subdomain) == (pod.id.name, "db")


def test_stateful_set_keeps_names_and_changes_revision(build):
    before, after = build(STATEFUL_SET).pods(), build(STATEFUL_SET.replace("name: main", "name: main, image: v2")).pods()
    assert [pod.id for pod in before] == [pod.id for pod in after]
    assert before[0].revision != after[0].revision
    assert before[0].revision == before[1].revision


def test_stateful_set_ordinals_start(build):
    text = STATEFUL_SET.replace("serviceName: db", "serviceName: db\n      ordinals: {start: 5}")
    assert [pod.id.name for pod in build(text).pods()] == ["db-5", "db-6"]


def test_stateful_set_without_its_service(build):
    world = build(STATEFUL_SET.partition("---")[0])
    assert len(world.pods()) == 2
    assert "db-0.db does not resolve" in world.finding("NET0223").why


def test_daemon_set_runs_once_a_node(build):
    pods = build(DAEMON_SET, nodes=3).pods()
    assert sorted(pod.node for pod in pods) == ["node-1", "node-2", "node-3"]
    assert len({pod.id for pod in pods}) == 3
    for pod in pods:
        assert re.fullmatch(f"agent-{SAFE}{{5}}", pod.id.name)
        assert "controller-revision-hash" in dict(pod.labels)


def test_daemon_set_on_one_node(build):
    text = DAEMON_SET.replace("spec: {containers", "spec: {nodeSelector: {kubernetes.io/hostname: node-2}, containers")
    assert [pod.node for pod in build(text, nodes=3).pods()] == ["node-2"]


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        pytest.param("backoffLimit: 1", 1, id="default"),
        pytest.param("parallelism: 3", 3, id="work-queue"),
        pytest.param("{completions: 2, parallelism: 3}", 2, id="no-more-than-completions"),
        pytest.param("{suspend: true, parallelism: 3}", 0, id="suspended"),
        pytest.param("parallelism: 0", 0, id="none"),
    ],
)
def test_jobs(build, fields, count):
    body = "\n      ".join(fields.strip("{}").split(", "))
    pods = build(JOB % body).pods()
    assert len(pods) == count
    for pod in pods:
        assert re.fullmatch(f"load-{SAFE}{{5}}", pod.id.name)
        assert pod.finite
        assert dict(pod.labels) == {"app": "load", "job-name": "load", "batch.kubernetes.io/job-name": "load"}


def test_indexed_job(build):
    pods = build(JOB % "completionMode: Indexed\n      completions: 2\n      parallelism: 2").pods()
    assert [re.sub(f"{SAFE}{{5}}$", "*", pod.id.name) for pod in pods] == ["load-0-*", "load-1-*"]
    assert [pod.hostname for pod in pods] == ["load-0", "load-1"]
    assert dict(pods[1].annotations)["batch.kubernetes.io/job-completion-index"] == "1"


def test_a_job_that_runs_in_turns_is_noted(build):
    world = build(JOB % "completions: 10\n      parallelism: 2")
    assert len(world.pods()) == 2
    assert world.finding("NET0222").message == "2 of 10 completions run"


def test_long_names_are_cut_as_kubernetes_cuts_them(build, deployment):
    name = "x" * 60
    (pod,) = build(deployment(name=name)).pods()
    assert len(pod.id.name) == 63
    assert pod.id.name.startswith("x" * 58)
    (member,) = build(DAEMON_SET.replace("name: agent", f"name: {name}"), nodes=1).pods()
    assert re.fullmatch(f"x{{58}}{SAFE}{{5}}", member.id.name)


def test_bare_pods_and_generated_names(build):
    text = "apiVersion: v1\nkind: Pod\nmetadata: {%s}\nspec: {containers: [{name: main, image: %s}]}\n"
    pods = build("---\n".join([text % ("name: one", "a"), text % ("generateName: two-", "a"), text % ("generateName: two-", "b")])).pods()
    assert pods[0].id.name == "one"
    assert len({pod.id for pod in pods}) == 3
    assert all(re.fullmatch(f"two-{SAFE}{{5}}", pod.id.name) for pod in pods[1:])


def test_a_bare_pod_changes_its_revision_with_its_spec_but_not_with_its_labels(build):
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: one, labels: {a: %s}}\nspec: {containers: [{name: main, image: %s}]}\n"
    first, relabelled, changed = (build(text % values).pod for values in (("p", "v1"), ("q", "v1"), ("p", "v2")))
    assert first.revision == relabelled.revision != changed.revision


def test_exported_copies_of_owned_objects_are_passed_over(build, deployment):
    copies = """
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-5d4f8c7b9d, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-66bb-x2x7q, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-66bb, uid: u}]}
spec: {containers: [{name: main}]}
---
apiVersion: v1
kind: Pod
metadata: {name: orphan, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: gone-66bb, uid: u}]}
spec: {containers: [{name: main}]}
"""
    world = build(deployment() + copies)
    assert sorted(pod.id.name.split("-")[0] for pod in world.pods()) == ["orphan", "web"]
    assert world.codes(Severity.NOTE).count("NET0204") == 2


def test_of_two_pods_with_one_name_the_first_runs(build):
    pod = "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: db-0}\nspec: {containers: [{name: main}]}\n"
    world = build(textwrap.dedent(STATEFUL_SET) + pod)
    assert [one.owner.kind for one in world.pods()] == ["Pod", "StatefulSet"]
    assert world.finding("NET0205").message == "another object already makes pod default/db-0"


@pytest.mark.parametrize(
    ("selector", "code"),
    [
        pytest.param("{matchLabels: {app: wbe}}", "NET0203", id="label-mismatch"),
        pytest.param("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", "NET0203", id="expression-mismatch"),
        pytest.param("{}", "NET0202", id="empty"),
        pytest.param("{matchExpressions: [{key: app, operator: Is, values: [web]}]}", "NET0201", id="unknown-operator"),
        pytest.param("{matchExpressions: [{key: app, operator: Exists, values: [web]}]}", "NET0201", id="exists-with-values"),
        pytest.param("{matchExpressions: [{key: app, operator: In}]}", "NET0201", id="in-without-values"),
    ],
)
def test_bad_selectors(build, deployment, selector, code):
    world = build(deployment().replace("{matchLabels: {app: web}}", selector) + deployment(name="other"))
    assert [pod.owner.name for pod in world.pods()] == ["other"]
    assert world.codes() == [code]
    assert world.finding(code).origin.field.startswith("spec.selector")


@pytest.mark.parametrize(
    ("container", "spec", "field"),
    [
        pytest.param("ports: [{containerPort: 0}]", "", "containers[0].ports[0].containerPort", id="port-zero"),
        pytest.param("ports: [{containerPort: 70000}]", "", "containers[0].ports[0].containerPort", id="port-too-big"),
        pytest.param("ports: [{containerPort: 80, protocol: HTTP}]", "", "containers[0].ports[0].protocol", id="protocol"),
        pytest.param("ports: [{containerPort: 80, name: UPPER}]", "", "containers[0].ports[0].name", id="port-name"),
        pytest.param("ports: [{containerPort: 80, name: a-very-long-port}]", "", "containers[0].ports[0].name", id="port-name-length"),
        pytest.param(
            "ports: [{containerPort: 1, name: x}, {containerPort: 2, name: x}]", "", "containers[0].ports[1].name", id="port-name-twice"
        ),
        pytest.param("readinessProbe: {}", "", "containers[0].readinessProbe", id="probe-without-action"),
        pytest.param(
            "readinessProbe: {tcpSocket: {port: 80}, exec: {command: [x]}}", "", "containers[0].readinessProbe", id="probe-two-actions"
        ),
        pytest.param(
            "livenessProbe: {tcpSocket: {port: 80}, successThreshold: 2}", "", "containers[0].livenessProbe.successThreshold", id="success"
        ),
        pytest.param(
            "livenessProbe: {tcpSocket: {port: 80}, periodSeconds: -1}", "", "containers[0].livenessProbe.periodSeconds", id="period"
        ),
        pytest.param('livenessProbe: {tcpSocket: {port: "80"}}', "", "containers[0].livenessProbe", id="port-number-as-text"),
        pytest.param("livenessProbe: {httpGet: {port: 80, scheme: FTP}}", "", "containers[0].livenessProbe.httpGet.scheme", id="scheme"),
        pytest.param("", "restartPolicy: Never", "restartPolicy", id="restart-policy"),
        pytest.param("", "dnsPolicy: Cluster", "dnsPolicy", id="dns-policy"),
        pytest.param("", "dnsPolicy: None", "dnsConfig", id="dns-policy-none-alone"),
        pytest.param("", "hostname: A.b", "hostname", id="hostname"),
        pytest.param("", "hostAliases: [{ip: here, hostnames: [x]}]", "hostAliases[0].ip", id="host-alias"),
        pytest.param("", "initContainers: [{name: main}]", "initContainers[0].name", id="container-name-twice"),
        pytest.param("ports: [{containerPort: 80, hostPort: 81}]", "hostNetwork: true", "containers[0].ports[0].hostPort", id="host-port"),
    ],
)
def test_what_the_api_server_refuses_is_left_out_and_nothing_else(build, deployment, container, spec, field):
    world = build(deployment(container, spec) + deployment(name="other"))
    assert [pod.owner.name for pod in world.pods()] == ["other"]
    found = world.finding("NET0201")
    assert found.severity is Severity.ERROR
    assert found.message.startswith(f"spec.template.spec.{field} ")
    assert found.origin.line > 0


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param(JOB.replace("restartPolicy: Never, ", "") % "parallelism: 1", "restartPolicy", id="job-restarts-always"),
        pytest.param(JOB % "completionMode: Indexed", "spec.completions", id="indexed-without-completions"),
        pytest.param(JOB % "parallelism: -1", "spec.parallelism", id="negative-parallelism"),
        pytest.param(STATEFUL_SET.replace("replicas: 2", "replicas: -2"), "spec.replicas", id="negative-replicas"),
        pytest.param(
            STATEFUL_SET.replace("name: db}\n    spec:\n      replicas", f"name: {'x' * 53}}}\n    spec:\n      replicas"),
            "metadata.name",
            id="name",
        ),
    ],
)
def test_refused_counts_and_names(build, text, field):
    world = build(text)
    assert not world.pods()
    assert field in world.finding("NET0201").message


def test_sidecars_count_and_init_containers_are_noted_once(build, deployment):
    spec = "initContainers: [{name: proxy, restartPolicy: Always, ports: [{containerPort: 9, name: admin}]}, {name: setup}]"
    world = build(deployment(spec=spec) + deployment(spec=spec, name="other"))
    pod = world.pods()[0]
    assert pod.containers == ("main", "proxy")
    assert [(port.name, port.port) for port in pod.ports] == [("admin", 9)]
    assert "2 workloads" in world.finding("NET0218").message


def test_an_absurd_count_is_cut_not_followed(build, deployment):
    world = build(deployment(replicas=2_000_000_000))
    assert len(world.pods()) == 251
    assert set(world.codes()) == {"NET0208"}
    assert len(world.pods("kube-system")) == len(world.pods("seaway-system")) == 1, "the cluster's own pods come first"


@pytest.mark.parametrize(
    "annotations",
    [
        'sidecar.istio.io/inject: "true"',
        'traffic.sidecar.istio.io/excludeOutboundPorts: "81"',
        'sidecar.istio.io/inject: "false", a.example/b: c',
    ],
)
def test_pods_come_into_the_mesh_as_they_run(build, deployment, annotations: str) -> None:
    own = ", ".join(one for one in annotations.split(", ") if "istio" not in one)
    before, after = build(deployment(annotations=own)).pod, build(deployment(annotations=annotations)).pod
    assert (after.id, after.revision) == (before.id, before.revision)
    assert dict(after.annotations) != dict(before.annotations)
