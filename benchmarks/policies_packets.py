"""Network policies in the kernel: loading a node's table, one pod's and one policy's change; then what packets pay between two pods.

Everything happens in network namespaces of its own: a node that forwards, and two pods behind it. Rates are medians of turns that take
the numbers of policies one after another, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from measure import environment
from policies import NAME, NAMESPACE_OF_PODS, pods_of, policy_of, timed

from seaway.core.memo import Memo
from seaway.drivers.nft.real import NftDriver
from seaway.drivers.process.namespaces import in_netns
from seaway.frontends.policies.network_policy import read_network_policy
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.policies.language import Policy
from seaway.model.service import Health
from seaway.model.workload import Pod, PodName
from seaway.plans.nft.plan import NftView, plan_nft
from seaway.plans.nft.policy import plan_policies
from seaway.plans.nft.table import NftTable
from seaway.resources.load import resource_of

LOADED = ((100, 100), (1000, 1000), (5000, 1000))
CROSSED = (0, 100, 10_000)
PODS_CROSSED = 1000
CLUSTER = Cluster((Node("node-1", "198.18.0.1", "10.244.0.0/16"),))
TURNS, TURN_S = 5, 0.5
ROUTER = "10.244.255.254"


def given(pods: int, policies: int) -> tuple[Policy, ...]:
    """So many policies, the first of which lets the pods of the first namespace talk to each other."""
    if not policies:
        return ()
    dice = random.Random(1)
    own = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}]}]}
    metadata = {"name": "own", "namespace": "team-0"}
    first = resource_of({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": own})
    namespaces = max(pods // NAMESPACE_OF_PODS, 1)
    return (*read_network_policy(first).policies, *(policy_of(number, namespaces, dice) for number in range(policies - 1)))


def model_of(pods: tuple[Pod, ...], policies: tuple[Policy, ...]) -> Model:
    spaces = tuple((name, ((NAME, name),)) for name in sorted({one.id.namespace for one in pods}))
    return Model(CLUSTER, pods, (), (), policies=policies, namespaces=spaces)


def table_of(model: Model, memo: Memo | None = None) -> NftTable:
    return plan_nft(model, Health(), "node-1", view=NftView(policies=plan_policies(model, memo)))


def measure_load(pods: int, policies: int) -> None:
    every, rules = pods_of(pods), given(pods, policies)
    tables: list[NftTable] = []
    plan = timed(lambda: tables.append(table_of(model_of(every, rules))))
    driver = NftDriver()
    load = timed(lambda: driver.apply(tables[0]))
    more = replace(every[0], id=PodName("team-0", "app-0-more"), ip="10.244.250.1")
    grown, changed = table_of(model_of((*every, more), rules)), table_of(model_of(every, rules[:-1]))
    pod = median([timed(lambda one=one: driver.apply(one)) for one in (grown, tables[0]) * 3])
    policy = median([timed(lambda one=one: driver.apply(one)) for one in (changed, tables[0]) * 2])
    print(f"{pods:6} {policies:8} {len(tables[0].chains):7} {plan:9.0f} {load:9.0f} {pod:11.1f} {policy:14.1f}", flush=True)


@contextmanager
def namespace(address: str) -> Generator[Path]:
    """A pod with this address, routed over this process's network namespace."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
    try:
        netns = Path(f"/proc/{holder.pid}/ns/net")
        while netns.readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.002)
        link = f"v{holder.pid}"
        for words in (
            f"ip link add {link} type veth peer name eth0 netns {holder.pid}",
            f"ip link set {link} up",
            f"ip route add {address} dev {link}",
            f"nsenter -t {holder.pid} -n ip link set lo up",
            f"nsenter -t {holder.pid} -n ip addr add {address}/32 dev eth0",
            f"nsenter -t {holder.pid} -n ip link set eth0 up",
            f"nsenter -t {holder.pid} -n ip route add {ROUTER} dev eth0",
            f"nsenter -t {holder.pid} -n ip route add default via {ROUTER}",
        ):
            subprocess.run(words.split(), check=True)
        yield netns
    finally:
        holder.kill()
        holder.wait()


def opened(netns: Path, kind: int) -> socket.socket:
    with in_netns(netns):
        made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def serve(netns: Path, address: str) -> socket.socket:
    """Takes and drops everything at port 8080: connections, and what they carry. Datagrams stop at the socket that is returned."""
    listener, datagrams = opened(netns, socket.SOCK_STREAM), opened(netns, socket.SOCK_DGRAM)
    listener.bind((address, 8080))
    listener.listen(4096)
    datagrams.bind((address, 8080))

    def drain(connection: socket.socket) -> None:
        with connection:
            while connection.recv(1 << 18):
                pass

    def take() -> None:
        while True:
            threading.Thread(target=drain, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=take, daemon=True).start()
    return datagrams


def counted(step: Callable[[], int]) -> float:
    """What `step` counts, a second."""
    end = time.perf_counter() + TURN_S
    began, count = time.perf_counter(), 0
    while time.perf_counter() < end:
        count += step()
    return count / (time.perf_counter() - began)


def rates(netns: Path, address: str) -> tuple[float, float, float]:
    """TCP connections a second, UDP datagrams a second (each of a flow that is open), and Gbit a second on one connection."""

    def connect() -> int:
        with opened(netns, socket.SOCK_STREAM) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            made.connect((address, 8080))
        return 1

    with opened(netns, socket.SOCK_DGRAM) as datagrams, opened(netns, socket.SOCK_STREAM) as stream:
        datagrams.connect((address, 8080))
        stream.connect((address, 8080))
        block = bytes(1 << 18)
        return counted(connect), counted(lambda: datagrams.send(b"x") and 1), counted(lambda: stream.send(block)) * 8 / 1e9


def measure_packets() -> None:
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "addr", "add", f"{ROUTER}/32", "dev", "lo"], check=True)
    pods = pods_of(PODS_CROSSED)
    tables = {number: table_of(model_of(pods, given(PODS_CROSSED, number))) for number in CROSSED}
    driver = NftDriver()
    found: dict[int, list[tuple[float, float, float]]] = {number: [] for number in CROSSED}
    with ExitStack() as stack:
        caller, called = (stack.enter_context(namespace(one.ip)) for one in pods[:2])
        stack.enter_context(serve(called, pods[1].ip))
        for _ in range(TURNS):
            for number in CROSSED:
                driver.apply(tables[number])
                found[number].append(rates(caller, pods[1].ip))
    base = [median(each) for each in zip(*found[0], strict=True)]
    for number in CROSSED:
        now = [median(each) for each in zip(*found[number], strict=True)]
        share = " ".join(f"{one / other:.2f}" for one, other in zip(now, base, strict=True))
        print(f"{number:8} {now[0]:10.0f} {now[1]:10.0f} {now[2]:10.2f}   {share}", flush=True)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["load"]:
            for pods, policies in LOADED:
                measure_load(pods, policies)
        case ["packets"]:
            measure_packets()
        case _:
            print(environment())
            for name, flags in (("as root", "--net"), ("in a user namespace", "--user --map-root-user --net")):
                if os.geteuid() == 0 or "--user" in flags:
                    print(f"{name}\n  pods policies  chains  plan, ms  load, ms one pod, ms one policy, ms", flush=True)
                    subprocess.run(["unshare", *flags.split(), sys.executable, __file__, "load"], check=True)
            print("policies TCP opens/s UDP sends/s     Gbit/s   of none", flush=True)
            subprocess.run(["unshare", "--net", "--mount", sys.executable, __file__, "packets"], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
