"""Paths as regular expressions: ingress-nginx's regex mode in RE2.

There, `location ~* "^PATH"` searches: without regard to case, anchored where `^` stands, open at the end. Envoy's safe_regex matches the
whole path, so the pattern is closed with `.*`. A path is compiled alone before it is wrapped: one that only makes sense inside our
parentheses is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import re2

_SPECIAL = re.compile(r"[.^$*+?()\[\]{}|\\]")
_QUANTIFIERS = "*+?{"


@dataclass(frozen=True, slots=True)
class Compiled:
    """`match` takes whole paths; `rewrite` takes them too and has the path's own groups, `groups` of them. `problem` is "" if usable."""

    match: str = ""
    rewrite: str = ""
    groups: int = 0
    problem: str = ""


@lru_cache(maxsize=16384)
def compile_path(path: str) -> Compiled:
    """The path of an Ingress as RE2 patterns, or RE2's complaint."""
    groups, problem = _groups(path)
    if problem:
        return Compiled(problem=problem)
    # `^` binds to the first alternative only, and nginx searches: `^/a|/b` also takes /x/b.
    match = f"(?i).*(?:^{path}).*" if "|" in path else f"(?i)(?:{path}).*"
    rewrite = f"(?i)^.*?(?:{path}).*$" if "|" in path else f"(?i)^(?:{path}).*$"
    for pattern in (match, rewrite):
        wrapped, problem = _groups(pattern)
        if problem or wrapped != groups:
            return Compiled(problem=problem or "its groups do not balance")
    return Compiled(match, rewrite, groups)


def literal_pattern(path: str) -> str:
    """What `compile_path(...).match` would be if the path's characters stood for themselves."""
    return f"(?i){escape(path)}.*"


def escape(text: str) -> str:
    """`text` with RE2's special characters escaped."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)


def literal_head(path: str) -> str:
    """The part before the first special character, without what a quantifier may take away: `/items/(?=x)` gives `/items/`."""
    found = _SPECIAL.search(path)
    if found is None:
        return path
    head = path[: found.start()]
    return head[:-1] if found[0] in _QUANTIFIERS else head


def _groups(pattern: str) -> tuple[int, str]:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).groups, ""
    except re2.error as error:
        return 0, str(error.args[0], "utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
