"""`tls` and `tcp`: where connections go that are not looked into."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client

WEB, API = "route: [{destination: {host: web}}]", "route: [{destination: {host: api, port: {number: 8080}}}]"


def show(built, host: str, port: int, client: Client = Client("shop")) -> list[str]:  # noqa: B008
    return [
        f"{','.join(one.addresses)} {','.join(one.server_names)} -> "
        + ", ".join(f"{to.weight} {to.to.host.partition('.svc')[0]}|{to.to.port}" for to in one.destinations)
        for one in built.connections(host, port, client)
    ]


VIP = "10.96.0.9/32"


def test_without_rules_a_host_leads_to_itself(world):
    assert show(world(), "db.shop", 5432) == [f"{VIP}  -> 1 db.shop|5432"]
    assert show(world(), "secure.shop", 443) == [f"{VIP}  -> 1 secure.shop|443"]
    assert show(world(), "api.example.com", 443) == [" api.example.com -> 1 api.example.com|443"]
    assert show(world(), "sniffed.shop", 7000) == [f"{VIP}  -> 1 sniffed.shop|7000"]


@pytest.mark.parametrize(
    ("tcp", "want"),
    [
        (f"{{{WEB}}}", [f"{VIP}  -> 1 web.shop|80"]),
        (f"{{match: [{{port: 5432}}], {WEB}}}", [f"{VIP}  -> 1 web.shop|80"]),
        (f"{{match: [{{port: 5433}}], {WEB}}}", [f"{VIP}  -> 1 db.shop|5432"]),
        (f"{{match: [{{gateways: [mesh]}}], {WEB}}}", [f"{VIP}  -> 1 web.shop|80"]),
        (f"{{match: [{{gateways: [mesh], sourceNamespace: far}}], {WEB}}}", [f"{VIP}  -> 1 db.shop|5432"]),
        (f"{{match: [{{sourceLabels: {{a: b}}}}], {WEB}}}, {{{API}}}", [f"{VIP}  -> 1 api.shop|8080"]),
        (
            f"{{match: [{{destinationSubnets: [10.1.2.3/16]}}, {{destinationSubnets: [10.2.0.1]}}], {WEB}}}",
            ["10.1.0.0/16,10.2.0.1/32  -> 1 web.shop|80", f"{VIP}  -> 1 db.shop|5432"],
        ),
        (f"{{match: [{{destinationSubnets: [{VIP}]}}], {WEB}}}", [f"{VIP}  -> 1 web.shop|80"]),
        (
            "{route: [{destination: {host: web}, weight: 3}, {destination: {host: db}, weight: 0}, {destination: {host: secure}, weight: 1}]}",
            [f"{VIP}  -> 3 web.shop|80, 1 secure.shop|443"],
        ),
    ],
)
def test_by_address(world, virtual, tcp, want):
    assert show(world(virtual(f"tcp: [{tcp}]", hosts="[db]")), "db.shop", 5432) == want


def test_by_server_name(world, virtual):
    tls = f"{{match: [{{sniHosts: [secure.shop.svc.cluster.local], port: 443}}], {WEB}}}, {{match: [{{sniHosts: [secure.shop.svc.cluster.local]}}], {API}}}"
    built = world(virtual(f"tls: [{tls}]", hosts="[secure]"))
    assert show(built, "secure.shop", 443) == [f"{VIP} secure.shop.svc.cluster.local -> 1 web.shop|80"]


def test_names_and_subnets(world, virtual):
    tls = f"{{match: [{{sniHosts: [a.wide.example, B.wide.example], destinationSubnets: [10.0.0.0/8]}}], {WEB}}}"
    other = virtual(f"tls: [{{match: [{{sniHosts: [api.example.com]}}], {API}}}]", name="z", hosts="[api.example.com]")
    built = world(virtual(f"tls: [{tls}]", hosts="['*.wide.example']"), other)
    assert show(built, "api.example.com", 443) == [" api.example.com -> 1 api.shop|8080"]


def test_rules_of_all_virtual_services_count_by_age(world, virtual):
    one = f"tls: [{{match: [{{sniHosts: [a.example.com]}}], {WEB}}}]"
    two = f"tls: [{{match: [{{sniHosts: [a.example.com]}}], {API}}}, {{match: [{{sniHosts: [api.example.com]}}], {API}}}]"
    built = world(virtual(two, name="b", hosts="['*.example.com']"), virtual(one, name="a", hosts="['*.example.com']"))
    assert show(built, "api.example.com", 443) == [" a.example.com -> 1 web.shop|80", " api.example.com -> 1 api.shop|8080"]


def test_http_rules_are_for_http(world, virtual):
    built = world(virtual(f"http: [{{{WEB}}}]", hosts="[db]"))
    assert show(built, "db.shop", 5432) == [f"{VIP}  -> 1 db.shop|5432"]


def test_a_route_names_its_line_and_owners(world, virtual):
    (route,) = world(virtual(f"tcp: [{{{WEB}}}]", hosts="[db]")).connections("db.shop", 5432)
    assert (route.origin.line, [one.kind for one in route.owners]) == (4, ["Service", "VirtualService"])


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("tls: [{match: [], %s}]", "it has no match"),
        ("tls: [{match: [{sniHosts: []}], %s}]", "no sniHosts"),
        ("tls: [{match: [{sniHosts: [web]}]}]", "it has no route"),
        ("tls: [{match: [{sniHosts: [other.example]}], %s}]", "within none of the hosts"),
        ("tls: [{match: [{sniHosts: ['a_b']}], %s}]", "no DNS name"),
        ("tls: [{match: [{sniHosts: [web], destinationSubnets: [10.0.0.0/33]}], %s}]", "neither an address nor a CIDR"),
        ("tcp: [{match: [{destinationSubnets: [a]}], %s}]", "neither an address nor a CIDR"),
        ("tcp: [{match: [{port: 65536}], %s}]", "65536"),
        ("tcp: [{match: [{port: 1}]}]", "it has no route"),
    ],
)
def test_refused(world, virtual, spec, problem):
    built = world(virtual(spec.replace("%s", WEB)))
    assert built.found == ["NET0543:4"]
    assert problem in built.messages[0]


def test_other_refusals(world, virtual):
    assert world(virtual(f"tcp: [{{match: [{{sourceLabels: {{'a b': c}}}}], {WEB}}}]")).found == ["NET0531:4"]
    assert world(virtual(f"tcp: [{{match: [{{gateways: [a_b]}}], {WEB}}}]")).found == ["NET0531:4"]
    assert world(virtual("tcp: [{route: [{destination: {host: '*'}}]}]")).found == ["NET0533:4"]


def test_what_has_no_effect(world, virtual):
    built = world(virtual(f"tcp: [{{match: [{{sourceSubnet: 10.0.0.0/8}}], {WEB}}}]"))
    assert (built.found, built.messages[0]) == (["NET0554:4"], "sourceSubnet has no effect")
    address = world(virtual(f"tls: [{{match: [{{sniHosts: [10.0.0.1]}}], {WEB}}}]"))
    assert (address.found, "is an address" in address.messages[0]) == (["NET0554:4"], True)
