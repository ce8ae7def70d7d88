"""An ordinary user's network: the same, in a user namespace, with the machine's loopback as the way in."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from network import STOREFRONT, Load, Machine, Network, end_network, exchange, processes_with, wait_until

HIDDEN = ("/root",)
USER = "nobody"


def reveal(prefix: Path) -> str:
    """Shell commands that make the interpreter's folder reachable where it lies below a folder that only root may enter."""
    hidden = next((one for one in HIDDEN if prefix.is_relative_to(one)), None)
    if hidden is None:
        return ":"
    return (
        f"aside=$(mktemp -d); mount --bind {prefix} $aside; mount -t tmpfs -o mode=755 none {hidden}; "
        f"mkdir -p {prefix}; mount --bind $aside {prefix}; umount $aside; rmdir $aside"
    )


class UsersMachine(Machine):
    """Runs everything as an ordinary user."""

    def argv(self, *words: str) -> list[str]:
        return super().argv("setpriv", "--reuid", USER, "--regid", "nogroup", "--clear-groups", *words)


@pytest.fixture(scope="module")
def users() -> Iterator[Network]:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, to become somebody else, and setpriv")
    # The user may do here what is done at home: nothing stands in the way of ports below 1024 but the rights of the user.
    machine = UsersMachine(f"{reveal(Path(sys.base_prefix))}; sysctl -qw net.ipv4.ip_unprivileged_port_start=1024")
    home = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    shutil.chown(home, USER)
    home.chmod(0o755)
    network = Network(machine, home, env={"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"})
    if machine.run("unshare", "--user", "--map-root-user", "true").returncode != 0:
        machine.close()
        pytest.skip("this kernel gives ordinary users no user namespaces")
    network.up(str(STOREFRONT))
    yield network
    end_network(network)


def test_it_says_what_is_different(users: Network) -> None:
    users.kill("control")
    greeting = users.up(str(STOREFRONT)).stderr
    assert "on this machine: http://127.0.0.1:8080, https://127.0.0.1:8443" in greeting
    assert "without root, this machine reaches the gateway by its loopback ports only" in greeting


def test_nothing_of_it_runs_as_root(users: Network) -> None:
    uid = pwd.getpwnam(USER).pw_uid
    for name in ("control", "relay", "node-1/envoy", "node-1/agent"):
        status = Path(f"/proc/{users.process(name)}/status").read_text()
        assert f"\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n" in status, name


@pytest.mark.parametrize(("port", "tls", "status"), [(8443, True, 200), (8080, False, 308)], ids=["https", "http"])
def test_loopback_leads_to_the_gateway(users: Network, port: int, tls: bool, status: int) -> None:
    answer = users.host.get("127.0.0.1", port, "/cart", "web.example.com", tls=tls)
    assert answer.status == status
    if tls:
        assert answer.echo["workload"] == "Deployment/web"


def test_requests_from_outside_and_between_pods(users: Network) -> None:
    outside = users.json("request", "outside", "https://api.example.com/api/products")
    assert outside["summary"]["status"] == {"200": 1}
    pods: set[str] = set()
    for more in (("-n", "20"), ("-H", "canary: true")):  # of all others one in ten, which may be none of twenty
        inside = users.json("request", "production/api-gateway", "http://product-service:8080/api/products", *more)
        assert set(inside["summary"]["status"]) == {"200"}
        pods |= set(inside["summary"]["pods"])
    assert len(pods) == 3


def test_dig_and_node_port_inside(users: Network) -> None:
    said = users.text("exec", "production/web", "--", "dig", "+short", "+search", "web")
    assert said.strip() == users.cluster_ip("production", "web")
    body = users.text("exec", "outside", "--", "curl", "-s", "http://198.18.0.1:30080/")
    assert json.loads(body)["workload"] == "Deployment/web"


def test_probe(users: Network) -> None:
    """From outside the mesh: all but production, which the network policies shut."""
    found = users.json("probe", "--from", users.pods("legacy/")[0])["probes"]
    assert {one["to"].partition("/")[0] for one in found if one["allowed"]} == {"ingress-nginx", "kube-system"}
    assert {one["to"].partition("/")[0] for one in found if not one["allowed"]} == {"production"}
    members = users.json("probe", "-n", "production", "--from", users.pods("production/web")[0])["probes"]
    assert {(one["to"].rpartition("/")[2].partition("-")[0], one["allowed"]) for one in members} == {
        ("web", False),
        ("api", True),
        ("product", True),
        ("database", False),
    }


def test_killed_control_plane_is_taken_over(users: Network) -> None:
    before = {name: users.process(name) for name in ("relay", "node-1/envoy", "node-1/agent")}
    with users.host.tls("127.0.0.1", 8443, "web.example.com") as kept:
        exchange(kept, "/", "web.example.com", close=False)
        with Load(lambda: users.host.get("127.0.0.1", 8443, "/", "web.example.com", tls=True)) as load:
            users.kill("control")
            wait_until(lambda: load.sent > 20, "requests")
            users.up(str(STOREFRONT))
        assert load.failed == {}
        assert exchange(kept, "/", "web.example.com").status == 200
    assert {name: users.process(name) for name in before} == before


@pytest.mark.parametrize("who", ["envoy", "keeper"])
def test_killed_relay_is_back(users: Network, who: str) -> None:
    """The relay's Envoy is kept up; should its keeper die too, the next `up` begins anew."""
    before = sorted(pid for pid, words in processes_with(str(users.state / "relay.json")))
    keeper = users.process("relay")
    assert len(before) == 2
    if who == "keeper":
        os.kill(keeper, signal.SIGKILL)
        users.kill("control")
        users.up(str(STOREFRONT))
    else:
        os.kill(next(pid for pid in before if pid != keeper), signal.SIGKILL)

    def answers() -> bool:
        try:
            return users.host.get("127.0.0.1", 8443, "/", "web.example.com", tls=True).status == 200
        except OSError:
            return False

    wait_until(answers, "an answer")
    assert len(processes_with(str(users.state / "relay.json"))) == 2
