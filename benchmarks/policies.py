"""The verdict table: all pairs of a cluster under its policies, with reasons. Time and memory; then what one changed label or policy costs.

Each size runs in a process of its own, so that its memory is its own. `all pairs` asks for every group of sources of every destination.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

from measure import environment

from seaway.core.cidr import format_ipv4
from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.core.origin import GENERATED
from seaway.frontends.policies.network_policy import read_network_policy
from seaway.model.cluster import Node
from seaway.model.policies.identities import Ground
from seaway.model.policies.language import Policy
from seaway.model.policies.verdicts import VerdictTable, build_verdicts
from seaway.model.workload import ContainerPort, Pod, PodName, Protocol, ResolvConf, Standin
from seaway.resources.load import resource_of

SIZES = tuple((pods, policies) for pods in (100, 1000, 10000) for policies in (10, 100, 1000))
NAMESPACE_OF_PODS, APP_OF_PODS = 100, 10
NAME = "kubernetes.io/metadata.name"


def pods_of(count: int) -> tuple[Pod, ...]:
    """Namespaces of a hundred pods, ten to an app; each pod has a label of its own, as a StatefulSet's have."""
    ports = (ContainerPort("http", 8080, Protocol.TCP, True),)
    found: list[Pod] = []
    for number in range(count):
        space, app = f"team-{number // NAMESPACE_OF_PODS}", f"app-{number // APP_OF_PODS % 10}"
        name = f"{app}-{number}"
        found.append(
            Pod(
                id=PodName(space, name),
                labels=(("app", app), ("pod", name), ("tier", "web" if app < "app-5" else "data")),
                annotations=(),
                ip=format_ipv4((10 << 24 | 244 << 16) + number + 2),
                node="node-1",
                host_network=False,
                hostname=name,
                subdomain="",
                service_account="default",
                containers=("main",),
                ports=ports,
                probes=(),
                runs=Standin(),
                resolv_conf=ResolvConf((), (), ()),
                hosts=(),
                finite=False,
                revision="",
                owner=Key("", "Pod", space, name),
                origin=GENERATED,
            )
        )
    return tuple(found)


def policy_of(number: int, namespaces: int, dice: random.Random) -> Policy:
    """Round the namespaces: a default deny, DNS, then rules between apps and namespaces, to the outside and for named ports."""
    space, turn = f"team-{number % namespaces}", number // namespaces % 10
    app = {"matchLabels": {"app": f"app-{dice.randrange(10)}"}}
    other = {"matchLabels": {NAME: f"team-{dice.randrange(namespaces)}"}}
    https, dns = {"port": 443}, [{"port": 53, "protocol": "UDP"}, {"port": 53}]
    outside = {"ipBlock": {"cidr": f"203.{dice.randrange(256)}.{dice.randrange(256)}.0/24"}}
    specs: tuple[dict[str, Any], ...] = (
        {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": dns}]},
        {"podSelector": app, "ingress": [{"from": [{"podSelector": {"matchLabels": {"tier": "web"}}}], "ports": [{"port": "http"}]}]},
        {"podSelector": app, "ingress": [{"from": [{"namespaceSelector": other, "podSelector": app}], "ports": [{"port": 8080}]}]},
        {"podSelector": app, "policyTypes": ["Egress"], "egress": [{"to": [outside], "ports": [https]}]},
        {"podSelector": app, "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]},
    )
    name = f"policy-{number}"
    manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": space}}
    return read_network_policy(resource_of({**manifest, "spec": specs[min(turn, 2 + number % 4) if turn else 0]})).policies[0]


def all_pairs(table: VerdictTable) -> int:
    """How many groups of pairs there are: for every destination, its sources by what passes from them."""
    return sum(len(table.into(one.number)) for one in table.identities)


def timed(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return (time.perf_counter() - began) * 1000


def measure(pods: int, policies: int) -> None:
    dice = random.Random(1)
    namespaces = max(pods // NAMESPACE_OF_PODS, 1)
    spaces = tuple((f"team-{at}", ((NAME, f"team-{at}"),)) for at in range(namespaces))
    ground = Ground(pods_of(pods), spaces, (Node("node-1", "198.18.0.1", "10.244.0.0/16"),))
    given = tuple(policy_of(number, namespaces, dice) for number in range(policies))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    memo = Memo()
    tables: list[VerdictTable] = []
    build = timed(lambda: tables.append(build_verdicts(given, ground, memo)))
    pairs = timed(lambda: all_pairs(tables[0]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    def relabelled(turn: int) -> None:
        changed = replace(ground.pods[pods // 2], labels=(("app", f"app-{turn}"), ("tier", "web")))
        build_verdicts(given, replace(ground, pods=(*ground.pods[: pods // 2], changed, *ground.pods[pods // 2 + 1 :])), memo)
        memo.turn()

    def repolicied(turn: int) -> None:
        changed = policy_of(policies * 10 + 2 * namespaces + turn, namespaces, dice)
        build_verdicts((*given[:-1], changed), ground, memo)
        memo.turn()

    memo.turn()
    label = median(timed(lambda turn=turn: relabelled(turn)) for turn in range(5))
    policy = median(timed(lambda turn=turn: repolicied(turn)) for turn in range(5))
    found = f"{pods:6} {policies:8} {len(tables[0].identities):10} {build:9.0f} {pairs:12.0f}"
    print(f"{found} {memory:9} {before:9} {label:10.1f} {policy:10.1f}", flush=True)


def main() -> None:
    if len(sys.argv) == 3:
        measure(int(sys.argv[1]), int(sys.argv[2]))
        return
    print(environment())
    print("  pods policies identities build, ms all pairs, ms  RSS, MB  (before) label, ms policy, ms")
    for pods, policies in SIZES:
        subprocess.run([sys.executable, __file__, str(pods), str(policies)], check=True)


if __name__ == "__main__":
    main()
