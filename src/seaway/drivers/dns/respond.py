"""What a query gets that the plain path does not answer at once: shared by the server on sockets and the fake without."""

from __future__ import annotations

from seaway.protocols.dns_wire import NOERROR, NXDOMAIN, SERVFAIL, Answers, Outside


def respond(answers: Answers | None, packet: bytes, tcp: bool) -> bytes | Outside:
    """A response (b"" for none), or the question for others. SERVFAIL as long as there is no zone."""
    if answers is None:
        return _not_ready(packet)
    response = answers.answer(packet, tcp)
    if response is not None:
        return response
    from seaway.protocols.dns_odd import answer_odd  # dnspython takes 60 ms to import, and most agents never need it

    return answer_odd(answers, packet, tcp)


def nobody_to_ask(outside: Outside) -> bytes:
    """Without upstreams names outside do not exist, so that a search path is at its end at once. An ExternalName exists all the same."""
    return outside.plain(NOERROR if outside.aliases else NXDOMAIN)


def _not_ready(packet: bytes) -> bytes:
    if len(packet) < 12 or packet[2] & 0x80:
        return b""
    return packet[:2] + bytes((0x80 | packet[2] & 0x79, 0x80 | SERVFAIL)) + b"\0" * 8
