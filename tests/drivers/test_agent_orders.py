"""The orders file: what is written is what is read, and nothing else is taken for orders."""

from __future__ import annotations

import stat

import msgspec
import pytest

from seaway.core.errors import DriverError
from seaway.core.origin import Origin
from seaway.drivers.agent.orders import decode_orders, encode_orders, read_orders, write_orders
from seaway.model.workload import Exec, GrpcHealth, HttpGet, Probe, ProbeKind, Protocol, TcpConnect, Timing
from seaway.plans.node.plan import NodeOrders, StandinPort


def readiness(action):
    return Probe(ProbeKind.READINESS, "app", action, Timing(0, 1, 1, 1, 1), Origin("pod.yaml", 9))


def test_orders_survive_the_file(pod_orders, tmp_path):
    actions = [
        HttpGet("10.0.0.1", 80, "/x", True, (("A", "b"),)),
        TcpConnect("10.0.0.1", 80),
        Exec(("a", "b")),
        GrpcHealth(50051, "svc"),
    ]
    pods = (
        pod_orders(http=(80,), tcp=(81,), udp=(53,), probes=tuple(readiness(action) for action in actions)),
        pod_orders("sctp-0", listen=(StandinPort(7, Protocol.SCTP, False),)),
        pod_orders("db-0", command=("postgres", "-D", "/data"), env=(("PASSWORD", 'p"\n\u00e9'),), restart="OnFailure", finite=True),
    )
    node = NodeOrders("node-1", pods)
    path = tmp_path / "orders.json"
    version = write_orders(path, node, b'{"domain":"cluster.local"}', ("1.1.1.1", "9.9.9.9:5353"))
    orders = read_orders(path)
    assert orders.node == node
    assert (orders.version, orders.dns_zone, orders.upstreams) == (version, b'{"domain":"cluster.local"}', ("1.1.1.1", "9.9.9.9:5353"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert encode_orders(node)[0] == encode_orders(node)[0] != version
    assert [entry.name for entry in tmp_path.iterdir()] == ["orders.json"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"version":"1","upstreams":[]', id="cut off"),
        pytest.param(b'{"version":"1","upstreams":[],"dns":null,"node":{"node":"n","pods":[{}]}}', id="a pod without fields"),
        pytest.param(None, id="an unknown kind of probe"),
    ],
)
def test_what_is_no_orders_file(pod_orders, tmp_path, text):
    if text is None:
        _, text = encode_orders(NodeOrders("n", (pod_orders(probes=(readiness(Exec(("a",))),)),)))
        text = text.replace(b'"exec"', b'"telepathy"')
    with pytest.raises(msgspec.DecodeError):
        decode_orders(text)
    path = tmp_path / "orders.json"
    path.write_bytes(text)
    with pytest.raises(DriverError, match=r"orders\.json"):
        read_orders(path)


def test_orders_that_cannot_be_written(pod_orders, tmp_path):
    with pytest.raises(DriverError, match="No such file") as error:
        write_orders(tmp_path / "missing" / "orders.json", NodeOrders("n", ()))
    assert error.value.help
