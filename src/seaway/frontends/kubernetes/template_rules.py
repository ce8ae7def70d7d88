"""The API server's validation of a pod template, as far as Seaway reads it: what would be refused on `kubectl apply`.

Source: ValidatePodTemplateSpec in https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.core.cidr import parse_ipv4
from seaway.core.finding import Findings
from seaway.core.labels import is_label_key, is_label_value
from seaway.core.names import is_dns_label
from seaway.frontends.kubernetes.draft import Template
from seaway.frontends.kubernetes.refusal import refused
from seaway.resources.core_v1 import Container, ContainerPort, IntOrString, PodSpec, Probe
from seaway.resources.resource import Step

PROTOCOLS = ("TCP", "UDP", "SCTP")
DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")

_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_TIMINGS = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold")


def is_port_name(text: str) -> bool:
    """IANA service name: at most 15 of [a-z0-9-], a letter among them, no hyphen at the ends or doubled."""
    return len(text) <= 15 and _PORT_NAME.fullmatch(text) is not None


def is_port_number(number: int) -> bool:
    return 1 <= number <= 65535


def port_problem(port: IntOrString) -> str:
    """Why this is neither a port number nor a port name; "" where it is one."""
    if isinstance(port, int):
        return "" if is_port_number(port) else f"is {port}, but ports are 1 to 65535"
    if port.isdigit():
        return f'is the text "{port}", but a name needs a letter'
    return "" if is_port_name(port) else f'is "{port}", but names of ports hold at most 15 of a-z, 0-9 and single hyphens'


def check_template(template: Template, restarts: tuple[str, ...]) -> Findings:
    """What the API server would refuse; `restarts` are the values of restartPolicy that the owner's kind allows."""
    return tuple(
        refused(template.resource, (*template.path, *path), problem, advice) for path, problem, advice in _problems(template, restarts)
    )


Problem = tuple[tuple[Step, ...], str, str]


def _problems(template: Template, restarts: tuple[str, ...]) -> Iterator[Problem]:
    yield from _label_problems(template)
    yield from _spec_problems(template.spec, restarts)
    seen: set[str] = set()
    places = [("containers", index, one) for index, one in enumerate(template.spec.containers)]
    places += [("initContainers", index, one) for index, one in enumerate(template.spec.init_containers)]
    for field, index, container in places:
        at: tuple[Step, ...] = ("spec", field, index)
        if not is_dns_label(container.name):
            yield (*at, "name"), f'is "{container.name}", which is no DNS label', "Use at most 63 of a-z, 0-9 and hyphens."
        if container.name in seen:
            yield (*at, "name"), f'is "{container.name}" again', "Give each container its own name."
        seen.add(container.name)
        yield from _container_problems(container, at, template.spec.host_network)


def _label_problems(template: Template) -> Iterator[Problem]:
    for key, value in template.meta.labels.items():
        if not is_label_key(key):
            yield (
                ("metadata", "labels", key),
                "is no valid label name",
                "Use an optional domain and a slash, then at most 63 letters, digits, -, _ and dots.",
            )
        if not is_label_value(value):
            yield (
                ("metadata", "labels", key),
                f'is "{value}", no valid label value',
                "Use at most 63 letters, digits, -, _ and dots, a letter or digit at both ends.",
            )


def _spec_problems(spec: PodSpec, restarts: tuple[str, ...]) -> Iterator[Problem]:
    if not spec.containers:
        yield ("spec", "containers"), "holds no container", "Add at least one container."
    if spec.restart_policy not in restarts:
        yield ("spec", "restartPolicy"), f"is {spec.restart_policy}", f"Use {' or '.join(restarts)}."
    if spec.dns_policy not in DNS_POLICIES:
        yield ("spec", "dnsPolicy"), f"is {spec.dns_policy}", f"Use one of: {', '.join(DNS_POLICIES)}."
    for field, label in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if label and not is_dns_label(label):
            yield ("spec", field), f'is "{label}", which is no DNS label', "Use at most 63 of a-z, 0-9 and hyphens."
    servers = spec.dns_config.nameservers if spec.dns_config else ()
    if spec.dns_policy == "None" and not servers:
        yield ("spec", "dnsConfig"), "names no server, which dnsPolicy None needs", "Add dnsConfig.nameservers."
    if len(servers) > 3:
        yield ("spec", "dnsConfig", "nameservers"), "holds more than 3 addresses", "Resolvers try three at most."
    for index, alias in enumerate(spec.host_aliases):
        if parse_ipv4(alias.ip) is None and ":" not in alias.ip:
            yield ("spec", "hostAliases", index, "ip"), f'is "{alias.ip}", which is no address', "Write an IP address."


def _container_problems(container: Container, at: tuple[Step, ...], host_network: bool) -> Iterator[Problem]:
    names: set[str] = set()
    for index, port in enumerate(container.ports):
        where: tuple[Step, ...] = (*at, "ports", index)
        yield from _port_problems(port, where, host_network)
        if port.name and port.name in names:
            yield (*where, "name"), f'is "{port.name}" again', "Give each port of a container its own name."
        names.add(port.name or "")
    for index, variable in enumerate(container.env):
        if not variable.name or "=" in variable.name:
            yield (*at, "env", index, "name"), f'is "{variable.name}"', "Names of environment variables are not empty and hold no =."
        elif variable.value and variable.value_from:
            yield (*at, "env", index, "valueFrom"), "is set beside value", "Remove one of the two."
    probes = (
        ("readinessProbe", container.readiness_probe),
        ("livenessProbe", container.liveness_probe),
        ("startupProbe", container.startup_probe),
    )
    for field, probe in probes:
        if probe is not None:
            yield from _probe_problems(probe, (*at, field), field != "readinessProbe")


def _port_problems(port: ContainerPort, at: tuple[Step, ...], host_network: bool) -> Iterator[Problem]:
    if not is_port_number(port.container_port):
        yield (*at, "containerPort"), f"is {port.container_port}, but ports are 1 to 65535", "Write the port that the container listens on."
    if port.protocol not in PROTOCOLS:
        yield (*at, "protocol"), f"is {port.protocol}", f"Use one of: {', '.join(PROTOCOLS)}."
    if port.name and (problem := port_problem(port.name)):
        yield (*at, "name"), problem, "Rename the port."
    if port.host_port and host_network and port.host_port != port.container_port:
        yield (*at, "hostPort"), "differs from containerPort, although hostNetwork is set", "Remove hostPort."


def _probe_problems(probe: Probe, at: tuple[Step, ...], succeeds_once: bool) -> Iterator[Problem]:
    actions = [one for one in (probe.http_get, probe.tcp_socket, probe.exec, probe.grpc) if one is not None]
    if len(actions) != 1:
        yield at, f"holds {len(actions) or 'no'} actions", "Give exactly one of httpGet, tcpSocket, exec, grpc."
    port = probe.http_get.port if probe.http_get else probe.tcp_socket.port if probe.tcp_socket else probe.grpc.port if probe.grpc else 1
    if problem := port_problem(port):
        yield at, f"has a port that {problem}", "Write a port number, or the name of one of the container's ports."
    if probe.http_get and probe.http_get.scheme not in ("HTTP", "HTTPS"):
        yield (*at, "httpGet", "scheme"), f"is {probe.http_get.scheme}", "Use HTTP or HTTPS."
    values = (probe.initial_delay_seconds, probe.period_seconds, probe.timeout_seconds, probe.success_threshold, probe.failure_threshold)
    for field, value in zip(_TIMINGS, values, strict=True):
        if value is not None and value < 0:
            yield (*at, field), f"is {value}", "Use a whole number from 0."
    if succeeds_once and (probe.success_threshold or 1) != 1:
        yield (*at, "successThreshold"), f"is {probe.success_threshold}", "Only a readiness probe may ask for more than one success."
