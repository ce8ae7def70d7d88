"""One port of a scope: its hosts, and all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seaway.core.names import Key
from seaway.model.mesh import HttpTable, MeshHost, Scope, Unknown
from seaway.model.route import NoRetries, Respond, Retries, Route, RoutePolicy
from seaway.plans.envoy.routes.mesh import plan_mesh_routes

if TYPE_CHECKING:
    from tests.unit.plans.envoy.routes.conftest import Planned

RETRIES = Retries(2, ("connect-failure",))
SERVICE = Key("", "Service", "shop", "web")


def host(planned: Planned, domains: tuple[str, ...], *routes: Route) -> MeshHost:
    return MeshHost(domains[0] if domains else "", domains, routes or (planned.route(),), (SERVICE,), planned.ORIGIN)


def domains(table: dict[str, Any]) -> list[list[str]]:
    return [one["domains"] for one in table["virtual_hosts"]]


def test_hosts_with_their_spellings(planned: Planned) -> None:
    table = planned.table(host(planned, ("web.shop.svc.cluster.local", "WEB")), host(planned, ("*.example.com",)))
    assert table["name"] == "outbound/shop/80"
    assert table["ignore_port_in_host_matching"]
    assert domains(table) == [["web.shop.svc.cluster.local", "web"], ["*.example.com"], ["*"]]


def test_a_spelling_is_nobody_elses(planned: Planned) -> None:
    """Envoy refuses a domain that is there twice, and with it the whole port."""
    table = planned.table(
        host(planned, ("a", "b")), host(planned, ("B", "c")), host(planned, ("a",)), host(planned, ("bad host", "\udc80"))
    )
    assert domains(table) == [["a", "b"], ["c"], ["*"]]


def test_unknown_hosts(planned: Planned) -> None:
    (passed,) = planned.table()["virtual_hosts"]
    assert (passed["name"], passed["routes"][0]["route"]) == ("allow_any", {"cluster": "PassthroughCluster", "timeout": "0s"})
    (blocked,) = planned.table(unknown=Unknown.REGISTRY_ONLY)["virtual_hosts"]
    assert (blocked["name"], blocked["routes"][0]["direct_response"]) == ("block_all", {"status": 502})


def test_retries_that_all_routes_share_are_written_once(planned: Planned) -> None:
    alike = [planned.route(policy=RoutePolicy(retries=RETRIES)) for _ in range(2)]
    first, _ = planned.table(host(planned, ("a",), *alike, planned.route(Respond(404))))["virtual_hosts"]
    assert first["retry_policy"]["num_retries"] == 2
    assert all("retry_policy" not in one.get("route", {}) for one in first["routes"])


def test_retries_that_differ_are_each_routes_own(planned: Planned) -> None:
    """What the virtual host says would hold for routes that are not to retry."""
    mixed = [planned.route(policy=RoutePolicy(retries=one)) for one in (RETRIES, NoRetries())]
    first, _ = planned.table(host(planned, ("a",), *mixed))["virtual_hosts"]
    assert "retry_policy" not in first
    assert ["retry_policy" in one["route"] for one in first["routes"]] == [True, False]


def test_owners_are_all_that_shaped_it(planned: Planned) -> None:
    root = Key("networking.istio.io", "VirtualService", "shop", "root")
    scope = Scope("shop", "shop", (), (), Unknown.ALLOW_ANY, planned.ORIGIN)
    resource = plan_mesh_routes(scope, HttpTable(80, (host(planned, ("a",), planned.route(via=(root,))),)))
    assert resource.owners == {SERVICE, planned.OWNER, root}
