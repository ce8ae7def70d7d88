"""Real programs: the command, and its environment as the kubelet makes it."""

import pytest

from seaway.core.finding import Severity
from seaway.frontends.kubernetes.env import expand
from seaway.model.workload import Command, Standin

COMMAND = "seaway.dev/command: serve"
CONFIG = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {MODE: fast, level: "3"}
binaryData: {RAW: /////w==, OK: b2s=}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
data: {TOKEN: czNjcmV0, BOTH: b2xk}
stringData: {BOTH: new}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$(A)-$(B)", "1-2", id="references"),
        pytest.param("$(MISSING)", "$(MISSING)", id="unknown-stays"),
        pytest.param("$$(A)", "$(A)", id="escaped"),
        pytest.param("$$$(A)", "$1", id="escaped-dollar-then-reference"),
        pytest.param("$A $", "$A $", id="no-reference"),
        pytest.param("$(A", "$(A", id="unclosed"),
        pytest.param("$()", "$()", id="empty"),
        pytest.param("$(A)$(C)", "1$(A)", id="not-twice"),
    ],
)
def test_expansion(text, expected):
    assert expand(text, {"A": "1", "B": "2", "C": "$(A)"}) == expected


def command_of(world) -> Command:
    assert isinstance(world.pod.runs, Command), world.built.findings
    return world.pod.runs


def env_of(world) -> dict[str, str]:
    return dict(command_of(world).env)


@pytest.mark.parametrize(
    ("annotation", "argv"),
    [
        pytest.param("python3 -m http.server 8080", ("python3", "-m", "http.server", "8080"), id="words"),
        pytest.param("sh -c 'echo a  b'", ("sh", "-c", "echo a  b"), id="quotes"),
        pytest.param('["sh", "-c", "x y"]', ("sh", "-c", "x y"), id="json"),
        pytest.param("serve --port=$(PORT)", ("serve", "--port=80"), id="variables"),
    ],
)
def test_command(build, deployment, annotation, argv):
    quoted = annotation.replace("'", "''")
    world = build(deployment("env: [{name: PORT, value: '80'}], workingDir: /srv", annotations=f"seaway.dev/command: '{quoted}'"))
    command = command_of(world)
    assert (command.argv, command.working_dir, command.restart) == (argv, "/srv", "Always")
    assert command.origin.field.endswith('annotations["seaway.dev/command"]')


def test_the_objects_own_annotation_counts_too(build, deployment):
    text = deployment().replace("metadata: {name: web}", "metadata: {name: web, annotations: {seaway.dev/command: serve}}")
    world = build(text)
    assert command_of(world).argv == ("serve",)
    plain = build(deployment())
    assert plain.pod.id == world.pod.id
    assert plain.pod.revision != world.pod.revision


@pytest.mark.parametrize(
    ("annotations", "text"),
    [
        pytest.param("seaway.dev/command: ''", "names no program", id="empty"),
        pytest.param('seaway.dev/command: "sh -c \'x"', "cannot be split", id="quoting"),
        pytest.param("seaway.dev/command: '[1]'", "JSON array of strings", id="json"),
        pytest.param("seaway.dev/command: serve, seaway.dev/container: other", 'names "other"', id="container"),
    ],
)
def test_bad_commands(build, deployment, annotations, text):
    world = build(deployment(annotations=annotations) + deployment(name="fine"))
    assert [pod.owner.name for pod in world.pods()] == ["fine"]
    assert text in world.finding("NET0215").message


def test_the_container_may_be_named(build, deployment):
    spec = "initContainers: [{name: side, restartPolicy: Always, env: [{name: WHO, value: side}]}]"
    world = build(deployment(spec=spec, annotations=f"{COMMAND}, seaway.dev/container: side"))
    assert env_of(world) == {"WHO": "side"}


def test_downward_api(build, deployment):
    paths = {
        "NAME": "metadata.name",
        "NS": "metadata.namespace",
        "UID": "metadata.uid",
        "APP": "metadata.labels['app']",
        "NONE": "metadata.labels['none']",
        "CMD": "metadata.annotations['seaway.dev/command']",
        "NODE": "spec.nodeName",
        "SA": "spec.serviceAccountName",
        "IP": "status.podIP",
        "IPS": "status.podIPs",
        "HOST": "status.hostIP",
    }
    env = ", ".join(f'{{name: {name}, valueFrom: {{fieldRef: {{fieldPath: "{path}"}}}}}}' for name, path in paths.items())
    world = build(deployment(f"env: [{env}]", annotations=COMMAND))
    got, pod = env_of(world), world.pod
    assert len(got.pop("UID")) == 36
    assert got == {
        "NAME": pod.id.name,
        "NS": "default",
        "APP": "web",
        "NONE": "",
        "CMD": "serve",
        "NODE": "node-1",
        "SA": "default",
        "IP": pod.ip,
        "IPS": pod.ip,
        "HOST": "172.31.0.1",
    }


def test_config_and_precedence(build, deployment):
    container = (
        "envFrom: [{configMapRef: {name: settings}}, {prefix: S_, secretRef: {name: keys}}, {secretRef: {name: gone, optional: true}}], "
        "env: [{name: MODE, value: 'own-$(S_TOKEN)'}, {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: BOTH}}}, "
        "{name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}, "
        "{name: GONE, valueFrom: {configMapKeyRef: {name: settings, key: gone, optional: true}}}, {name: EMPTY}, "
        "{name: LATER, value: $(AFTER)}, {name: AFTER, value: x}]"
    )
    world = build(deployment(container, annotations=COMMAND) + CONFIG)
    assert env_of(world) == {
        "MODE": "own-s3cret",
        "level": "3",
        "S_TOKEN": "s3cret",
        "S_BOTH": "new",
        "KEY": "new",
        "LEVEL": "3",
        "EMPTY": "",
        "LATER": "$(AFTER)",
        "AFTER": "x",
    }
    assert not world.codes()


@pytest.mark.parametrize(
    ("env", "text"),
    [
        pytest.param("env: [{name: A, valueFrom: {configMapKeyRef: {name: gone, key: k}}}]", "ConfigMap gone", id="config-map"),
        pytest.param("env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: k}}}]", "key k of ConfigMap settings", id="key"),
        pytest.param("env: [{name: A, valueFrom: {secretKeyRef: {name: gone, key: k}}}]", "Secret gone", id="secret"),
        pytest.param("envFrom: [{secretRef: {name: gone}}]", "Secret gone", id="whole-secret"),
    ],
)
def test_missing_references(build, deployment, env, text):
    """A program does not start without its environment; a stand-in does not need one."""
    program = build(deployment(env, annotations=COMMAND) + CONFIG)
    assert program.pods() == []
    assert program.finding("NET0212").message == f"{text} does not exist"
    standin = build(deployment(env) + CONFIG)
    assert isinstance(standin.pod.runs, Standin)
    assert standin.finding("NET0213").severity is Severity.WARNING
    assert standin.finding("NET0213").origin.line > 0


def test_values_that_are_no_text(build, deployment):
    env = "env: [{name: A, valueFrom: {secretKeyRef: {name: raw, key: k}}}]"
    secret = "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: raw}\ndata: {k: /////w==}\n"
    world = build(deployment(env, annotations=COMMAND) + secret)
    assert world.pods() == []
    assert world.finding("NET0225")


def test_unknown_field_paths(build, deployment):
    env = "env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.phase}}}]"
    world = build(deployment(env, annotations=COMMAND))
    assert world.pods() == []
    assert "status.phase" in world.finding("NET0226").message


def test_variables_of_services(build, deployment, service):
    services = service(
        "selector: {app: web}, clusterIP: 10.96.7.7, ports: [{name: http, port: 80}, {name: d-n, port: 53, protocol: UDP}]", name="my-svc"
    )
    services += service("clusterIP: None, selector: {app: web}", name="headless")
    env = env_of(build(deployment("env: [{name: URL, value: $(MY_SVC_PORT)}]", annotations=COMMAND) + services))
    assert env == {
        "URL": "tcp://10.96.7.7:80",
        "MY_SVC_SERVICE_HOST": "10.96.7.7",
        "MY_SVC_SERVICE_PORT": "80",
        "MY_SVC_SERVICE_PORT_HTTP": "80",
        "MY_SVC_SERVICE_PORT_D_N": "53",
        "MY_SVC_PORT": "tcp://10.96.7.7:80",
        "MY_SVC_PORT_80_TCP": "tcp://10.96.7.7:80",
        "MY_SVC_PORT_80_TCP_PROTO": "tcp",
        "MY_SVC_PORT_80_TCP_PORT": "80",
        "MY_SVC_PORT_80_TCP_ADDR": "10.96.7.7",
        "MY_SVC_PORT_53_UDP": "udp://10.96.7.7:53",
        "MY_SVC_PORT_53_UDP_PROTO": "udp",
        "MY_SVC_PORT_53_UDP_PORT": "53",
        "MY_SVC_PORT_53_UDP_ADDR": "10.96.7.7",
    }
    assert env_of(build(deployment(spec="enableServiceLinks: false", annotations=COMMAND) + services)) == {}


def test_an_indexed_job_knows_its_index(build):
    text = """
        apiVersion: batch/v1
        kind: Job
        metadata: {name: load}
        spec:
          completionMode: Indexed
          completions: 2
          parallelism: 2
          template:
            metadata: {annotations: {seaway.dev/command: work}}
            spec: {restartPolicy: OnFailure, containers: [{name: main}]}
        """
    commands = [pod.runs for pod in build(text).pods()]
    assert [dict(one.env) for one in commands] == [{"JOB_COMPLETION_INDEX": "0"}, {"JOB_COMPLETION_INDEX": "1"}]
    assert commands[0].restart == "OnFailure"


def test_a_source_that_is_not_modelled_leaves_the_variable_out(build, deployment):
    env = "env: [{name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}, {name: A, value: b}]"
    world = build(deployment(env, annotations=COMMAND))
    assert env_of(world) == {"A": "b"}
    assert world.finding("NET0224").severity is Severity.WARNING
