"""`seaway explain --verify` with real packets: what is said of a request is what becomes of it, in every layer; and so for each trap of the
guide's network policies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from explained_world import GUIDE_TRAPS, GUIDE_WORKLOADS, VERDICTS, WORLD
from network import ROOT, Network

Make = Callable[..., Network]

GUIDE = Path(os.environ.get("SEAWAY_GUIDE", ROOT.parent / "shared" / "guide")) / "network-policies.yaml"
SAMPLE = {
    "port of no rule",
    "no endpoint",
    "udp",
    "plaintext to STRICT",
    "authorized",
    "another path",
    "bytes match no rule of HTTP",
    "from outside",
    "a part has no endpoint",
}
"""What every run sends; the rest takes long, much of it until a proxy gives up."""


def flags(words: str) -> list[str]:
    source, target, *rest = words.split()
    return [source, target, *(f"--{one}" for one in rest)]


def explained(network: Network, *asked: list[str]) -> list[dict[str, Any]]:
    """The documents, several questions at once."""
    with ThreadPoolExecutor(6) as many:
        done = list(many.map(lambda one: network.seaway("explain", *one, "--verify", "-o", "json"), asked))
    assert {one.returncode for one in done} <= {0, 1}, [one.stderr for one in done]
    return [json.loads(one.stdout) for one in done]


@pytest.fixture(scope="module")
def network(networks: Make) -> Network:
    network: Network = networks()
    network.write("world.yaml", WORLD)
    network.write("workloads.yaml", GUIDE_WORKLOADS)
    network.write("guide.yaml", GUIDE.read_text() if GUIDE.is_file() else "")
    network.up()
    return network


def check(network: Network, questions: list[tuple[Any, ...]]) -> None:
    found = explained(network, *(flags(str(one[0])) for one in questions))
    wrong = [
        (words, document["verdict"], document["status"], document["sent"])
        for (words, verdict, status, _), document in zip(questions, found, strict=True)
        if (document["verdict"], document["status"], document["verified"]) != (verdict, status, None if verdict == "unknown" else True)
    ]
    assert wrong == []


def test_what_is_said_is_what_happens(network: Network) -> None:
    check(network, [one.values for one in VERDICTS if one.id in SAMPLE])


@pytest.mark.slow
def test_what_is_said_is_what_happens_everywhere(network: Network) -> None:
    check(network, [one.values for one in VERDICTS if one.id not in SAMPLE])


@pytest.mark.slow
@pytest.mark.skipif(not GUIDE.is_file(), reason=f"the guide's manifests are not at {GUIDE} (SEAWAY_GUIDE names another folder)")
def test_the_traps_of_the_guide(network: Network) -> None:
    found = explained(network, *(flags(str(one.values[0])) for one in GUIDE_TRAPS))
    for trap, document in zip(GUIDE_TRAPS, found, strict=True):
        words, verdict, text = trap.values
        assert (document["verdict"], document["verified"]) == (verdict, None if verdict == "unknown" else True), (words, document)
        assert any(str(text) in step["text"] for step in document["steps"]), (words, document["steps"])


def test_text_says_that_it_was_sent(network: Network) -> None:
    told = network.text("explain", "town/client", "http://server/open", "--verify")
    assert "verified: sent, and it is so: status 200 from town/server" in told
    refused = network.seaway("explain", "town/client", "http://server/open", "--verify", str(network.manifests))
    assert (refused.returncode, "--verify is about the running network" in refused.stderr) == (2, True)
