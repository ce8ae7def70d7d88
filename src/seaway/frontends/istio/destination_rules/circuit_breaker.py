"""`circuitBreaker`: no field of the API, and yet in many manifests. An API server refuses it, or drops it without a word.

It is honoured as the outlierDetection that its author meant, and said to be wrong, with what to write instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Finding, Findings
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.destination_rules.outlier_detection import LEFT_OUT, read_ejection
from seaway.frontends.istio.destination_rules.place import Place
from seaway.model.upstream import Ejection
from seaway.resources.istio.destination_rule import CircuitBreaker

RENAMED = {"consecutiveErrors": "consecutive5xxErrors"}


def read_circuit_breaker(block: CircuitBreaker, place: Place, shadowed: bool) -> tuple[Ejection | None, Findings]:
    """The outlierDetection that is meant. `shadowed`: there is one beside it, which counts."""
    told = place.find(codes.CIRCUIT_BREAKER, field=place.field, mend=_mend(place), outcome=_outcome(shadowed))
    if shadowed:
        return None, (told,)
    wrong: list[Finding] = []
    consecutive = place.of("consecutiveErrors").number(block.consecutive_errors, wrong, LEFT_OUT)
    ejection, refused = read_ejection(block, place)
    if wrong or ejection is None:
        return None, (told, *wrong, *refused)
    if consecutive is not None and block.consecutive_5xx_errors is None:
        ejection = replace(ejection, consecutive_5xx=consecutive)
    return ejection, (told,)


def _outcome(shadowed: bool) -> str:
    return "the outlierDetection beside it counts" if shadowed else "it is taken for the outlierDetection that it means"


def _mend(place: Place) -> str:
    """The block as it should read, in YAML's flow style so that it fits a line."""
    written: Any = place.resource.raw
    for step in place.path:
        written = written[step]
    fields = {RENAMED.get(name, name): value for name, value in written.items()} if isinstance(written, dict) else {}
    return f"outlierDetection: {{{', '.join(f'{name}: {plain(str(value))}' for name, value in fields.items())}}}"
