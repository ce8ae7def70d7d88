"""`headers`: what is removed from, set on and added to requests and responses, of a rule or of one of its destinations.

The Host header is no header to Envoy: setting it rewrites the authority. Values may hold Envoy's commands (`%REQ(x-user)%`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.rules import HeaderChanges
from seaway.model.route import NO_OPS, HeaderOps
from seaway.model.templates import template_problem
from seaway.resources.istio.virtual_service import HeaderOperations, Headers

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNSENDABLE_NAME = re.compile(r"[\x00\r\n]")
_LONGEST = 16384  # bytes of a name or value, Envoy's bound


def read_headers(written: Headers, place: Place) -> tuple[HeaderChanges, Findings]:
    """Each kind of change in the order of the headers' names."""
    request = written.request or HeaderOperations()
    response = written.response or HeaderOperations()
    authority = _authority(request.set) or _authority(request.add)
    findings = (*_problems(request, place.of("request"), True), *_problems(response, place.of("response"), False))
    return HeaderChanges(_ops(request), _ops(response), authority), findings


def is_authority(name: str) -> bool:
    """A name for what HTTP/1.1 calls Host."""
    return name.lower() in (":authority", "host")


def check_authority(written: Headers | None, rewritten: str, place: Place) -> Iterator[Finding]:
    """The Host header is changed in one place at most. `rewritten` is the rewrite's authority."""
    request = (written.request if written is not None else None) or HeaderOperations()
    found = [(field, name) for field in ("set", "add") for name in getattr(request, field) if is_authority(name)]
    for field, name in found if rewritten else found[1:]:
        where = place.of("headers", "request", field, name)
        yield where.find(codes.HEADERS_REFUSED, name=plain(name), problem="the Host header is changed in another place too")


def _ops(written: HeaderOperations) -> HeaderOps:
    ops = HeaderOps(remove=tuple(name for name in written.remove if not _internal(name)), set=_pairs(written.set), add=_pairs(written.add))
    return NO_OPS if ops == NO_OPS else ops


def _pairs(written: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in sorted(written.items()) if not _internal(name))


def _authority(written: Mapping[str, str]) -> str:
    return next((value for name, value in sorted(written.items()) if is_authority(name)), "")


def _internal(name: str) -> bool:
    return name.startswith(":") or is_authority(name)


def _problems(written: HeaderOperations, place: Place, request: bool) -> Iterator[Finding]:
    for field in ("set", "add"):
        values: Mapping[str, str] = getattr(written, field)
        for name, value in values.items():
            if problem := _name_problem(name, request) or _value_problem(name, value):
                yield place.of(field, name).find(codes.HEADERS_REFUSED, name=plain(name), problem=problem)
    for index, name in enumerate(written.remove):
        if problem := _name_problem(name, False):
            yield place.of("remove", index).find(codes.HEADERS_REFUSED, name=plain(name), problem=problem)


def _name_problem(name: str, authority: bool) -> str:
    if not name:
        return "its name is empty"
    if _UNSENDABLE_NAME.search(name) or _size(name) > _LONGEST:
        return "it is no header name"
    if is_authority(name):
        return "" if authority else "the Host header can be set on requests, and neither be removed nor be part of a response"
    return "a name that begins with a colon is part of the request's first line" if _internal(name) else ""


def _value_problem(name: str, value: str) -> str:
    if _CONTROL.search(value):
        return "its value holds a control character"
    if _size(value) > _LONGEST:
        return f"its value is longer than {_LONGEST} bytes"
    # As authority the value is taken literally.
    return "" if is_authority(name) else template_problem(value)


def _size(text: str) -> int:
    """Bytes; more than any bound for text without UTF-8 form."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return _LONGEST + 1
