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
from dataclasses import dataclass
from pathlib import Path

from seaway.core.errors import DriverError
from seaway.drivers.process.namespaces import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, MS_BIND, mount, setns
from seaway.drivers.process.pidfile import living, write_pid_file
from seaway.model.names import HOST_NETNS, NETNS_FOLDER

_SETTLE_S = 5.0


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
    anchor = living(state / "sandbox.json")
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
    anchor = subprocess.Popen(
        [*command, "sleep", "infinity"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    _await_exec(anchor)
    write_pid_file(state / "sandbox.json", anchor.pid)
    return Sandbox(state, anchor.pid, rootless)


def enter_sandbox(sandbox: Sandbox, *, prepare: bool = False) -> None:
    """The calling process (with one thread only) moves into the sandbox. `prepare` mounts the namespace folder, where not yet done.

    With root, the network that the caller came from stays reachable as the namespace file `host`.
    """
    folder = os.getcwd()
    own_network = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    namespaces = [os.open(f"/proc/{sandbox.anchor}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("user", "mnt", "net")]
    try:
        user, mnt, net = namespaces
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
        for fd in (own_network, *namespaces):
            os.close(fd)


def destroy_sandbox(state: Path) -> int:
    """Ends every process in the sandbox of this state folder, the anchor last; the kernel then removes the rest. Returns their number.

    May be called at any time; without a living sandbox it finds nothing to do.
    """
    sandbox = find_sandbox(state)
    if sandbox is None:
        return 0
    members = _members(sandbox)
    for pid in members:
        _kill(pid, signal.SIGTERM)
    _await_end(members, 1.5)
    _kill(sandbox.anchor, signal.SIGKILL)
    for pid in members:
        _kill(pid, signal.SIGKILL)
    _await_end([*members, sandbox.anchor], _SETTLE_S)
    (state / "sandbox.json").unlink(missing_ok=True)
    return len(members) + 1


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
    """Waits until `unshare` has become `sleep`: only then do all namespaces exist."""
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        if anchor.poll() is not None:
            words = (anchor.stderr.read() if anchor.stderr else b"").decode(errors="replace").strip()
            raise DriverError(f"no namespaces: {words}", help=_namespace_help())
        if Path(f"/proc/{anchor.pid}/comm").read_text().strip() == "sleep":
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


def _members(sandbox: Sandbox) -> list[int]:
    """All processes, but for this one and the anchor, whose mount namespace or user namespace is the sandbox's or that stem from it."""
    found = []
    inside = os.stat(f"/proc/{sandbox.anchor}/ns/mnt").st_ino
    folder = os.fsencode(f"{sandbox.netns_folder} ")
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in (sandbox.anchor, os.getpid()):
            continue
        try:
            same = os.stat(f"/proc/{entry.name}/ns/mnt").st_ino == inside
            # a program in a pod has a mount namespace of its own, copied from the sandbox's: it still holds the sandbox's tmpfs
            if same or folder in Path(f"/proc/{entry.name}/mountinfo").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # gone meanwhile, or another user's
    return found


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
