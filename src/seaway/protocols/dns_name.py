"""DNS names and records on the wire (RFC 1035): writing them, with compression, from prepared data.

Reading what strangers send is left to `dns_wire` (plain questions), `dns_upstream` (answers) and dnspython (everything else).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

A, NS, CNAME, SOA, PTR, TXT, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 16, 28, 33, 41, 255
IN = 1
NUMBERS = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "NS": NS, "PTR": PTR, "SOA": SOA, "SRV": SRV, "TXT": TXT}
MAX_NAME = 255
MAX_LABEL = 63
_LENGTHS = tuple(bytes((length,)) for length in range(MAX_LABEL + 1))
_OCTETS = {str(octet): bytes((octet,)) for octet in range(256)}
_POINTER = 0xC000
_POINTER_REACH = 0x4000


class Rdata(NamedTuple):
    """One record's data: `fixed` bytes, then `names`, which are compressed where the type allows it (RFC 3597, section 4)."""

    fixed: bytes
    names: tuple[bytes, ...] = ()
    tail: bytes = b""


def encode_name(text: str) -> bytes:
    """The wire form of an absolute name, in lower case. ValueError if it is none."""
    raw = text.lower().encode("ascii").removesuffix(b".")
    if not raw:
        return b"\0"
    labels = raw.split(b".")
    if len(raw) > MAX_NAME - 2 or not all(0 < len(label) <= MAX_LABEL for label in labels):
        raise ValueError(f"no DNS name: {text!r}")
    return b"".join([_LENGTHS[len(label)] + label for label in labels]) + b"\0"


def suffixes(name: bytes) -> list[tuple[int, bytes]]:
    """A wire name and its ancestors below the root, each with its offset, longest first."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while name[at]:
        found.append((at, name[at:]))
        at += name[at] + 1
    return found


def parse_rdata(kind: str, text: str, origin: str) -> Rdata:
    """Record data from its presentation form; relative names are completed with `origin`. ValueError if it does not parse."""
    match kind:
        case "A":
            return Rdata(_address(text))
        case "AAAA":
            return Rdata(IPv6Address(text).packed)
        case "CNAME" | "NS" | "PTR":
            return Rdata(b"", (encode_name(absolute(text, origin)),))
        case "SOA":
            server, contact, *numbers = text.split(" ")
            tail = b"".join(int(number).to_bytes(4, "big") for number in numbers)
            return Rdata(b"", (encode_name(absolute(server, origin)), encode_name(absolute(contact, origin))), tail)
        case "SRV":
            priority, weight, port, target = text.split(" ")
            numbers = b"".join(int(number).to_bytes(2, "big") for number in (priority, weight, port))
            return Rdata(numbers + encode_name(absolute(target, origin)))  # RFC 2782: the target is not compressed
        case "TXT":
            raw = text.encode()
            if len(raw) > 255:
                raise ValueError("a TXT string holds at most 255 bytes")
            return Rdata(bytes((len(raw),)) + raw)
        case _:
            raise ValueError(f"no such record type here: {kind!r}")


def _address(text: str) -> bytes:
    packed = b"".join([_OCTETS.get(part, b"") for part in text.split(".")])
    return packed if len(packed) == 4 and text.count(".") == 3 else IPv4Address(text).packed  # which says what is wrong


def absolute(name: str, origin: str) -> str:
    """A name of a `RecordSet` in full, without a final dot."""
    if name.endswith("."):
        return name[:-1]
    return f"{name}.{origin}" if name else origin


class SectionWriter:
    """Writes records that follow a question with this name, and may point into it from the offset `since` on."""

    def __init__(self, question: bytes, since: int = 0) -> None:
        self.out = bytearray()
        self._start = 12 + len(question) + 4
        self._seen = {suffix: 12 + offset for offset, suffix in suffixes(question) if offset >= since}

    def record(self, owner: bytes, kind: int, ttl: int, data: Rdata) -> None:
        self._name(owner)
        self.out += kind.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big") + b"\0\0"
        begin = len(self.out)
        self.out += data.fixed
        for name in data.names:
            self._name(name)
        self.out += data.tail
        self.out[begin - 2 : begin] = (len(self.out) - begin).to_bytes(2, "big")

    def _name(self, name: bytes) -> None:
        for offset, suffix in suffixes(name):
            at = self._seen.get(suffix)
            if at is not None:
                self.out += (_POINTER | at).to_bytes(2, "big")
                return
            here = self._start + len(self.out)
            if here < _POINTER_REACH:
                self._seen[suffix] = here
            self.out += name[offset : offset + name[offset] + 1]
        self.out.append(0)
