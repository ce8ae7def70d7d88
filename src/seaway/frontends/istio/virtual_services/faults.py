"""`http[].fault`: delays and aborts on purpose, in the caller's proxy and before the request leaves; timeouts and retries do not apply.

A percentage that is not written is 0: such a fault never happens.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.places import Place
from seaway.model.route import Abort, Delay, Fault
from seaway.resources.istio.selection import Percent
from seaway.resources.istio.virtual_service import HTTPFaultAbort, HTTPFaultDelay, HTTPFaultInjection

GRPC_STATUSES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED"),
    *("RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)
"""By their numbers: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md"""

_STATUSES = range(200, 600)  # Envoy's; upstream's webhook lets 600 pass
_SMALLEST = 0.0001


def read_fault(written: HTTPFaultInjection | None, place: Place) -> tuple[Fault | None, Findings]:
    """None where nothing is written."""
    if written is None:
        return None, ()
    place = place.of("fault")
    findings: list[Finding] = []
    if written.delay is None and written.abort is None:
        findings.append(place.find(codes.FAULT_REFUSED, problem="it has neither delay nor abort"))
    delay, abort = None, None
    if written.delay is not None:
        delay, more = _read_delay(written.delay, place.of("delay"))
        findings += more
    if written.abort is not None:
        abort, more = _read_abort(written.abort, place.of("abort"))
        findings += more
    return Fault(delay, abort), tuple(findings)


def _read_delay(written: HTTPFaultDelay, place: Place) -> tuple[Delay | None, Findings]:
    percent = written.percentage.value if written.percentage is not None else float(written.percent or 0)
    findings = list(_percent_problems(written.percentage, place))
    if written.percentage is None and not 0 <= percent <= 100:
        findings.append(place.of("percent").find(codes.FAULT_REFUSED, problem=f"percent {percent:g} is not from 0 to 100"))
    if written.exponential_delay is not None:
        findings.append(place.of("exponentialDelay").find(codes.FAULT_REFUSED, problem="exponentialDelay is not supported"))
    if written.fixed_delay is None:
        return None, (*findings, _never(place, "a delay without fixedDelay", "it does not say how long"))
    seconds, problem = read_duration(written.fixed_delay)
    if problem:
        findings.append(place.of("fixedDelay").find(codes.FAULT_REFUSED, problem=f"fixedDelay: {problem}"))
    if written.percentage is None and written.percent is None:
        findings.append(_never(place, "the delay"))
    return Delay(seconds, percent), tuple(findings)


def _read_abort(written: HTTPFaultAbort, place: Place) -> tuple[Abort | None, Findings]:
    percent = written.percentage.value if written.percentage is not None else 0.0
    findings = [*_percent_problems(written.percentage, place), *_status_problems(written, place)]
    if written.http_status is None and written.grpc_status is None:
        return None, (*findings, _never(place, "an abort without a status", "it does not say with what"))
    if written.percentage is None:
        findings.append(_never(place, "the abort"))
    number = GRPC_STATUSES.index(written.grpc_status) if written.grpc_status in GRPC_STATUSES else None
    return Abort(written.http_status or 200, number, percent), tuple(findings)


def _status_problems(written: HTTPFaultAbort, place: Place) -> Iterator[Finding]:
    if sum(one is not None for one in (written.http_status, written.grpc_status, written.http2_error)) > 1:
        yield place.find(codes.FAULT_REFUSED, problem="httpStatus, grpcStatus and http2Error exclude one another")
    if written.http2_error is not None:
        yield place.of("http2Error").find(codes.FAULT_REFUSED, problem="http2Error is not supported")
    if written.http_status is not None and written.http_status not in _STATUSES:
        yield place.of("httpStatus").find(codes.FAULT_REFUSED, problem=f"httpStatus {written.http_status} is not from 200 to 599")
    if written.grpc_status is not None and written.grpc_status not in GRPC_STATUSES:
        problem = f"there is no grpcStatus {plain(written.grpc_status)}; it is a name such as UNAVAILABLE"
        yield place.of("grpcStatus").find(codes.FAULT_REFUSED, problem=problem)


def _percent_problems(written: Percent | None, place: Place) -> Iterator[Finding]:
    if written is not None and written.value and not _SMALLEST <= written.value <= 100:
        problem = f"percentage {written.value:g} is neither 0 nor from {_SMALLEST} to 100"
        yield place.of("percentage").find(codes.FAULT_REFUSED, problem=problem)


def _never(place: Place, what: str, reason: str = "its percentage is not written, and 0 without it") -> Finding:
    claim = f"{what} has no effect: {reason}"
    mend = "Set percentage.value, and fixedDelay or a status."
    return place.find(codes.DOUBTFUL, claim=claim, why="Requests pass as if the fault were not there.", help=mend)
