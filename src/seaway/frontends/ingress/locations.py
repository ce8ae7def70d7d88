"""One location as a route: how its path is matched, and where it stands among the others of its host.

Two modes: literal paths, and ingress-nginx's regex mode. A path that cannot be matched as written still answers 503 where requests for it
can be told apart, after all usable paths of that length, so that nobody else's path is shadowed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from seaway.core.codes import ingress as codes
from seaway.core.finding import Findings, finding
from seaway.frontends.ingress.paths import is_literal, prefix, refused_match
from seaway.frontends.ingress.quoting import shown
from seaway.frontends.ingress.regexes import Compiled, compile_path, escape, literal_head, literal_pattern
from seaway.frontends.ingress.rewrite import PathTarget, UrlTarget, applies, build_redirect, build_rewrite
from seaway.frontends.ingress.rules import Location
from seaway.model.route import Action, Exact, Forward, PathMatch, Prefix, Regex, Respond

ROOT = Prefix("/")

_Order = tuple[int, bool, tuple[int, ...], bool]


@dataclass(frozen=True, slots=True)
class Tried:
    """A match and its action; lower `order` is tried first. A `stand_in` answers for a path that cannot be matched as written."""

    match: PathMatch
    action: Action
    order: _Order
    stand_in: bool


def literal_route(location: Location, host: str) -> tuple[Tried | None, Findings]:
    """Longest first, Exact before Prefix."""
    if location.refused:
        return _refused(location), ()
    if not is_literal(location.path):
        needs = finding(codes.PATH_NEEDS_REGEX, location.origin, location.owner, path=shown(location.path), host=host)
        return _head(location), (needs,)
    match = Exact(location.path) if location.exact else prefix(location.path)
    order = (-len(match.path), False, tuple(map(ord, match.path)), not location.exact)
    return Tried(match, location.action, order, False), ()


def pattern_route(location: Location, exact: frozenset[str]) -> tuple[Tried | None, Findings]:
    """Longest text first, then reverse alphabetical. `exact` holds the host's Exact paths.

    A literal Prefix `/p` beside an Exact `/p` leaves `/p` itself to the latter, and is tried before it, since both now end open.
    """
    if location.refused:
        return _refused(location), ()
    rewritten = applies(location.settings.target, location.path)
    order = (-len(location.path), False, tuple(-ord(letter) for letter in location.path), location.exact)
    if location.path == "/" and not location.exact and not rewritten:
        return Tried(ROOT, location.action, order, False), ()
    path = location.path
    if not location.exact and not rewritten and path in exact and not path.endswith("/"):
        path += "/"
    compiled = compile_path(path)
    if compiled.problem and (rewritten or not is_literal(path)):
        words = {"path": shown(location.path), "problem": shown(compiled.problem)}
        return _head(location), (finding(codes.PATH_REGEX_REFUSED, location.origin, location.owner, **words),)
    match = Regex(compiled.match or literal_pattern(path), len(location.path))
    return Tried(match, _rewritten(location, compiled), order, False), ()


def takes_all(match: PathMatch) -> bool:
    """Whether nothing after this match is ever tried."""
    return match == ROOT or (isinstance(match, Regex) and match.length == 1)


def _rewritten(location: Location, compiled: Compiled) -> Action:
    """The redirect of a URL target goes before any question of backends, as nginx's rewrite phase does."""
    target = location.settings.target
    if location.settings.closed or not applies(target, location.path):
        return location.action
    match target:
        case UrlTarget():
            return build_redirect(target, compiled)
        case PathTarget() if isinstance(location.action, Forward):
            return replace(location.action, rewrite=build_rewrite(target.text, compiled))
        case _:
            return location.action


def _refused(location: Location) -> Tried | None:
    match = refused_match(location.path, location.exact)
    if match is None or isinstance(match, Regex):
        return None
    return Tried(match, location.action, (-len(match.path), True, tuple(map(ord, match.path)), False), True)


def _head(location: Location) -> Tried | None:
    """503 for requests that begin as the expression must; nothing where that would be the whole host."""
    head = literal_head(location.path)
    if not head.strip("/") or not is_literal(head):
        return None
    action = location.action if isinstance(location.action, Respond) else Respond(503, "the path is no usable expression")
    match = Regex(f"(?i){escape(head)}.*", len(head))
    length = len(head.rstrip("/"))  # a Prefix written with a final slash takes the same requests, and comes first
    return Tried(match, action, (-length, True, tuple(map(ord, head)), False), True)
