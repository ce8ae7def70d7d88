"""Other resolvers' messages taken apart and put together anew with dnspython, where moving bytes would break compression pointers."""

from __future__ import annotations

import dns.exception
import dns.message

from seaway.protocols.dns_wire import TCP_MOST


def without_opt(packet: bytes) -> bytes:
    """The message without its OPT record. ValueError if it is broken."""
    try:
        message = dns.message.from_wire(packet)
        message.use_edns(False)
        return bytes(message.to_wire(max_size=TCP_MOST))
    except dns.exception.DNSException as error:
        raise ValueError(str(error)) from error


def joined(first: bytes, then: bytes, limit: int) -> bytes | None:
    """The first message with the other's answer and authority records behind its own; None if that is longer than the limit.

    ValueError if either is broken.
    """
    try:
        message, more = dns.message.from_wire(first), dns.message.from_wire(then)
        message.answer += more.answer
        message.authority += more.authority
        return bytes(message.to_wire(max_size=limit))
    except dns.exception.TooBig:
        return None
    except dns.exception.DNSException as error:
        raise ValueError(str(error)) from error
