"""Host ports: which address they lead to, and from which network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from seaway.model.service import Health
from seaway.model.workload import GatewayProxy
from seaway.plans.envoy.host_ports import HostPort
from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, LISTENER, XdsResource

if TYPE_CHECKING:
    from tests.unit.plans.envoy.conftest import Draft


def resource(plan: tuple[XdsResource, ...], type_url: str, name: str = "host/8443") -> dict[str, Any]:
    return cast(dict[str, Any], decode_resource(next(one for one in plan if (one.type_url, one.name) == (type_url, name))))


def targets(plan: tuple[XdsResource, ...]) -> list[dict[str, Any]]:
    localities = resource(plan, ENDPOINTS).get("endpoints", [])
    return [one["endpoint"]["address"]["socket_address"] for locality in localities for one in locality["lb_endpoints"]]


def leaves_from(plan: tuple[XdsResource, ...]) -> list[str]:
    (chain,) = resource(plan, LISTENER)["filter_chains"]
    states = [one["typed_config"]["on_new_connection"][0] for one in chain["filters"] if one["name"].endswith("set_filter_state")]
    return [one["format_string"]["text_format_source"]["inline_string"] for one in states]


def ported(draft: Draft, ip: str = "") -> Draft:
    pod = draft.pod("ingress/gateway-0", "10.244.0.2", GatewayProxy(draft.GATEWAY))
    draft.gateway_ports = ((8000,), (8443,))
    draft.service("ingress/gateway", pod, ports=(("http", 80, 8000, ""), ("https", 443, 8443, "")), ip=ip)
    return draft


def test_to_the_load_balancer_address_from_the_hosts_network(draft: Draft) -> None:
    plan = ported(draft, "198.18.255.1").plan(host_ports=(HostPort(8443, True, draft.GATEWAY, "host", None),))
    address = resource(plan, LISTENER)["address"]["socket_address"]
    assert address == {"address": "127.0.0.1", "port_value": 8443, "network_namespace_filepath": "/run/seaway/ns/host"}
    assert targets(plan) == [{"address": "198.18.255.1", "port_value": 443}]
    assert leaves_from(plan) == ["/run/seaway/ns/host"]


def test_a_pipe_leaves_from_envoys_own_network(draft: Draft) -> None:
    plan = ported(draft, "198.18.255.1").plan(host_ports=(HostPort(8443, True, draft.GATEWAY, None, "/run/x.sock"),))
    assert resource(plan, LISTENER)["address"] == {"pipe": {"path": "/run/x.sock"}}
    assert leaves_from(plan) == []


def test_without_a_load_balancer_to_the_first_ready_pod_from_the_node(draft: Draft) -> None:
    plan = ported(draft).plan(host_ports=(HostPort(8443, True, draft.GATEWAY, "host", None),))
    assert targets(plan) == [{"address": "10.244.0.2", "port_value": 8443}]
    assert leaves_from(plan) == []


def test_no_ready_pod_refuses(draft: Draft) -> None:
    ways = (HostPort(8443, True, draft.GATEWAY, "host", None),)
    assert targets(ported(draft).planned(draft.model(), Health(), host_ports=ways)) == []


@pytest.mark.parametrize("node", ["node-1", "node-2"])
def test_a_gateway_on_any_node(draft: Draft, node: str) -> None:
    plan = ported(draft, "198.18.255.1").plan(node=node, host_ports=(HostPort(8443, True, draft.GATEWAY, None, None),))
    assert resource(plan, CLUSTER)["eds_cluster_config"]["service_name"] == "host/8443"


def test_an_unknown_gateway_is_nothing(draft: Draft) -> None:
    assert not [one for one in draft.plan(host_ports=(HostPort(8443, True, "no/such", None, None),)) if one.name.startswith("host/")]
