"""Endpoints in localities: order, priorities and weights as callers on one node see them."""

from __future__ import annotations

import pytest

from seaway.model.locality import Locality, parse_locality, topology_labels
from seaway.model.upstream import Distribute, LocalityBalancing, Treatment
from seaway.model.workload import PodName
from seaway.plans.envoy.endpoints.assignment import assignment
from seaway.plans.envoy.endpoints.priorities import nearness
from seaway.plans.envoy.endpoints.targets import Target
from seaway.plans.envoy.proto import as_json
from seaway.plans.envoy.site import Site

HERE = Site("node-1", Locality("eu", "eu-1", "rack"))
PLACES = ("eu/eu-1/rack", "eu/eu-1/other", "eu/eu-2", "us/us-1", "ap/ap-1")


def target(number, place="", weight=1, **more):
    return Target(f"10.0.0.{number}", 80, locality=parse_locality(place), weight=weight, **more)


def near(number, place, locality, weight=1):
    """A target as it is found for callers here."""
    where = parse_locality(place)
    return target(number, place, weight, nearness=nearness(locality, HERE, where, topology_labels(where, "")))


def rows(targets, locality=None):
    """Priority, locality, weight and last bytes of addresses, a row a locality."""
    found = as_json(assignment("web", tuple(targets), Treatment(locality=locality or LocalityBalancing()), HERE)).get("endpoints", [])
    return [
        (
            one.get("priority", 0),
            "/".join(one.get("locality", {}).values()),
            one.get("load_balancing_weight", 0),
            [int(each["endpoint"]["address"]["socket_address"]["address"].rpartition(".")[2]) for each in one["lb_endpoints"]],
        )
        for one in found
    ]


def test_where_it_does_not_matter_there_is_one_place():
    assert rows([target(2, "us"), target(1, "eu"), target(2, "us")]) == [(0, "", 0, [1, 2])]


def test_nobody():
    assert rows([]) == []


def test_default_order_of_places():
    locality = LocalityBalancing(True)
    assert rows([near(number, place, locality) for number, place in enumerate(PLACES)], locality) == [
        (0, "eu/eu-1/rack", 0, [0]),
        (1, "eu/eu-1/other", 0, [1]),
        (2, "eu/eu-2", 0, [2]),
        (3, "ap/ap-1", 0, [4]),
        (3, "us/us-1", 0, [3]),
    ]


def test_levels_without_endpoints_are_squeezed_out():
    locality = LocalityBalancing(True)
    assert [row[0] for row in rows([near(2, "eu/eu-2", locality), near(3, "us/us-1", locality)], locality)] == [0, 1]


def test_failover_to_a_region():
    locality = LocalityBalancing(True, failover=(("eu", "us"),))
    assert rows([near(number, place, locality, 2) for number, place in enumerate(PLACES)], locality)[-2:] == [
        (3, "us/us-1", 2, [3]),
        (4, "ap/ap-1", 2, [4]),
    ]


def test_failover_of_another_region_changes_nothing():
    locality = LocalityBalancing(True, failover=(("ap", "us"),))
    assert [row[0] for row in rows([near(number, place, locality) for number, place in enumerate(PLACES)], locality)] == [0, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        pytest.param({"eu": 80, "us": 20}, {"eu/eu-1/rack": 27, "eu/eu-1/other": 27, "eu/eu-2": 27, "us/us-1": 20}, id="regions"),
        pytest.param({"eu/eu-1/*": 100}, {"eu/eu-1/rack": 50, "eu/eu-1/other": 50}, id="zone"),
        pytest.param({"*": 100}, dict.fromkeys(PLACES, 20), id="everywhere"),
        pytest.param({"mars": 100}, {}, id="nowhere"),
    ],
)
def test_distribution(split, expected):
    locality = LocalityBalancing(True, (Distribute("us/*", (("us", 100),)), Distribute("eu/*", tuple(split.items()))))
    found = rows([target(number, place) for number, place in enumerate(PLACES)], locality)
    assert {place: weight for _, place, weight, _ in found} == expected
    assert {priority for priority, *_ in found} <= {0}


def test_distribution_for_others_leaves_all_alike():
    locality = LocalityBalancing(True, (Distribute("us/*", (("us", 100),)),))
    assert {row[2] for row in rows([target(1, "eu", 3), target(2, "us", 3)], locality)} == {3}


@pytest.mark.parametrize(
    ("labels", "place", "others", "expected"),
    [
        pytest.param(("topology.kubernetes.io/region", "topology.kubernetes.io/zone"), "eu/eu-1", {}, 0, id="all"),
        pytest.param(("topology.kubernetes.io/region", "topology.kubernetes.io/zone"), "eu/eu-2", {}, 1, id="region"),
        pytest.param(("topology.kubernetes.io/region", "topology.kubernetes.io/zone"), "us/us-1", {}, 2, id="nothing"),
        pytest.param(("version=v1", "topology.kubernetes.io/region"), "eu", {"version": "v1"}, 0, id="a-given-value"),
        pytest.param(("version=v1", "topology.kubernetes.io/region"), "eu", {"version": "v2"}, 2, id="the-first-differs"),
        pytest.param(("topology.istio.io/network",), "us", {}, 0, id="absent-from-both"),
    ],
)
def test_labels(labels, place, others, expected):
    where = parse_locality(place)
    assert nearness(LocalityBalancing(True, priority_labels=labels), HERE, where, topology_labels(where, "") | others) == expected


def test_the_same_node():
    labels = ("kubernetes.io/hostname",)
    locality = LocalityBalancing(True, priority_labels=labels)
    assert nearness(locality, HERE, HERE.locality, topology_labels(HERE.locality, "node-1")) == 0
    assert nearness(locality, HERE, HERE.locality, topology_labels(HERE.locality, "node-2")) == 1


def test_labels_and_then_places():
    locality = LocalityBalancing(True, failover=(("eu", "us"),), priority_labels=("version=v1",))
    places = [("us", "v1"), ("eu", "v2"), ("ap", "v1")]
    found = [nearness(locality, HERE, parse_locality(place), {"version": version}) for place, version in places]
    assert found == [3, 7, 4]


def test_weights_metadata_and_sockets():
    one = target(1, weight=5, pod=PodName("shop", "web"), node="node-1", mtls=True)
    (locality,) = as_json(assignment("web", (one, Target("/run/app.sock", 0)), Treatment(), HERE))["endpoints"]
    socket, pod = locality["lb_endpoints"]
    assert socket == {"endpoint": {"address": {"pipe": {"path": "/run/app.sock"}}}}
    assert pod["load_balancing_weight"] == 5
    assert pod["metadata"]["filter_metadata"] == {
        "seaway": {"pod": "shop/web", "node": "node-1"},
        "envoy.transport_socket_match": {"tlsMode": "istio"},
    }
