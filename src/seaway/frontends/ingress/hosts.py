"""Virtual hosts: the locations of all Ingresses of a host in the order in which they are tried.

Longest path first, Exact before Prefix. One `rewrite-target` that changes a path turns all paths of its host into case-insensitive regular
expressions that end open (ingress-nginx's regex mode), longest text first. Of two claims to one path the first Ingress wins. Requests that
no path takes go to the default backend of the first Ingress of the host that has one, else 404; rewrites are not applied there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from seaway.core.codes import ingress as codes
from seaway.core.finding import Findings, finding
from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.frontends.ingress.host_names import ANY
from seaway.frontends.ingress.locations import ROOT, Tried, literal_route, pattern_route, takes_all
from seaway.frontends.ingress.paths import prefix
from seaway.frontends.ingress.policies import INGRESS_POLICY
from seaway.frontends.ingress.quoting import plain, shown
from seaway.frontends.ingress.redirects import redirects_to_https
from seaway.frontends.ingress.rewrite import applies
from seaway.frontends.ingress.rules import EXACT, PREFIX, Fallback, IngressRules, Location
from seaway.model.route import Respond, Route, VirtualHost


@dataclass(slots=True)
class _Host:
    """What is gathered for one host before it is built."""

    first: IngressRules
    at: Origin
    locations: list[Location] = field(default_factory=list[Location])
    fallback: tuple[IngressRules, Fallback] | None = None


@dataclass(frozen=True, slots=True)
class _Gathered:
    """All that one host is built from."""

    first: IngressRules
    at: Origin
    locations: tuple[Location, ...]
    fallback: tuple[IngressRules, Fallback] | None


def build_hosts(ingresses: tuple[IngressRules, ...], tls: frozenset[str], memo: Memo) -> tuple[tuple[VirtualHost, ...], Findings]:
    """All virtual hosts of a gateway, by name. `ingresses` in order of precedence; `tls` names the hosts that have TLS."""
    gathered, findings = _gather(ingresses)
    hosts: list[VirtualHost] = []
    for name, host in sorted(gathered.items()):
        built, more = memo(name, _build_host, name, _Gathered(host.first, host.at, tuple(host.locations), host.fallback), name in tls)
        hosts.append(built)
        findings += more
    return tuple(hosts), findings


def _build_host(name: str, host: _Gathered, tls: bool) -> tuple[VirtualHost, Findings]:
    kept, conflicts = _without_conflicts(name, host.locations)
    routes, findings = _routes(name, kept, tls)
    return VirtualHost(name, _with_fallback(name, host, routes, tls)), conflicts + findings


def _gather(ingresses: tuple[IngressRules, ...]) -> tuple[dict[str, _Host], Findings]:
    """Locations by host. A default backend fills in for the hosts of its own rules, and one of all also for hosts that no rule names."""
    gathered: dict[str, _Host] = {}
    for rules in ingresses:
        places = list(rules.hosts)
        if rules.fallback and rules.fallback.lone:
            places.append((ANY, rules.fallback.origin))
        for name, at in places:
            host = gathered.setdefault(name, _Host(rules, at))
            if rules.fallback and host.fallback is None and not rules.fallback.lone:
                host.fallback = (rules, rules.fallback)
        for location in rules.locations:
            gathered[location.host].locations.append(location)
        if rules.fallback and rules.fallback.lone:
            gathered[ANY].locations.append(_lone(rules, rules.fallback))
    return gathered, _fill_any_host(gathered, ingresses)


def _lone(rules: IngressRules, fallback: Fallback) -> Location:
    """An Ingress without rules claims `/` of all hosts, as a rule would. Its annotations are not applied there, as upstream has it."""
    settings = replace(rules.settings, ssl_redirect=False)
    return Location(ANY, "/", False, False, fallback.action, settings, rules.key, fallback.origin)


def _fill_any_host(gathered: dict[str, _Host], ingresses: tuple[IngressRules, ...]) -> Findings:
    """Lets the first default backend beside rules answer hosts that no rule names, unless something claims all of them."""
    filling = [(rules, rules.fallback) for rules in ingresses if rules.fallback and not rules.fallback.lone]
    any_host = gathered.get(ANY)
    claims = [one for one in any_host.locations if not one.refused and one.path == "/" and not one.exact] if any_host else []
    if not filling:
        return ()
    winner, place = filling[0][0].key, filling[0][1].origin
    if claims:
        winner, place = claims[0].owner, claims[0].origin
    elif any_host is None:
        gathered[ANY] = _Host(filling[0][0], filling[0][1].origin, [], filling[0])
    else:
        any_host.fallback = any_host.fallback or filling[0]
        winner, place = any_host.fallback[0].key, any_host.fallback[1].origin
    return tuple(
        finding(codes.DEFAULT_BACKEND_SHADOWED, fallback.origin, rules.key, winner=winner, place=place)
        for rules, fallback in filling
        if rules.key != winner
    )


def _without_conflicts(host: str, locations: tuple[Location, ...]) -> tuple[list[Location], Findings]:
    """The first claim of each path and type stays. The same claim twice with one backend, in one Ingress, is no mistake."""
    taken: dict[tuple[str, bool], Location] = {}
    kept: list[Location] = []
    findings: list[Findings] = []
    for location in locations:
        if location.refused:
            kept.append(location)
            continue
        claim = (location.path if location.exact else prefix(location.path).path, location.exact)
        winner = taken.setdefault(claim, location)
        if winner is location:
            kept.append(location)
        elif winner.owner != location.owner or winner.action != location.action:
            words = {
                "host": host,
                "path": shown(location.path),
                "type": EXACT if location.exact else PREFIX,
                "winner": winner.owner,
                "place": winner.origin,
            }
            findings.append((finding(codes.PATH_CONFLICT, location.origin, location.owner, **words),))
    return kept, tuple(one for group in findings for one in group)


def _routes(host: str, locations: list[Location], tls: bool) -> tuple[tuple[Route, ...], Findings]:
    trigger = next((one for one in locations if not one.refused and applies(one.settings.target, one.path)), None)
    exact = frozenset(one.path for one in locations if one.exact and not one.refused)
    tried: list[tuple[Tried, Route]] = []
    findings: list[Findings] = []
    for location in locations:
        built, more = pattern_route(location, exact) if trigger else literal_route(location, host)
        findings.append(more)
        if built is not None:
            https = tls and redirects_to_https(location, built.action)
            tried.append((built, Route(built.match, built.action, https, location.owner, location.origin, policy=INGRESS_POLICY)))
    if trigger is not None:
        findings.append(_spread(host, trigger, locations))
    tried.sort(key=lambda one: one[0].order)
    usable = {built.match for built, _ in tried if not built.stand_in}
    routes = tuple(route for built, route in tried if not built.stand_in or built.match not in usable)
    return routes, tuple(one for group in findings for one in group)


def _spread(host: str, trigger: Location, locations: list[Location]) -> Findings:
    """One warning for each other Ingress of the host whose paths the trigger turns into regular expressions."""
    seen: dict[Key, Location] = {}
    for one in locations:
        if one.owner != trigger.owner and not one.refused and one.path != "/" and not applies(one.settings.target, one.path):
            seen.setdefault(one.owner, one)
    return tuple(
        finding(codes.REGEX_SPREADS, one.origin, owner, host=host, winner=trigger.owner, place=trigger.origin, path=plain(one.path))
        for owner, one in seen.items()
    )


def _with_fallback(name: str, host: _Gathered, routes: tuple[Route, ...], tls: bool) -> tuple[Route, ...]:
    """`routes`, and after them what answers the rest of the host unless one of them takes all."""
    if any(takes_all(route.match) for route in routes):
        return routes
    https = tls and host.first.settings.ssl_redirect
    if host.fallback is not None:
        rules, fallback = host.fallback
        return (*routes, Route(ROOT, fallback.action, https, rules.key, fallback.origin, policy=INGRESS_POLICY))
    nothing = Respond(404, "no path of this host matches" if name != ANY else "no path matches")
    return (*routes, Route(ROOT, nothing, https, host.first.key, host.at, policy=INGRESS_POLICY))
