"""DNS: queries a second on one core and p99, against unbound with the same records in the same run.

    python benchmarks/dns.py [--seconds 3] [--services 10,100,1000,10000]

Needs dnsperf and unbound (Debian packages). Each server is one process pinned to the first core and dnsperf to the second, on ports of
127.0.0.1. Queries are those of stub resolvers inside pods: for each service name its A and AAAA (an IPv4 service: no data), one miss of the
search path, now and then SRV and PTR. Throughput is measured with as many queries in flight as dnsperf keeps by default; latency in a
second run, offered a rate that both servers can bear, since a queue that is always full measures only itself.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from seaway.drivers.dns.interface import Place
from seaway.drivers.dns.server import DnsServer
from seaway.protocols.dns_name import absolute
from seaway.protocols.dns_wire import compile_zone
from seaway.protocols.dns_zone import DnsZone, RecordSet

SERVER_CORE, CLIENT_CORE = "0", "1"
OUR_PORT, UNBOUND_PORT = 15353, 15354
LATENCY_RATE = 10_000


def zone_of(services: int) -> DnsZone:
    """A cluster of services with an address, a named port and a pointer each; every tenth is headless with five endpoints."""
    records = [RecordSet("ns.dns", "A", 5, ("10.96.0.10",))]
    for number in range(services):
        host, address = f"service-{number}.team-{number % 20}.svc", f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        if number % 10 == 0:
            pods = tuple(
                f"10.244.{number >> 8 & 255}.{number & 255}" if pod == 0 else f"10.{244 - pod}.{number >> 8}.{number & 255}"
                for pod in range(5)
            )
            records.append(RecordSet(host, "A", 5, pods))
        else:
            pointer = ".".join(reversed(address.split("."))) + ".in-addr.arpa."
            records += [RecordSet(host, "A", 5, (address,)), RecordSet(pointer, "PTR", 5, (host,))]
            records.append(RecordSet(f"_http._tcp.{host}", "SRV", 5, (f"0 100 80 {host}",)))
    return DnsZone("cluster.local", "ns.dns", 5, services, ("96.10.in-addr.arpa",), ("svc", "pod"), tuple(records))


def queries_for(zone: DnsZone) -> str:
    lines: list[str] = []
    for record in zone.records:
        name = absolute(record.name, zone.domain)
        if record.type == "A":
            lines += [f"{name} A", f"{name} AAAA"] * 3 + [f"{name}.team-0.svc.cluster.local A"]
        else:
            lines.append(f"{name} {record.type}")
    return "\n".join(lines) + "\n"


def unbound_config(zone: DnsZone, folder: Path) -> str:
    lines = [
        "server:",
        '  chroot: ""',
        f'  directory: "{folder}"',
        '  pidfile: ""',
        '  username: ""',
        "  use-syslog: no",
        "  verbosity: 0",
        "  interface: 127.0.0.1",
        f"  port: {UNBOUND_PORT}",
        "  num-threads: 1",
        "  do-daemonize: no",
        "  module-config: iterator",
        "  so-rcvbuf: 1m",
        *(f'  local-zone: "{apex}." static' for apex in (zone.domain, *zone.reverse)),
        f'  local-data: "{zone.domain}. 5 SOA ns.dns.{zone.domain}. hostmaster.{zone.domain}. 1 7200 1800 86400 5"',
    ]
    for record in zone.records:
        name = absolute(record.name, zone.domain)
        for data in record.data:
            parts = data.split(" ")
            if record.type in ("SRV", "PTR"):
                parts[-1] = absolute(parts[-1], zone.domain) + "."
            lines.append(f'  local-data: "{name}. {record.ttl} {record.type} {" ".join(parts)}"')
    return "\n".join([*lines, "remote-control:", "  control-enable: no", ""])


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """A server on one core, from its first answer on; yields its process id."""
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            probe = ["dig", "+time=1", "+tries=1", "+short", "@127.0.0.1", "-p", str(port), "ns.dns.cluster.local"]
            if subprocess.run(probe, capture_output=True, check=False).stdout.strip() == b"10.96.0.10":
                break
            time.sleep(0.05)
        else:
            sys.exit(f"no answer from {command[0]}")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def dnsperf(port: int, queries: Path, seconds: float, *more: str) -> str:
    command = ["taskset", "-c", CLIENT_CORE, "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(queries), "-l", str(seconds), *more]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Figures(NamedTuple):
    """Queries a second, lost ones in percent, the server's CPU time a query in microseconds, latencies in milliseconds."""

    rate: float
    lost: float
    cpu_us: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.rate:>9,.0f} {self.lost:>5.1f}% {self.cpu_us:>5.1f} {self.p50_ms:>7.2f} {self.p99_ms:>7.2f}"


def measure(process: int, port: int, queries: Path, seconds: float) -> Figures:
    dnsperf(port, queries, 1)  # both prepare on first questions
    before = cpu_s(process)
    summary = dnsperf(port, queries, seconds)
    spent = cpu_s(process) - before
    verbose = dnsperf(port, queries, seconds, "-v", "-Q", str(LATENCY_RATE))
    times = sorted(float(line.rsplit(" ", 1)[-1]) for line in verbose.splitlines() if line.startswith(">"))
    return Figures(
        rate=float(_field(r"Queries per second:\s+([\d.]+)", summary)),
        lost=float(_field(r"Queries lost:\s+\d+ \(([\d.]+)%\)", summary)),
        cpu_us=spent * 1e6 / float(_field(r"Queries completed:\s+(\d+)", summary)),
        p50_ms=times[len(times) // 2] * 1000,
        p99_ms=times[int(len(times) * 0.99)] * 1000,
    )


def cpu_s(process: int) -> float:
    """User and system time of a process so far (proc(5))."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _field(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        sys.exit(f"dnsperf printed no {pattern}:\n{text}")
    return found.group(1)


async def serve(services: int) -> None:
    server = DnsServer()
    server.load(zone_of(services))
    await server.listen(Place(None, "127.0.0.1", OUR_PORT))
    await asyncio.Event().wait()


def environment() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    versions = [subprocess.run(command, capture_output=True, text=True, check=False) for command in (["unbound", "-V"], ["dnsperf", "-h"])]
    lines = [(one.stdout + one.stderr) for one in versions]
    unbound, perf = (_field(pattern, text) for pattern, text in zip((r"Version ([\d.]+)", r"Version ([\d.]+)"), lines, strict=True))
    return (
        f"{cpu.group(1) if cpu else '?'}, Linux {platform.release()}, Python {platform.python_version()}, unbound {unbound}, dnsperf {perf}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--services", default="10,100,1000,10000")
    arguments.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve is not None:
        asyncio.run(serve(given.serve))
        return
    for tool in ("dnsperf", "unbound", "dig", "taskset"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed (Debian: dnsperf, unbound, bind9-dnsutils, util-linux)")
    print(environment())
    one = f"{'q/s':>9} {'lost':>6} {'us/q':>5} {'p50 ms':>7} {'p99 ms':>7}"
    print(f"{'':>19}   {'seaway':^38}   {'unbound':^38}\n{'services':>9} {'compile':>9} | {one} | {one} | ratio")
    for services in (int(text) for text in given.services.split(",")):
        with tempfile.TemporaryDirectory() as name:
            compare(services, Path(name), given.seconds)


def compare(services: int, folder: Path, seconds: float) -> None:
    zone = zone_of(services)
    began = time.perf_counter()
    compile_zone(zone)
    compiled = time.perf_counter() - began
    queries, config = folder / "queries", folder / "unbound.conf"
    queries.write_text(queries_for(zone))
    config.write_text(unbound_config(zone, folder))
    with running([sys.executable, __file__, "--serve", str(services)], OUR_PORT) as process:
        ours = measure(process, OUR_PORT, queries, seconds)
    with running(["unbound", "-d", "-c", str(config)], UNBOUND_PORT) as process:
        theirs = measure(process, UNBOUND_PORT, queries, seconds)
    print(f"{services:>9} {compiled * 1000:>6.0f} ms | {ours} | {theirs} | {ours.rate / theirs.rate:.2f}")


if __name__ == "__main__":
    main()
