"""Pods as the model has them: what runs in each, its ports, probes, resolver and names.

Which pods there are comes from `workloads`, where they live from `placement`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seaway.core.codes.workloads import (
    CONFIG_MISSING_STANDIN,
    FQDN_TOO_LONG,
    HOST_PORT_IGNORED,
    INIT_CONTAINERS,
    NODE_RESOLVER,
    SERVICE_ACCOUNT_MISSING,
)
from seaway.core.finding import Code, Finding, Findings, finding
from seaway.core.memo import Memo
from seaway.core.names import Key, safe_hash
from seaway.frontends.kubernetes.commands import Program, command_identity, read_program, runs_program
from seaway.frontends.kubernetes.config import Config
from seaway.frontends.kubernetes.draft import Template, running_containers, waits_for_init
from seaway.frontends.kubernetes.env import Surroundings, build_env, expand, missing_references, references
from seaway.frontends.kubernetes.placement import Placed
from seaway.frontends.kubernetes.ports import Target, build_ports
from seaway.frontends.kubernetes.probes import at_address, template_probes
from seaway.frontends.kubernetes.refusal import has_errors
from seaway.frontends.kubernetes.resolv import build_resolv_conf, uses_node_resolver
from seaway.model.cluster import Cluster
from seaway.model.workload import Command, ContainerPort, DnsServer, GatewayProxy, Pod, PodName, Probe, ResolvConf, Runs, Standin

_LONGEST_HOSTNAME = 63  # the kubelet cuts longer pod names (truncatePodHostnameIfNeeded)
_LONGEST_FQDN = 64  # HOST_NAME_MAX of Linux


@dataclass(frozen=True, slots=True)
class Grounds:
    """What pods are built on. `gateways` names the gateway of each controller's workload; `accounts` are the ServiceAccounts that exist.

    `links` are the variables of the Services by namespace; `targets` the Services' ports that lead to each pod.
    """

    cluster: Cluster
    dns_address: str
    config: Config
    gateways: Mapping[Key, str]
    accounts: frozenset[tuple[str, str]]
    links: Mapping[str, Mapping[str, str]]
    targets: Mapping[PodName, tuple[Target, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """What all pods of a template have in common. `runs` is None where nothing can be started."""

    template: Template
    runs: Runs | Program | None
    containers: tuple[str, ...]
    probes: tuple[Probe, ...]
    resolv_conf: ResolvConf
    hosts: tuple[tuple[str, tuple[str, ...]], ...]
    revision: str


def build_pods(placed: Sequence[Placed], grounds: Grounds, memo: Memo) -> tuple[tuple[Pod, ...], Findings]:
    """The pods that run, by identity. One whose program lacks its environment is left out: Kubernetes would hold it in
    CreateContainerConfigError.
    """
    groups: dict[int, list[Placed]] = {}
    for one in placed:
        groups.setdefault(id(one.draft.template), []).append(one)
    pods: list[Pod] = []
    findings: list[Finding] = []
    templates = [group[0].draft.template for group in groups.values()]
    for template, group in zip(templates, groups.values(), strict=True):
        built, more = memo(template.resource.key, _pods_of, template, tuple(group), _narrowed(grounds, template, group))
        pods += built
        findings += more
    findings += _not_run(templates)
    return tuple(sorted(pods, key=lambda one: one.id)), tuple(dict.fromkeys(findings))


def _narrowed(grounds: Grounds, template: Template, placed: Sequence[Placed]) -> Grounds:
    """As much of the grounds as the pods of one template stand on."""
    key = template.resource.key
    named = {(key.namespace, name) for _, name in references(template)}
    return replace(
        grounds,
        config=grounds.config.only(named),
        gateways={key: grounds.gateways[key]} if key in grounds.gateways else {},
        accounts=grounds.accounts & {(key.namespace, template.service_account)},
        links={key.namespace: grounds.links.get(key.namespace, {})} if runs_program(template) else {},
        targets={one.draft.id: targets for one in placed if (targets := grounds.targets.get(one.draft.id))},
    )


def _pods_of(template: Template, placed: tuple[Placed, ...], grounds: Grounds) -> tuple[tuple[Pod, ...], Findings]:
    """The pods of one template."""
    findings: list[Finding] = []
    common = _shared(template, grounds, findings)
    ports: dict[tuple[Target, ...], tuple[ContainerPort, ...]] = {}
    pods: list[Pod] = []
    for one in placed:
        runs = _runs(one, common, grounds, findings)
        hostname = _hostname(one, grounds.cluster.domain, findings)
        if runs is None or not hostname:
            continue
        targets = grounds.targets.get(one.draft.id, ())
        if targets not in ports:
            ports[targets] = build_ports(template, targets, common.probes, isinstance(runs, Standin))
        pods.append(_pod(one, common, runs, hostname, ports[targets]))
    return tuple(pods), tuple(findings)


def _pod(placed: Placed, common: _Shared, runs: Runs, hostname: str, ports: tuple[ContainerPort, ...]) -> Pod:
    draft, template = placed.draft, placed.draft.template
    return Pod(
        id=draft.id,
        labels=tuple(sorted(draft.labels.items())),
        annotations=tuple(sorted(draft.annotations.items())),
        ip=placed.ip,
        node=placed.node.name,
        host_network=template.spec.host_network,
        hostname=hostname,
        subdomain=draft.subdomain,
        service_account=template.service_account,
        containers=common.containers,
        ports=ports,
        probes=tuple(at_address(probe, placed.ip) for probe in common.probes),
        runs=runs,
        resolv_conf=common.resolv_conf,
        hosts=common.hosts,
        finite=draft.finite,
        revision=common.revision,
        owner=template.resource.key,
        origin=template.resource.origin,
    )


def _shared(template: Template, grounds: Grounds, findings: list[Finding]) -> _Shared:
    spec, key = template.spec, template.resource.key
    runs, idle = _role(template, grounds, findings)
    _check_surroundings(template, runs, grounds, findings)
    return _Shared(
        template=template,
        runs=runs,
        containers=tuple(container.name for container, _ in running_containers(spec)),
        probes=template_probes(template, runs if isinstance(runs, Program) else None, idle, findings),
        resolv_conf=build_resolv_conf(spec, key.namespace, grounds.cluster.domain, grounds.dns_address),
        hosts=tuple((alias.ip, alias.hostnames) for alias in spec.host_aliases),
        revision=safe_hash(template.text, *command_identity(template), length=10),
    )


def _role(template: Template, grounds: Grounds, findings: list[Finding]) -> tuple[Runs | Program | None, str]:
    """What runs in the pods of a template, and why none of its probes is run ("" where they are)."""
    key = template.resource.key
    if key in grounds.gateways:
        return GatewayProxy(grounds.gateways[key]), "The node's Envoy is this gateway; it is watched by itself."
    if key.namespace == "kube-system" and template.meta.labels.get("k8s-app") == "kube-dns":
        return DnsServer(), "The node's own DNS server answers in this pod."
    program, problems = read_program(template)
    findings += problems
    if problems:
        return None, ""
    return program or Standin(), ""


def _check_surroundings(template: Template, runs: Runs | Program | None, grounds: Grounds, findings: list[Finding]) -> None:
    """What the pods of a template refer to but will not find."""
    spec, key = template.spec, template.resource.key
    account = template.service_account
    if (key.namespace, account) not in grounds.accounts:
        origin = template.at("spec", "serviceAccountName" if spec.service_account_name else "serviceAccount")
        findings.append(finding(SERVICE_ACCOUNT_MISSING, origin, key, name=account, namespace=key.namespace))
    if uses_node_resolver(spec) and not spec.dns_config and not isinstance(runs, DnsServer):
        policy = spec.dns_policy + (" and hostNetwork" if spec.dns_policy == "ClusterFirst" else "")
        better = "ClusterFirstWithHostNet" if spec.host_network else "ClusterFirst"
        advice = f"Use dnsPolicy: {better} where the pods need cluster DNS."
        findings.append(finding(NODE_RESOLVER, template.at("spec", "dnsPolicy"), key, policy=policy, advice=advice))
    for container, path in running_containers(spec):
        if isinstance(runs, Program) and container is runs.container:
            continue
        for below, reference in missing_references(container, grounds.config, key.namespace):
            findings.append(finding(CONFIG_MISSING_STANDIN, template.at(*path, *below), key, reference=reference))


def _runs(placed: Placed, common: _Shared, grounds: Grounds, findings: list[Finding]) -> Runs | None:
    """What runs in one pod; a program with its environment filled in."""
    program = common.runs
    if not isinstance(program, Program):
        return program
    template = common.template
    links = grounds.links.get(template.namespace, {}) if template.spec.enable_service_links is not False else {}
    problems: list[Finding] = []
    env = build_env(program, Surroundings(placed, grounds.config, links), problems)
    findings += problems
    if has_errors(tuple(problems)):
        return None
    return Command(
        argv=tuple(expand(word, env) for word in program.argv),
        env=tuple(sorted(env.items())),
        working_dir=program.container.working_dir or "",
        restart=template.spec.restart_policy,
        origin=program.origin,
    )


def _hostname(placed: Placed, domain: str, findings: list[Finding]) -> str:
    """The host name inside the pod, as the kubelet sets it; "" where Linux could not hold it."""
    draft, template = placed.draft, placed.draft.template
    if template.spec.host_network:
        return placed.node.name
    short = draft.hostname or draft.id.name[:_LONGEST_HOSTNAME].rstrip("-.")
    if not (template.spec.set_hostname_as_fqdn and draft.subdomain):
        return short
    full = f"{short}.{draft.subdomain}.{draft.id.namespace}.svc.{domain}"
    if len(full) <= _LONGEST_FQDN:
        return full
    findings.append(finding(FQDN_TOO_LONG, template.at("spec", "setHostnameAsFQDN"), template.resource.key, name=full))
    return ""


def _not_run(templates: Iterable[Template]) -> list[Finding]:
    """What no pod honours, said once for all: init containers and host ports."""
    rows: list[Finding] = []
    waiting = [one for one in templates if waits_for_init(one.spec)]
    exposed = [one for one in templates if not one.spec.host_network and _has_host_port(one)]
    both: tuple[tuple[Code, list[Template], str], ...] = (
        (INIT_CONTAINERS, waiting, "initContainers"),
        (HOST_PORT_IGNORED, exposed, "containers"),
    )
    for code, group, field in both:
        if group:
            first = group[0]
            rows.append(finding(code, first.at("spec", field), first.resource.key, count=len(group), name=first.resource.key))
    return rows


def _has_host_port(template: Template) -> bool:
    return any(port.host_port for container, _ in running_containers(template.spec) for port in container.ports)
