"""A random world as the package sees it, and what its table says of a packet."""

from __future__ import annotations

from functools import lru_cache

from policy_ends import NAME, End, Packet
from policy_worlds import NODES, Object, World

from seaway.core.names import Key
from seaway.core.origin import GENERATED
from seaway.frontends.policies.build import READERS
from seaway.model.cluster import Node
from seaway.model.policies.identities import Ground
from seaway.model.policies.language import Policy, Transport
from seaway.model.policies.verdicts import Sources, VerdictTable, build_verdicts
from seaway.model.workload import ContainerPort, Pod, PodName, Protocol, ResolvConf, Standin
from seaway.resources.load import resource_of


def table_of(world: World) -> VerdictTable:
    policies = tuple(policy for one in world.policies for policy in policies_of(one))
    return build_verdicts(policies, ground_of(world))


def policies_of(manifest: Object) -> tuple[Policy, ...]:
    resource = resource_of(manifest)
    read = dict(READERS)[type(resource.body)]
    return read(resource).policies


def ground_of(world: World) -> Ground:
    spaces = tuple((name, tuple({**labels, NAME: name}.items())) for name, labels in sorted(world.namespaces.items()))
    pods = tuple(sorted((_pod(one) for one in world.pods), key=lambda pod: pod.id))
    return Ground(pods, spaces, tuple(Node(name, address, "10.244.0.0/16") for name, address in NODES))


def _pod(manifest: Object) -> Pod:
    meta, spec = manifest["metadata"], manifest["spec"]
    ports = spec["containers"][0]["ports"]
    return Pod(
        id=PodName(meta["namespace"], meta["name"]),
        labels=tuple(sorted(meta["labels"].items())),
        annotations=(),
        ip=manifest["status"]["podIP"],
        node=spec["nodeName"],
        host_network=spec["hostNetwork"],
        hostname=meta["name"],
        subdomain="",
        service_account=spec["serviceAccountName"],
        containers=("main",),
        ports=tuple(ContainerPort(one["name"], one["containerPort"], Protocol(one["protocol"]), False) for one in ports),
        probes=(),
        runs=Standin(),
        resolv_conf=ResolvConf((), (), ()),
        hosts=(),
        finite=False,
        revision="",
        owner=Key("", "Pod", meta["namespace"], meta["name"]),
        origin=GENERATED,
    )


def table_allows(table: VerdictTable, packet: Packet) -> bool:
    """By both ways to ask: one pair's verdict, and the groups of sources that the kernel's rules are made from."""
    source, destination = number_of(table, packet.source), number_of(table, packet.destination)
    transport = Transport(packet.protocol)
    verdict = table.verdict(source, destination, transport, packet.port).allowed
    group = next((one for one in _into(table, destination) if source in one.numbers), None)
    ports = group.ports if group is not None else ((transport, 0, 65535, True, False),)
    grouped = next(allowed for protocol, first, last, allowed, _ in ports if protocol is transport and first <= packet.port <= last)
    assert grouped == verdict, packet
    return verdict


@lru_cache(maxsize=64)
def _into(table: VerdictTable, destination: int) -> tuple[Sources, ...]:
    return table.into(destination)


def number_of(table: VerdictTable, end: End) -> int:
    found = table.identity_at(end.address)
    assert not end.is_pod or found == table.identity_of_pod[PodName(end.namespace, end.name)]
    return found
