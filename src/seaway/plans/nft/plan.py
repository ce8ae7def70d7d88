"""What one node's kernel does with traffic to Services, for callers outside the mesh: kube-proxy's part.

From the model and the present health to one table; `layout.py` says what the table looks like. Network policies are left to `policy.py`,
conntrack to `stale.py`, the order of changes to `change.py`. IPv4 only, as the cluster's ranges are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from seaway.core.memo import Memo
from seaway.model.cluster import Node
from seaway.model.index import Model
from seaway.model.service import Endpoint, Health, Service, ServicePort, endpoints, health_of
from seaway.model.workload import GatewayProxy, Pod, PodName
from seaway.plans.nft.layout import DROP, REFUSE, Elements, Ranges, choice_chain, choice_name, service_chains, service_maps
from seaway.plans.nft.policy import NO_POLICIES, PolicyPlan
from seaway.plans.nft.table import Element, NftTable


@dataclass(frozen=True, slots=True)
class Frontend:
    """One address and port that clients dial, and where this node sends them.

    `inside` serves this node's pods and processes, `outside` everybody else; None: the same. `exists` says whether the service port has
    endpoints anywhere: without them clients are refused, while a Local policy with none on this node drops, as kube-proxy does.
    """

    address: str
    protocol: str
    port: int
    label: str
    inside: tuple[Endpoint, ...]
    outside: tuple[Endpoint, ...] | None
    exists: bool
    masquerade: bool
    affinity_s: int
    source_ranges: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.address} . {self.protocol} . {self.port}"


@dataclass(frozen=True, slots=True)
class NftView:
    """What a node's table needs to know beside the model: `captured` are the members that have tables of their own by now, all where it is
    None; `policies` are what every node's table has of them."""

    captured: frozenset[PodName] | None = None
    policies: PolicyPlan = NO_POLICIES


def plan_nft(model: Model, health: Health, node: str, memo: Memo | None = None, view: NftView | None = None) -> NftTable:
    """The table of one node, named as in `model.cluster.nodes`. A frontend that two Services claim goes to the first of them.

    `memo` is this node's own.
    """
    memo, view = memo or Memo(), view or NftView()
    here = next(one for one in model.cluster.nodes if one.name == node)
    frontends: dict[str, Frontend] = {}
    for service in model.services:
        for key, frontend in memo(service.id, _keyed_frontends, service, health_of(service, health), here):
            frontends.setdefault(key, frontend)
    memo.turn()
    ordered = [frontends[key] for key in sorted(frontends)]
    balancers = {one.load_balancer_ip for one in model.services if is_ipv4(one.load_balancer_ip)}
    ranges = Ranges(
        pods=str(ipaddress.IPv4Network(here.pod_cidr)),
        services=str(ipaddress.IPv4Network(model.cluster.service_cidr)),
        node=str(ipaddress.IPv4Address(here.address)),
    )
    members = sorted(pod.ip for pod in model.pods_on(node) if pod.id in model.member and _washes(pod, view.captured))
    filled = replace(_elements(ordered, balancers, here.name), members=tuple(Element(one) for one in members))
    verdicts = {one.value for one in (*filled.services, *filled.external)}
    names = sorted(one.removeprefix("goto ") for one in verdicts - {DROP, REFUSE})
    chains = service_chains(ranges, tuple(choice_chain(one) for one in names), view.policies.forward(ranges.pods))
    return NftTable(maps=(*service_maps(filled), *view.policies.maps), chains=(*chains, *view.policies.chains))


def _washes(pod: Pod, captured: frozenset[PodName] | None) -> bool:
    """Whether what comes from a member is clean already: by its own table, or because nothing but the proxy runs in it."""
    return captured is None or pod.id in captured or isinstance(pod.runs, GatewayProxy)


def _keyed_frontends(service: Service, health: Health, here: Node) -> tuple[tuple[str, Frontend], ...]:
    return tuple((one.key, one) for one in service_frontends(service, health, here))


def service_frontends(service: Service, health: Health, here: Node) -> Iterator[Frontend]:
    """All frontends of a Service on one node; none for headless and ExternalName Services."""
    if not is_ipv4(service.cluster_ip):
        return
    for index, port in enumerate(service.ports):
        usable = tuple(one for one in endpoints(service, index, health) if is_ipv4(one.address) and is_port(one.port))
        yield from _port_frontends(service, port, usable, here)


def _port_frontends(service: Service, port: ServicePort, usable: tuple[Endpoint, ...], here: Node) -> Iterator[Frontend]:
    mine = tuple(one for one in usable if one.node == here.name)
    label = f"{service.id}:{port.name or port.port}"
    protocol = port.protocol.value.lower()

    def external(address: str, number: int, source_ranges: tuple[str, ...] = ()) -> Frontend:
        outside = mine if service.external_local else None
        masquerade = not service.external_local
        return Frontend(address, protocol, number, label, usable, outside, bool(usable), masquerade, service.affinity_s, source_ranges)

    inside = mine if service.internal_local else usable
    yield Frontend(service.cluster_ip, protocol, port.port, label, inside, None, bool(usable), False, service.affinity_s)
    if is_port(port.node_port):
        yield external(here.address, port.node_port)
    if is_ipv4(service.load_balancer_ip):
        yield external(service.load_balancer_ip, port.port, service.source_ranges)
    for address in service.external_ips:
        if is_ipv4(address):
            yield external(address, port.port)


def _elements(frontends: list[Frontend], balancers: set[str], node: str) -> Elements:
    served = [(one, one.inside) for one in frontends]
    local = [(one, one.outside) for one in frontends if one.outside is not None]
    own = {each.address for one in frontends for each in one.inside if each.node == node}
    return Elements(
        services=tuple(Element(one.key, _verdict(one, chosen, False), one.label) for one, chosen in served),
        external=tuple(Element(one.key, _verdict(one, chosen, True), one.label) for one, chosen in local),
        endpoints=tuple(_numbered(served)),
        local_endpoints=tuple(_numbered(local)),
        sticky=tuple(_by_id(served)),
        sticky_ids=tuple(_ids(served)),
        local_sticky=tuple(_by_id(local)),
        local_sticky_ids=tuple(_ids(local)),
        masqueraded=tuple(Element(one.key) for one in frontends if one.masquerade),
        hairpin=tuple(Element(f"{one} . {one}") for one in sorted(own)),
        balancers=tuple(Element(one) for one in sorted(balancers)),
        guarded=tuple(Element(one.key) for one in frontends if one.source_ranges),
        source_ranges=tuple(Element(f"{one.key} . {cidr}") for one in frontends for cidr in _disjoint(one.source_ranges)),
    )


def _verdict(frontend: Frontend, chosen: tuple[Endpoint, ...], local: bool) -> str:
    if chosen:
        return f"goto {choice_name(len(chosen), local, frontend.affinity_s)}"
    return DROP if frontend.exists else REFUSE


def _numbered(served: Iterable[tuple[Frontend, tuple[Endpoint, ...]]]) -> Iterator[Element]:
    for frontend, chosen in served:
        if not frontend.affinity_s:
            for number, one in enumerate(chosen):
                yield Element(f"{frontend.key} . {number}", f"{one.address} . {one.port}")


def _by_id(served: Iterable[tuple[Frontend, tuple[Endpoint, ...]]]) -> Iterator[Element]:
    for frontend, chosen in served:
        if frontend.affinity_s:
            for number, one in zip(endpoint_ids(chosen), chosen, strict=True):
                yield Element(f"{frontend.key} . {number}", f"{one.address} . {one.port}")


def _ids(served: Iterable[tuple[Frontend, tuple[Endpoint, ...]]]) -> Iterator[Element]:
    for frontend, chosen in served:
        if frontend.affinity_s:
            for number, one in enumerate(endpoint_ids(chosen)):
                yield Element(f"{frontend.key} . {number}", str(one))


def endpoint_ids(chosen: tuple[Endpoint, ...]) -> tuple[int, ...]:
    """A 32-bit number for each endpoint that stays the same while others come and go: its address, or the next free number for a second
    endpoint on one address."""
    taken: dict[int, None] = {}
    for one in chosen:
        number = int(ipaddress.IPv4Address(one.address))
        while number in taken:
            number = (number + 1) % 2**32
        taken[number] = None
    return tuple(taken)


def _disjoint(ranges: tuple[str, ...]) -> list[str]:
    """IPv4 ranges without overlaps, which the kernel's interval sets refuse. A single address is written without a prefix length."""
    networks = [ipaddress.IPv4Network(one, strict=False) for one in ranges if is_ipv4(one.partition("/")[0])]
    merged = sorted(ipaddress.collapse_addresses(networks))
    return [str(one.network_address) if one.prefixlen == 32 else str(one) for one in merged]


def is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_port(number: int) -> bool:
    return 0 < number < 65536
