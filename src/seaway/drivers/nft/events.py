"""Word of changes to a network namespace's rules, from whoever makes them: so that a foreign flush need not wait for the next look.

What has changed is not read here: the driver compares. Our own changes are told, too.
"""

from __future__ import annotations

import socket
from contextlib import nullcontext
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.process.namespaces import in_netns

_NETLINK_NETFILTER = 12
_KIND = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_NFNLGRP_NFTABLES = 7  # <linux/netfilter/nfnetlink.h>
_LARGEST = 1 << 16


class RulesetEvents:
    """A socket that becomes readable when rules have changed. `netns` is the namespace's file, None the caller's own."""

    def __init__(self, netns: Path | None = None) -> None:
        try:
            with in_netns(netns) if netns is not None else nullcontext():
                self._socket = socket.socket(socket.AF_NETLINK, _KIND, _NETLINK_NETFILTER)
            self._socket.bind((0, 1 << (_NFNLGRP_NFTABLES - 1)))
        except OSError as error:
            raise DriverError(f"changes of rules are not heard: {error}", help="they are still looked for every few seconds") from error

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> bool:
        """Forgets all that was told so far; whether there was anything. What did not fit into the socket counts."""
        heard = False
        while True:
            try:
                self._socket.recv(_LARGEST)
            except BlockingIOError:
                return heard
            except OSError:  # ENOBUFS: more than it holds
                pass
            heard = True

    def close(self) -> None:
        self._socket.close()
