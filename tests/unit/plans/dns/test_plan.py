"""Records of the Kubernetes DNS specification, section by section, and that what is planned compiles."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import dns.message
import dns.rcode
import msgspec
import pytest

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.service import Backend, Health, Service, ServiceName, ServicePort, ServiceType
from seaway.model.workload import Pod, PodName, Protocol, ResolvConf, Standin
from seaway.plans.dns.plan import plan_dns
from seaway.protocols.dns_wire import compile_zone
from seaway.protocols.dns_zone import DnsZone

AT = Origin("all.yaml", 1)
CLUSTER = Cluster(nodes=(Node("node-1", "192.168.0.2", "10.244.0.0/24"),))


def pod(name: str, ip: str, namespace: str = "prod") -> Pod:
    return Pod(
        id=PodName(namespace, name), labels=(), annotations=(), ip=ip, node="node-1", host_network=False, hostname=name, subdomain="",
        service_account="default", containers=("main",), ports=(), probes=(), runs=Standin(), resolv_conf=ResolvConf((), (), ()), hosts=(),
        finite=False, revision="1", owner=Key("", "Pod", namespace, name), origin=AT,
    )  # fmt: skip


def backend(address: str, of: str | None = None, hostname: str = "", ports: tuple[int, ...] = (8080,), ready: bool = True) -> Backend:
    return Backend(address, PodName("prod", of) if of else None, "node-1", hostname, ports, ready, AT)


def service(name: str, ip: str = "", *backends: Backend, ports: tuple[tuple[str, int], ...] = (("http", 80),), **more: object) -> Service:
    made = Service(
        id=ServiceName("prod", name), type=ServiceType.CLUSTER_IP, labels=(), annotations=(), cluster_ip=ip, load_balancer_ip="",
        external_ips=(), source_ranges=(), external_name="", ports=tuple(ServicePort(one, port, Protocol.TCP, "", 0, AT) for one, port in ports),
        affinity_s=0, internal_local=False, external_local=False, publish_not_ready=False, selects_pods=True, backends=backends,
        owner=Key("", "Service", "prod", name), origin=AT,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def zone_of(*things: Service | Pod, ready: tuple[str, ...] = (), cluster: Cluster = CLUSTER) -> DnsZone:
    pods = tuple(one for one in things if isinstance(one, Pod))
    services = tuple(one for one in things if isinstance(one, Service))
    return plan_dns(Model(cluster, pods, services, ()), Health(frozenset(PodName("prod", name) for name in ready)))


def text(zone: DnsZone, *without: str) -> list[str]:
    """Records as lines, but for those that every zone has."""
    always = {"ns.dns", "dns-version"}
    return [f"{one.name} {one.type} {data}" for one in zone.records if one.name not in always for data in one.data]


def rcode(zone: DnsZone, name: str, kind: str = "A") -> tuple[str, int]:
    """Outcome and number of answers on the wire."""
    response = compile_zone(zone).answer(dns.message.make_query(name, kind).to_wire())
    assert isinstance(response, bytes)
    message = dns.message.from_wire(response)
    return dns.rcode.to_text(message.rcode()), sum(len(rrset) for rrset in message.answer)


CLUSTER_IP = service("web", "10.96.3.4", backend("10.244.0.3", "web-1"), ports=(("http", 80), ("", 81)))
HEADLESS = service("db", "", backend("10.244.0.3", "db-0", "db-0"), backend("10.244.0.4", "db-1"), ports=(("sql", 5432),))


@pytest.mark.parametrize(
    ("things", "ready", "lines"),
    [
        pytest.param(
            [CLUSTER_IP],
            (),
            [
                "4.3.96.10.in-addr.arpa. PTR web.prod.svc.cluster.local.",
                "_http._tcp.web.prod.svc SRV 0 100 80 web.prod.svc",
                "web.prod.svc A 10.96.3.4",
            ],
            id="2.3 cluster ip, whether or not anything is ready; unnamed ports have no srv",
        ),
        pytest.param(
            [HEADLESS],
            ("db-0", "db-1"),
            [
                "10-244-0-4.db.prod.svc A 10.244.0.4",
                "3.0.244.10.in-addr.arpa. PTR db-0.db.prod.svc.cluster.local.",
                "4.0.244.10.in-addr.arpa. PTR 10-244-0-4.db.prod.svc.cluster.local.",
                "_sql._tcp.db.prod.svc SRV 0 100 8080 db-0.db.prod.svc",
                "_sql._tcp.db.prod.svc SRV 0 100 8080 10-244-0-4.db.prod.svc",
                "db-0.db.prod.svc A 10.244.0.3",
                "db.prod.svc A 10.244.0.3",
                "db.prod.svc A 10.244.0.4",
            ],
            id="2.4 headless, names of a StatefulSet and of addresses",
        ),
        pytest.param(
            [HEADLESS],
            ("db-1",),
            [
                "10-244-0-4.db.prod.svc A 10.244.0.4",
                "4.0.244.10.in-addr.arpa. PTR 10-244-0-4.db.prod.svc.cluster.local.",
                "_sql._tcp.db.prod.svc SRV 0 100 8080 10-244-0-4.db.prod.svc",
                "db.prod.svc A 10.244.0.4",
            ],
            id="2.4 only ready endpoints",
        ),
        pytest.param([replace(HEADLESS, backends=HEADLESS.backends[:1])], (), [], id="2.4 nothing ready: nothing at all"),
        pytest.param(
            [service("db", "", backend("10.244.0.3", "db-0", "db-0", ()), publish_not_ready=True, ports=())],
            (),
            ["3.0.244.10.in-addr.arpa. PTR db-0.db.prod.svc.cluster.local.", "db-0.db.prod.svc A 10.244.0.3", "db.prod.svc A 10.244.0.3"],
            id="publishNotReadyAddresses, and no ports",
        ),
        pytest.param(
            [service("old", "", backend("192.0.2.7", ports=(0,)), backend("fd00::7", hostname="six"), ports=(("x", 1),))],
            (),
            [
                "192-0-2-7.old.prod.svc A 192.0.2.7",
                "7.2.0.192.in-addr.arpa. PTR 192-0-2-7.old.prod.svc.cluster.local.",
                f"{ip_address('fd00::7').reverse_pointer}. PTR six.old.prod.svc.cluster.local.",
                "_x._tcp.old.prod.svc SRV 0 100 8080 six.old.prod.svc",
                "old.prod.svc A 192.0.2.7",
                "old.prod.svc AAAA fd00::7",
                "six.old.prod.svc AAAA fd00::7",
            ],
            id="addresses that are no pods, IPv6, a backend without the port",
        ),
        pytest.param(
            [service("set", "10.96.0.9", backend("10.244.0.3", "set-0", "set-0", ()), ports=())],
            ("set-0",),
            ["9.0.96.10.in-addr.arpa. PTR set.prod.svc.cluster.local.", "set-0.set.prod.svc A 10.244.0.3", "set.prod.svc A 10.96.0.9"],
            id="hostnames below a cluster ip, as CoreDNS has them",
        ),
        pytest.param(
            [service("ext", type=ServiceType.EXTERNAL_NAME, external_name="DB.example.com.")],
            (),
            ["ext.prod.svc CNAME db.example.com."],
            id="2.5 ExternalName",
        ),
        pytest.param([service("ext", type=ServiceType.EXTERNAL_NAME, external_name="a..b")], (), [], id="an ExternalName that is no name"),
        pytest.param([pod("web-1", "10.244.0.3")], (), ["10-244-0-3.prod.pod A 10.244.0.3"], id="2.6 pods"),
    ],
)
def test_records(things: list[Service | Pod], ready: tuple[str, ...], lines: list[str]) -> None:
    zone = zone_of(*things, ready=ready)
    assert sorted(text(zone)) == sorted(lines)
    compile_zone(zone)


def test_every_zone() -> None:
    zone = zone_of()
    assert [tuple(one) for one in zone.records] == [("dns-version", "TXT", 28800, ("1.1.0",)), ("ns.dns", "A", 5, ("10.96.0.10",))]
    assert rcode(zone, "dns-version.cluster.local", "TXT") == ("NOERROR", 1)
    assert rcode(zone, "cluster.local", "NS") == ("NOERROR", 1)


def test_ttl_is_coredns_default() -> None:
    assert {one.ttl for one in zone_of(CLUSTER_IP, HEADLESS, ready=("db-0",)).records if one.type != "TXT"} == {5}


@pytest.mark.parametrize(
    ("name", "kind", "outcome"),
    [
        pytest.param("web.prod.svc.cluster.local", "AAAA", ("NOERROR", 0), id="aaaa of an IPv4 service"),
        pytest.param("web.prod.svc.cluster.local", "A", ("NOERROR", 1), id="a"),
        pytest.param("prod.svc.cluster.local", "A", ("NOERROR", 0), id="namespace"),
        pytest.param("prod.pod.cluster.local", "A", ("NOERROR", 0), id="namespace of pods"),
        pytest.param("svc.cluster.local", "A", ("NOERROR", 0), id="svc"),
        pytest.param("_tcp.web.prod.svc.cluster.local", "SRV", ("NOERROR", 0), id="_tcp"),
        pytest.param("idle.svc.cluster.local", "A", ("NOERROR", 0), id="a namespace of pods only"),
        pytest.param("none.svc.cluster.local", "A", ("NXDOMAIN", 0), id="no namespace"),
        pytest.param("db.prod.svc.cluster.local", "A", ("NXDOMAIN", 0), id="headless without ready endpoints"),
        pytest.param("_none._tcp.web.prod.svc.cluster.local", "SRV", ("NXDOMAIN", 0), id="no such port"),
        pytest.param("10-244-0-9.idle.pod.cluster.local", "A", ("NOERROR", 1), id="pod"),
        pytest.param("10-244-0-9.prod.pod.cluster.local", "A", ("NXDOMAIN", 0), id="pod of another namespace"),
        pytest.param("web.prod.svc.cluster.local.prod.svc.cluster.local", "A", ("NXDOMAIN", 0), id="search path"),
        pytest.param("9.9.111.10.in-addr.arpa", "PTR", ("NXDOMAIN", 0), id="no such cluster ip"),
    ],
)
def test_outcomes(name: str, kind: str, outcome: tuple[str, int]) -> None:
    assert rcode(zone_of(CLUSTER_IP, HEADLESS, pod("a", "10.244.0.9", "idle")), name, kind) == outcome


def test_reverse_zones_are_the_cluster_s_own() -> None:
    cluster = replace(CLUSTER, pod_cidr="10.244.0.0/17", service_cidr="fd00:1::/108")
    zone = zone_of(service("old", "", backend("192.0.2.7", ports=()), ports=()), cluster=cluster)
    assert ip_address("fd00:1::").reverse_pointer.removeprefix("0.0.0.0.0.") in zone.reverse
    assert "7.2.0.192.in-addr.arpa" in zone.reverse
    assert "127.244.10.in-addr.arpa" in zone.reverse
    assert "128.244.10.in-addr.arpa" not in zone.reverse
    assert len([one for one in zone_of().reverse if one.endswith(".10.in-addr.arpa")]) == 17


def test_an_address_with_a_cluster_ip_is_no_endpoint_in_reverse() -> None:
    zone = zone_of(CLUSTER_IP, service("db", "", backend("10.96.3.4", ports=()), ports=()))
    assert [one.data for one in zone.records if one.type == "PTR"] == [("web.prod.svc.cluster.local.",)]


def test_the_serial_tells_versions_apart() -> None:
    assert zone_of(CLUSTER_IP).serial == zone_of(CLUSTER_IP).serial != zone_of(CLUSTER_IP, pod("a", "10.244.0.9")).serial
    assert zone_of(HEADLESS, ready=("db-0",)).serial != zone_of(HEADLESS, ready=("db-1",)).serial


def test_a_large_zone_is_compact() -> None:
    """1,000 Services of which a hundred are headless, 5,000 endpoints."""
    services = [service(f"s{number}", f"10.96.{number >> 8}.{number & 255}") for number in range(900)]
    for number in range(100):
        backends = [backend(f"10.{number}.0.{one}", hostname=f"h{number}-{one}") for one in range(50)]
        services.append(service(f"h{number}", "", *backends))
    zone = zone_of(*services)
    data = msgspec.json.encode(zone)
    assert len(data) < 1_500_000
    assert msgspec.json.decode(data, type=DnsZone) == zone
    compile_zone(zone)
