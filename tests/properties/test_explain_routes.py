"""The host and route that `explain` finds for a request, against the planned Envoy resources: every gateway of the golden cases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from stages import HERE, Case

from seaway.analysis.explain.matching import find_host, find_mesh_host, find_route
from seaway.analysis.explain.question import Http
from seaway.core.origin import GENERATED
from seaway.model.index import Model
from seaway.model.names import outbound_routes
from seaway.model.route import Certificate, Exact, Prefix, Route, TextPrefix
from seaway.plans.envoy.listeners import listener_name
from seaway.protocols.xds_resource import XdsResource
from seaway.simulate.envoy import Request, simulate_request, simulate_routes

CERTIFICATE = Certificate("generated", "", "", (), "2126-01-01T00:00:00Z", None, GENERATED)
FOLDERS = sorted(path.parent for topic in ("ingress", "gateways", "virtual-services") for path in (HERE / topic).glob("*/in.yaml"))
METHODS_AND_HEADERS = (("GET", ()), ("POST", (("x-user", "a"), ("cookie", "user=jason"))))


def paths(routes: tuple[Route, ...]) -> Iterator[str]:
    yield from ("/", "/nowhere", "/a/../b//c?x=1")
    for route in routes:
        match route.match:
            case Exact(path) | Prefix(path) | TextPrefix(path):
                yield from (one for one in (path, f"{path}/below", f"{path}more", path.upper()) if one.startswith("/"))
            case _:
                pass


def names(domain: str) -> Iterator[str]:
    if domain == "*":
        yield "anything.test"
    elif domain.startswith("*."):
        yield from (f"one{domain[1:]}", f"two.one{domain[1:]}", domain[2:])
    else:
        yield domain


@pytest.mark.parametrize("folder", FOLDERS, ids=[f"{one.parent.name}/{one.name}" for one in FOLDERS])
def test_routes_are_those_of_the_plan(folder: Path) -> None:
    outcome = Case(folder, CERTIFICATE).outcome
    model = outcome.built.model
    planned = tuple(next(iter(outcome.plans.nodes.values())).envoy)
    gateways(model, planned)
    scopes(model, planned)


def gateways(model: Model, planned: tuple[XdsResource, ...]) -> None:
    for gateway in model.gateways:
        taken = {edge.number for edge in gateway.edges}
        pod = next((model.pod[one] for one in gateway.pods if one in model.pod and model.pod[one].node == "node-1"), None)
        for port in set(gateway.http_ports) - taken if pod is not None else ():
            for host in {name for one in gateway.hosts for name in names(one.host or "*")} | {"unknown.test"}:
                found = find_host(gateway.hosts, host)
                for path, (method, headers) in product(paths(found.routes if found else ()), METHODS_AND_HEADERS):
                    answer = simulate_request(planned, listener_name(pod, port), Request(host, path, "", method, headers))
                    route = find_route(found.routes, Http(method, host, path, headers), False) if found else None
                    assert (str(route.origin) if route else "") == answer.origin, (host, path, method)


def scopes(model: Model, planned: tuple[XdsResource, ...]) -> None:
    for scope, table in [(one, table) for one in model.mesh.scopes for table in one.http if table.everywhere]:
        for host in table.hosts:
            for path, (method, headers) in product(paths(host.routes), METHODS_AND_HEADERS):
                name = host.domains[0].replace("*", "any")
                answer = simulate_routes(
                    planned, outbound_routes(scope.id, table.port, table.address), Request(name, path, "", method, headers)
                )
                mine = find_mesh_host(table.hosts, name)
                route = find_route(mine.routes, Http(method, name, path, headers), False) if mine else None
                assert (str(route.origin) if route else "") == answer.origin, (scope.id, name, path, method)
