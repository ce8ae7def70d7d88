"""The kernel's count of rule changes in a network namespace: the cheapest way to see whether anybody touched the rules."""

from __future__ import annotations

import socket
import struct

_NETLINK_NETFILTER = 12
_NLM_F_REQUEST = 1
_GETGEN = 10 << 8 | 16  # <linux/netfilter/nfnetlink.h>: NFNL_SUBSYS_NFTABLES; <linux/netfilter/nf_tables.h>: NFT_MSG_GETGEN
_NFTA_GEN_ID = 1
_HEADERS = 20  # struct nlmsghdr and struct nfgenmsg


def ruleset_generation() -> int:
    """The count in the calling thread's namespace; each transaction raises it. OSError where the kernel has no nf_tables."""
    request = struct.pack("=IHHII", _HEADERS, _GETGEN, _NLM_F_REQUEST, 1, 0) + struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER) as link:
        link.settimeout(5)
        link.sendto(request, (0, 0))
        answer = link.recv(4096)
    length, kind = struct.unpack_from("=IH", answer)
    if kind & 0xFF != 15:  # NFT_MSG_NEWGEN; anything else is an error message with a negative errno
        raise OSError(-struct.unpack_from("=i", answer, 16)[0], "nf_tables generation")
    place = _HEADERS
    while place < length:
        size, attribute = struct.unpack_from("=HH", answer, place)
        if attribute & 0x3FFF == _NFTA_GEN_ID:
            return int(struct.unpack_from("!I", answer, place + 4)[0])
        place += (size + 3) & ~3
    raise OSError(0, "nf_tables generation: no answer")
