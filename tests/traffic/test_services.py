"""Services with real packets: a node's namespace with the planned table, pods behind it, and the world outside.

outside 203.0.113.9, also holds the pod `far` (10.244.1.5) of node two
   |
node one 192.168.7.1 -- pods: caller 10.244.0.9, near 10.244.0.5, next 10.244.0.6
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from seaway.core.errors import DriverError
from seaway.core.names import Key
from seaway.core.origin import GENERATED
from seaway.drivers.nft.real import NftDriver
from seaway.drivers.process.namespaces import in_netns
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.service import Backend, Health, Service, ServiceName, ServicePort, ServiceType
from seaway.model.workload import Protocol
from seaway.plans.nft.plan import plan_nft
from seaway.plans.nft.table import NftRule, NftTable

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(shutil.which(one) for one in ("nft", "unshare", "ip")), reason="needs root, nft, unshare and ip"
)

CLUSTER = Cluster((Node("one", "192.168.7.1", "10.244.0.0/24"), Node("two", "192.168.7.2", "10.244.1.0/24")))
NODE, WORLD = "192.168.7.1", "203.0.113.9"
PODS = {"caller": "10.244.0.9", "near": "10.244.0.5", "next": "10.244.0.6"}
FAR = "10.244.1.5"
NAMES = {PODS["near"]: "near", PODS["next"]: "next", FAR: "far"}
SILENCE_S = 0.4
NEAR, NEXT, REMOTE = (
    Backend(address, None, node, "", (8080, 5353), True, GENERATED)
    for address, node in ((PODS["near"], "one"), (PODS["next"], "one"), (FAR, "two"))
)
WEB = Service(
    id=ServiceName("default", "web"),
    type=ServiceType.LOAD_BALANCER,
    labels=(),
    annotations=(),
    cluster_ip="10.96.0.10",
    load_balancer_ip="198.18.255.1",
    external_ips=(),
    source_ranges=(),
    external_name="",
    ports=(ServicePort("http", 80, Protocol.TCP, "", 30080, GENERATED), ServicePort("dns", 53, Protocol.UDP, "", 30053, GENERATED)),
    affinity_s=0,
    internal_local=False,
    external_local=False,
    publish_not_ready=False,
    selects_pods=False,
    backends=(NEAR, NEXT),
    owner=Key("", "Service", "default", "web"),
    origin=GENERATED,
)
LB, CLUSTER_IP = WEB.load_balancer_ip, WEB.cluster_ip


@dataclass
class Network:
    """The namespaces by name, and the driver of the node's table."""

    paths: dict[str, Path]
    driver: NftDriver
    holders: list[subprocess.Popen[bytes]] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def apply(self, *services: Service) -> NftTable:
        table = plan_nft(Model(CLUSTER, (), services, ()), Health(), "one")
        self.driver.apply(table)
        return table

    def socket(self, where: str, kind: socket.SocketKind) -> socket.socket:
        """Opened inside a namespace, where it stays."""
        with in_netns(self.paths[where]):
            made = socket.socket(socket.AF_INET, kind)
        made.settimeout(3)
        return made

    def tcp(self, where: str, address: str, port: int, patience_s: float = 3) -> socket.socket:
        made = self.socket(where, socket.SOCK_STREAM)
        made.settimeout(patience_s)
        try:
            made.connect((address, port))
        except OSError:
            made.close()
            raise
        return made

    def ask(self, where: str, address: str, port: int, patience_s: float = 3) -> str:
        """Over TCP: `NAME SEEN`, the server's name and the client address that it saw."""
        with self.tcp(where, address, port, patience_s) as link:
            return say(link)

    def ask_udp(self, where: str, address: str, port: int) -> str:
        with self.socket(where, socket.SOCK_DGRAM) as link:
            link.connect((address, port))
            return say(link)


def say(link: socket.socket) -> str:
    link.send(b"?")
    answer = link.recv(99)
    if not answer:
        raise ConnectionResetError(errno.ECONNRESET, "closed")
    return answer.decode()


def answer_tcp(listener: socket.socket) -> None:
    """Answers each byte; the whole namespace's connections in one thread each, gone with the listener."""

    def serve(link: socket.socket, text: bytes) -> None:
        with link, suppress(OSError):
            while link.recv(1):
                link.send(text)

    with suppress(OSError):
        while True:
            link, (seen, _) = listener.accept()
            local = link.getsockname()[0]
            threading.Thread(target=serve, args=(link, f"{NAMES.get(local, local)} {seen}".encode()), daemon=True).start()


def answer_udp(link: socket.socket, name: str) -> None:
    with suppress(OSError):
        while True:
            _, seen = link.recvfrom(99)
            if seen is None:  # shut down
                return
            link.sendto(f"{name} {seen[0]}".encode(), seen)


def build(network: Network) -> None:
    def run(where: str, *lines: str) -> None:
        with in_netns(network.paths[where]):
            subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)

    for where in ("node", "outside", *PODS):
        holder = subprocess.Popen(["unshare", "--net", "sleep", "300"])
        network.holders.append(holder)
        network.paths[where] = Path(f"/proc/{holder.pid}/ns/net")
    for where, path in network.paths.items():
        while path.readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.002)
        run(where, "link set lo up")
    pid = {where: path.parts[2] for where, path in network.paths.items()}
    run("node", f"link add uplink type veth peer name eth0 netns {pid['outside']}", "link set uplink up", f"addr add {NODE}/30 dev uplink")
    run("outside", "link set eth0 up", "addr add 192.168.7.2/30 dev eth0", f"addr add {WORLD}/32 dev lo", f"addr add {FAR}/32 dev lo")
    via = [f"route add {to} via {NODE} src {WORLD}" for to in ("10.244.0.0/24", "198.18.255.0/24", "10.96.0.0/12", "203.0.113.77")]
    run("outside", *via, f"route replace 192.168.7.0/30 dev eth0 src {WORLD}")
    run("node", "route add default via 192.168.7.2")
    for name, address in PODS.items():
        run("node", f"link add {name} type veth peer name eth0 netns {pid[name]}", f"link set {name} up", f"route add {address} dev {name}")
        run("node", f"addr add 169.254.1.1/32 dev {name}")
        run(
            name,
            "link set eth0 up",
            f"addr add {address}/32 dev eth0",
            "route add 169.254.1.1 dev eth0",
            "route add default via 169.254.1.1",
        )
    for where in ("node", "outside"):
        with in_netns(network.paths[where]):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for where, address in (("near", PODS["near"]), ("next", PODS["next"]), ("outside", FAR)):
        listener, datagrams = network.socket(where, socket.SOCK_STREAM), network.socket(where, socket.SOCK_DGRAM)
        listener.bind((address, 8080))
        listener.listen(512)
        datagrams.bind((address, 5353))
        for one in (listener, datagrams):
            one.settimeout(None)
        network.sockets += [listener, datagrams]
        threading.Thread(target=answer_tcp, args=(listener,), daemon=True).start()
        threading.Thread(target=answer_udp, args=(datagrams, NAMES[address]), daemon=True).start()


@pytest.fixture(scope="module")
def built() -> Iterator[Network]:
    network = Network({}, NftDriver())
    try:
        build(network)
        yield network
    finally:
        for one in network.sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for holder in network.holders:
            holder.kill()
            holder.wait()


@pytest.fixture
def network(built: Network) -> Iterator[Network]:
    """Each test starts without a table."""
    built.driver = NftDriver(built.paths["node"])
    yield built
    built.driver.remove()


@pytest.mark.parametrize("how", ["tcp", "udp"])
def test_cluster_address_is_shared_out_and_pods_keep_their_address(network: Network, how: str) -> None:
    network.apply(WEB)
    ask = (lambda: network.ask("caller", CLUSTER_IP, 80)) if how == "tcp" else (lambda: network.ask_udp("caller", CLUSTER_IP, 53))
    seen = Counter(ask() for _ in range(60))
    assert set(seen) == {f"near {PODS['caller']}", f"next {PODS['caller']}"}
    assert min(seen.values()) > 8, "the choice is random and even: fewer than 9 of 60 has odds of one in ten million"


@pytest.mark.parametrize(
    ("changes", "where", "address", "port", "want"),
    [
        pytest.param({"backends": (REMOTE,)}, "caller", CLUSTER_IP, 80, {f"far {PODS['caller']}"}, id="endpoint on another node"),
        pytest.param({}, "node", CLUSTER_IP, 80, {f"near {NODE}", f"next {NODE}"}, id="from the node itself"),
        pytest.param({}, "outside", NODE, 30080, {f"near {NODE}", f"next {NODE}"}, id="node port"),
        pytest.param({}, "caller", NODE, 30080, {f"near {NODE}", f"next {NODE}"}, id="node port from a pod"),
        pytest.param({}, "node", NODE, 30080, {f"near {NODE}", f"next {NODE}"}, id="node port from the node"),
        pytest.param({"backends": (REMOTE,)}, "outside", NODE, 30080, {f"far {NODE}"}, id="node port to another node"),
        pytest.param({}, "outside", LB, 80, {f"near {NODE}", f"next {NODE}"}, id="load balancer"),
        pytest.param({}, "caller", LB, 80, {f"near {NODE}", f"next {NODE}"}, id="load balancer from a pod"),
        pytest.param({}, "node", LB, 80, {f"near {NODE}", f"next {NODE}"}, id="load balancer from the node"),
        pytest.param(
            {"external_ips": ("203.0.113.77",)}, "outside", "203.0.113.77", 80, {f"near {NODE}", f"next {NODE}"}, id="external address"
        ),
        pytest.param(
            {"external_local": True, "backends": (NEAR, REMOTE)},
            "outside",
            LB,
            80,
            {f"near {WORLD}"},
            id="external Local keeps the client's address",
        ),
        pytest.param({"external_local": True, "backends": (NEAR, REMOTE)}, "outside", NODE, 30080, {f"near {WORLD}"}, id="node port Local"),
        pytest.param(
            {"external_local": True, "backends": (NEAR, REMOTE)},
            "caller",
            LB,
            80,
            {f"near {PODS['caller']}", f"far {PODS['caller']}"},
            id="external Local, pods of the node reach all",
        ),
        pytest.param(
            {"internal_local": True, "backends": (NEAR, REMOTE)}, "caller", CLUSTER_IP, 80, {f"near {PODS['caller']}"}, id="internal Local"
        ),
        pytest.param(
            {"source_ranges": ("203.0.113.0/24",)}, "outside", LB, 80, {f"near {NODE}", f"next {NODE}"}, id="source range that lets in"
        ),
        pytest.param({"backends": (NEAR,)}, "near", CLUSTER_IP, 80, {f"near {NODE}"}, id="hairpin"),
        pytest.param({}, "outside", CLUSTER_IP, 80, {f"near {NODE}", f"next {NODE}"}, id="cluster address from outside"),
    ],
)
def test_who_answers_and_whom_it_sees(
    network: Network, changes: dict[str, object], where: str, address: str, port: int, want: set[str]
) -> None:
    network.apply(replace(WEB, **changes))  # type: ignore[arg-type]
    assert {network.ask(where, address, port) for _ in range(24)} == want


@pytest.mark.parametrize(
    ("changes", "where", "address", "port"),
    [
        pytest.param({"backends": ()}, "caller", CLUSTER_IP, 80, id="no endpoints"),
        pytest.param({"backends": ()}, "node", CLUSTER_IP, 80, id="no endpoints, from the node"),
        pytest.param({"backends": ()}, "outside", NODE, 30080, id="no endpoints, node port"),
        pytest.param({"backends": ()}, "outside", LB, 80, id="no endpoints, load balancer"),
        pytest.param({}, "caller", CLUSTER_IP, 81, id="no such port"),
        pytest.param({}, "caller", "10.99.9.9", 80, id="no such service"),
        pytest.param({}, "outside", LB, 81, id="no such port, load balancer"),
    ],
)
def test_refused_at_once(network: Network, changes: dict[str, object], where: str, address: str, port: int) -> None:
    network.apply(replace(WEB, **changes))  # type: ignore[arg-type]
    with pytest.raises(ConnectionRefusedError):
        network.ask(where, address, port)


@pytest.mark.parametrize(("where", "address", "port"), [("caller", CLUSTER_IP, 53), ("outside", LB, 53), ("caller", "10.99.9.9", 53)])
def test_udp_is_refused_at_once(network: Network, where: str, address: str, port: int) -> None:
    network.apply(replace(WEB, backends=()))
    with pytest.raises(ConnectionRefusedError):
        network.ask_udp(where, address, port)


@pytest.mark.parametrize(
    ("changes", "where", "address"),
    [
        pytest.param({"internal_local": True, "backends": (REMOTE,)}, "caller", CLUSTER_IP, id="internal Local, none here"),
        pytest.param({"external_local": True, "backends": (REMOTE,)}, "outside", LB, id="external Local, none here"),
        pytest.param({"source_ranges": ("192.0.2.0/24",)}, "outside", LB, id="outside the source ranges"),
    ],
)
def test_dropped_without_an_answer(network: Network, changes: dict[str, object], where: str, address: str) -> None:
    network.apply(replace(WEB, **changes))  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        network.ask(where, address, 80, SILENCE_S)


def test_affinity_keeps_a_client_until_its_endpoint_goes(network: Network) -> None:
    sticky = replace(WEB, affinity_s=60, backends=(NEAR, NEXT, REMOTE))
    network.apply(sticky)
    first = {network.ask("caller", CLUSTER_IP, 80) for _ in range(20)}
    assert len(first) == 1
    kept = next(one for one in sticky.backends if NAMES[one.address] == first.copy().pop().split()[0])
    others = [one for one in sticky.backends if one is not kept]
    network.apply(replace(sticky, backends=(kept, others[0])))
    assert {network.ask("caller", CLUSTER_IP, 80) for _ in range(20)} == first, "another endpoint's end moves nobody"
    network.apply(replace(sticky, backends=tuple(others)))
    second = {network.ask("caller", CLUSTER_IP, 80) for _ in range(20)}
    assert len(second) == 1
    assert second != first
    network.apply(sticky)
    assert {network.ask("caller", CLUSTER_IP, 80) for _ in range(20)} == second, "the new choice is remembered"


def test_affinity_is_a_clients_own(network: Network) -> None:
    network.apply(replace(WEB, affinity_s=60, backends=(NEAR, NEXT)))
    answers = set()
    for last in range(10, 26):
        with in_netns(network.paths["outside"]):
            subprocess.run(["ip", "address", "add", f"203.0.113.{last}/32", "dev", "lo"], check=True)
        seen = set()
        for _ in range(3):
            with network.socket("outside", socket.SOCK_STREAM) as link:
                link.bind((f"203.0.113.{last}", 0))
                link.connect((LB, 80))
                seen.add(say(link))
        assert len(seen) == 1
        answers |= seen
    assert len(answers) == 2


def test_affinity_ends_after_its_time(network: Network) -> None:
    network.apply(replace(WEB, affinity_s=1))
    network.ask("caller", CLUSTER_IP, 80)
    with in_netns(network.paths["node"]):
        listed = ["nft", "list", "map", "inet", "seaway", "affinity"]
        assert PODS["caller"] in subprocess.run(listed, capture_output=True, text=True, check=True).stdout
        deadline = time.monotonic() + 10
        while PODS["caller"] in subprocess.run(listed, capture_output=True, text=True, check=True).stdout:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize("others", [0, 50], ids=["alone", "many change at once"])
def test_a_udp_flow_moves_on_when_its_endpoint_goes(network: Network, others: int) -> None:
    dns = replace(WEB.ports[1], node_port=0)
    names = [(ServiceName("other", f"s{n}"), f"10.96.8.{n + 1}") for n in range(others)]
    more = [replace(WEB, id=name, cluster_ip=address, load_balancer_ip="", ports=(dns,)) for name, address in names]

    def apply(*backends: Backend) -> None:
        network.apply(*(replace(one, backends=backends) for one in (WEB, *more)))

    apply(NEAR)
    with network.socket("caller", socket.SOCK_DGRAM) as link:
        link.connect((CLUSTER_IP, 53))
        assert say(link).startswith("near")
        apply(NEAR, NEXT)
        assert say(link).startswith("near"), "an open flow stays where it is"
        apply(NEXT)
        assert say(link).startswith("next")
        apply()
        with pytest.raises(ConnectionRefusedError):
            say(link)
        apply(NEAR)
        assert say(link).startswith("near")


def test_an_open_tcp_flow_stays_with_a_running_pod(network: Network) -> None:
    network.apply(replace(WEB, backends=(NEAR,)))
    with network.tcp("caller", CLUSTER_IP, 80) as link:
        assert say(link).startswith("near")
        network.apply(replace(WEB, backends=(NEXT,)))
        assert say(link).startswith("near")
        assert network.ask("caller", CLUSTER_IP, 80).startswith("next")
        network.apply()
        assert say(link).startswith("near"), "even when the Service is gone"


def test_an_address_that_another_pod_has_taken(network: Network) -> None:
    """A pod ends and its address goes to a pod of another Service: no flow of the first Service reaches that one."""
    other = replace(
        WEB, id=ServiceName("default", "zz"), cluster_ip="10.96.0.11", load_balancer_ip="", ports=(replace(WEB.ports[1], node_port=0),)
    )
    network.apply(replace(WEB, backends=(NEAR,)))
    with network.socket("caller", socket.SOCK_DGRAM) as link:
        link.connect((CLUSTER_IP, 53))
        assert say(link).startswith("near")
        network.apply(replace(WEB, backends=(NEXT,)), replace(other, backends=(replace(NEAR, ports=(5353,)),)))
        assert [say(link).split()[0] for _ in range(5)] == ["next"] * 5
        assert network.ask_udp("caller", other.cluster_ip, 53).startswith("near")


def test_nothing_is_lost_while_rules_change(network: Network) -> None:
    """Many open flows, and new ones as fast as they go, while endpoints and Services come and go."""
    network.apply(WEB)
    flows = [network.tcp("caller", CLUSTER_IP, 80) for _ in range(100)]
    before = [say(link) for link in flows]
    failures: list[str] = []
    count = 0
    done = threading.Event()

    def probe() -> None:
        nonlocal count
        while not done.is_set():
            try:
                network.ask("outside" if count % 4 == 0 else "caller", LB if count % 4 == 0 else CLUSTER_IP, 80)
                count += 1
            except OSError as error:
                failures.append(repr(error))

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        extra = [replace(WEB, id=ServiceName("other", f"s{n}"), cluster_ip=f"10.96.8.{n + 1}", load_balancer_ip="") for n in range(20)]
        extra = [replace(one, ports=(replace(one.ports[0], node_port=0),)) for one in extra]
        sets = [(NEAR,), (NEAR, NEXT), (NEXT,), (NEAR, NEXT, REMOTE), (REMOTE,), (NEXT, REMOTE)]
        for turn in range(48):
            network.apply(replace(WEB, backends=sets[turn % len(sets)]), *extra[: turn % 20])
            if turn % 12 == 11:
                network.driver = NftDriver(network.paths["node"])  # a control plane that has just been started again
    finally:
        done.set()
        prober.join()
    assert failures == []
    assert count > 48
    assert [say(link) for link in flows] == before
    for link in flows:
        link.close()


def test_a_refused_change_and_a_foreign_flush(network: Network) -> None:
    table = network.apply(WEB)
    bad = replace(table, chains=tuple(replace(one, rules=(*one.rules, NftRule("jump nowhere"))) for one in table.chains))
    with pytest.raises(DriverError):
        network.driver.apply(bad)
    assert network.ask("caller", CLUSTER_IP, 80)
    with in_netns(network.paths["node"]):
        subprocess.run(["nft", "flush", "ruleset"], check=True)
    assert network.driver.drifted()
    with pytest.raises(OSError, match=r"timed out|No route"):
        network.ask("caller", CLUSTER_IP, 80, SILENCE_S)
    assert network.driver.repair()
    assert network.ask("caller", CLUSTER_IP, 80)


def test_the_refusal_ends_when_endpoints_come(network: Network) -> None:
    def refused(ask: Callable[[], str]) -> bool:
        try:
            ask()
        except ConnectionRefusedError:
            return True
        return False

    for backends, want in (((), True), ((NEAR,), False), ((), True)):
        network.apply(replace(WEB, backends=backends))
        assert refused(lambda: network.ask("caller", CLUSTER_IP, 80)) == want
        assert refused(lambda: network.ask_udp("caller", CLUSTER_IP, 53)) == want
