"""One Ingress read: its rules as locations, its fallback, its hosts. How Ingresses of one host come together is `hosts.py`'s business."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches

from seaway.core.codes import ingress as codes
from seaway.core.finding import Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.ingress.annotations import Settings, read_settings
from seaway.frontends.ingress.backends import Backends, build_action
from seaway.frontends.ingress.host_names import ANY, host_problem
from seaway.frontends.ingress.paths import is_strict, path_problem
from seaway.frontends.ingress.quoting import plain, shown
from seaway.model.route import Forward, Respond
from seaway.resources.networking_v1 import HTTPIngressPath, Ingress
from seaway.resources.resource import Resource

EXACT, PREFIX, ANY_TYPE = "Exact", "Prefix", "ImplementationSpecific"


@dataclass(frozen=True, slots=True)
class Location:
    """A path of a rule. `path` is as written, `/` where it is empty. `refused`: the path itself is unusable (`action` answers 503 then)."""

    host: str
    path: str
    exact: bool
    refused: bool
    action: Forward | Respond
    settings: Settings
    owner: Key
    origin: Origin


@dataclass(frozen=True, slots=True)
class Fallback:
    """`spec.defaultBackend`. `lone`: the Ingress has no rules, so that it claims all hosts rather than filling in."""

    action: Forward | Respond
    lone: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class IngressRules:
    """An Ingress as it is served. `hosts` are those of its rules with their places, each once, `*` for none."""

    ingress: Resource[Ingress]
    settings: Settings
    hosts: tuple[tuple[str, Origin], ...]
    locations: tuple[Location, ...]
    fallback: Fallback | None

    @property
    def key(self) -> Key:
        return self.ingress.key


def read_rules(ingress: Resource[Ingress], backends: Backends) -> tuple[IngressRules, Findings]:
    """Everything that an Ingress itself says. What is refused in it is left out or answers 503; the rest stays."""
    settings, said = read_settings(ingress)
    findings = list(said)
    spec = ingress.body.spec
    fallback: Fallback | None = None
    if spec.default_backend is not None:
        action, more = build_action(backends, ingress, spec.default_backend, "spec", "defaultBackend")
        fallback = Fallback(_closed(settings, action), not spec.rules, ingress.at("spec", "defaultBackend"))
        findings += more
    elif not spec.rules:
        findings.append(finding(codes.INGRESS_EMPTY, ingress.at("spec"), ingress.key))
    hosts: dict[str, Origin] = {}
    locations: list[Location] = []
    for index, rule in enumerate(spec.rules):
        at = ingress.at("spec", "rules", index, "host")
        problem = host_problem(rule.host) if rule.host else ""
        if problem:
            findings.append(finding(codes.HOST_INVALID, at, ingress.key, host=shown(rule.host), problem=problem))
            continue
        host = rule.host or ANY
        hosts.setdefault(host, at)
        paths = rule.http.paths if rule.http else ()
        if not paths and fallback is None:
            findings.append(finding(codes.RULE_WITHOUT_PATHS, at, ingress.key, host=host))
        for position, path in enumerate(paths):
            location, more = _location(ingress, (index, position), path, settings, backends)
            locations.append(replace(location, host=host))
            findings += more
    return IngressRules(ingress, settings, tuple(hosts.items()), tuple(locations), fallback), tuple(findings)


def _location(
    ingress: Resource[Ingress], where: tuple[int, int], path: HTTPIngressPath, settings: Settings, backends: Backends
) -> tuple[Location, Findings]:
    """One path; its host is filled in by the caller."""
    steps = ("spec", "rules", where[0], "http", "paths", where[1])
    action, findings = build_action(backends, ingress, path.backend, *steps, "backend")
    at = ingress.at(*steps, "path")
    wrong = _path_findings(ingress, path, at, backends.nginx)
    if path.path_type not in (EXACT, PREFIX, ANY_TYPE):
        near = get_close_matches(path.path_type.title(), (EXACT, PREFIX, ANY_TYPE), n=1)
        words = {"type": plain(path.path_type), "nearest": near[0] if near else PREFIX}
        wrong += (finding(codes.PATH_TYPE_UNKNOWN, ingress.at(*steps, "pathType"), ingress.key, **words),)
    if wrong:
        action = Respond(503, "the path is not valid")
    location = Location(
        host=ANY,
        path=path.path or "/",
        exact=path.path_type == EXACT,
        refused=bool(wrong),
        action=_closed(settings, action),
        settings=settings,
        owner=ingress.key,
        origin=at,
    )
    return location, findings + wrong


def _path_findings(ingress: Resource[Ingress], path: HTTPIngressPath, at: Origin, nginx: bool) -> Findings:
    literal_type = path.path_type != ANY_TYPE
    text = path.path if literal_type else path.path or "/"
    problem = path_problem(text, literal_type)
    if problem:
        return (finding(codes.PATH_INVALID, at, ingress.key, path=shown(text), problem=problem),)
    if literal_type and nginx and not is_strict(text):
        return (finding(codes.PATH_STRICT, at, ingress.key, path=shown(text), type=plain(path.path_type)),)
    return ()


def _closed(settings: Settings, action: Forward | Respond) -> Forward | Respond:
    return Respond(503, settings.closed) if settings.closed else action
