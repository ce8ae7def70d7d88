"""Rules and matches that no request can reach, because an earlier one takes all of theirs. Upstream warns of the same.

A match is repeated where all that it says but its name is the same; and one text prefix lies within another's where both say the same
besides. A rule without matches takes everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.places import Place
from seaway.resources.istio.virtual_service import (
    HTTPMatchRequest,
    HTTPRoute,
    L4MatchAttributes,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
    VirtualServiceSpec,
)


def check_reach(spec: VirtualServiceSpec, place: Place) -> Iterator[Finding]:
    """One finding for each rule or match that is never used."""
    for field, rules in (("http", spec.http), ("tls", spec.tls), ("tcp", spec.tcp)):
        yield from _rules(rules, place.of(field))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A match and where it stands; `rest` is what it says besides its name and its prefix, `prefix` None where it has none."""

    rule: str
    match: str
    rest: str
    prefix: str | None


def _rules(rules: Sequence[HTTPRoute | TLSRoute | TCPRoute], place: Place) -> Iterator[Finding]:
    taken: str = ""
    seen: list[_Seen] = []
    for index, rule in enumerate(rules):
        here, name = place.of(index), _rule_name(rule, index)
        delegates = isinstance(rule, HTTPRoute) and rule.delegate is not None
        if taken:
            yield here.find(codes.RULE_UNREACHABLE, reason=f"rule {taken} before it has no match and takes every request")
            continue
        if not rule.match and not delegates:
            taken = name
        own: list[_Seen] = []
        for at, match in enumerate(rule.match):
            one = _see(match, at, name)
            if reason := _hidden(one, (*seen, *own)):
                alone = len(rule.match) == 1
                code = codes.RULE_UNREACHABLE if alone else codes.MATCH_UNREACHABLE
                yield (here if alone else here.of("match", at)).find(code, reason=reason)
            own.append(one)
        if not delegates:  # what the delegate has no route for goes on
            seen += own


def _see(match: HTTPMatchRequest | TLSMatchAttributes | L4MatchAttributes, at: int, rule: str) -> _Seen:
    prefix, name = None, f"#{at}"
    if isinstance(match, HTTPMatchRequest):
        name = plain(match.name) if match.name else name
        if match.uri is not None and match.uri.prefix is not None and not match.ignore_uri_case:
            prefix = match.uri.prefix
            match = msgspec.structs.replace(match, uri=None)
        match = msgspec.structs.replace(match, name="", stat_prefix="")
    return _Seen(rule, name, msgspec.json.encode(match, order="deterministic").decode("utf-8", "replace"), prefix)


_NO_CONDITION = msgspec.json.encode(HTTPMatchRequest(), order="deterministic").decode()


def _hidden(one: _Seen, seen: Sequence[_Seen]) -> str:
    for former in seen:
        if former.rest == _NO_CONDITION and former.prefix in (None, "", "/"):
            return f"match {former.match} of rule {former.rule} takes every request"
        if former.rest != one.rest:
            continue
        if former.prefix == one.prefix:
            return f"match {former.match} of rule {former.rule} is the same"
        if former.prefix is None and '"uri":null' in former.rest:
            return f"match {former.match} of rule {former.rule} asks for the same on any path"
        if former.prefix is not None and one.prefix is not None and one.prefix.startswith(former.prefix):
            return f"prefix {plain(former.prefix)} of rule {former.rule} takes it all"
    return ""


def _rule_name(rule: HTTPRoute | TLSRoute | TCPRoute, index: int) -> str:
    return plain(rule.name) if isinstance(rule, HTTPRoute) and rule.name else f"#{index}"
