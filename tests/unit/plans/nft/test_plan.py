"""What happens to the first packet of a flow, frontend by frontend, as kube-proxy has it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest

from seaway.core.names import Key
from seaway.core.origin import GENERATED
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.service import Backend, Endpoint, Health, Service, ServiceName, ServicePort, ServiceType
from seaway.model.workload import PodName, Protocol
from seaway.plans.nft.plan import endpoint_ids, plan_nft
from seaway.plans.nft.table import NftTable, render_table
from seaway.simulate.nft import Dropped, Outcome, Packet, Passed, Refused, Translated, simulate_packet

CLUSTER = Cluster((Node("one", "192.168.7.1", "10.244.0.0/24"), Node("two", "192.168.7.2", "10.244.1.0/24")))
HERE, THERE = "10.244.0.5", "10.244.1.5"
CALLER, NEIGHBOUR, WORLD, NODE = "10.244.0.9", "10.244.1.9", "203.0.113.9", "192.168.7.1"


def backend(address: str, node: str = "", ready: bool = True, pod: str = "") -> Backend:
    return Backend(address, PodName("default", pod) if pod else None, node, "", (8080, 5353), ready, GENERATED)


PLAIN = Service(
    id=ServiceName("default", "web"),
    type=ServiceType.CLUSTER_IP,
    labels=(),
    annotations=(),
    cluster_ip="10.96.0.10",
    load_balancer_ip="",
    external_ips=(),
    source_ranges=(),
    external_name="",
    ports=(ServicePort("http", 80, Protocol.TCP, "", 0, GENERATED), ServicePort("dns", 53, Protocol.UDP, "", 0, GENERATED)),
    affinity_s=0,
    internal_local=False,
    external_local=False,
    publish_not_ready=False,
    selects_pods=True,
    backends=(backend(HERE, "one"), backend(THERE, "two")),
    owner=Key("", "Service", "default", "web"),
    origin=GENERATED,
)
WIDE = replace(
    PLAIN,
    type=ServiceType.LOAD_BALANCER,
    load_balancer_ip="198.18.255.1",
    external_ips=("203.0.113.77",),
    ports=(ServicePort("http", 80, Protocol.TCP, "", 30080, GENERATED),),
)
LOCAL = replace(WIDE, external_local=True)
REMOTE = (backend(THERE, "two"),)


def plan(*services: Service, ready: frozenset[PodName] = frozenset()) -> NftTable:
    return plan_nft(Model(CLUSTER, (), services, ()), Health(ready), "one")


def both(source: str, port: int = 8080) -> tuple[Outcome, ...]:
    return (Translated(HERE, port, source), Translated(THERE, port, source))


@pytest.mark.parametrize(
    ("service", "packet", "want"),
    [
        pytest.param(PLAIN, Packet(CALLER, "10.96.0.10", "tcp", 80), both(CALLER), id="cluster address from a pod keeps the pod's address"),
        pytest.param(PLAIN, Packet(CALLER, "10.96.0.10", "udp", 53), both(CALLER, 5353), id="udp port"),
        pytest.param(PLAIN, Packet(CALLER, "10.96.0.10", "udp", 80), (Refused(),), id="protocol that the port does not have"),
        pytest.param(PLAIN, Packet(CALLER, "10.96.0.10", "tcp", 81), (Refused(),), id="port that the service does not have"),
        pytest.param(PLAIN, Packet(CALLER, "10.96.7.7", "tcp", 80), (Refused(),), id="cluster address of nobody"),
        pytest.param(PLAIN, Packet(CALLER, HERE, "tcp", 8080), (Passed(),), id="pod to pod"),
        pytest.param(PLAIN, Packet(NODE, "10.96.0.10", "tcp", 80, local=True), both(NODE), id="from a process of the node"),
        pytest.param(PLAIN, Packet(WORLD, "10.96.0.10", "tcp", 80), both(NODE), id="cluster address from outside is masqueraded"),
        pytest.param(
            PLAIN,
            Packet(HERE, "10.96.0.10", "tcp", 80),
            (Translated(HERE, 8080, NODE), Translated(THERE, 8080, HERE)),
            id="hairpin is masqueraded",
        ),
        pytest.param(replace(PLAIN, backends=()), Packet(CALLER, "10.96.0.10", "tcp", 80), (Refused(),), id="no endpoints"),
        pytest.param(
            replace(PLAIN, backends=(backend(HERE, "one", ready=False),)),
            Packet(CALLER, "10.96.0.10", "tcp", 80),
            (Refused(),),
            id="none ready",
        ),
        pytest.param(
            replace(PLAIN, backends=(backend(HERE, "one", ready=False),), publish_not_ready=True),
            Packet(CALLER, "10.96.0.10", "tcp", 80),
            (Translated(HERE, 8080, CALLER),),
            id="publishNotReadyAddresses",
        ),
        pytest.param(
            replace(PLAIN, internal_local=True),
            Packet(CALLER, "10.96.0.10", "tcp", 80),
            (Translated(HERE, 8080, CALLER),),
            id="internalTrafficPolicy Local",
        ),
        pytest.param(
            replace(PLAIN, internal_local=True, backends=REMOTE),
            Packet(CALLER, "10.96.0.10", "tcp", 80),
            (Dropped(),),
            id="internalTrafficPolicy Local, none here",
        ),
        pytest.param(
            replace(PLAIN, internal_local=True, backends=()),
            Packet(CALLER, "10.96.0.10", "tcp", 80),
            (Refused(),),
            id="internal Local, none at all",
        ),
        pytest.param(WIDE, Packet(WORLD, NODE, "tcp", 30080), both(NODE), id="node port from outside"),
        pytest.param(WIDE, Packet(CALLER, NODE, "tcp", 30080), both(NODE), id="node port from a pod"),
        pytest.param(WIDE, Packet(NODE, NODE, "tcp", 30080, local=True), both(NODE), id="node port from the node"),
        pytest.param(WIDE, Packet(NODE, "127.0.0.1", "tcp", 30080, local=True), (Passed(),), id="no node port on loopback"),
        pytest.param(WIDE, Packet(CALLER, "192.168.7.2", "tcp", 30080), (Passed(),), id="node port of another node is left to it"),
        pytest.param(WIDE, Packet(WORLD, "198.18.255.1", "tcp", 80), both(NODE), id="load balancer"),
        pytest.param(WIDE, Packet(WORLD, "198.18.255.1", "tcp", 81), (Refused(),), id="load balancer without such a port"),
        pytest.param(WIDE, Packet(WORLD, "203.0.113.77", "tcp", 80), both(NODE), id="external address"),
        pytest.param(WIDE, Packet(WORLD, "203.0.113.77", "tcp", 22), (Passed(),), id="other ports of an external address"),
        pytest.param(
            LOCAL, Packet(WORLD, "198.18.255.1", "tcp", 80), (Translated(HERE, 8080, WORLD),), id="external Local keeps the client"
        ),
        pytest.param(LOCAL, Packet(WORLD, NODE, "tcp", 30080), (Translated(HERE, 8080, WORLD),), id="external Local, node port"),
        pytest.param(
            LOCAL, Packet(NEIGHBOUR, "198.18.255.1", "tcp", 80), (Translated(HERE, 8080, NEIGHBOUR),), id="another node's pod is outside"
        ),
        pytest.param(LOCAL, Packet(CALLER, "198.18.255.1", "tcp", 80), both(CALLER), id="external Local, short way for pods of the node"),
        pytest.param(LOCAL, Packet(NODE, "198.18.255.1", "tcp", 80, local=True), both(NODE), id="external Local, short way for the node"),
        pytest.param(LOCAL, Packet(CALLER, "10.96.0.10", "tcp", 80), both(CALLER), id="external Local leaves the cluster address alone"),
        pytest.param(
            replace(LOCAL, backends=REMOTE), Packet(WORLD, "198.18.255.1", "tcp", 80), (Dropped(),), id="external Local, none here"
        ),
        pytest.param(replace(LOCAL, backends=()), Packet(WORLD, "198.18.255.1", "tcp", 80), (Refused(),), id="external Local, none at all"),
        pytest.param(
            replace(WIDE, source_ranges=("10.0.0.0/8", "10.1.0.0/16", "192.0.2.1/32")),
            Packet(WORLD, "198.18.255.1", "tcp", 80),
            (Dropped(),),
            id="loadBalancerSourceRanges refuse",
        ),
        pytest.param(
            replace(WIDE, source_ranges=("192.0.2.1/32", "203.0.113.0/24", "203.0.113.9/32")),
            Packet(WORLD, "198.18.255.1", "tcp", 80),
            both(NODE),
            id="loadBalancerSourceRanges let in",
        ),
        pytest.param(
            replace(WIDE, source_ranges=("10.0.0.0/8",)),
            Packet(WORLD, NODE, "tcp", 30080),
            both(NODE),
            id="source ranges spare the node port",
        ),
        pytest.param(
            replace(PLAIN, affinity_s=60), Packet(CALLER, "10.96.0.10", "tcp", 80), both(CALLER), id="affinity: a new client gets any"
        ),
        pytest.param(
            replace(LOCAL, affinity_s=60),
            Packet(WORLD, "198.18.255.1", "tcp", 80),
            (Translated(HERE, 8080, WORLD),),
            id="affinity and Local",
        ),
        pytest.param(replace(PLAIN, cluster_ip=""), Packet(CALLER, HERE, "tcp", 8080), (Passed(),), id="headless"),
        pytest.param(
            replace(PLAIN, backends=(backend("fd00::1", "one"), backend(HERE, "one"))),
            Packet(CALLER, "10.96.0.10", "tcp", 80),
            (Translated(HERE, 8080, CALLER),),
            id="an IPv6 endpoint is left out",
        ),
    ],
)
def test_first_packet(service: Service, packet: Packet, want: tuple[Outcome, ...]) -> None:
    assert simulate_packet(plan(service), packet) == want


def test_endpoints_follow_the_probes_of_pods() -> None:
    service = replace(PLAIN, backends=(backend(HERE, "one", pod="a"), backend(THERE, "two", pod="b")))
    packet = Packet(CALLER, "10.96.0.10", "tcp", 80)
    assert simulate_packet(plan(service), packet) == (Refused(),)
    assert simulate_packet(plan(service, ready=frozenset({PodName("default", "b")})), packet) == (Translated(THERE, 8080, CALLER),)


def test_a_port_that_a_backend_lacks_is_not_served_by_it() -> None:
    lacking = replace(backend(HERE, "one"), ports=(0, 5353))
    table = plan(replace(PLAIN, backends=(lacking, backend(THERE, "two"))))
    assert simulate_packet(table, Packet(CALLER, "10.96.0.10", "tcp", 80)) == (Translated(THERE, 8080, CALLER),)


def test_the_first_service_keeps_a_frontend_that_two_claim() -> None:
    other = replace(PLAIN, id=ServiceName("default", "web2"), backends=REMOTE)
    assert simulate_packet(plan(PLAIN, other), Packet(CALLER, "10.96.0.10", "tcp", 80)) == both(CALLER)


def test_sctp_is_planned() -> None:
    service = replace(PLAIN, ports=(ServicePort("s", 80, Protocol.SCTP, "", 0, GENERATED),))
    assert simulate_packet(plan(service), Packet(CALLER, "10.96.0.10", "sctp", 80)) == both(CALLER)


def test_ids_stay_when_others_leave_and_never_clash() -> None:
    one, two, three = Endpoint("10.0.0.1", 80, "", None), Endpoint("10.0.0.1", 81, "", None), Endpoint("10.0.0.2", 80, "", None)
    assert len(set(endpoint_ids((one, two, three)))) == 3
    assert endpoint_ids((three,)) == (endpoint_ids((one, three))[1],)


def test_chains_depend_on_counts_of_endpoints_and_not_on_services() -> None:
    many = [replace(PLAIN, id=ServiceName("default", f"s{n}"), cluster_ip=f"10.96.1.{n}") for n in range(1, 200)]
    assert len(plan(*many).chains) == len(plan(many[0]).chains)


@pytest.mark.parametrize(
    "service",
    [
        PLAIN,
        WIDE,
        LOCAL,
        replace(LOCAL, affinity_s=10800, source_ranges=("10.0.0.0/8", "192.0.2.1/32")),
        replace(WIDE, affinity_s=60, backends=()),
    ],
    ids=["plain", "wide", "local", "sticky", "empty"],
)
@pytest.mark.skipif(shutil.which("nft") is None or shutil.which("unshare") is None, reason="needs nft and unshare")
def test_nft_accepts_the_text(service: Service) -> None:
    done = subprocess.run(
        ["unshare", "-Urn", "nft", "-c", "-f", "-"], input=render_table(plan(service)), text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
