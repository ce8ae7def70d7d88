"""Requests to the kernel's routing part as bytes, in the few forms that Seaway needs: rtnetlink(7). Nothing is sent here.

A thousand pods take some fifteen thousand requests; a general library spends a third of a millisecond of Python on many of them, and a
tenth of a second on its import. What is packed here is compared with such a library's bytes in the tests.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from socket import AF_INET, AF_INET6

# <linux/rtnetlink.h>, <linux/netlink.h>
NEW_LINK, DELETE_LINK, GET_LINK, SET_LINK = 16, 17, 18, 19
NEW_ADDRESS = 20
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_NEIGHBOUR = 28
CREATE, EXCLUSIVE, REPLACE = 0x400, 0x200, 0x100

SCOPE_UNIVERSE = 0
SCOPE_LINK = 253

_UP = 1  # IFF_UP
_MAIN_TABLE = 254
_BY_STATIC = 4  # RTPROT_STATIC
_UNICAST = 1
_ONLINK = 4  # RTNH_F_ONLINK: the next hop is reachable although no subnet says so
_PERMANENT = 0x80  # NUD_PERMANENT
_INET6_ADDR_GEN_MODE = 8
_ADDR_GEN_NONE = b"\x01"


@dataclass(frozen=True, slots=True)
class Message:
    """One request without its header: type, flags beyond those of every request, payload; `about` is for people."""

    kind: int
    flags: int
    body: bytes
    about: str


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """One end of a veth pair. The kernel chooses the MAC address where `mac` is empty; `netns_fd` -1 is the sender's own namespace."""

    name: str
    index: int
    mac: bytes = b""
    netns_fd: int = -1


def veth_pair(end: LinkEnd, peer: LinkEnd) -> Message:
    """Makes both ends, down. With indexes chosen here nobody has to ask for them. One queue each: 64 on a large machine help no veth."""
    info = _nested(18, _attribute(1, b"veth"), _nested(2, _nested(1, _link(peer.index), _end(peer))))
    return Message(NEW_LINK, CREATE | EXCLUSIVE, _link(end.index) + _end(end) + info, f"link {end.name} to {peer.name}")


def set_up(index: int, about: str) -> Message:
    """Brings a link up."""
    return Message(SET_LINK, 0, _link(index, _UP), about)


def set_group(name: str, group: int) -> Message:
    """Puts the link of this name into a group."""
    return Message(SET_LINK, 0, _link(0) + _name(name) + _number(27, group), f"group of {name}")


def delete_group(group: int) -> Message:
    """Deletes all links of a group in one go: deleting one alone waits some 30 ms for all others to stop looking at it."""
    return Message(DELETE_LINK, 0, _link(0) + _number(27, group), f"links of group {group}")


def delete_link(name: str) -> Message:
    return Message(DELETE_LINK, 0, _link(0) + _name(name), f"link {name}")


def without_ipv6_address(index: int) -> Message:
    """No link-local address on this link, hence no duplicate address detection and no router solicitations; to be sent before it is up."""
    return Message(SET_LINK, 0, _link(index) + _nested(26, _nested(AF_INET6, _attribute(_INET6_ADDR_GEN_MODE, _ADDR_GEN_NONE))), "IPv6 off")


def add_address(index: int, address: str, scope: int = SCOPE_UNIVERSE) -> Message:
    """`address`/32 on a link."""
    packed = IPv4Address(address).packed
    body = struct.pack("=BBBBi", AF_INET, 32, 0, scope, index) + _attribute(2, packed) + _attribute(1, packed)
    return Message(NEW_ADDRESS, CREATE | EXCLUSIVE, body, f"address {address}")


def add_neighbour(index: int, address: str, mac: bytes) -> Message:
    """Who answers for an address on a link, for good: no ARP, and no part in the kernel's limit of 1,024 learned neighbours."""
    body = struct.pack("=BxxxiHBB", AF_INET, index, _PERMANENT, 0, _UNICAST)
    return Message(
        NEW_NEIGHBOUR, CREATE | REPLACE, body + _attribute(1, IPv4Address(address).packed) + _attribute(2, mac), f"neighbour {address}"
    )


@dataclass(frozen=True, slots=True)
class Route:
    """`destination` is ADDRESS/LENGTH. Through a gateway (which need not be in a subnet of the link), or straight onto the link."""

    destination: str
    index: int
    gateway: str = ""
    source: str = ""

    @property
    def body(self) -> bytes:
        """The rtmsg and its attributes."""
        address, _, length = self.destination.partition("/")
        scope, flags = (SCOPE_UNIVERSE, _ONLINK) if self.gateway else (SCOPE_LINK, 0)
        head = struct.pack("=BBBBBBBBI", AF_INET, int(length), 0, 0, _MAIN_TABLE, _BY_STATIC, scope, _UNICAST, flags)
        parts = [_attribute(1, IPv4Address(address).packed)] if int(length) else []
        parts.append(_number(4, self.index))
        parts += [_attribute(kind, IPv4Address(text).packed) for kind, text in ((5, self.gateway), (7, self.source)) if text]
        return head + b"".join(parts)


def add_route(route: Route) -> Message:
    """Refused where there is one to the same destination."""
    return Message(NEW_ROUTE, CREATE | EXCLUSIVE, route.body, f"route to {route.destination}")


def put_route(route: Route) -> Message:
    """In the place of one to the same destination, where there is one."""
    return Message(NEW_ROUTE, CREATE | REPLACE, route.body, f"route to {route.destination}")


def delete_route(route: Route) -> Message:
    return Message(DELETE_ROUTE, 0, route.body, f"route to {route.destination}")


def list_links() -> Message:
    return Message(GET_LINK, 0, _link(0), "links")


def list_routes() -> Message:
    """All IPv4 routes of all tables."""
    return Message(GET_ROUTE, 0, struct.pack("=BBBBBBBBI", AF_INET, 0, 0, 0, 0, 0, 0, 0, 0), "routes")


def attributes_of(body: bytes, start: int) -> dict[int, bytes]:
    """The attributes that follow a fixed part of `start` bytes."""
    found: dict[int, bytes] = {}
    while start + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, start)
        found[kind & 0x3FFF] = body[start + 4 : start + length]
        start += max(4, (length + 3) & ~3)
    return found


def _link(index: int, flags: int = 0) -> bytes:
    """An ifinfomsg that sets these flags and leaves the others."""
    return struct.pack("=BxHiII", 0, 0, index, flags, flags)


def _end(end: LinkEnd) -> bytes:
    parts = [_name(end.name), _number(31, 1), _number(32, 1)]
    parts += [_attribute(1, end.mac)] if end.mac else []
    parts += [_number(28, end.netns_fd)] if end.netns_fd >= 0 else []
    return b"".join(parts)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def _number(kind: int, value: int) -> bytes:
    return struct.pack("=HHI", 8, kind, value)


def _name(name: str) -> bytes:
    return _attribute(3, name.encode() + b"\0")


def _nested(kind: int, *parts: bytes) -> bytes:
    return _attribute(kind, b"".join(parts))
