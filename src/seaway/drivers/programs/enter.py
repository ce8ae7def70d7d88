"""How a process gets into a pod: its network namespace, its /etc/resolv.conf and /etc/hosts, its host name.

Shared by the agent's programs, exec probes, `seaway exec` and `seaway request`. Leaves to others: what runs there and who waits for it.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seaway.drivers.process.namespaces import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS, MS_BIND, MS_PRIVATE, MS_REC, mount, setns, unshare
from seaway.plans.node.plan import PodOrders


@dataclass(frozen=True, slots=True)
class PodEntrance:
    """Everything that `enter_pod` needs: the namespace file, two generated files, a host name ("" leaves it)."""

    netns: Path
    resolv_conf: Path
    hosts: Path
    hostname: str


def entrance_of(pod: PodOrders, netns_folder: Path, node_folder: Path) -> PodEntrance:
    """The pod's entrance, its two files written below NODE_FOLDER/pods where they are not as ordered. Raises OSError.

    They are rewritten in place: programs that hold them mounted see the new text, as pods do when the kubelet changes hosts.
    """
    folder = node_folder / "pods" / f"{pod.namespace}_{pod.name}"
    folder.mkdir(parents=True, exist_ok=True)
    resolv_conf, hosts = folder / "resolv.conf", folder / "hosts"
    for path, text in ((resolv_conf, pod.resolv_conf), (hosts, pod.hosts)):
        try:
            same = path.read_text() == text
        except FileNotFoundError:
            same = False
        if not same:
            path.write_text(text)
            path.chmod(0o644)
    return PodEntrance(netns_folder / pod.netns, resolv_conf, hosts, pod.hostname)


def enter_pod(entrance: PodEntrance) -> None:
    """Takes the calling process into the pod. For a freshly forked child with one thread, before exec; there is no way back.

    The mounts are private to the process and its children, so nothing of the host's or the sandbox's own files is touched. Files that
    the system does not have (no /etc/resolv.conf at all) are left alone. Raises OSError.
    """
    setns(entrance.netns, CLONE_NEWNET)
    unshare(CLONE_NEWNS)
    mount(None, "/", None, MS_PRIVATE | MS_REC)
    for source, target in ((entrance.resolv_conf, Path("/etc/resolv.conf")), (entrance.hosts, Path("/etc/hosts"))):
        if target.exists():
            mount(source, target, None, MS_BIND)
    if entrance.hostname:
        with suppress(OSError):  # a container's seccomp profile may forbid it; the pod's network does not depend on it
            unshare(CLONE_NEWUTS)
            socket.sethostname(entrance.hostname)


def pod_environment(env: tuple[tuple[str, str], ...], hostname: str) -> dict[str, str]:
    """The environment as given, plus what a container runtime adds where it is not given."""
    defaults = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/root"), "HOSTNAME": hostname}
    return {**defaults, **dict(env)}
