"""What two sets of resources differ in, when layers hide one another."""

from __future__ import annotations

import pytest

from seaway.protocols.xds_layers import NOTHING, Layer, Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, XdsResource


def res(text: str) -> XdsResource:
    """`web=2` is the cluster `web` in version 2, `e:web=2` its endpoints."""
    name, _, version = text.removeprefix("e:").partition("=")
    return XdsResource(ENDPOINTS if text.startswith("e:") else CLUSTER, name, version, version.encode(), frozenset())


def layers(**texts: str) -> Resources:
    return Resources({name: Layer(map(res, text.split())) for name, text in texts.items()})


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        pytest.param({}, {"all": "a=1 b=1"}, {"a", "b"}, id="from-nothing"),
        pytest.param({"all": "a=1 b=1"}, {"all": "a=1 b=2"}, {"b"}, id="another-version"),
        pytest.param({"all": "a=1 b=1"}, {"all": "a=1"}, {"b"}, id="gone"),
        pytest.param({"own": "a=2", "all": "a=1 b=1"}, {"all": "a=1 b=1"}, {"a"}, id="what-was-hidden-shows"),
        pytest.param({"all": "a=1 b=1"}, {"own": "a=2", "all": "a=1 b=1"}, {"a"}, id="what-showed-is-hidden"),
        pytest.param({"all": "a=1", "more": "b=1"}, {"all": "a=1"}, {"b"}, id="a-layer-goes"),
    ],
)
def test_what_changed(before: dict[str, str], after: dict[str, str], changed: set[str]) -> None:
    former, now = layers(**before), layers(**after)
    assert {name for _, name in now.changed_since(former)} == changed
    assert {name for _, name in former.changed_since(now)} == changed


def test_the_first_layer_counts() -> None:
    both = layers(own="a=2", all="a=1 b=1 e:a=1")
    assert [(one.type_url, one.name, one.version) for one in both] == [(CLUSTER, "a", "2"), (CLUSTER, "b", "1"), (ENDPOINTS, "a", "1")]
    assert both.get((CLUSTER, "a")) == res("a=2")
    assert both.get((ENDPOINTS, "b")) is None
    assert both.names(CLUSTER) == {"a", "b"}
    assert both.types == {CLUSTER, ENDPOINTS}
    assert len(both) == 3
    assert both == layers(all="a=2 b=1 e:a=1")
    assert both != layers(all="a=1 b=1 e:a=1")


def test_a_difference_of_layers_is_found_once() -> None:
    former, now = Layer(map(res, ("a=1", "b=1"))), Layer(map(res, ("a=2", "b=1")))
    assert now.changed_since(former) is now.changed_since(former)
    assert now.changed_since(now) == NOTHING.changed_since(NOTHING) == frozenset()
