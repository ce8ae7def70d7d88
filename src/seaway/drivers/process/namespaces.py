"""Linux namespaces and mounts, as far as Python 3.11 has no functions for them: thin wrappers over libc.

Each raises `OSError` with the kernel's errno, and knows nothing of Seaway's own namespaces: which there are is the network plan's matter.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

# <linux/sched.h>
CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# <linux/mount.h>
MS_RDONLY = 0x00000001
MS_NOSUID = 0x00000002
MS_NODEV = 0x00000004
MS_NOEXEC = 0x00000008
MS_REMOUNT = 0x00000020
MS_BIND = 0x00001000
MS_MOVE = 0x00002000
MS_REC = 0x00004000
MS_UNBINDABLE = 0x00020000
MS_PRIVATE = 0x00040000
MS_SLAVE = 0x00080000
MS_SHARED = 0x00100000

MNT_FORCE = 0x1
MNT_DETACH = 0x2
UMOUNT_NOFOLLOW = 0x8

StrPath = str | os.PathLike[str]

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)
_libc.unshare.argtypes = (ctypes.c_int,)


def unshare(flags: int) -> None:
    """unshare(2) for the calling thread. CLONE_NEWUSER wants a process with one thread; CLONE_NEWNS implies a private working directory."""
    _check(_libc.unshare(flags), f"unshare {flags:#x}")


def setns(path_or_fd: StrPath | int, flags: int = 0) -> None:
    """setns(2): the calling thread joins the namespace of this file or descriptor. `flags` pins its type; 0 takes any."""
    if isinstance(path_or_fd, int):
        _check(_libc.setns(path_or_fd, flags), f"setns {flags:#x}")
        return
    fd = os.open(path_or_fd, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(fd, flags), f"setns {flags:#x}", path_or_fd)
    finally:
        os.close(fd)


def mount(source: StrPath | None, target: StrPath, fstype: str | None, flags: int = 0, data: str = "") -> None:
    """mount(2). `source` and `fstype` may be None where the flags (MS_BIND, MS_PRIVATE, MS_REMOUNT) make the kernel ignore them."""
    named = None if source is None else os.fsencode(source)
    kind = None if fstype is None else fstype.encode()
    _check(_libc.mount(named, os.fsencode(target), kind, flags, data.encode() or None), "mount", target)


def umount(target: StrPath, flags: int = 0) -> None:
    """umount2(2); MNT_DETACH takes the mount out of the tree at once and lets go of it when nobody uses it any more."""
    _check(_libc.umount2(os.fsencode(target), flags), "umount", target)


def pin_namespace(target: StrPath, of: StrPath = "/proc/thread-self/ns/net") -> None:
    """Holds a namespace open under a name: a bind mount of its /proc file on `target`, which is made if it is not there."""
    Path(target).touch(exist_ok=True)
    mount(of, target, None, MS_BIND)


@contextmanager
def in_netns(path: StrPath) -> Generator[None, None, None]:
    """The calling thread, and no other, is in this network namespace until the block ends.

    Sockets opened inside stay there for their whole life. Never await inside: another task would run in the wrong namespace.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(path, CLONE_NEWNET)
        try:
            yield
        finally:
            setns(home, CLONE_NEWNET)
    finally:
        os.close(home)


def _check(result: int, what: str, path: StrPath | None = None) -> None:
    if result != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{what}: {os.strerror(errno)}", None if path is None else os.fspath(path))
