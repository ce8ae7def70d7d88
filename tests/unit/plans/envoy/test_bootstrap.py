"""What Envoy is started with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seaway.plans.envoy.bootstrap import CONTROL_PLANE, Sockets, render_bootstrap
from seaway.plans.envoy.proto import FLOW_LOG, NODE_AGENT, RATE_COUNTER

SOCKETS = Sockets(*(f"/run/seaway/{name}.sock" for name in ("xds", "node-1/sds", "node-1/flows", "admin", "limits")))


@pytest.fixture
def bootstrap() -> dict[str, Any]:
    return json.loads(render_bootstrap("node-1", SOCKETS, 2))


def test_everything_comes_over_ads(bootstrap: dict[str, Any]) -> None:
    static, dynamic = bootstrap["static_resources"], bootstrap["dynamic_resources"]
    assert list(static) == ["clusters"]
    assert [one["name"] for one in static["clusters"]] == [CONTROL_PLANE, NODE_AGENT, FLOW_LOG, RATE_COUNTER]
    assert dynamic["ads_config"]["api_type"] == "DELTA_GRPC"
    assert dynamic["cds_config"] == dynamic["lds_config"] == {"ads": {}, "resource_api_version": "V3"}
    assert bootstrap["node"] == {"id": "node-1", "cluster": "seaway"}


@pytest.mark.parametrize("server", [CONTROL_PLANE, NODE_AGENT, FLOW_LOG, RATE_COUNTER])
def test_a_silent_server_is_noticed_within_15_s(bootstrap: dict[str, Any], server: str) -> None:
    (cluster,) = (one for one in bootstrap["static_resources"]["clusters"] if one["name"] == server)
    (options,) = cluster["typed_extension_protocol_options"].values()
    keepalive = options["explicit_http_config"]["http2_protocol_options"]["connection_keepalive"]
    assert sum(int(keepalive[one].removesuffix("s")) for one in ("interval", "timeout")) * 1.15 <= 15  # Envoy adds 15 % of jitter


def test_only_unix_sockets(bootstrap: dict[str, Any]) -> None:
    text = json.dumps(bootstrap)
    assert "/run/seaway/xds.sock" in text
    assert "/run/seaway/node-1/sds.sock" in text
    assert "/run/seaway/node-1/flows.sock" in text
    assert bootstrap["admin"]["address"] == {"pipe": {"path": "/run/seaway/admin.sock", "mode": 0o600}}
    assert "socket_address" not in text
