"""One anchor process holds the sandbox's namespaces open; whoever wants to work inside enters them.

All other namespaces, mounts, links and nft tables hang off these. When the last process inside is gone the kernel removes all of it, so
that a crash can leave nothing behind. What is in the sandbox (nodes, pods, links) is the network driver's matter.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.process.namespaces import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, MS_BIND, mount, setns
from seaway.drivers.process.pidfile import living, write_pid_file
from seaway.model.names import HOST_NETNS, NETNS_FOLDER

_SETTLE_S = 5.0
_ROUNDS = 10
_PID_FILE = "sandbox.json"

# The anchor waits for a line before it settles. Should we die before its pid file is written, the pipe closes and it ends: no anchor is
# ever left that nobody can find.
_ANCHOR = ("sh", "-c", "read -r go && exec sleep infinity")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A living sandbox. `state` is its state folder on the host's file system, seen under the same path inside."""

    state: Path
    anchor: int
    rootless: bool

    @property
    def netns_folder(self) -> Path:
        return self.state / NETNS_FOLDER


def find_sandbox(state: Path) -> Sandbox | None:
    """The sandbox that an earlier `up` left in this state folder, if its anchor still lives."""
    anchor = living(state / _PID_FILE)
    if anchor is None:
        return None
    return Sandbox(state, anchor.pid, _is_rootless(anchor.pid))


def create_sandbox(state: Path) -> Sandbox:
    """Starts an anchor in new namespaces. Without root a user namespace is added, in which the caller's user is root."""
    rootless = os.geteuid() != 0
    command = ["unshare", "--mount", "--net", "--propagation", "private"]
    if rootless:
        command += ["--user", "--map-root-user"]
    (state / NETNS_FOLDER).mkdir(parents=True, exist_ok=True)
    try:
        anchor = subprocess.Popen(
            [*command, *_ANCHOR], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise DriverError(f"cannot run unshare: {error.strerror}", help="install the package `util-linux`") from error
    assert anchor.stdin is not None
    with anchor.stdin as gate:
        _await_exec(anchor)
        write_pid_file(state / _PID_FILE, anchor.pid)
        gate.write(b"go\n")
    return Sandbox(state, anchor.pid, rootless)


def enter_sandbox(sandbox: Sandbox, *, prepare: bool = False) -> None:
    """The calling process (with one thread only) moves into the sandbox. `prepare` mounts the namespace folder, where not yet done.

    With root, the network that the caller came from stays reachable as the namespace file `host`.
    """
    folder = os.getcwd()
    opened: list[int] = []
    try:
        for path in ("/proc/self/ns/net", *(f"/proc/{sandbox.anchor}/ns/{kind}" for kind in ("user", "mnt", "net"))):
            opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401  # so that those of before a failure are closed
        own_network, user, mnt, net = opened
        if sandbox.rootless:
            setns(user, CLONE_NEWUSER)
        setns(mnt, CLONE_NEWNS)
        if prepare:
            _prepare(sandbox, own_network)
        setns(net, CLONE_NEWNET)
        with contextlib.suppress(OSError):  # entering a mount namespace moves a process to its root
            os.chdir(folder)
    except OSError as error:
        raise DriverError(f"cannot enter the sandbox: {error}", help="`seaway down` removes it; then start again") from error
    finally:
        for fd in opened:
            os.close(fd)


def destroy_sandbox(state: Path) -> int:
    """Ends every process in the sandbox of this state folder, the anchor last; the kernel then removes the rest. Returns their number.

    May be called at any time; without a sandbox it finds nothing to do. Also ends those that have outlived their anchor.
    """
    if not (state / _PID_FILE).exists():
        return 0
    members = _members(state, find_sandbox(state))
    for pid in members:
        _kill(pid, signal.SIGTERM)
    _await_end(members, 1.5)
    ended = {*members, *_kill_until_none(state)}
    if (sandbox := find_sandbox(state)) is not None:
        _kill(sandbox.anchor, signal.SIGKILL)
        _await_end([sandbox.anchor], _SETTLE_S)
        ended.add(sandbox.anchor)
    (state / _PID_FILE).unlink(missing_ok=True)
    return len(ended)


def _kill_until_none(state: Path) -> Iterator[int]:
    """Kills what is inside, and again what that has started until it died: an agent that has just come up starts its programs."""
    for _ in range(_ROUNDS):
        members = [pid for pid in _members(state, find_sandbox(state)) if _alive(pid)]
        if not members:
            return
        yield from members
        for pid in members:
            _kill(pid, signal.SIGKILL)
        _await_end(members, _SETTLE_S)


def _prepare(sandbox: Sandbox, own_network: int) -> None:
    folder = sandbox.netns_folder
    if os.path.ismount(folder):
        return
    mount("seaway", folder, "tmpfs", 0, "mode=0711")
    if not sandbox.rootless:
        (folder / HOST_NETNS).touch()
        mount(f"/proc/self/fd/{own_network}", folder / HOST_NETNS, None, MS_BIND)


def _is_rootless(pid: int) -> bool:
    return os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")


def _await_exec(anchor: subprocess.Popen[bytes]) -> None:
    """Waits until `unshare` has become the shell: only then do all namespaces exist."""
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        if anchor.poll() is not None:
            words = (anchor.stderr.read() if anchor.stderr else b"").decode(errors="replace").strip()
            raise DriverError(f"no namespaces: {words}", help=_namespace_help())
        if Path(f"/proc/{anchor.pid}/comm").read_text().strip() == "sh":
            return
        time.sleep(0.002)
    anchor.kill()
    raise DriverError("no namespaces: unshare did not return", help=_namespace_help())


def _namespace_help() -> str:
    if os.geteuid() == 0:
        return "Seaway needs CAP_SYS_ADMIN and CAP_NET_ADMIN; in a container, run it with --privileged"
    return (
        "this kernel must allow user namespaces to ordinary users: sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0"
    )


def _members(state: Path, sandbox: Sandbox | None) -> list[int]:
    """All processes, but for this one and the anchor, whose mount namespace is the sandbox's or was copied from it.

    A copy (of a program in a pod), and what is left of a sandbox without its anchor, is known by the mount that only a sandbox has.
    """
    found: list[int] = []
    inside = os.stat(f"/proc/{sandbox.anchor}/ns/mnt").st_ino if sandbox is not None else None
    passed = {os.getpid(), sandbox.anchor if sandbox is not None else 0}
    folder = _as_in_mountinfo(state / NETNS_FOLDER)
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in passed:
            continue
        try:
            same = os.stat(f"/proc/{entry.name}/ns/mnt").st_ino == inside
            if same or folder in Path(f"/proc/{entry.name}/mountinfo").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # gone meanwhile, or another user's
    return found


def _as_in_mountinfo(folder: Path) -> bytes:
    """How a mount on this folder is told: blanks are octal in /proc/PID/mountinfo (proc(5))."""
    escaped = str(folder).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")
    return os.fsencode(f" {escaped} ")


def _kill(pid: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal_number)


def _await_end(pids: list[int], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    waiting = set(pids)
    while waiting and time.monotonic() < deadline:
        waiting = {pid for pid in waiting if _alive(pid)}
        time.sleep(0.005)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
