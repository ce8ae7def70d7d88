"""Ports of all protocols on one line, so that a rule's ports are ranges of numbers and a verdict is a cut of the line.

TCP, UDP and SCTP take 65536 numbers each, ICMP one for each type, and every other protocol one together.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.model.policies.language import WITH_PORTS, PortMatch, PortRange, Transport

Span = tuple[int, int]
"""First and last number on the line."""

_WIDTHS = {Transport.TCP: 65536, Transport.UDP: 65536, Transport.SCTP: 65536, Transport.ICMP: 256, Transport.OTHER: 1}
OFFSETS = {transport: sum(list(_WIDTHS.values())[:at]) for at, transport in enumerate(_WIDTHS)}
END = sum(_WIDTHS.values())
EVERYTHING: tuple[Span, ...] = ((0, END - 1),)


def place(transport: Transport, port: int) -> int:
    """Where a port is on the line; ICMP's types count as ports, and OTHER has one place only."""
    return OFFSETS[transport] + min(port, _WIDTHS[transport] - 1)


def spans_of(match: PortRange) -> tuple[Span, ...]:
    """Where the ports are that a range matches."""
    transports = WITH_PORTS if match.protocol is None else (match.protocol,)
    return tuple((place(one, match.first), place(one, match.last)) for one in transports)


def ranges_of(ports: tuple[PortMatch, ...]) -> tuple[Span, ...]:
    """The spans of all that are no names."""
    return tuple(span for one in ports if isinstance(one, PortRange) for span in spans_of(one))


def transports_of(first: int, last: int) -> Iterator[tuple[Transport, int, int]]:
    """A span as (transport, first port, last port), cut where one protocol ends and the next begins."""
    for transport, width in _WIDTHS.items():
        begin = OFFSETS[transport]
        if first < begin + width and last >= begin:
            yield transport, max(first - begin, 0), min(last - begin, width - 1)
