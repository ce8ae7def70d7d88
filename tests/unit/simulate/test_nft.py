"""The simulation against the model's own words: for any service and caller, both name the same endpoints."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.core.names import Key
from seaway.core.origin import GENERATED
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.service import Backend, Health, Service, ServiceName, ServicePort, ServiceType, endpoints
from seaway.model.workload import Protocol
from seaway.plans.nft.plan import plan_nft
from seaway.plans.nft.table import NftChain, NftMap, NftRule, NftTable
from seaway.simulate.nft import Dropped, Outcome, Packet, Passed, Refused, Translated, simulate_packet

CLUSTER = Cluster((Node("one", "192.168.7.1", "10.244.0.0/24"), Node("two", "192.168.7.2", "10.244.1.0/24")))
CALLERS = ["10.244.0.1", "10.244.0.2", "10.244.1.1", "192.168.7.1", "203.0.113.9"]
ADDRESSES = {"one": ["10.244.0.1", "10.244.0.2", "10.244.0.3"], "two": ["10.244.1.1", "10.244.1.2"]}


@st.composite
def services(draw: st.DrawFn) -> Service:
    number = draw(st.integers(1, 3))
    where = draw(st.lists(st.sampled_from([(node, one) for node, group in ADDRESSES.items() for one in group]), unique=True))
    backends = tuple(
        Backend(address, None, node, "", (draw(st.sampled_from([0, 8080])), 53), draw(st.booleans()), GENERATED)
        for node, address in sorted(where)
    )
    return Service(
        id=ServiceName("default", f"s{number}"),
        type=ServiceType.LOAD_BALANCER,
        labels=(),
        annotations=(),
        cluster_ip=f"10.96.0.{number}",
        load_balancer_ip=draw(st.sampled_from(["", f"198.18.255.{number}"])),
        external_ips=(f"203.0.113.10{number}",) if draw(st.booleans()) else (),
        source_ranges=draw(st.sampled_from([(), ("203.0.113.0/24", "203.0.113.0/28"), ("10.0.0.0/8", "198.51.100.1/32")])),
        external_name="",
        ports=(ServicePort("a", 80, Protocol.TCP, "", 30080 + number, GENERATED), ServicePort("b", 53, Protocol.UDP, "", 0, GENERATED)),
        affinity_s=draw(st.sampled_from([0, 60])),
        internal_local=draw(st.booleans()),
        external_local=draw(st.booleans()),
        publish_not_ready=draw(st.booleans()),
        selects_pods=False,
        backends=backends,
        owner=Key("", "Service", "default", f"s{number}"),
        origin=GENERATED,
    )


def expected(service: Service, index: int, address: str, caller: str) -> set[Outcome]:
    """Written from kube-proxy's documentation, without a look at the plan."""
    everywhere = endpoints(service, index, Health())
    here = [one for one in everywhere if one.node == "one"]
    of_node = caller in ADDRESSES["one"] or caller == "192.168.7.1"
    cluster_address = address == service.cluster_ip
    if address == service.load_balancer_ip and service.source_ranges:
        allowed = any(ipaddress.ip_address(caller) in ipaddress.ip_network(one) for one in service.source_ranges)
        if not allowed:
            return {Dropped()}
    only_here = service.internal_local if cluster_address else service.external_local and not of_node
    usable = here if only_here else everywhere
    if not usable:
        return {Dropped() if everywhere else Refused()}
    from_outside = cluster_address and caller not in ADDRESSES["one"]
    masqueraded = from_outside or (not cluster_address and not service.external_local)
    return {Translated(one.address, one.port, "192.168.7.1" if masqueraded or one.address == caller else caller) for one in usable}


@settings(max_examples=150, deadline=None)
@given(st.lists(services(), unique_by=lambda one: one.id, max_size=3), st.sampled_from(CALLERS))
def test_the_plan_sends_packets_where_the_model_says(found: list[Service], caller: str) -> None:
    table = plan_nft(Model(CLUSTER, (), tuple(sorted(found, key=lambda one: one.id)), ()), Health(), "one")
    for service in found:
        for index, port in enumerate(service.ports):
            dialled = [(one, port.port) for one in (service.cluster_ip, service.load_balancer_ip, *service.external_ips) if one]
            dialled += [("192.168.7.1", port.node_port)] if port.node_port else []
            for address, number in dialled:
                packet = Packet(caller, address, port.protocol.value.lower(), number, local=caller == "192.168.7.1")
                assert set(simulate_packet(table, packet)) == expected(service, index, address, caller), (service, packet)


def test_an_unknown_rule_is_an_error_and_not_a_guess() -> None:
    table = NftTable(chains=(NftChain("prerouting", "type nat hook prerouting priority -100", (NftRule("tcp flags syn drop"),)),))
    with pytest.raises(ValueError, match="does not know"):
        simulate_packet(table, Packet("10.0.0.1", "10.0.0.2", "tcp", 80))


def test_no_rule_no_change() -> None:
    table = NftTable(maps=(NftMap("m", "ipv4_addr"),), chains=(NftChain("prerouting", "type nat hook prerouting priority -100"),))
    assert simulate_packet(table, Packet("10.0.0.1", "10.0.0.2", "tcp", 80)) == (Passed(),)
