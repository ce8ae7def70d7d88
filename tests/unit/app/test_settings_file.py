"""`seaway.toml`: what it may hold, and that each wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.app.settings_file import check_upstreams, find_settings_file, read_settings_file
from seaway.core.errors import UsageError
from seaway.model.defaults import default_cluster


def write(folder: Path, text: str) -> Path:
    path = folder / "seaway.toml"
    path.write_text(text)
    return path


def test_no_file_means_the_defaults() -> None:
    wishes = read_settings_file(None)
    assert (wishes.cluster, dict(wishes.commands)) == (default_cluster(), {})


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_settings_file(write(tmp_path, "")).cluster == default_cluster()


def test_every_key(tmp_path: Path) -> None:
    text = """
        nodes = 2
        [cluster]
        domain = "k8s.example.org"
        pod_cidr = "10.0.0.0/20"
        service_cidr = "172.20.0.0/16"
        load_balancer_cidr = "203.0.113.0/24"
        dns_upstreams = ["192.0.2.53", "192.0.2.54:5353"]
        [mesh]
        leaf_ttl = "1m30s"
        shorter_way = false
        [localities]
        node-2 = "eu/eu-1"
        [commands]
        "production/Deployment/web" = "python3 -m http.server 8080"
    """
    wishes = read_settings_file(write(tmp_path, text))
    cluster = wishes.cluster
    assert [node.pod_cidr for node in cluster.nodes] == ["10.0.0.0/21", "10.0.8.0/21"]
    assert [node.locality for node in cluster.nodes] == ["", "eu/eu-1"]
    assert (cluster.domain, cluster.pod_cidr, cluster.service_cidr) == ("k8s.example.org", "10.0.0.0/20", "172.20.0.0/16")
    assert cluster.dns_address == "172.20.0.10", "the tenth of the service range, where none is named"
    assert cluster.load_balancer_cidr == "203.0.113.0/24"
    assert cluster.dns_upstreams == ("192.0.2.53", "192.0.2.54:5353")
    assert dict(wishes.commands) == {"production/Deployment/web": "python3 -m http.server 8080"}
    assert wishes.leaf_s == 90
    assert not wishes.shorter_way


@pytest.mark.parametrize(("share", "per_million"), [("false", 0), ("true", 1_000_000), ("0.5", 5000), ("100", 1_000_000), ("0", 0)])
def test_how_many_flows_are_told_of(tmp_path: Path, share: str, per_million: int) -> None:
    assert read_settings_file(write(tmp_path, f"[flows]\nall = {share}")).flows_per_million == per_million


def test_whether_accepts_are_told_of(tmp_path: Path) -> None:
    assert read_settings_file(write(tmp_path, "[flows]\naccepts = true")).cluster.tell_accepts
    assert not read_settings_file(write(tmp_path, "[flows]\nall = true")).cluster.tell_accepts


def test_dns_has_the_address_that_is_named(tmp_path: Path) -> None:
    assert read_settings_file(write(tmp_path, '[cluster]\ndns_address = "10.96.7.7"')).cluster.dns_address == "10.96.7.7"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("nodes = 0", "nodes = 0", id="no node"),
        pytest.param('[mesh]\nleaf_ttl = "soon"', "mesh.leaf_ttl = 'soon'", id="a life in words"),
        pytest.param('[mesh]\nleaf_ttl = "1s"', "mesh.leaf_ttl = '1s'", id="too short a life"),
        pytest.param('[mesh]\nleaf_ttl = "2161h"', "mesh.leaf_ttl = '2161h'", id="too long a life"),
        pytest.param("[flows]\nall = 101", "flows.all = 101", id="more than all flows"),
        pytest.param("nodes = 101", "nodes = 101", id="too many nodes"),
        pytest.param('nodes = "two"', "nodes", id="nodes in words"),
        pytest.param("nods = 2", "nods", id="an unknown key"),
        pytest.param('[cluster]\npod_cdir = "10.0.0.0/16"', "pod_cdir", id="an unknown key of the cluster"),
        pytest.param('[cluster]\ndomain = "Cluster Local"', "cluster.domain", id="no DNS name"),
        pytest.param('[cluster]\npod_cidr = "10.0.0.1/16"', "cluster.pod_cidr", id="a range with host bits"),
        pytest.param('[cluster]\npod_cidr = "10.0.0.0/30"', "cluster.pod_cidr", id="a tiny range"),
        pytest.param('nodes = 64\n[cluster]\npod_cidr = "10.0.0.0/24"', "10.0.0.0/24", id="a range without room for the nodes"),
        pytest.param('[cluster]\nservice_cidr = "fd00::/64"', "cluster.service_cidr", id="IPv6"),
        pytest.param('[cluster]\nload_balancer_cidr = "many"', "cluster.load_balancer_cidr", id="no range"),
        pytest.param("[cluster]\nload_balancer_cidr = 7", "cluster.load_balancer_cidr", id="a number"),
        pytest.param('[cluster]\ndns_address = "192.0.2.1"', "cluster.dns_address", id="outside of the services"),
        pytest.param('[cluster]\ndns_address = "dns"', "cluster.dns_address", id="no address"),
        pytest.param('[cluster]\ndns_upstreams = ["dns.example.org"]', "cluster.dns_upstreams", id="an upstream by name"),
        pytest.param('[cluster]\ndns_upstreams = ["192.0.2.1:0"]', "cluster.dns_upstreams", id="an upstream's port"),
        pytest.param('[cluster]\npod_cidr = "10.96.0.0/16"', "cluster.pod_cidr", id="pods among services"),
        pytest.param('[cluster]\nload_balancer_cidr = "198.18.0.0/16"', "cluster.load_balancer_cidr", id="balancers among nodes"),
        pytest.param('[cluster]\nservice_cidr = "198.18.254.0/24"', "cluster.service_cidr", id="services on the link"),
        pytest.param('[localities]\nnode-2 = "eu"', "localities.node-2", id="no such node"),
        pytest.param('[localities]\nnode-1 = "eu//rack"', "localities.node-1", id="a place without a zone"),
        pytest.param('[localities]\nnode-1 = "a/b/c/d"', "localities.node-1", id="a place too deep"),
        pytest.param('[localities]\nnode-1 = "e u"', "localities.node-1", id="a place that is no label"),
        pytest.param('[commands]\n"web" = "true"', "commands.'web'", id="a command for nobody"),
        pytest.param('[commands]\n"a/b/c" = 3', "commands", id="a command that is none"),
        pytest.param("nodes = \nx = 1", "line 1", id="no TOML"),
    ],
)
def test_each_wrong_key_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read_settings_file(write(tmp_path, text))
    assert named in refusal.value.message
    assert refusal.value.help


@pytest.mark.parametrize("missing", [True, False], ids=["no such file", "no text"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, missing: bool) -> None:
    path = tmp_path / "seaway.toml"
    if not missing:
        path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=str(path)):
        read_settings_file(path)


def test_flags_are_named_as_flags() -> None:
    with pytest.raises(UsageError, match="--dns-upstream"):
        check_upstreams(("nowhere",))


def test_the_first_folder_with_a_settings_file_gives_it(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    wanted = write(tmp_path / "b", "")
    write(tmp_path / "c", "")
    (tmp_path / "seaway.yaml").touch()
    paths = tuple(str(tmp_path / name) for name in ("seaway.yaml", "a", "b", "c"))
    assert find_settings_file(paths) == wanted
    assert find_settings_file(paths[:2]) is None
