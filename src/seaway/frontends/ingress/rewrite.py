"""`nginx.ingress.kubernetes.io/rewrite-target`: the whole path becomes the target, `$1` to `$9` the groups of the Ingress path.

A target that is a URL answers with 302 instead of forwarding. The value's character set is ingress-nginx's.
https://kubernetes.github.io/ingress-nginx/examples/rewrite/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from seaway.core.names import is_dns_subdomain
from seaway.frontends.ingress.regexes import Compiled
from seaway.model.route import Redirect, Rewrite

_ALLOWED = re.compile(r"/?[A-Za-z0-9/._~:$-]*")  # read with fullmatch: `$` would let a final newline pass
_URL = re.compile(r"(https?)://([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?(/.*)?")
_GROUP = re.compile(r"\$([1-9])")


@dataclass(frozen=True, slots=True)
class NoTarget:
    """Paths are forwarded as they come."""


@dataclass(frozen=True, slots=True)
class PathTarget:
    """The new path, with `$1` to `$9`."""

    text: str


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """Redirect to scheme, host and port (0 for none), path `path` with `$1` to `$9`. `text` is the whole value."""

    text: str
    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class UnusableTarget:
    """ingress-nginx would take it, but it cannot be done: the Ingress' paths answer 503."""

    text: str
    problem: str


Target: TypeAlias = NoTarget | PathTarget | UrlTarget | UnusableTarget


def target_problem(value: str) -> str:
    """Why ingress-nginx refuses the value and serves without a rewrite, "" if it does not."""
    return "" if _ALLOWED.fullmatch(value) else "it holds characters other than letters, digits and / . _ ~ : $ -"


def parse_target(value: str) -> Target:
    """An accepted value; "" is none."""
    if not value:
        return NoTarget()
    if re.search(r"\$(?![1-9])", value):
        return UnusableTarget(value, "$ is followed by something other than 1 to 9, and nginx variables are not replaced")
    if value.startswith(("http://", "https://")):
        url = _URL.fullmatch(value)
        if url is None or not is_dns_subdomain(url[2].lower()) or int(url[3] or 80) not in range(1, 65536):
            return UnusableTarget(value, "its host and port are no plain name and number")
        return UrlTarget(value, url[1], url[2], int(url[3] or 0), url[4] or "/")
    if not value.startswith(("/", "$")):
        return UnusableTarget(value, "it does not begin with a slash")
    return PathTarget(value)


def applies(target: Target, path: str) -> bool:
    """Whether the target changes anything for this path, and so turns the paths of its host into regular expressions."""
    return isinstance(target, PathTarget | UrlTarget) and target.text != path


def has_groups(text: str) -> bool:
    return _GROUP.search(text) is not None


def missing_group(text: str, compiled: Compiled) -> int:
    """The first group that the target uses and the path lacks, 0 if there is none."""
    return next((number for number in map(int, _GROUP.findall(text)) if number > compiled.groups), 0)


def build_rewrite(text: str, compiled: Compiled) -> Rewrite:
    """The rewrite for one path. A group that the path lacks is replaced by nothing, as nginx has it."""

    def group(found: re.Match[str]) -> str:
        return f"\\{found[1]}" if int(found[1]) <= compiled.groups else ""

    return Rewrite(compiled.rewrite, _GROUP.sub(group, text))


def build_redirect(target: UrlTarget, compiled: Compiled) -> Redirect:
    """302 to the URL; the request's query is appended, as nginx has it."""
    rewrite = build_rewrite(target.path, compiled) if has_groups(target.path) else None
    path = target.path if rewrite is None else ""
    return Redirect(302, scheme=target.scheme, authority=target.host, port=target.port, path=path, rewrite=rewrite)
