"""What the kernel logs of packets that network policies stop or let pass, over nfnetlink_log in the calling thread's network namespace.

Messages: <linux/netfilter/nfnetlink_log.h>. They go into the ring as they are, with the time of their arrival; who wants to read flows
decodes them (`read_drop`).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

from seaway.core.errors import DriverError
from seaway.drivers.flows.ring import Batch, Ring
from seaway.protocols.policy_log import LOG_GROUP, POLICY_LOG, DropEntry, PolicyVerdict, read_packet

_NETLINK_NETFILTER = 12
_PACKET, _CONFIG = 4 << 8 | 0, 4 << 8 | 1  # NFNL_SUBSYS_ULOG; NFULNL_MSG_PACKET and NFULNL_MSG_CONFIG
_REQUEST_ACK = 1 | 4
_CFG_CMD, _CFG_MODE, _CFG_TIMEOUT = 1, 2, 4
_CMD_BIND, _COPY_PACKET = 1, 2
_MARK, _PAYLOAD, _PREFIX = 2, 9, 10
_SNAP_BYTES = 128
_FLUSH_CENTISECONDS = 10  # several packets may share a message, which is not held back for longer
_HEADERS = 20  # struct nlmsghdr and struct nfgenmsg
_STAMP = struct.Struct("=d")


class PolicyLog:
    """Listens from `open` to `close`, on the loop that `open` was called on."""

    def __init__(self, ring: Ring, group: int = LOG_GROUP) -> None:
        self._ring = ring
        self._group = group
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """DriverError where the kernel has no such log, or another program listens to the group."""
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
        try:
            made.settimeout(5)
            made.bind((0, 0))
            self._configure(made, _CFG_CMD, struct.pack("=B", _CMD_BIND))
            self._configure(made, _CFG_MODE, struct.pack("!IBx", _SNAP_BYTES, _COPY_PACKET))
            self._configure(made, _CFG_TIMEOUT, struct.pack("!I", _FLUSH_CENTISECONDS))
        except OSError as error:
            made.close()
            raise DriverError(f"dropped packets are not heard of: {error.strerror}", help="the kernel needs nfnetlink_log") from error
        made.setblocking(False)
        asyncio.get_running_loop().add_reader(made, self._read, made)
        self._socket = made

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _configure(self, link: socket.socket, attribute: int, value: bytes) -> None:
        body = struct.pack("=BBH", socket.AF_UNSPEC, 0, socket.htons(self._group)) + _attribute(attribute, value)
        link.send(struct.pack("=IHHII", 16 + len(body), _CONFIG, _REQUEST_ACK, 1, 0) + body)
        answer = link.recv(4096)
        code = struct.unpack_from("=i", answer, 16)[0]
        if code:
            raise OSError(-code, "refused by the kernel")

    def _read(self, link: socket.socket) -> None:
        with suppress(OSError):  # no more for now, or more than the socket holds: packets are counted all the same
            self._ring.add(Batch(POLICY_LOG, _STAMP.pack(time.time()) + link.recv(1 << 16)))


def read_drops(message: bytes) -> Iterator[DropEntry]:
    """The packets of a message of this log."""
    (stamp,) = _STAMP.unpack_from(message)
    place = _STAMP.size
    while place + _HEADERS <= len(message):
        length, kind = struct.unpack_from("=IH", message, place)
        if kind == _PACKET:
            found = _attributes(message[place + _HEADERS : place + length])
            verdict = next((one for one in PolicyVerdict if one.value.encode() == found.get(_PREFIX, b"").rstrip(b"\0")), None)
            packet = read_packet(found.get(_PAYLOAD, b""))
            if verdict is not None and packet is not None:
                mark = int.from_bytes(found.get(_MARK, b""), "big")
                yield DropEntry(stamp, verdict, mark, *packet)
        place += max((length + 3) & ~3, _HEADERS)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, place)
        found[kind & 0x3FFF] = data[place + 4 : place + size]
        place += max((size + 3) & ~3, 4)
    return found
