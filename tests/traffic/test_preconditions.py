"""A machine that lacks something: one message that says what and how to mend it, no traceback, and nothing half-built."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable

import pytest
from network import STOREFRONT, Network


@pytest.fixture
def machine(networks: Callable[..., Network]) -> Network:
    """A network that never comes up."""
    network = networks()
    network.manifests.joinpath("one.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n")
    return network


def complains(network: Network, *words: str, detach: bool = True, seen: Callable[[], object] | None = None) -> str:
    """What `seaway up` says when it cannot; nothing of it is left then, without any `down`."""
    look = seen or network.machine.picture
    before = look()
    done = network.seaway("up", str(network.manifests), *words, *(("--detach",) if detach else ()), timeout=15)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    network.assert_gone()
    assert look() == before
    return done.stderr


@pytest.mark.parametrize(("name", "detach"), [("nft", True), ("unshare", False)], ids=["nft-detached", "unshare-foreground"])
def test_a_program_is_missing(machine: Network, name: str, detach: bool) -> None:
    path = os.path.realpath(shutil.which(name) or name)
    machine.machine.out("mount", "--bind", "/dev/null", path)
    said = complains(machine, detach=detach, seen=lambda: machine.machine.out("ip", "-o", "address"))
    assert name in said
    assert "install the package" in said


def test_no_envoy(machine: Network) -> None:
    assert "/no/such/envoy" in complains(machine, "--envoy-path", "/no/such/envoy")


def test_state_folder_that_cannot_be_made(machine: Network) -> None:
    (machine.home / "file").write_text("")
    done = machine.machine.run(*machine.prefix, "up", "--state", str(machine.home / "file" / "s"), str(machine.manifests), "--detach")
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1)
    assert "cannot make the state folder" in done.stderr


def test_state_folder_on_a_read_only_disk(machine: Network) -> None:
    machine.state.mkdir()
    machine.machine.out("mount", "-t", "tmpfs", "-o", "ro", "none", str(machine.state))
    done = machine.seaway("up", str(machine.manifests), "--detach")
    machine.machine.out("umount", str(machine.state))
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1), done.stderr
    assert "Read-only file system" in done.stderr


def test_state_path_too_long_for_sockets(machine: Network) -> None:
    done = machine.machine.run(*machine.prefix, "up", "--state", f"/tmp/{'x' * 90}", str(machine.manifests), "--detach")
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1)
    assert "too long for sockets" in done.stderr
    assert not os.path.exists(f"/tmp/{'x' * 90}")


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "no manifests in"), ("{", "one.yaml:1")],
    ids=["empty", "broken"],
)
def test_nothing_to_run(machine: Network, text: str | None, words: str) -> None:
    if text is None:
        (machine.manifests / "one.yaml").unlink()
        assert words in complains(machine)
    else:
        (machine.manifests / "one.yaml").write_text(text)
        machine.up()
        assert words in machine.seaway("check").stdout


def test_few_file_descriptors(networks: Callable[..., Network]) -> None:
    """A soft limit is raised; a hard limit of 256 is enough for the storefront."""
    network = networks()
    network.prefix = ("sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *network.prefix)
    network.up(str(STOREFRONT))
    assert network.host.get(network.gateway, 443, "/", "web.example.com", tls=True).status == 200


def test_no_capabilities(machine: Network) -> None:
    """Root without the right to make namespaces, as in a container."""
    machine.prefix = ("setpriv", "--bounding-set", "-sys_admin,-net_admin", "--inh-caps", "-sys_admin,-net_admin", *machine.prefix)
    assert "CAP_SYS_ADMIN" in complains(machine)


@pytest.mark.slow
def test_two_networks_in_one_folder(machine: Network) -> None:
    machine.up()
    done = machine.seaway("up", str(machine.manifests), "--detach")
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1)
    assert "a network runs here already" in done.stderr


@pytest.mark.slow
def test_two_networks_on_one_machine(networks: Callable[..., Network]) -> None:
    """The second has loopback ports of its own, and leaves the first one's routes alone."""
    first, second = networks(), networks()
    second.machine.close()
    second.machine = first.machine
    first.up(str(STOREFRONT))
    second.others_links = tuple(link["ifname"] for link in json.loads(first.machine.out("ip", "-j", "link")))
    second.up(str(STOREFRONT))
    assert first.host.get("127.0.0.1", 443, "/", "web.example.com", tls=True).status == 200
    assert first.host.get(first.gateway, 443, "/", "web.example.com", tls=True).status == 200
    assert second.host.get("127.0.0.1", 8443, "/", "web.example.com", tls=True).status == 200
    assert second.json("request", "outside", "https://web.example.com/")["summary"]["status"] == {"200": 1}
    second.down()
    assert first.host.get(first.gateway, 443, "/", "web.example.com", tls=True).status == 200
