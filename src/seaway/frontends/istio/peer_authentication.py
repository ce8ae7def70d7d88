"""Whether a port takes mutual TLS, plaintext or both: PeerAuthentication, from the mesh down to a port.

Inheritance and precedence are those of `MergePeerAuthentication` in pilot/pkg/model of istio/istio: mesh, namespace, workload, port; the
oldest of each; UNSET inherits. https://istio.io/latest/docs/reference/config/security/peer_authentication/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.core.codes.membership import MODE_DECIDED_BEFORE, PEER_AUTHENTICATION_REFUSED, ROOT_SELECTOR, SELECTS_NOTHING
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.istio.ages import by_age
from seaway.model.mesh import Member, Mtls
from seaway.model.workload import Pod
from seaway.resources.istio.peer_authentication import MutualTLS, PeerAuthentication
from seaway.resources.resource import Resource, Step
from seaway.snapshot import Snapshot

BY_DEFAULT = Origin("(Istio's default)")
"""The origin of what no manifest says."""

_MODES = {"STRICT": Mtls.STRICT, "PERMISSIVE": Mtls.PERMISSIVE, "DISABLE": Mtls.DISABLE}

Object = Resource[PeerAuthentication]


@dataclass(frozen=True, slots=True)
class Mode:
    """What is accepted, and the line that says so, with the object that it is of; None for what no PeerAuthentication says."""

    mtls: Mtls
    origin: Origin
    owner: Key | None = None


@dataclass(frozen=True, slots=True)
class Modes:
    """Of one workload: `ports` are those that have a mode of their own, `other` holds for all the rest."""

    other: Mode
    ports: Mapping[int, Mode]


@dataclass(frozen=True, slots=True)
class PeerAuthentications:
    """Those that count: at most one for the mesh and one a namespace; of those with a selector all, oldest first, by namespace."""

    mesh: Object | None
    namespaces: Mapping[str, Object]
    workloads: Mapping[str, tuple[Object, ...]]

    def of(self, pod: Pod) -> Modes:
        """What one pod accepts."""
        mode = Mode(Mtls.PERMISSIVE, BY_DEFAULT)
        workload = self.workload(pod)
        for one in (self.mesh, self.namespaces.get(pod.id.namespace), workload):
            if one is not None:
                mode = _mode(one, one.body.spec.mtls, ("spec", "mtls"), mode)
        ports = workload.body.spec.port_level_mtls.items() if workload is not None else ()
        return Modes(mode, {int(port): _mode(workload, own, ("spec", "portLevelMtls", port), mode) for port, own in ports if workload})

    def workload(self, pod: Pod) -> Object | None:
        """The oldest of those that select this pod."""
        return next(iter(self.all_for(pod)), None)

    def all_for(self, pod: Pod) -> tuple[Object, ...]:
        return tuple(one for one in self.workloads.get(pod.id.namespace, ()) if selects(one, pod))


def read_peer_authentications(snapshot: Snapshot, root: str) -> tuple[PeerAuthentications, Findings]:
    """The objects that count, and what is wrong with any. `root` is the root namespace."""
    findings: list[Finding] = []
    mesh: Object | None = None
    namespaces: dict[str, Object] = {}
    workloads: dict[str, tuple[Object, ...]] = {}
    for one in sorted(snapshot.of(PeerAuthentication), key=by_age):
        namespace = one.key.namespace
        if problems := _refusals(one):
            findings += problems
        elif _labels(one) and namespace == root:
            findings.append(finding(ROOT_SELECTOR, one.at("spec", "selector"), one.key, namespace=root))
        elif _labels(one):
            workloads[namespace] = (*workloads.get(namespace, ()), one)
        elif namespace == root:
            mesh = _first(mesh, one, "the mesh", findings)
        else:
            namespaces[namespace] = _first(namespaces.get(namespace), one, f"namespace {namespace}", findings)
    return PeerAuthentications(mesh, namespaces, workloads), tuple(findings)


def check_selectors(found: PeerAuthentications, members: Iterable[tuple[Member, Pod]]) -> Findings:
    """Objects that select nobody, and pods that more than one selects."""
    used: set[Object] = set()
    late: dict[Object, Finding] = {}
    for _, pod in members:
        matching = found.all_for(pod)
        used |= set(matching)
        for one in matching[1:]:
            said = {"first": matching[0].key.name, "scope": f"pod {pod.id}", "where": " there"}
            late.setdefault(one, finding(MODE_DECIDED_BEFORE, one.origin, one.key, **said))
    every = [one for group in found.workloads.values() for one in group]
    idle = (finding(SELECTS_NOTHING, one.at("spec", "selector"), one.key, namespace=one.key.namespace) for one in every if one not in used)
    return (*late.values(), *idle)


def selects(one: Object, pod: Pod) -> bool:
    return one.key.namespace == pod.id.namespace and _labels(one).items() <= dict(pod.labels).items()


def _labels(one: Object) -> dict[str, str]:
    """The labels of its selector; one that asks for none is no selector, as upstream has it."""
    selector = one.body.spec.selector
    return selector.match_labels if selector is not None else {}


def _first(before: Object | None, one: Object, scope: str, findings: list[Finding]) -> Object:
    if before is None:
        return one
    findings.append(finding(MODE_DECIDED_BEFORE, one.origin, one.key, first=before.key.name, scope=scope, where=""))
    return before


def _mode(one: Object, own: MutualTLS | None, path: tuple[Step, ...], inherited: Mode) -> Mode:
    found = _MODES.get(own.mode or "") if own is not None else None
    return Mode(found, one.at(*path, "mode"), one.key) if found is not None else inherited


def _refusals(one: Object) -> list[Finding]:
    """What upstream's validation refuses (`ValidatePeerAuthentication`)."""
    spec = one.body.spec
    found: list[Finding] = []

    def refuse(path: tuple[Step, ...], problem: str, advice: str) -> None:
        found.append(finding(PEER_AUTHENTICATION_REFUSED, one.at("spec", *path), one.key, problem=problem, advice=advice))

    blocks: list[tuple[tuple[Step, ...], MutualTLS | None]] = [(("mtls",), spec.mtls)]
    blocks += [(("portLevelMtls", port), block) for port, block in spec.port_level_mtls.items()]
    for path, block in blocks:
        if block is not None and block.mode not in (None, "UNSET", *_MODES):
            refuse((*path, "mode"), f"mode {block.mode!r} does not exist", "Write STRICT, PERMISSIVE, DISABLE or UNSET.")
    for port in spec.port_level_mtls:
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            refuse(("portLevelMtls", port), f"{port!r} is no port", "Write a port of the workload, 1 to 65535.")
    if spec.port_level_mtls and not _labels(one):
        problem = "portLevelMtls stands without a selector: ports belong to workloads"
        refuse(("portLevelMtls",), problem, "Add spec.selector.matchLabels, or move the mode to spec.mtls.")
    return found
