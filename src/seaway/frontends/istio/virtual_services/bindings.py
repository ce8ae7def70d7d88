"""`gateways`: which proxies a VirtualService, or one of its matches, is for. `mesh` is all members; others are Gateways."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import routing as codes
from seaway.core.finding import Finding
from seaway.frontends.ingress.quoting import plain
from seaway.frontends.istio.host_names import exact_domain_problem, is_label
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.virtual_services.rules import MESH


def gateway_names(written: tuple[str, ...], namespace: str) -> tuple[str, ...]:
    """As `namespace/name` each: a bare name is of the object's own namespace, as is `./name`; `name.namespace…` is the old form."""
    return tuple(_full_name(one, namespace) for one in written)


def read_gateways(written: tuple[str, ...], place: Place) -> Iterator[Finding]:
    """What upstream refuses among them."""
    for index, name in enumerate(written):
        if problem := _problem(name):
            yield place.of(index).find(codes.MATCH_REFUSED, what=f"gateway {plain(name)}", problem=problem)


def _full_name(name: str, namespace: str) -> str:
    if name == MESH:
        return name
    before, slash, after = name.partition("/")
    if slash:
        return f"{namespace if before == '.' else before}/{after}"
    gateway, dot, rest = name.partition(".")
    return f"{rest.partition('.')[0]}/{gateway}" if dot else f"{namespace}/{name}"


def _problem(name: str) -> str:
    before, slash, after = name.partition("/")
    if not slash:
        return exact_domain_problem(name)
    if not before or not after:
        return "it has an empty part"
    # Upstream's webhook refuses the dot that its reader understands: where it got past, it is what it says.
    if before != "." and not is_label(before):
        return "its namespace is no DNS label"
    return "" if is_label(after) else "its name is no DNS label"
