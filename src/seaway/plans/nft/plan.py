"""What one node's kernel does with traffic to Services, for callers outside the mesh: kube-proxy's part.

From the model and the present health to one table; `layout.py` says what the table looks like. Network policies are left to `policy.py`,
conntrack to `stale.py`, the order of changes to `change.py`. IPv4 only, as the cluster's ranges are.
"""

from __future__ import annotations

import ipaddress
from bisect import insort_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from seaway.core.memo import Memo
from seaway.model.cluster import Node
from seaway.model.index import Model
from seaway.model.service import Endpoint, Health, Service, ServicePort, endpoints, health_of
from seaway.model.workload import GatewayProxy, Pod, PodName
from seaway.plans.nft.layout import DROP, REFUSE, Elements, Ranges, choice_chain, choice_name, service_chains, service_maps
from seaway.plans.nft.policy import NO_POLICIES, PolicyPlan
from seaway.plans.nft.table import Element, NftChain, NftTable


@dataclass(frozen=True, slots=True)
class Frontend:
    """One address and port that clients dial, and where a node sends them.

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

    Most frontends are the same everywhere: with one `memo` for all nodes, which the caller turns when it has them all, their elements are
    made once, and stand in all tables as one tuple.
    """
    memo, view = memo or Memo(), view or NftView()
    here = next(one for one in model.cluster.nodes if one.name == node)
    common = memo.stage("common", _common, model, health)
    members = memo("members", _members, model, view.captured)
    own = tuple(
        (number, part)
        for number, service in common.local
        for part in memo((node, service.id), _parts, service, health_of(service, health), here)
    )
    elements = replace(_with_own(common, own, node), members=members.get(node, ()))
    verdicts = common.verdicts | {one.value for _, part in own for one in (*part.elements.services, *part.elements.external)}
    chains = memo(node, _chains, here, model.cluster.service_cidr, tuple(sorted(verdicts)), view.policies)
    return NftTable(maps=(*service_maps(elements), *view.policies.maps), chains=chains)


@dataclass(frozen=True, slots=True)
class _Part:
    """A frontend as elements."""

    frontend: Frontend
    elements: Elements


_Claims = Mapping[str, tuple[int, _Part]]
"""By the key of a frontend, with the number of the Service that it is of."""


@dataclass(frozen=True, slots=True)
class _Common:
    """What all nodes have in common, and the Services (with their numbers) of which they have something of their own, too."""

    claims: _Claims
    elements: Elements
    verdicts: frozenset[str]
    addresses: Mapping[str, frozenset[str]]
    local: tuple[tuple[int, Service], ...]


def _common(model: Model, health: Health, memo: Memo) -> _Common:
    claims: dict[str, tuple[int, _Part]] = {}
    for number, service in enumerate(model.services):
        for part in memo(service.id, _parts, service, health_of(service, health), None):
            claims.setdefault(part.frontend.key, (number, part))
    parts = [part for _, part in claims.values()]
    balancers = sorted({one.load_balancer_ip for one in model.services if is_ipv4(one.load_balancer_ip)})
    elements = replace(_joined(claims), balancers=tuple(Element(one) for one in balancers))
    return _Common(
        claims=claims,
        elements=elements,
        verdicts=frozenset(one.value for one in (*elements.services, *elements.external)),
        addresses=_addresses(parts),
        local=tuple((number, one) for number, one in enumerate(model.services) if _differs_by_node(one)),
    )


def _addresses(parts: Iterable[_Part]) -> Mapping[str, frozenset[str]]:
    """Of endpoints, by their node."""
    found: dict[str, set[str]] = {}
    for part in parts:
        for one in part.frontend.inside:
            found.setdefault(one.node, set()).add(one.address)
    return {node: frozenset(addresses) for node, addresses in found.items()}


def _with_own(common: _Common, own: tuple[tuple[int, _Part], ...], node: str) -> Elements:
    """All of a node's elements. What is its own is put in where it belongs, and all else is not touched."""
    claims: dict[str, tuple[int, _Part]] = {}
    for number, part in own:
        claims.setdefault(part.frontend.key, (number, part))
    if claims.keys() & common.claims.keys():  # somebody claims what is another's, so that the order of Services decides
        claims |= {key: one for key, one in common.claims.items() if key not in claims or one[0] < claims[key][0]}
        elements = replace(_joined(claims), balancers=common.elements.balancers)
    else:
        elements = _inserted(common.elements, _joined(claims))
    addresses = common.addresses.get(node, frozenset()) | _addresses(part for _, part in claims.values()).get(node, frozenset())
    return replace(elements, hairpin=tuple(Element(f"{one} . {one}") for one in sorted(addresses)))


_WHOLE_KEYS = ("services", "external", "masqueraded", "guarded")
"""Maps whose keys are frontends."""

_LONGER_KEYS = ("endpoints", "local_endpoints", "sticky", "sticky_ids", "local_sticky", "local_sticky_ids", "source_ranges")
"""Maps whose keys begin with a frontend and hold one field more."""


def _joined(claims: _Claims) -> Elements:
    """In the order of frontends."""
    ordered = [claims[key][1].elements for key in sorted(claims)]
    return Elements(**{name: tuple(chain.from_iterable(getattr(one, name) for one in ordered)) for name in (*_WHOLE_KEYS, *_LONGER_KEYS)})


def _inserted(common: Elements, own: Elements) -> Elements:
    """Both, in the order of frontends; maps of which there is nothing own are the very same."""
    changed: dict[str, tuple[Element, ...]] = {}
    for names, frontend in ((_WHOLE_KEYS, _key), (_LONGER_KEYS, _start_of_key)):
        for name in names:
            if added := getattr(own, name):
                merged = list(getattr(common, name))
                for one in added:
                    insort_right(merged, one, key=frontend)
                changed[name] = tuple(merged)
    return replace(common, **changed)


def _key(element: Element) -> str:
    return element.key


def _start_of_key(element: Element) -> str:
    return element.key.rpartition(" . ")[0]


def _chains(here: Node, service_cidr: str, verdicts: tuple[str, ...], policies: PolicyPlan) -> tuple[NftChain, ...]:
    ranges = Ranges(
        pods=str(ipaddress.IPv4Network(here.pod_cidr)),
        services=str(ipaddress.IPv4Network(service_cidr)),
        node=str(ipaddress.IPv4Address(here.address)),
    )
    choices = tuple(choice_chain(one.removeprefix("goto ")) for one in verdicts if one not in (DROP, REFUSE))
    return (*service_chains(ranges, choices, policies.forward(ranges.pods)), *policies.chains(ranges.pods))


def _members(model: Model, captured: frozenset[PodName] | None) -> Mapping[str, tuple[Element, ...]]:
    """By node, the members of which nothing has to be washed off."""
    found: dict[str, list[str]] = {}
    for pod in model.pods:
        if pod.id in model.member and _washes(pod, captured):
            found.setdefault(pod.node, []).append(pod.ip)
    return {node: tuple(Element(one) for one in sorted(addresses)) for node, addresses in found.items()}


def _washes(pod: Pod, captured: frozenset[PodName] | None) -> bool:
    """Whether what comes from a member is clean already: by its own table, or because nothing but the proxy runs in it."""
    return captured is None or pod.id in captured or isinstance(pod.runs, GatewayProxy)


def _parts(service: Service, health: Health, here: Node | None) -> tuple[_Part, ...]:
    return tuple(_Part(one, _elements(one)) for one in service_frontends(service, health, here))


def _differs_by_node(service: Service) -> bool:
    """Whether `service_frontends` has something for single nodes."""
    return service.internal_local or service.external_local or any(is_port(one.node_port) for one in service.ports)


def service_frontends(service: Service, health: Health, here: Node | None) -> Iterator[Frontend]:
    """The frontends of a Service that a node has for itself; those that all nodes have alike where it is None.

    None at all for headless and ExternalName Services.
    """
    if not is_ipv4(service.cluster_ip):
        return
    for index, port in enumerate(service.ports):
        usable = tuple(one for one in endpoints(service, index, health) if is_ipv4(one.address) and is_port(one.port))
        yield from _port_frontends(service, port, usable, here)


def _port_frontends(service: Service, port: ServicePort, usable: tuple[Endpoint, ...], here: Node | None) -> Iterator[Frontend]:
    mine = tuple(one for one in usable if here is not None and one.node == here.name)
    label = f"{service.id}:{port.name or port.port}"
    protocol = port.protocol.value.lower()

    def external(address: str, number: int, source_ranges: tuple[str, ...] = ()) -> Frontend:
        outside = mine if service.external_local else None
        masquerade = not service.external_local
        return Frontend(address, protocol, number, label, usable, outside, bool(usable), masquerade, service.affinity_s, source_ranges)

    if service.internal_local == (here is not None):
        inside = mine if service.internal_local else usable
        yield Frontend(service.cluster_ip, protocol, port.port, label, inside, None, bool(usable), False, service.affinity_s)
    if here is not None and is_port(port.node_port):
        yield external(here.address, port.node_port)
    if service.external_local == (here is not None):
        if is_ipv4(service.load_balancer_ip):
            yield external(service.load_balancer_ip, port.port, service.source_ranges)
        for address in service.external_ips:
            if is_ipv4(address):
                yield external(address, port.port)


def _elements(frontend: Frontend) -> Elements:
    """Those of one frontend."""
    served = ((frontend, frontend.inside),)
    local = ((frontend, frontend.outside),) if frontend.outside is not None else ()
    return Elements(
        services=tuple(Element(one.key, _verdict(one, chosen, False), one.label) for one, chosen in served),
        external=tuple(Element(one.key, _verdict(one, chosen, True), one.label) for one, chosen in local),
        endpoints=tuple(_numbered(served)),
        local_endpoints=tuple(_numbered(local)),
        sticky=tuple(_by_id(served)),
        sticky_ids=tuple(_ids(served)),
        local_sticky=tuple(_by_id(local)),
        local_sticky_ids=tuple(_ids(local)),
        masqueraded=(Element(frontend.key),) if frontend.masquerade else (),
        guarded=(Element(frontend.key),) if frontend.source_ranges else (),
        source_ranges=tuple(Element(f"{frontend.key} . {cidr}") for cidr in _disjoint(frontend.source_ranges)),
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
