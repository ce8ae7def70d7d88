"""exportTo: who sees an object."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.exports import exported_to, read_exports

ALL = frozenset({"*"})


@pytest.mark.parametrize(
    ("written", "default", "seen"),
    [
        pytest.param((), ALL, {"*"}, id="default"),
        pytest.param((), frozenset({"."}), {"shop"}, id="default-own"),
        pytest.param((".",), ALL, {"shop"}, id="own"),
        pytest.param(("*",), frozenset({"."}), {"*"}, id="all"),
        pytest.param((".", "other"), ALL, {"shop", "other"}, id="several"),
        pytest.param(("~",), ALL, set[str](), id="nobody"),
    ],
)
def test_who_sees_it(written: tuple[str, ...], default: frozenset[str], seen: set[str]) -> None:
    assert read_exports(written, "shop", default, nobody=True) == (seen, "")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ((".", "shop"), "twice"),
        (("a", "a"), "twice"),
        (("*", "a"), "alone"),
        (("~", "a"), "alone"),
        (("a_b",), "no namespace"),
        (("",), "no namespace"),
    ],
)
def test_refused(written: tuple[str, ...], problem: str) -> None:
    assert problem in read_exports(written, "shop", ALL, nobody=True)[1]


def test_nobody_is_for_service_entries() -> None:
    assert "ServiceEntry" in read_exports(("~",), "shop", ALL)[1]


def test_exported() -> None:
    assert exported_to(ALL, "a")
    assert exported_to(frozenset({"a"}), "a")
    assert not exported_to(frozenset({"a"}), "b")
