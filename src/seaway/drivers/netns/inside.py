"""Small acts inside a network namespace given by its file."""

from __future__ import annotations

from pathlib import Path

from pyroute2 import IPRoute

from seaway.drivers.process.namespaces import CLONE_NEWNET, in_netns, pin_namespace, setns, unshare

SCOPE_LINK = 253


def new_netns(path: Path) -> None:
    """A new, empty network namespace, held by a bind mount on `path`. The calling thread stays where it is."""
    with open("/proc/thread-self/ns/net") as home:
        unshare(CLONE_NEWNET)
        try:
            pin_namespace(path)
        finally:
            setns(home.fileno(), CLONE_NEWNET)


def open_netlink(path: Path) -> IPRoute:
    """A netlink socket that works on the namespace of this file, whoever uses it."""
    with in_netns(path):
        return IPRoute()


def sysctl(name: str, value: str, path: Path | None = None) -> None:
    """Sets a kernel parameter of the namespace of this file, or of the thread's own."""
    file = Path("/proc/sys", *name.split("."))
    if path is None:
        file.write_text(value)
        return
    with in_netns(path):
        file.write_text(value)


def link_index(netlink: IPRoute, name: str) -> int:
    """The index of the link of this name, which must exist."""
    found: list[int] = list(netlink.link_lookup(ifname=name))
    return found[0]
