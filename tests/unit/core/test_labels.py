"""Label selectors, as Kubernetes matches them."""

import pytest

from seaway.core.labels import Operator, Requirement, equal_to, is_label_key, is_label_value, matches

IN_A_B = Requirement("app", Operator.IN, frozenset({"a", "b"}))
NOT_A = Requirement("app", Operator.NOT_IN, frozenset({"a"}))
HAS = Requirement("app", Operator.EXISTS)
LACKS = Requirement("app", Operator.DOES_NOT_EXIST)


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        pytest.param((), {}, True, id="empty-matches-everything"),
        pytest.param((IN_A_B,), {"app": "b"}, True, id="in"),
        pytest.param((IN_A_B,), {"app": "c"}, False, id="in-other-value"),
        pytest.param((IN_A_B,), {}, False, id="in-missing"),
        pytest.param((NOT_A,), {"app": "b"}, True, id="not-in"),
        pytest.param((NOT_A,), {"app": "a"}, False, id="not-in-listed"),
        pytest.param((NOT_A,), {}, True, id="not-in-missing-label-matches"),
        pytest.param((HAS,), {"app": ""}, True, id="exists-with-empty-value"),
        pytest.param((HAS,), {}, False, id="exists-missing"),
        pytest.param((LACKS,), {}, True, id="does-not-exist"),
        pytest.param((LACKS,), {"app": ""}, False, id="does-not-exist-present"),
        pytest.param((HAS, NOT_A), {"app": "b"}, True, id="all-must-hold"),
        pytest.param((HAS, NOT_A), {"app": "a"}, False, id="one-fails"),
        pytest.param(equal_to({"a": "1", "b": "2"}), {"a": "1", "b": "2", "c": "3"}, True, id="equality"),
        pytest.param(equal_to({"a": "1", "b": "2"}), {"a": "1"}, False, id="equality-missing"),
    ],
)
def test_matches(selector, labels, expected):
    assert matches(selector, labels) is expected


@pytest.mark.parametrize("key", ["app", "app.kubernetes.io/name", "a", "A_b.c-9", "x" * 63, "example.com/" + "x" * 63])
def test_valid_keys(key):
    assert is_label_key(key)


@pytest.mark.parametrize("key", ["", "-a", "a-", "/a", "a/", "a/b/c", "Example.com/a", "x" * 64, "a b", "ä", "a\n"])
def test_invalid_keys(key):
    assert not is_label_key(key)


@pytest.mark.parametrize(
    ("value", "valid"), [("", True), ("v1.2", True), ("x" * 63, True), ("x" * 64, False), ("a b", False), ("-a", False), ("a\n", False)]
)
def test_values(value, valid):
    assert is_label_value(value) is valid
