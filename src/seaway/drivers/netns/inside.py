"""Small acts inside a network namespace given by its file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seaway.drivers.netns.route_socket import RouteSocket
from seaway.drivers.process.namespaces import CLONE_NEWNET, in_netns, pin_namespace, setns, unshare


@contextmanager
def new_netns(path: Path) -> Generator[None]:
    """Makes an empty network namespace, held by a bind mount on `path`; the calling thread is in it until the block ends."""
    with open("/proc/thread-self/ns/net") as home:
        unshare(CLONE_NEWNET)
        try:
            pin_namespace(path)
            yield
        finally:
            setns(home.fileno(), CLONE_NEWNET)


def open_netlink(path: Path) -> RouteSocket:
    """A netlink socket that works on the namespace of this file, whoever uses it."""
    with in_netns(path):
        return RouteSocket()


def sysctl(name: str, value: str) -> None:
    """Sets a kernel parameter of the network namespace that the thread is in; does nothing where this kernel does not know it.

    The first look at a parameter in a new namespace takes the longer the more namespaces there are (0.7 ms among 1,000).
    """
    file = Path("/proc/sys", *name.split("."))
    try:
        file.write_text(value)
    except FileNotFoundError:
        return
