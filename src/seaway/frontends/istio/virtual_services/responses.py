"""`http[].directResponse`: the proxy answers by itself."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.places import Place
from seaway.model.route import Respond
from seaway.resources.istio.virtual_service import HTTPBody, HTTPDirectResponse

LARGEST = 1 << 20
"""Bytes of a body: upstream's bound, to which it raises Envoy's own of 4,096."""

_LARGE = 100 << 10
_STATUSES = range(200, 600)  # Envoy's; upstream's webhook lets 600 pass


def read_response(written: HTTPDirectResponse, place: Place) -> tuple[Respond, Findings]:
    body, problem = _body(written.body)
    return Respond(written.status, body=body), tuple(_problems(written, body, problem, place))


def _body(written: HTTPBody | None) -> tuple[bytes, str]:
    if written is None:
        return b"", ""
    if written.string is not None and written.bytes is not None:
        return b"", "string and bytes exclude one another"
    if written.string is not None:
        try:
            return written.string.encode(), ""
        except UnicodeEncodeError:
            return b"", "the body has no UTF-8 form; bytes takes anything, as base64"
    try:
        return b64decode((written.bytes or "").translate({ord("-"): "+", ord("_"): "/"}), validate=True), ""
    except (BinasciiError, ValueError):
        return b"", "bytes is not base64"


def _problems(written: HTTPDirectResponse, body: bytes, problem: str, place: Place) -> Iterator[Finding]:
    if written.status not in _STATUSES:
        yield place.of("status").find(codes.RESPONSE_REFUSED, problem=f"status {written.status} is not from 200 to 599")
    if problem:
        yield place.of("body").find(codes.RESPONSE_REFUSED, problem=problem)
    if len(body) > LARGEST:
        yield place.of("body").find(codes.RESPONSE_REFUSED, problem="the body is larger than 1 MiB")
    elif len(body) > _LARGE:
        claim, why = "the body is larger than 100 KiB", "Every proxy holds it in its configuration."
        yield place.of("body").find(codes.DOUBTFUL, claim=claim, why=why, help="Let a backend answer.")
