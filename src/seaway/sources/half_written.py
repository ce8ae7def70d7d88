"""Reads a file only when nobody is writing it.

The kernel knows: it refuses a read lease (fcntl(2), F_SETLEASE) while any process has the file open for writing, and once it is granted,
makes the next writer wait until it is given back. Where leases are not to be had (files of other users, network file systems, other
systems), a file counts as written when its size and time have not changed for `QUIET_S`.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

try:
    import fcntl
except ImportError:  # no such thing on this system
    fcntl = None

QUIET_S = 0.05

Stamp = tuple[int, int, int]
"""Inode, time of modification in ns, and size: the same stamp means the same content."""


@dataclass(frozen=True, slots=True)
class Content:
    """A whole file. `data` is cut one byte after the limit that the caller gave."""

    data: bytes
    stamp: Stamp


class _Lease(Enum):
    HELD = auto()
    REFUSED = auto()
    """Somebody has the file open for writing."""
    UNAVAILABLE = auto()


def stamp_of(status: os.stat_result) -> Stamp:
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def read_whole(path: Path, limit: int) -> Content | None:
    """The content of a regular file; None while it is being written. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        lease = _take_lease(fd)
        try:
            if lease is _Lease.REFUSED or (lease is _Lease.UNAVAILABLE and abs(time.time() - before.st_mtime) < QUIET_S):
                return None
            data = _read(fd, limit + 1)
            after = stamp_of(os.fstat(fd))
        finally:
            if lease is _Lease.HELD:
                _give_back(fd)
        return Content(data, after) if lease is _Lease.HELD or after == stamp_of(before) else None
    finally:
        os.close(fd)


def is_being_written(path: Path) -> bool:
    """Whether reading this file now would be too early. False for what is not there or cannot be opened."""
    try:
        return read_whole(path, 0) is None
    except OSError:
        return False


def _read(fd: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    left = limit
    while left > 0 and (piece := os.read(fd, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _take_lease(fd: int) -> _Lease:
    if fcntl is None or not hasattr(fcntl, "F_SETLEASE"):
        return _Lease.UNAVAILABLE
    try:
        fcntl.fcntl(
            fd, fcntl.F_SETSIG, signal.SIGURG
        )  # a waiting writer is announced by this signal; it is ignored unless handled, SIGIO kills
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return _Lease.REFUSED if error.errno == errno.EAGAIN else _Lease.UNAVAILABLE
    return _Lease.HELD


def _give_back(fd: int) -> None:
    if fcntl is not None:
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
