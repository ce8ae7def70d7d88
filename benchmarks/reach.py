"""`seaway reach`: all pairs of pods with their reasons, in groups, and then written out pair by pair where these are few enough.

Each size runs in a process of its own, so that its memory is its own. Clusters and policies are those of policies.py.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time

from measure import environment
from policies import NAME, NAMESPACE_OF_PODS, pods_of, policy_of

from seaway.analysis.reach.connections import find_reach
from seaway.analysis.reach.peers import list_peers
from seaway.model.defaults import default_cluster
from seaway.model.index import Model

SIZES = tuple((pods, policies) for pods in (100, 1000, 10000) for policies in (10, 100, 1000))


def measure(pods: int, policies: int) -> None:
    dice = random.Random(1)
    namespaces = max(pods // NAMESPACE_OF_PODS, 1)
    spaces = tuple((f"team-{at}", ((NAME, f"team-{at}"),)) for at in range(namespaces))
    given = tuple(policy_of(number, namespaces, dice) for number in range(policies))
    model = Model(default_cluster(), pods_of(pods), (), (), policies=given, namespaces=spaces)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    began = time.perf_counter()
    table = model.verdicts
    built = time.perf_counter()
    peers = list_peers((model,), by_pod=True)
    reach = find_reach(model, peers)
    found = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    pairs = sum(one.sources.bit_count() for one in reach.connections if one.pieces)
    groups = f"{len(table.identities):10} {len(reach.connections):8} {pairs:11}"
    print(f"{pods:6} {policies:8} {groups} {(built - began) * 1000:9.0f} {(found - built) * 1000:9.0f} {memory:8} {before:9}", flush=True)


def main() -> None:
    if len(sys.argv) == 3:
        measure(int(sys.argv[1]), int(sys.argv[2]))
        return
    print(environment())
    print("  pods policies identities   groups  open pairs table, ms reach, ms  RSS, MB  (before)")
    for pods, policies in SIZES:
        subprocess.run([sys.executable, __file__, str(pods), str(policies)], check=True)


if __name__ == "__main__":
    main()
