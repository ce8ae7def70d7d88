"""What dies under the mesh, and what goes on: Envoy killed, the control plane killed in the middle of an edit. Jobs end, and programs start with a network."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from mesh_town import FILES, Traffic, allow, mutual
from network import Network, wait_until

SHOP = ("town", "shop")
ANNA, BERT = "town/anna", "town/bert"

WORK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: import, namespace: town}
spec:
  template:
    metadata:
      annotations:
        seaway.dev/command: sh -c "curl -sf -m 5 http://shop.town/ && echo imported"
    spec:
      restartPolicy: Never
      containers: [{name: import}]
"""


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    network = networks()
    for name, text in FILES.items():
        write(network, name, text)
    write(network, "security.yaml", mutual("STRICT"), allow("anna"))
    network.up()
    wait_until(lambda: ask(network, ANNA) == 200 and ask(network, BERT) == 403, "the mesh")
    return network


def write(network: Network, name: str, *texts: str) -> None:
    network.write(name, "".join(texts).removeprefix("---\n"))


def ask(network: Network, pod: str) -> int | str:
    try:
        return network.inside(pod).get(network.cluster_ip(*SHOP), 80, "/", "shop.town").status
    except OSError as error:
        return type(error).__name__


def test_killed_envoy_is_back_with_identities_and_policies(town: Network) -> None:
    before = town.process("node-1/envoy")
    with Traffic(town, SHOP, (BERT,)) as denied:
        town.kill("node-1/envoy")
        wait_until(lambda: ask(town, ANNA) == 200, "an answer")
        wait_until(lambda: ask(town, BERT) == 403, "the policy")
    assert town.process("node-1/envoy") != before
    assert "200" not in denied.loads[BERT].seen


def test_killed_agent_takes_nothing_from_those_who_talk(town: Network) -> None:
    """Envoy keeps the secrets that it has; who comes later has its own from the next agent."""
    before = town.process("node-1/agent")
    town.kill("node-1/agent")
    wait_until(lambda: town.process("node-1/agent") != before, "another agent")
    wait_until(lambda: ask(town, ANNA) == 200, "stand-ins")
    assert ask(town, BERT) == 403


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_control_plane_killed_in_the_middle_of_an_edit(town: Network, seed: int) -> None:
    """Who is denied before and after is denied between, and who is allowed by both is served; the next control plane finishes."""
    chance = random.Random(seed)
    other = ("carl", "dora", "emil")[seed]
    with Traffic(town, SHOP, (ANNA,), ANNA) as traffic, Traffic(town, SHOP, (BERT,)) as denied:
        write(town, "security.yaml", mutual("STRICT"), allow("anna", other))
        time.sleep(chance.uniform(0.0, 0.4))
        town.kill("control")
        time.sleep(0.3)
        town.up()
        wait_until(lambda: f"sa/{other}" in town.envoy("/config_dump"), "the edit live")
    assert (traffic.lost, traffic.streams_ended) == ({}, 0)
    assert set(denied.loads[BERT].seen) == {"403"}


def test_a_job_that_calls_out_at_once_ends(town: Network) -> None:
    """It finds its network in its first instant, and no proxy keeps it from its end."""
    write(town, "security.yaml", mutual("STRICT"))
    wait_until(lambda: ask(town, BERT) == 200, "everybody allowed")
    write(town, "work.yaml", WORK)
    pod = wait_until(lambda: town.pods("town/import"), "its pod")[0]
    wait_until(lambda: "imported" in town.seaway("logs", pod).stdout, "its work done")
    assert "starts again" not in [line for line in town.text("logs", "control").splitlines() if "town/import" in line]
    write(town, "security.yaml", mutual("STRICT"), allow("anna"))
    wait_until(lambda: ask(town, BERT) == 403, "the policy")
    (town.manifests / "work.yaml").unlink()
