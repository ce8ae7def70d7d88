"""What the kernel really lets through between all pods, beside what the verdict table says: for tests of network policies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from network import Network

from seaway.app.probing import Target, probe
from seaway.app.state import read_leases
from seaway.drivers.process.namespaces import in_netns
from seaway.frontends.build import build_model
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.workload import PodName, Protocol, Standin
from seaway.sources.files import FileSource


def model_of(network: Network) -> Model:
    """What these manifests mean with the addresses that the network has."""
    snapshot = FileSource((str(network.manifests),)).read()
    return build_model(snapshot, default_cluster(2), read_leases(network.state / "leases.json")).model


@dataclass(frozen=True, slots=True)
class Tried:
    """A connection from a pod to a port of another one; `wanted` is the table's word, `seen` the kernel's."""

    source: PodName
    target: str
    port: int
    protocol: str
    wanted: bool
    seen: bool


def tried_everywhere(network: Network) -> list[Tried]:
    """Every pair of pods on every port that a stand-in serves, all at once."""
    model = model_of(network)
    pods = [pod for pod in model.pods if isinstance(pod.runs, Standin)]
    targets = {
        pod.id: tuple(
            Target(str(pod.id), pod.ip, port.port, port.protocol.value) for port in pod.ports if port.protocol is not Protocol.SCTP
        )
        for pod in pods
    }
    clients = {pod.id: network.inside(str(pod.id)) for pod in pods}

    def calls(source: PodName) -> list[Tried]:
        wanted = tuple(one for pod, each in targets.items() if pod != source for one in each)
        with in_netns(clients[source].netns):
            return [_beside(model, source, outcome) for outcome in probe(wanted)]

    with ThreadPoolExecutor(len(pods)) as pool:
        return [one for each in pool.map(calls, clients) for one in each]


def _beside(model: Model, source: PodName, outcome: Any) -> Tried:
    target: Target = outcome.target
    table = model.verdicts
    ends = (table.identity_of_pod[source], table.identity_of_pod[PodName(*target.pod.split("/"))])
    wanted = table.verdict(*ends, Transport(target.protocol), target.port).allowed
    return Tried(source, target.pod, target.port, target.protocol, wanted, outcome.allowed)
