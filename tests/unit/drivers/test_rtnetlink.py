"""Our packed requests as a library that knows all of rtnetlink reads them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from seaway.drivers.netns import rtnetlink
from seaway.drivers.netns.rtnetlink import LinkEnd, Message, Route

MAC, NODE_MAC = bytes.fromhex("0a580af40001"), b"\xee" * 6


def read(kind: type[Any], message: Message) -> dict[str, Any]:
    """The message's fields and attributes, those of nested ones too, by name."""
    data = struct.pack("=IHHII", 16 + len(message.body), message.kind, message.flags, 1, 0) + message.body
    read = kind(data)
    read.decode()
    return plain(read)


def plain(read: Any) -> dict[str, Any]:
    fields = {name: value for name, value in dict(read).items() if name not in ("header", "attrs", "value", "__pad", "event")}
    for name, value in read.get("attrs", ()):
        fields[name] = plain(value) if hasattr(value, "get") and hasattr(value, "decode") else value
    return fields


@pytest.mark.parametrize(
    ("kind", "message", "wanted"),
    [
        pytest.param(
            ifaddrmsg,
            rtnetlink.add_address(7, "10.244.0.1"),
            {"family": 2, "prefixlen": 32, "scope": 0, "index": 7, "IFA_LOCAL": "10.244.0.1", "IFA_ADDRESS": "10.244.0.1"},
            id="address",
        ),
        pytest.param(
            ndmsg,
            rtnetlink.add_neighbour(7, "10.244.0.1", MAC),
            {"family": 2, "ifindex": 7, "state": 0x80, "NDA_DST": "10.244.0.1", "NDA_LLADDR": "0a:58:0a:f4:00:01"},
            id="neighbour",
        ),
        pytest.param(
            rtmsg,
            rtnetlink.add_route(Route("10.244.0.1/32", 7, source="198.18.0.1")),
            {
                "family": 2,
                "dst_len": 32,
                "table": 254,
                "scope": 253,
                "type": 1,
                "flags": 0,
                "RTA_DST": "10.244.0.1",
                "RTA_OIF": 7,
                "RTA_PREFSRC": "198.18.0.1",
            },
            id="route onto a link",
        ),
        pytest.param(
            rtmsg,
            rtnetlink.put_route(Route("10.244.0.0/24", 7, gateway="198.18.0.1")),
            {"dst_len": 24, "scope": 0, "flags": 4, "RTA_DST": "10.244.0.0", "RTA_OIF": 7, "RTA_GATEWAY": "198.18.0.1"},
            id="route through a gateway",
        ),
        pytest.param(
            rtmsg, rtnetlink.add_route(Route("0.0.0.0/0", 7, gateway="169.254.1.1")), {"dst_len": 0, "RTA_DST": None}, id="default route"
        ),
        pytest.param(ifinfmsg, rtnetlink.set_up(7, "link"), {"index": 7, "flags": 1, "change": 1}, id="up"),
        pytest.param(ifinfmsg, rtnetlink.set_group("p1", 9), {"index": 0, "change": 0, "IFLA_IFNAME": "p1", "IFLA_GROUP": 9}, id="group"),
        pytest.param(ifinfmsg, rtnetlink.delete_link("p1"), {"index": 0, "IFLA_IFNAME": "p1"}, id="delete link"),
        pytest.param(ifinfmsg, rtnetlink.delete_group(9), {"index": 0, "IFLA_IFNAME": None, "IFLA_GROUP": 9}, id="delete group"),
    ],
)
def test_a_library_reads_what_we_mean(kind: type[Any], message: Message, wanted: dict[str, Any]) -> None:
    found = read(kind, message)
    assert {name: found.get(name) for name in wanted} == wanted
    assert message.about


def test_a_veth_pair_has_both_ends() -> None:
    message = rtnetlink.veth_pair(LinkEnd("eth0", 100, MAC), LinkEnd("p1", 1000, NODE_MAC, netns_fd=5))
    found = read(ifinfmsg, message)
    assert (found["index"], found["flags"], found["IFLA_IFNAME"], found["IFLA_ADDRESS"]) == (100, 0, "eth0", "0a:58:0a:f4:00:01")
    assert found["IFLA_LINKINFO"]["IFLA_INFO_KIND"] == "veth"
    peer = found["IFLA_LINKINFO"]["IFLA_INFO_DATA"]["VETH_INFO_PEER"]
    assert (peer["index"], peer["IFLA_IFNAME"], peer["IFLA_ADDRESS"], peer["IFLA_NET_NS_FD"]) == (1000, "p1", "ee:ee:ee:ee:ee:ee", 5)
    assert (peer["IFLA_NUM_TX_QUEUES"], peer["IFLA_NUM_RX_QUEUES"]) == (1, 1)


def test_attributes_come_back_as_they_were_packed() -> None:
    body = rtnetlink.add_route(Route("10.244.0.1/32", 7, gateway="198.18.0.1")).body
    assert rtnetlink.attributes_of(body, 12) == {1: b"\x0a\xf4\0\1", 4: struct.pack("=I", 7), 5: b"\xc6\x12\0\1"}
    assert rtnetlink.attributes_of(body[:12], 12) == {}
