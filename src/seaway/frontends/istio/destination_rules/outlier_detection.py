"""`outlierDetection`: which endpoints are left aside for how long.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection
"""

from __future__ import annotations

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.destination_rules.place import Place
from seaway.model.upstream import Ejection
from seaway.resources.istio.destination_rule import OutlierDetection

LEFT_OUT = "The whole outlierDetection is left out: no endpoint is ever ejected."


def read_outlier_detection(block: OutlierDetection, place: Place) -> tuple[Ejection | None, Findings]:
    """What an `outlierDetection` means; None where upstream refuses it."""
    ejection, wrong = read_ejection(block, place)
    if block.consecutive_errors:
        at = place.of("consecutiveErrors")
        return ejection, (*wrong, at.find(codes.CONSECUTIVE_ERRORS, field=at.field, count=block.consecutive_errors))
    return ejection, wrong


def read_ejection(block: OutlierDetection, place: Place) -> tuple[Ejection | None, Findings]:
    """All fields but `consecutiveErrors`, which means nothing upstream, and something in a `circuitBreaker`."""
    wrong: list[Finding] = []

    def number(name: str, value: int | None, most: int = 2**31 - 1) -> int | None:
        return place.of(name).number(value, wrong, LEFT_OUT, most)

    five = number("consecutive5xxErrors", block.consecutive_5xx_errors)
    gateway = number("consecutiveGatewayErrors", block.consecutive_gateway_errors)
    local = number("consecutiveLocalOriginFailures", block.consecutive_local_origin_failures)
    split = bool(block.split_external_local_origin_errors)
    if local and not split:
        problem = "it counts only with splitExternalLocalOriginErrors: true"
        wrong.append(place.of("consecutiveLocalOriginFailures").refuses(problem, LEFT_OUT))
    interval = place.of("interval").seconds(block.interval, wrong, LEFT_OUT)
    base = place.of("baseEjectionTime").seconds(block.base_ejection_time, wrong, LEFT_OUT)
    most = number("maxEjectionPercent", block.max_ejection_percent, 100)
    least = number("minHealthPercent", block.min_health_percent, 100)
    for index, code in enumerate(block.outlier_detection_http_error_codes):
        if not 100 <= code <= 599:
            at = place.of("outlierDetectionHttpErrorCodes", index)
            wrong.append(at.refuses(f"{code} is not an HTTP status from 100 to 599", LEFT_OUT))
    if wrong:
        return None, tuple(wrong)
    ejection = Ejection(
        consecutive_5xx=5 if five is None else five,
        consecutive_gateway=gateway or 0,
        consecutive_local=(local or 5) if split else 0,
        split_local=split,
        interval_s=interval or 10,
        base_s=base or 30,
        max_percent=most or 10,
        min_health_percent=least or 0,
        status_codes=tuple(sorted(set(block.outlier_detection_http_error_codes))),
        origin=place.origin,
    )
    return ejection, ()
