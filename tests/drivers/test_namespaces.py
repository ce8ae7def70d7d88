"""The libc wrappers against the kernel: each test works in a child or a thread of its own, so nothing it does outlives it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seaway.drivers.process import namespaces as ns

ENTER = "from seaway.drivers.process.namespaces import *; import os\n"


def namespace_of(task: str) -> int:
    return Path(f"/proc/{task}/ns/net").stat().st_ino


def as_mapped_root(script: str, *args: str) -> str:
    """Runs Python inside fresh user, mount and network namespaces: works for any user, and cannot touch the host."""
    argv = ["unshare", "--user", "--map-root-user", "--mount", "--net", sys.executable, "-c", ENTER + script, *args]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode and "Operation not permitted" in done.stderr and "unshare:" in done.stderr:
        pytest.skip("this system does not allow user namespaces")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_in_netns_enters_and_returns(tmp_path: Path):
    out = as_mapped_root(
        """
import sys
mount("tmpfs", sys.argv[1], "tmpfs", MS_NOSUID, "size=1m")
home = os.stat("/proc/thread-self/ns/net").st_ino
unshare(CLONE_NEWNET)
other = os.stat("/proc/thread-self/ns/net").st_ino
pin_namespace(sys.argv[1] + "/a")
unshare(CLONE_NEWNET)
third = os.stat("/proc/thread-self/ns/net").st_ino
with in_netns(sys.argv[1] + "/a"):
    assert os.stat("/proc/thread-self/ns/net").st_ino == other
assert os.stat("/proc/thread-self/ns/net").st_ino == third != home
umount(sys.argv[1] + "/a", MNT_DETACH)
print("done")
""",
        str(tmp_path),
    )
    assert out == "done\n"
    assert list(tmp_path.iterdir()) == [], "the mount was the child's own"


def test_in_netns_returns_after_an_exception(tmp_path: Path):
    as_mapped_root(
        """
import sys
home = os.stat("/proc/thread-self/ns/net").st_ino
pin = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
unshare(CLONE_NEWNET)
second = os.stat("/proc/thread-self/ns/net").st_ino
try:
    with in_netns(f"/proc/self/fd/{pin}"):
        assert os.stat("/proc/thread-self/ns/net").st_ino == home
        raise ValueError
except ValueError:
    assert os.stat("/proc/thread-self/ns/net").st_ino == second
""",
        str(tmp_path),
    )


def test_a_socket_stays_where_it_was_opened():
    out = as_mapped_root(
        """
import socket, subprocess
pin = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
unshare(CLONE_NEWNET)
with in_netns(f"/proc/self/fd/{pin}"):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.socket()
client.connect(server.getsockname())
print("connected")
"""
    )
    assert out == "connected\n"


@pytest.mark.parametrize(
    ("call", "want"),
    [
        pytest.param(lambda: ns.setns("/nonexistent/ns"), errno.ENOENT, id="no such file"),
        pytest.param(lambda: ns.setns(os.devnull), errno.EINVAL, id="not a namespace"),
        pytest.param(lambda: ns.umount("/nonexistent/mount"), errno.ENOENT, id="no such mount"),
        pytest.param(lambda: ns.unshare(0x1), errno.EINVAL, id="unknown flag"),
    ],
)
def test_the_kernels_errno_comes_back(call, want):
    with pytest.raises(OSError, match=r"\[Errno \d+\]") as failure:
        call()
    assert failure.value.errno == want


def test_other_threads_stay():
    before = namespace_of("self")
    seen: list[int] = []

    def move() -> None:
        try:
            ns.unshare(ns.CLONE_NEWNET)
        except PermissionError:
            return
        seen.append(namespace_of("thread-self"))

    thread = threading.Thread(target=move)
    thread.start()
    thread.join()
    if not seen:
        pytest.skip("needs CAP_SYS_ADMIN")
    assert seen != [before]
    assert namespace_of("self") == before
