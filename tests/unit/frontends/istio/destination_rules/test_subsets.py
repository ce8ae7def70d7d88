"""Subsets: which endpoints they are, and what is wrong with them."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.destination_rules.subsets import only
from seaway.model.service import ServiceName
from seaway.model.upstream import Fixed, FixedEndpoint, OfService, OriginalDestination, Resolved

HEAD = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews, namespace: shop}\nspec:\n  host: reviews\n"
ONE = FixedEndpoint("192.0.2.1", 80, labels=(("app", "a"), ("version", "v1")))
TWO = FixedEndpoint("192.0.2.2", 80, labels=(("version", "v2"),))
V1 = (("version", "v1"),)


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        pytest.param(OfService(ServiceName("a", "b"), 0), OfService(ServiceName("a", "b"), 0, V1), id="pods"),
        pytest.param(Fixed((ONE, TWO)), Fixed((ONE,)), id="addresses"),
        pytest.param(Resolved((TWO, ONE), True), Resolved((ONE,), True), id="names"),
        pytest.param(OriginalDestination(), OriginalDestination(), id="whoever-is-called"),
    ],
)
def test_endpoints(endpoints, expected):
    assert only(endpoints, V1) == expected


def test_a_subset_is_an_upstream(mesh):
    read = mesh(HEAD + "  subsets: [{name: v1, labels: {version: v1}}]")
    found = read.upstream(subset="v1")
    assert found.id.subset == "v1"
    assert found.endpoints == OfService(ServiceName("shop", "reviews"), 0, V1)
    assert read.codes == []


def test_one_that_does_not_exist_has_no_endpoints(mesh):
    assert mesh("").upstream(subset="v1").endpoints == Fixed(())


def test_nor_has_a_port(mesh):
    assert mesh("").upstream(port=12345).endpoints == Fixed(())


@pytest.mark.parametrize(
    ("subsets", "told"),
    [
        pytest.param("[{name: 'a b', labels: {version: v1}}]", ["NET0574 spec.subsets[0].name"], id="name"),
        pytest.param("[{name: a, labels: {'x y': v1}}]", ["NET0574 spec.subsets[0].name"], id="label"),
        pytest.param("[{name: a, labels: {version: v1}}, {name: a, labels: {version: v2}}]", ["NET0575 spec.subsets[1].name"], id="twice"),
        pytest.param("[{name: a, labels: {version: v3}}]", ["NET0579 spec.subsets[0].name"], id="selects-nothing"),
        pytest.param("[{name: a, labels: {}}]", [], id="all-endpoints"),
        pytest.param("[{name: a}]", [], id="no-labels"),
        pytest.param("[{name: A1, labels: {version: v1}}]", [], id="capital"),
    ],
)
def test_told(mesh, subsets, told):
    assert mesh(f"{HEAD}  subsets: {subsets}").told == told
