"""Probes with the API's defaults filled in, and which of them can be run where no image is.

https://kubernetes.io/docs/concepts/workloads/pods/probes/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from seaway.core.codes.workloads import PROBE_LEFT_OUT, PROBE_PORT_UNKNOWN
from seaway.core.finding import Finding, finding
from seaway.frontends.kubernetes.commands import Program
from seaway.frontends.kubernetes.draft import Template, running_containers
from seaway.model.workload import Exec, GrpcHealth, HttpGet, Probe, ProbeAction, ProbeKind, TcpConnect, Timing
from seaway.resources import core_v1
from seaway.resources.core_v1 import Container, IntOrString
from seaway.resources.resource import Step


def template_probes(template: Template, program: Program | None, idle: str, findings: list[Finding]) -> tuple[Probe, ...]:
    """The probes that are run for the pods of a template; `host` is "" where that is the pod's own address.

    `program` is the real program, if one runs. `idle` says why no probe is run at all ("" where that is not so).
    """
    probes: list[Probe] = []
    for container, path in running_containers(template.spec):
        for kind, probe in _declared(container):
            at = (*path, f"{kind.value}Probe")
            action = _action(probe, container, kind, template, at, findings)
            if action is None:
                continue
            reason = idle or _obstacle(action, container, program)
            origin = template.at(*at)
            if reason:
                how = _how(action)
                row = finding(
                    PROBE_LEFT_OUT, origin, template.resource.key, probe=kind.value, how=how, container=container.name, reason=reason
                )
                findings.append(row)
            else:
                probes.append(Probe(kind, container.name, action, _timing(probe), origin))
    return tuple(probes)


def at_address(probe: Probe, ip: str) -> Probe:
    """The probe for the pod at this address."""
    action = probe.action
    if isinstance(action, HttpGet | TcpConnect) and not action.host:
        return replace(probe, action=replace(action, host=ip))
    return probe


def _declared(container: Container) -> Iterator[tuple[ProbeKind, core_v1.Probe]]:
    rows = (
        (ProbeKind.STARTUP, container.startup_probe),
        (ProbeKind.READINESS, container.readiness_probe),
        (ProbeKind.LIVENESS, container.liveness_probe),
    )
    return ((kind, probe) for kind, probe in rows if probe is not None)


def _timing(probe: core_v1.Probe) -> Timing:
    """Defaults of the API; 0 counts as absent, as it does there."""
    return Timing(
        initial_delay_s=probe.initial_delay_seconds or 0,
        period_s=probe.period_seconds or 10,
        timeout_s=probe.timeout_seconds or 1,
        success_threshold=probe.success_threshold or 1,
        failure_threshold=probe.failure_threshold or 3,
    )


def _action(
    probe: core_v1.Probe, container: Container, kind: ProbeKind, template: Template, at: tuple[Step, ...], findings: list[Finding]
) -> ProbeAction | None:
    """What the probe does; None, with a finding, where its port has a name that the container does not declare."""
    if probe.exec is not None:
        return Exec(probe.exec.command)
    if probe.grpc is not None:
        return GrpcHealth(probe.grpc.port, probe.grpc.service or "")
    target = probe.http_get or probe.tcp_socket
    assert target is not None, "a probe without action passed template_rules"
    port = _port(target.port, container)
    if port is None:
        names = ", ".join(one.name for one in container.ports if one.name) or "it declares none by name"
        row = finding(
            PROBE_PORT_UNKNOWN,
            template.at(*at),
            template.resource.key,
            probe=kind.value,
            port=target.port,
            container=container.name,
            ports=names,
        )
        findings.append(row)
        return None
    host = target.host or ""
    if probe.http_get is None:
        return TcpConnect(host, port)
    path = probe.http_get.path or "/"
    headers = tuple((header.name, header.value) for header in probe.http_get.http_headers)
    return HttpGet(host, port, path if path.startswith("/") else f"/{path}", probe.http_get.scheme == "HTTPS", headers)


def _port(port: IntOrString, container: Container) -> int | None:
    """A probe's named port is looked for in its own container only."""
    if isinstance(port, int):
        return port
    return next((one.container_port for one in container.ports if one.name == port), None)


def _obstacle(action: ProbeAction, container: Container, program: Program | None) -> str:
    """Why this probe could never succeed here, "" where it can."""
    if program is not None:
        return "" if program.container.name == container.name else f"Only the program of container {program.container.name} runs."
    match action:
        case Exec():
            return "A stand-in answers on the container's ports; there is no program to run the command beside."
        case GrpcHealth():
            return "A stand-in does not serve gRPC health checks."
        case HttpGet(tls=True):
            return "A stand-in speaks plain HTTP."
        case HttpGet() | TcpConnect():
            return ""


def _how(action: ProbeAction) -> str:
    match action:
        case Exec():
            return "exec"
        case GrpcHealth():
            return "gRPC"
        case HttpGet(tls=True):
            return "HTTPS"
        case HttpGet():
            return "HTTP"
        case TcpConnect():
            return "TCP"
