"""How long the services' table takes: to plan, to load, to change by one endpoint, to look over after somebody else's change.

Run as root or as anybody: `python benchmarks/nft_services.py [SERVICE PORTS ...]`. It measures in namespaces of its own, once as the
caller and once in a user namespace, where the kernel takes only small transactions.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from seaway.core.names import Key
from seaway.core.origin import GENERATED
from seaway.drivers.nft.command import find_nft, run_nft
from seaway.drivers.nft.real import NftDriver
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.service import Backend, Health, Service, ServiceName, ServicePort, ServiceType
from seaway.model.workload import Protocol
from seaway.plans.nft.plan import plan_nft
from seaway.plans.nft.table import NftTable

SIZES = (10, 100, 1000, 5000)
CLUSTER = Cluster((Node("one", "192.168.7.1", "10.244.0.0/16"),))
INSIDE = "--inside"


def service(number: int, endpoints: int = 3) -> Service:
    spread = [number * 3 + one for one in range(endpoints)]
    return Service(
        id=ServiceName("default", f"service-{number:05}"),
        type=ServiceType.CLUSTER_IP,
        labels=(),
        annotations=(),
        cluster_ip=f"10.96.{number >> 8}.{number & 255}",
        load_balancer_ip="",
        external_ips=(),
        source_ranges=(),
        external_name="",
        ports=(ServicePort("http", 80, Protocol.TCP, "", 0, GENERATED),),
        affinity_s=0,
        internal_local=False,
        external_local=False,
        publish_not_ready=False,
        selects_pods=False,
        backends=tuple(Backend(f"10.244.{one >> 8 & 255}.{one & 255}", None, "one", "", (8080,), True, GENERATED) for one in spread),
        owner=Key("", "Service", "default", f"service-{number:05}"),
        origin=GENERATED,
    )


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


def plan(services: tuple[Service, ...]) -> NftTable:
    return plan_nft(Model(CLUSTER, (), services, ()), Health(), "one")


def measure(size: int) -> None:
    services = tuple(service(number) for number in range(1, size + 1))
    planning = timed(lambda: plan(services))
    table = plan(services)
    driver = NftDriver()
    load = timed(lambda: driver.apply(table))
    changes = []
    for turn in range(6):
        changed = plan((service(1, 4 - turn % 2 * 2), *services[1:]))
        changes.append(timed(lambda changed=changed: driver.apply(changed)))
    moved = plan((*services[:-1], replace(services[-1], backends=services[0].backends)))
    look = timed(driver.drifted)
    quiet = statistics.median(timed(driver.drifted) for _ in range(5))
    takeover = timed(lambda: NftDriver().apply(moved))
    change = statistics.median(changes)
    print(f"{size:>6} service ports: plan {planning:6.0f} ms, first load {load:6.0f} ms, one endpoint changed {change:5.1f} ms,", end=" ")
    print(f"take-over {takeover:6.0f} ms, drift check {quiet:5.2f} ms ({look:5.0f} ms after new chains)", flush=True)


def main(arguments: list[str]) -> None:
    if INSIDE in arguments:
        measure(int(arguments[-1]))
        return
    sizes = [int(one) for one in arguments] or list(SIZES)
    version = run_nft(find_nft(), "--version").strip()
    print(f"{version}, Linux {platform.release()}, {os.cpu_count()} cores, three endpoints a service port")
    for name, flags in (("as root", "-n"), ("in a user namespace", "-Urn")):
        if flags == "-n" and os.geteuid() != 0:
            continue
        print(name)
        for size in sizes:
            subprocess.run(["unshare", flags, sys.executable, __file__, INSIDE, str(size)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
