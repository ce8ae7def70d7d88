"""A netlink socket that sends many requests at once and hears of those alone that were refused."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Collection, Iterable, Iterator

from seaway.drivers.netns.rtnetlink import Message, attributes_of, list_links, list_routes

_REQUEST, _ACK, _DUMP = 1, 4, 0x300
_ERROR, _DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
_HEADER = struct.Struct("=IHHII")
_MOST = 200  # requests in one piece: their refusals, should all be refused, fit into the socket's receive buffer
_TIMEOUT_S = 30.0
_SETTLE_S = 1.0
_OPERSTATE, _OPER_UP = 16, b"\x06"  # <linux/if_link.h>, <linux/if.h>
_SOL_NETLINK, _CAP_ACK = 270, 10


class RouteSocket:
    """Works on the network namespace that the thread was in when it was made, whoever uses it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.settimeout(_TIMEOUT_S)
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)  # refusals need not repeat what was asked
        self._number = 0

    def __enter__(self) -> RouteSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, messages: Iterable[Message], tolerated: Collection[int] = ()) -> None:
        """Has the kernel do all of it, in order; one that is refused stops no other.

        Raises OSError for the first refusal whose errno is not tolerated.
        """
        every = tuple(messages)
        refused: list[OSError] = []
        for start in range(0, len(every), _MOST):
            piece = every[start : start + _MOST]
            refused += [error for error in self._exchange(piece) if error.errno not in tolerated]
        if refused:
            raise refused[0]

    def links(self) -> dict[int, bool]:
        """The indexes of all links, and whether each takes packets (RFC 2863: its operational state is `up`)."""
        every = tuple(self._dump(list_links()))
        return {struct.unpack_from("=i", body, 4)[0]: attributes_of(body, 16).get(_OPERSTATE) == _OPER_UP for body in every}

    def await_link(self, index: int) -> None:
        """Returns when this link takes packets, or after a second.

        A veth's first end gets its queue from a kernel thread, some time after the second one is up; what is sent before is lost.
        """
        deadline = time.monotonic() + _SETTLE_S
        while not self.links().get(index, True) and time.monotonic() < deadline:
            time.sleep(0.0005)

    def routes(self) -> Iterator[tuple[str, str]]:
        """All IPv4 routes as (ADDRESS/LENGTH, gateway or "")."""
        for body in self._dump(list_routes()):
            found = attributes_of(body, 12)
            address = socket.inet_ntoa(found.get(1, b"\0\0\0\0"))
            yield f"{address}/{body[1]}", socket.inet_ntoa(found[5]) if 5 in found else ""

    def _exchange(self, piece: tuple[Message, ...]) -> Iterator[OSError]:
        """Only the last request asks for an answer; a refusal is always told."""
        first = self._number + 1
        self._number += len(piece)
        self._socket.send(
            b"".join(
                _packed(one, first + place, _REQUEST | one.flags | (_ACK if place == len(piece) - 1 else 0))
                for place, one in enumerate(piece)
            )
        )
        while True:
            for kind, number, body in self._answers():
                if kind != _ERROR or not first <= number <= self._number:
                    continue
                errno = -struct.unpack_from("=i", body)[0]
                if errno:
                    yield OSError(errno, f"{piece[number - first].about}: {os.strerror(errno)}")
                if number == self._number:
                    return

    def _dump(self, request: Message) -> Iterator[bytes]:
        self._number += 1
        self._socket.send(_packed(request, self._number, _REQUEST | _DUMP))
        while True:
            for kind, number, body in self._answers():
                if number != self._number:
                    continue
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    errno = -struct.unpack_from("=i", body)[0]
                    raise OSError(errno, f"{request.about}: {os.strerror(errno)}")
                yield body

    def _answers(self) -> Iterator[tuple[int, int, bytes]]:
        data = self._socket.recv(1 << 18)
        place = 0
        while place + _HEADER.size <= len(data):
            length, kind, _, number, _ = _HEADER.unpack_from(data, place)
            yield kind, number, data[place + _HEADER.size : place + length]
            place += (length + 3) & ~3


def _packed(message: Message, number: int, flags: int) -> bytes:
    return _HEADER.pack(_HEADER.size + len(message.body), message.kind, flags, number, 0) + message.body
