"""Sidecars: which one a workload has, and what it says of the workload's view of the mesh.

`getSidecarScope` and sidecar.go in upstream's pilot/pkg/model. What a Sidecar says of the way in is kept for `inbounds.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from seaway.core.codes.mesh import SIDECAR_SHADOWED
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.ages import by_age
from seaway.frontends.istio.app_protocols import parse_protocol
from seaway.frontends.istio.host_names import covers
from seaway.frontends.istio.settings import Settings
from seaway.frontends.istio.sidecar_rules import HTTP_PROXY, check_sidecar
from seaway.model.mesh import Unknown
from seaway.model.upstream import AppProtocol
from seaway.model.workload import Pod
from seaway.resources.istio.sidecar import IstioEgressListener, Sidecar
from seaway.resources.istio.virtual_service import Destination
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot

EVERY = "*"
OWN, NONE = ".", "~"


@dataclass(frozen=True, slots=True)
class Egress:
    """One way out. `hosts` are pairs of namespace (`*` for any) and host, `excluded` those that are left out of them all the same.

    `port` 0 is every port that no other way out has. `address` is where its connections go ("" for the hosts' own addresses). `protocol`
    is None where each host's port says it. `unserved`: nothing here listens that way (a socket in the workload, a proxy for any host); it
    only counts for what is in sight.
    """

    hosts: tuple[tuple[str, str], ...]
    excluded: tuple[tuple[str, str], ...] = ()
    port: int = 0
    protocol: AppProtocol | None = None
    address: str = ""
    unserved: bool = False
    origin: Origin = field(default=Origin(""), compare=False)

    def imports(self, namespace: str, host: str) -> bool:
        """Whether what an object in this namespace says of a host is seen."""
        if any(_matches(one, namespace, host) for one in self.excluded):
            return False
        return any(_matches(one, namespace, host) for one in self.hosts)


def _matches(one: tuple[str, str], namespace: str, host: str) -> bool:
    return one[0] in (EVERY, namespace) and covers(one[1], host)


@dataclass(frozen=True, slots=True, eq=False)
class SidecarRules:
    """A sound Sidecar. `egress` is empty where it says nothing of hosts: all are in sight. So are `unknown` and `egress_proxy` None."""

    resource: Resource[Sidecar]
    egress: tuple[Egress, ...]
    unknown: Unknown | None
    egress_proxy: Destination | None

    @property
    def key(self) -> Key:
        return self.resource.key

    @property
    def selector(self) -> Mapping[str, str] | None:
        selector = self.resource.body.spec.workload_selector
        return selector.labels if selector is not None and selector.labels else None


@dataclass(frozen=True, slots=True)
class Sidecars:
    """All that Istio would take, by namespace, those with a selector first, each sort the oldest first."""

    root: str
    by_namespace: Mapping[str, tuple[SidecarRules, ...]] = field(default_factory=dict[str, tuple[SidecarRules, ...]])

    def of(self, pod: Pod) -> SidecarRules | None:
        """The one that a pod has: its namespace's that selects it, else its namespace's for all, else the root namespace's for all."""
        labels = dict(pod.labels)
        for one in self.by_namespace.get(pod.id.namespace, ()):
            if one.selector is None or one.selector.items() <= labels.items():
                return self._for(pod.id.namespace, one)
        for one in self.by_namespace.get(self.root, ()):
            if one.selector is None:
                return self._for(pod.id.namespace, one)
        return None

    def _for(self, namespace: str, one: SidecarRules) -> SidecarRules:
        """`.` in the root namespace's is the workload's own namespace."""
        if one.key.namespace == namespace:
            return one
        return _read(one.resource, namespace)


def read_sidecars(snapshot: Snapshot, settings: Settings) -> tuple[Sidecars, Findings]:
    """All Sidecars, and what is wrong with them."""
    findings: list[Finding] = []
    found: defaultdict[str, list[SidecarRules]] = defaultdict(list)
    for resource in sorted(snapshot.of(Sidecar), key=by_age):
        inspection = check_sidecar(resource)
        findings += inspection.findings
        if not inspection.refused:
            found[resource.key.namespace].append(_read(resource, resource.key.namespace))
    for group in found.values():
        findings += _shadowed(group)
        group.sort(key=lambda one: one.selector is None)  # stable: the oldest stays first
    return Sidecars(settings.mesh.root_namespace, {name: tuple(group) for name, group in found.items()}), tuple(findings)


def _shadowed(group: list[SidecarRules]) -> Iterator[Finding]:
    general = [one for one in group if one.selector is None]
    for one in general[1:]:
        yield finding(SIDECAR_SHADOWED, one.resource.origin, one.key, first=general[0].key.name, namespace=one.key.namespace)


def _read(resource: Resource[Sidecar], namespace: str) -> SidecarRules:
    spec = resource.body.spec
    policy = spec.outbound_traffic_policy
    return SidecarRules(
        resource=resource,
        egress=tuple(_egress(resource, index, one, namespace) for index, one in enumerate(spec.egress)),
        unknown=Unknown(policy.mode or Unknown.REGISTRY_ONLY.value) if policy is not None else None,
        egress_proxy=policy.egress_proxy if policy is not None else None,
    )


def _egress(resource: Resource[Sidecar], index: int, written: IstioEgressListener, namespace: str) -> Egress:
    pairs = [tuple(one.split("/", 1)) for one in written.hosts]
    port = written.port
    return Egress(
        hosts=tuple((namespace if name == OWN else name, host.lower()) for name, host in pairs if not name.startswith(NONE)),
        excluded=tuple((_excluded(name, namespace), host.lower()) for name, host in pairs if name.startswith(NONE) and name != NONE),
        port=port.number or 0 if port is not None else 0,
        protocol=parse_protocol(port.protocol) if port is not None else None,
        address=written.bind,
        unserved=written.capture_mode == "NONE" or (port is not None and (not port.number or port.protocol.upper() == HTTP_PROXY)),
        origin=resource.at("spec", "egress", index),
    )


def _excluded(name: str, namespace: str) -> str:
    rest = name.removeprefix(NONE)
    return namespace if rest == OWN else rest
