"""Headers about the client: what is added to a request had no chance to come from the client."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from seaway.plans.envoy.forwarded import KNOWN, forwarded_headers
from seaway.plans.envoy.proto import HttpConnectionManager
from seaway.plans.envoy.routes.headers import OVERWRITE


def mutations(tls: bool = False, port: int = 80) -> list[dict[str, Any]]:
    manager: Any = MessageToDict(
        HttpConnectionManager(early_header_mutation_extensions=[forwarded_headers(tls, port)]), preserving_proto_field_name=True
    )
    return manager["early_header_mutation_extensions"][0]["typed_config"]["mutations"]


def gone() -> set[str]:
    """Names of headers that leave, and they leave first."""
    found = [one["remove_on_match"]["key_matcher"]["exact"] for one in mutations() if "remove_on_match" in one]
    assert all("remove_on_match" in one for one in mutations()[: len(found)])
    return set(found)


def added(tls: bool = False, port: int = 80) -> dict[str, str]:
    headers = [one["append"]["header"] for one in mutations(tls, port) if "append" in one]
    return {one["key"]: one["value"] for one in headers}


def test_what_is_not_overwritten_has_left_before() -> None:
    overwritten = {one["append"]["header"]["key"] for one in mutations() if one.get("append", {}).get("append_action") == OVERWRITE}
    assert overwritten == KNOWN
    assert gone() == {*added(), "proxy"} - KNOWN


def test_claims_are_kept_before_they_are_overwritten() -> None:
    names = list(added())
    for kept, claim in (("x-original-forwarded-for", "x-forwarded-for"), ("x-original-forwarded-host", "x-forwarded-host")):
        assert added()[kept] == f"%REQ({claim})%"
        assert names.index(kept) < names.index(claim)


@pytest.mark.parametrize(
    ("tls", "port", "scheme", "told"), [(False, 80, "http", "80"), (False, 8080, "http", "8080"), (True, 8443, "https", "443")]
)
def test_values(tls: bool, port: int, scheme: str, told: str) -> None:
    found = added(tls, port)
    assert found["x-forwarded-port"] == told
    assert found["x-scheme"] == found["x-forwarded-scheme"] == scheme
    assert found["x-real-ip"] == found["x-forwarded-for"] == "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    assert found["x-forwarded-host"] == "%REQ(:authority)%"
