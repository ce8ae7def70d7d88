"""The simulation's own words for paths. That its answers are a real Envoy's is held in tests/traffic/test_envoy_plan.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.core.paths import clean_path
from seaway.simulate.envoy import Request, simulate_request

# Each pair was seen on Envoy 1.40.
PATHS = [
    ("/", "/"), ("//", "//"), ("//a//", "/a/"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/b/..", "/a/"), ("/a/b/.", "/a/b/"),
    ("/a/..", "/"), ("/..", "/"), ("/../a", "/a"), ("/./", "/"), ("/a/...", "/a/..."), ("/a/.b/..c", "/a/.b/..c"), ("/a/..//b", "/b"),
    ("/a///../b", "/a/b"), ("/a/%2e%2E/b", "/b"), ("/%41%7e%2d%5f%30", "/A~-_0"), ("/%2f%2F", "/%2f%2F"), ("/a%5c", "/a%5c"), ("/a\\..\\b", "/b"),
    ("/a;b=1/..;x/", "/"), ("/a/.;x/b", "/a/b"), ("/{}|^`\"<>'", "/%7B%7D%7C%5E%60%22%3C%3E'"), ("/%zz%2", "/%zz%2"), ("/%25", "/%25"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "want"), PATHS)
def test_clean_path(path: str, want: str) -> None:
    assert clean_path(path) == want


@given(st.text(st.sampled_from("/.a;%2eE\\"), max_size=12).map("/".__add__))
def test_a_clean_path_has_no_dots_and_stays(path: str) -> None:
    clean = clean_path(path)
    assert clean.startswith("/")
    assert not {".", ".."} & set(clean.split("/"))
    assert "//" not in clean or set(clean) == {"/"}


def test_no_such_listener() -> None:
    with pytest.raises(LookupError, match="no Listener gateway/a/b/80"):
        simulate_request((), "gateway/a/b/80", Request("example.com"))
