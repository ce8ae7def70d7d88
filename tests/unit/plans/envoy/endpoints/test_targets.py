"""Who may be called now: pods by labels and readiness, addresses of manifests, and who takes mutual TLS."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.core.origin import GENERATED, Origin
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.mesh import Inbound, InboundPort, Mesh, Mtls
from seaway.model.service import Backend, Health, Service, ServiceName, ServicePort, ServiceType
from seaway.model.upstream import (
    AppProtocol,
    Fixed,
    FixedEndpoint,
    LocalityBalancing,
    MutualMesh,
    OfService,
    Passthrough,
    Plain,
    Treatment,
    Upstream,
    UpstreamId,
)
from seaway.model.workload import Pod, PodName, Protocol, ResolvConf, Standin
from seaway.plans.envoy.endpoints.plan import Calls, Seen, all_take_mtls, asks_for_endpoints, called_at, plan_assignments
from seaway.plans.envoy.endpoints.targets import targets_of
from seaway.plans.envoy.site import site_of

WEB = ServiceName("shop", "web")
MESH = MutualMesh((), "sni", automatic=True)


def pod(number, **labels):
    return Pod(
        id=PodName("shop", f"web-{number}"), labels=tuple(labels.items()), annotations=(), ip=f"10.244.0.{number}", node=f"node-{number % 2 + 1}",
        host_network=False, hostname="", subdomain="", service_account="default", containers=("a",), ports=(), probes=(), runs=Standin(),
        resolv_conf=ResolvConf((), (), ()), hosts=(), finite=False, revision="1", owner=Key("apps", "Deployment", "shop", f"web-{number}"),
        origin=GENERATED,
    )  # fmt: skip


PODS = (pod(1, version="v1"), pod(2, version="v2"), pod(3, version="v1", **{"istio-locality": "us.us-9"}))


def inbound(one, mode):
    return Inbound(one.id, (InboundPort(8080, AppProtocol.HTTP, mode, GENERATED),), Mtls.PERMISSIVE, GENERATED)


def model(modes=(Mtls.STRICT, Mtls.DISABLE, Mtls.PERMISSIVE)):
    service = Service(
        id=WEB, type=ServiceType.CLUSTER_IP, labels=(), annotations=(), cluster_ip="10.96.0.9", load_balancer_ip="", external_ips=(),
        source_ranges=(), external_name="", ports=(ServicePort("http", 80, Protocol.TCP, "", 0, GENERATED),), affinity_s=0,
        internal_local=False, external_local=False, publish_not_ready=False, selects_pods=True,
        backends=tuple(Backend(one.ip, one.id, one.node, "", (8080,), True, GENERATED) for one in PODS),
        owner=Key("", "Service", "shop", "web"), origin=GENERATED,
    )  # fmt: skip
    nodes = (Node("node-1", "192.0.2.1", "10.244.0.0/25", "eu/eu-1"), Node("node-2", "192.0.2.2", "10.244.0.128/25", "us/us-1"))
    inbounds = tuple(inbound(one, mode) for one, mode in zip(PODS, modes, strict=True) if mode is not None)
    return Model(Cluster(nodes), PODS, (service,), (), Mesh(inbounds=inbounds))


def upstream(endpoints, **treatment):
    return Upstream(UpstreamId("web", 80), AppProtocol.HTTP, endpoints, Treatment(**treatment), (), Origin("a.yaml", 1))


def health(*numbers):
    return Health(frozenset(PodName("shop", f"web-{number}") for number in numbers))


def found(what, ready=(1, 2, 3), node="node-1", modes=(Mtls.STRICT, Mtls.DISABLE, Mtls.PERMISSIVE)):
    built = model(modes)
    return targets_of(built, what, health(*ready), site_of(built, node, "roots.pem"))


@pytest.mark.parametrize(
    ("labels", "ready", "expected"),
    [
        pytest.param((), (1, 2, 3), [1, 2, 3], id="all"),
        pytest.param((("version", "v1"),), (1, 2, 3), [1, 3], id="subset"),
        pytest.param((("version", "v1"),), (2, 3), [3], id="ready-ones-of-a-subset"),
        pytest.param((("version", "v9"),), (1, 2, 3), [], id="nobody"),
    ],
)
def test_pods(labels, ready, expected):
    assert [int(one.address.rpartition(".")[2]) for one in found(upstream(OfService(WEB, 0, labels)), ready)] == expected


@pytest.mark.parametrize(
    ("protection", "modes", "expected"),
    [
        pytest.param(MESH, (Mtls.STRICT, Mtls.DISABLE, Mtls.PERMISSIVE), [True, False, True], id="by-what-each-accepts"),
        pytest.param(MESH, (None, Mtls.STRICT, None), [False, True, False], id="only-members"),
        pytest.param(Plain(), (Mtls.STRICT, Mtls.STRICT, Mtls.STRICT), [False, False, False], id="plaintext-is-asked-for"),
    ],
)
def test_mutual_tls(protection, modes, expected):
    assert [one.mtls for one in found(upstream(OfService(WEB, 0), protection=protection), modes=modes)] == expected


def test_places_are_the_nodes_or_the_pods_own():
    assert [str(one.locality) for one in found(upstream(OfService(WEB, 0)))] == ["us/us-1", "eu/eu-1", "us/us-9"]


@pytest.mark.parametrize(("node", "expected"), [("node-1", [3, 0, 3]), ("node-2", [0, 3, 2])])
def test_nearness_is_the_callers_nodes(node, expected):
    assert [one.nearness for one in found(upstream(OfService(WEB, 0), locality=LocalityBalancing(True)), node=node)] == expected


def test_addresses_of_manifests():
    outside = FixedEndpoint("192.0.2.7", 90, 3, "eu", mtls=True)
    ours = FixedEndpoint("10.244.0.1", 8080, pod=PodName("shop", "web-1"))
    first, second = found(upstream(Fixed((outside, ours)), protection=MESH))
    assert (first.pod, first.weight, str(first.locality), first.mtls) == (None, 3, "eu", True)
    assert (second.pod, second.mtls) == (PodName("shop", "web-1"), True)


def test_an_address_that_is_a_pod_counts_while_the_pod_is_ready():
    assert found(upstream(Fixed((FixedEndpoint("10.244.0.1", 8080, pod=PodName("shop", "web-1")),))), ready=(2,)) == ()


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        pytest.param((Mtls.STRICT, Mtls.PERMISSIVE, Mtls.STRICT), True, id="all"),
        pytest.param((Mtls.STRICT, Mtls.DISABLE, Mtls.STRICT), False, id="one-not"),
        pytest.param((Mtls.STRICT, None, Mtls.STRICT), False, id="one-outside"),
    ],
)
def test_whether_all_take_mutual_tls(modes, expected):
    assert all_take_mtls(model(modes), upstream(OfService(WEB, 0), balancing=Passthrough(), protection=MESH)) is expected
    assert not all_take_mtls(model(modes), upstream(OfService(WEB, 0), protection=MESH))


def test_a_choice_of_the_callers_asks_for_no_endpoints():
    assert not asks_for_endpoints(upstream(OfService(WEB, 0), balancing=Passthrough()))


def test_a_pod_that_leaves_changes_only_what_holds_it():
    built, memo = model(), Memo()
    subsets = [replace(upstream(OfService(WEB, 0, (("version", version),))), id=UpstreamId("web", 80, version)) for version in ("v1", "v2")]
    calls = Calls("all", site_of(built, "node-1", "roots.pem"), tuple(called_at(built, one) for one in subsets))
    seen = Seen(built)
    before, after = plan_assignments(seen, calls, health(1, 2, 3), memo), plan_assignments(seen, calls, health(1, 2), memo)
    assert [one is other for one, other in zip(before, after, strict=True)] == [False, True]
    again = plan_assignments(Seen(built), calls, health(1, 2), memo)
    assert [one is other for one, other in zip(after, again, strict=True)] == [True, True], "the targets are the same"
