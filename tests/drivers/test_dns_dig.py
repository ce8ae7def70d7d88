"""dig inside a pod's network, with the resolv.conf that a pod has: what a user sees. Needs dig (Debian: bind9-dnsutils)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.drivers.dns.interface import Place
from seaway.drivers.dns.server import DnsServer
from seaway.protocols.dns_zone import DnsZone, RecordSet

HUNDRED = tuple(f"10.244.1.{number}" for number in range(1, 101))
ZONE = DnsZone(
    "cluster.local",
    "ns.dns",
    5,
    1,
    ("96.10.in-addr.arpa",),
    ("svc", "pod"),
    (
        RecordSet("ns.dns", "A", 5, ("127.0.0.1",)),
        RecordSet("dns-version", "TXT", 28800, ("1.1.0",)),
        RecordSet("web.production.svc", "A", 5, ("10.96.3.4",)),
        RecordSet("_http._tcp.web.production.svc", "SRV", 5, ("0 100 80 web.production.svc",)),
        RecordSet("4.3.96.10.in-addr.arpa.", "PTR", 5, ("web.production.svc",)),
        RecordSet("db.production.svc", "A", 5, HUNDRED),
        RecordSet("ext.production.svc", "CNAME", 5, ("www.example.com.",)),
        RecordSet("10-244-1-1.production.pod", "A", 5, ("10.244.1.1",)),
    ),
)
RESOLV_CONF = """search production.svc.cluster.local svc.cluster.local cluster.local
nameserver 127.0.0.1
options ndots:5
"""


class Pod:
    def __init__(self, netns: Path, resolv_conf: Path) -> None:
        self._inside = ["nsenter", f"--net={netns}", "unshare", "--mount", "sh", "-c"]
        self._resolv_conf = resolv_conf

    def run(self, *argv: str) -> str:
        """Output of a program in the pod's network, with its resolv.conf mounted where programs look for it."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        done = subprocess.run(
            [*self._inside, script, str(self._resolv_conf), *argv], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout + done.stderr

    def short(self, *argv: str) -> list[str]:
        return sorted(self.run("dig", "+short", *argv).splitlines())


@pytest.fixture
def pod(beside: Any, namespaces: Any, short_path: Path) -> Iterator[Pod]:
    netns = namespaces.make("pod")
    resolv_conf = short_path / "resolv.conf"
    resolv_conf.write_text(RESOLV_CONF)
    server: DnsServer = beside.call(lambda: DnsServer())
    beside.call(lambda: server.load(ZONE))
    beside.run(server.listen(Place(str(netns), "127.0.0.1")))
    yield Pod(netns, resolv_conf)
    beside.run(server.stop())


def test_records(pod: Pod) -> None:
    host = "web.production.svc.cluster.local"
    assert pod.short(host) == ["10.96.3.4"]
    assert pod.short(host, "AAAA") == []
    assert pod.short("_http._tcp." + host, "SRV") == [f"0 100 80 {host}."]
    assert pod.short("-x", "10.96.3.4") == [f"{host}."]
    assert pod.short("ext.production.svc.cluster.local", "CNAME") == ["www.example.com."]
    assert pod.short("dns-version.cluster.local", "TXT") == ['"1.1.0"']
    assert pod.short("10-244-1-1.production.pod.cluster.local") == ["10.244.1.1"]
    assert pod.short("cluster.local", "NS") == ["ns.dns.cluster.local."]
    assert pod.short("+tcp", host) == ["10.96.3.4"]


def test_outcomes(pod: Pod) -> None:
    text = pod.run("dig", "web.production.svc.cluster.local", "AAAA")
    assert "status: NOERROR" in text
    assert "ANSWER: 0, AUTHORITY: 1" in text
    assert "recursion requested but not available" not in text
    for name in ("none.production.svc.cluster.local", "web.production.svc.cluster.local.production.svc.cluster.local", "www.example.com"):
        assert "status: NXDOMAIN" in pod.run("dig", name)
    assert "status: REFUSED" in pod.run("dig", "version.bind", "CH", "TXT")
    assert "RFC8482" in pod.run("dig", "web.production.svc.cluster.local", "ANY", "+notcp")
    assert "10.96.3.4" in pod.run("dig", "+ednsopt=65001:00", "+cookie", "web.production.svc.cluster.local")


def test_the_search_path(pod: Pod) -> None:
    for name in ("web", "web.production", "web.production.svc"):
        assert pod.short("+search", name) == ["10.96.3.4"]
    assert pod.short("+nosearch", "web") == []


def test_names_as_a_program_resolves_them(pod: Pod) -> None:
    """The C library walks the search path by itself, and asks for both families."""
    for name in ("web", "web.production", "web.production.svc.cluster.local", "web.production.svc.cluster.local."):
        assert pod.run("getent", "ahosts", name).split()[0] == "10.96.3.4"
    assert len({line.split()[0] for line in pod.run("getent", "ahosts", "db").splitlines()}) == 100
    assert pod.run("getent", "ahosts", "www.example.com") == ""


def test_a_hundred_endpoints(pod: Pod) -> None:
    name = "db.production.svc.cluster.local"
    cut = pod.run("dig", "+ignore", "+bufsize=512", name)
    assert " tc " in cut
    assert "ANSWER: 0" in cut
    told = pod.run("dig", "+bufsize=1232", name)
    assert "Truncated, retrying in TCP mode" in told
    assert "ANSWER: 100" in told
    assert " tc " not in pod.run("dig", "+ignore", "+bufsize=4096", name)
    assert pod.short("+bufsize=4096", name) == sorted(HUNDRED)
    assert pod.short("+tcp", name) == sorted(HUNDRED)
