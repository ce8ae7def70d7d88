"""What `rewrite-target` does that its author may not have meant."""

from __future__ import annotations

from collections.abc import Iterable

from seaway.core.codes import ingress as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.frontends.ingress.paths import is_literal
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.ingress.regexes import compile_path
from seaway.frontends.ingress.rewrite import PathTarget, UrlTarget, applies, has_groups, missing_group
from seaway.frontends.ingress.rules import IngressRules, Location


def check_rewrites(rules: IngressRules) -> Findings:
    """Findings about the rewritten paths of one Ingress."""
    rewritten = [one for one in rules.locations if not one.refused and applies(one.settings.target, one.path)]
    return (*_flattened(rewritten), *_groups(rewritten), *(_unrewritten(rules) if rewritten else ()))


def _flattened(rewritten: list[Location]) -> Iterable[Finding]:
    for one in rewritten:
        target = one.settings.target
        if isinstance(target, PathTarget) and not has_groups(target.text) and is_literal(one.path) and not one.exact:
            path = one.path.rstrip("/")
            better = target.text.rstrip("/") + "/$2"
            yield finding(codes.REWRITE_FLATTENS, one.origin, one.owner, value=target.text, path=plain(path or "/"), better=better)


def _groups(rewritten: list[Location]) -> Iterable[Finding]:
    for one in rewritten:
        target = one.settings.target
        compiled = compile_path(one.path)
        text = target.path if isinstance(target, UrlTarget) else target.text if isinstance(target, PathTarget) else ""
        group = 0 if compiled.problem else missing_group(text, compiled)
        if group:
            words = {"value": plain(text), "group": group, "path": plain(one.path), "count": compiled.groups}
            yield finding(codes.REWRITE_GROUP_MISSING, one.origin, one.owner, **words)


def _unrewritten(rules: IngressRules) -> Iterable[Finding]:
    """Paths that equal the target while others are rewritten: the annotation was meant for the others."""
    for one in rules.locations:
        target = one.settings.target
        if isinstance(target, PathTarget) and target.text == one.path and not one.refused:
            yield finding(codes.REWRITE_SAME, one.origin, one.owner, value=target.text, path=plain(one.path), host=one.host)
