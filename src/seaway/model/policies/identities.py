"""Identities: classes of pods, nodes and outside addresses that no policy tells apart.

Pods are classed by what policies read of them: their namespace, labels that some selector names, service account, ports by name, and the
piece of the address space that they are in. Classes that all peers and subjects take or leave alike are one identity. Each peer of each
policy then is a set of identities, one integer (`masks`), and the table works on those alone.

An identity's number is a hash of who takes it, so that it stays while the policies that see it stay: a new pod or a policy elsewhere
renumbers nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

from seaway.core.labels import Selector
from seaway.core.memo import Memo
from seaway.model.cluster import Node
from seaway.model.locality import parse_locality
from seaway.model.policies.addresses import Pieces, address_of, cidrs_of
from seaway.model.policies.language import Block, Entity, NamedPort, Names, Nodes, Peer, Pods, Policy, Rule, Transport
from seaway.model.policies.masks import LabelIndex, Labels, bits, keys_of
from seaway.model.workload import ContainerPort, GatewayProxy, Pod, PodName

NUMBER_BITS = 24
"""Numbers are 1 to 2^24 - 1, so that a packet's 32-bit mark holds one and leaves room."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What policies are about. `namespaces` are (name, labels), the label with the name among them."""

    pods: tuple[Pod, ...]
    namespaces: tuple[tuple[str, Labels], ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """One class. Of pods, nodes and blocks one is filled: pods, or nodes (with their addresses as blocks), or blocks outside."""

    number: int
    pods: tuple[PodName, ...]
    blocks: tuple[str, ...]
    name: str
    nodes: tuple[str, ...] = ()


NamedPorts = tuple[tuple[str, Transport, int], ...]
"""(name, protocol, port) of a pod's ports whose name a policy reads."""


@dataclass(frozen=True)
class Identities:
    """All identities, densely: identity n is bit n of every mask."""

    all: tuple[Identity, ...]
    of_pod: Mapping[PodName, int]
    ranges: tuple[tuple[int, int, int], ...]
    """Disjoint ranges of addresses, ascending and complete: first, last, identity's position. Pods' addresses are looked up first."""
    named_ports: tuple[NamedPorts, ...]
    """By position; empty for nodes and outside."""
    peer_masks: Mapping[Peer, int]

    @cached_property
    def everything(self) -> int:
        return (1 << len(self.all)) - 1

    @cached_property
    def position(self) -> Mapping[int, int]:
        """By number."""
        return {one.number: at for at, one in enumerate(self.all)}

    @cached_property
    def carriers(self) -> Mapping[str, Mapping[tuple[Transport, int], int]]:
        """By name of a port, then by what it stands for: the set of identities where it does."""
        found: defaultdict[str, defaultdict[tuple[Transport, int], int]] = defaultdict(lambda: defaultdict(int))
        for at, ports in enumerate(self.named_ports):
            for name, transport, port in ports:
                found[name][transport, port] |= 1 << at
        return found


def node_labels(node: Node) -> Labels:
    """The labels that every node has: https://kubernetes.io/docs/reference/node/node-labels/"""
    place = parse_locality(node.locality)
    known = (
        ("kubernetes.io/hostname", node.name),
        ("topology.kubernetes.io/region", place.region),
        ("topology.kubernetes.io/zone", place.zone),
    )
    return tuple((key, value) for key, value in known if value)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the policies read, each once and in order."""

    pods: tuple[Pods, ...]
    blocks: tuple[Block, ...]
    nodes: tuple[Nodes, ...]
    ports: frozenset[str]
    entities: bool


@dataclass(frozen=True, slots=True)
class _Class:
    """Pods of which policies read the same."""

    namespace: str
    labels: Labels
    account: str
    ports: NamedPorts
    piece: int
    gateway: bool


@dataclass(frozen=True, slots=True)
class _Alike:
    """Pods that are alike but perhaps for where they are, with their addresses; pods ascending."""

    namespace: str
    labels: Labels
    account: str
    ports: NamedPorts
    gateway: bool
    pods: tuple[PodName, ...]
    addresses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """A class, node or piece on its way to an identity: what takes it, by position in the list of peers."""

    kind: int
    """0 of pods, 1 of nodes, 2 outside."""
    ports: NamedPorts
    taken: list[int]


def build_identities(policies: tuple[Policy, ...], ground: Ground, memo: Memo | None = None) -> Identities:
    """The identities of a cluster under these policies."""
    memo = memo or Memo()
    read = _read(policies)
    pieces = Pieces(read.blocks, (number for node in ground.nodes if (number := address_of(node.address)) is not None))
    accounts = any(one.accounts for one in read.pods)
    keys = keys_of(one.pods for one in read.pods)
    spaces: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in ground.pods:
        spaces[pod.id.namespace].append(pod)
    alike = [one for name, pods in spaces.items() for one in memo(name, _alike, tuple(pods), keys, read.ports, accounts, read.entities)]
    classes = _classes(alike, pieces if any(block.pods for block in read.blocks) else None)
    peers: tuple[Peer, ...] = (*read.pods, *read.blocks, *read.nodes, *Entity)
    of_classes = _class_masks(tuple(classes), read, pieces, ground)
    of_outside = _outside_masks(read, pieces, ground)
    outside = _outside(pieces, ground)
    groups = [_Group(0, one.ports, []) for one in classes] + [_Group(1 if one.node else 2, (), []) for one in outside]
    for number, peer in enumerate(peers):
        mask = of_classes.get(peer, 0) | of_outside.get(peer, 0) << len(classes)
        for at in bits(mask):
            groups[at].taken.append(number)
    return _numbered(tuple(classes.values()), outside, groups, peers, ground)


def _read(policies: tuple[Policy, ...]) -> _Read:
    pods: dict[Pods, None] = {}
    blocks: dict[Block, None] = {}
    nodes: dict[Nodes, None] = {}
    ports: set[str] = set()
    entities = False
    for policy in policies:
        pods[policy.subject] = None
        for rule in rules_of(policy):
            ports.update(one.name for one in rule.ports or () if isinstance(one, NamedPort))
            for peer in rule.peers or ():
                match peer:
                    case Pods():
                        pods[peer] = None
                    case Block():
                        blocks[peer] = None
                    case Nodes():
                        nodes[peer] = None
                    case Entity():
                        entities = True
                    case Names():
                        pass
    return _Read(tuple(pods), tuple(blocks), tuple(nodes), frozenset(ports), entities)


def rules_of(policy: Policy) -> Iterator[Rule]:
    """The rules of all its sections."""
    return (rule for section in policy.sections for rule in section.rules)


def _alike(pods: tuple[Pod, ...], keys: frozenset[str], names: frozenset[str], accounts: bool, entities: bool) -> tuple[_Alike, ...]:
    """Pods of one namespace by what is read of them, in the order of their first pod."""
    trimmed: dict[Labels, Labels] = {}
    named: dict[tuple[ContainerPort, ...], NamedPorts] = {}
    found: dict[tuple[str, Labels, str, NamedPorts, bool], list[Pod]] = {}
    for pod in pods:
        if pod.host_network:
            continue
        labels = trimmed.get(pod.labels)
        if labels is None:
            labels = trimmed[pod.labels] = tuple(one for one in pod.labels if one[0] in keys)
        ports: NamedPorts = ()
        if names:
            known = named.get(pod.ports)
            ports = known if known is not None else named.setdefault(pod.ports, _named_ports(pod.ports, names))
        account = pod.service_account if accounts else ""
        word = (pod.id.namespace, labels, account, ports, entities and isinstance(pod.runs, GatewayProxy))
        found.setdefault(word, []).append(pod)
    return tuple(
        _Alike(*word, tuple(pod.id for pod in each), tuple(address_of(pod.ip) or 0 for pod in each))
        for word, members in found.items()
        for each in (sorted(members, key=lambda pod: pod.id),)
    )


def _classes(alike: Iterable[_Alike], pieces: Pieces | None) -> dict[_Class, tuple[PodName, ...]]:
    """What is alike, by the piece of the address space that it is in. Where no policy asks for pods' addresses, `pieces` is None."""
    found: dict[_Class, tuple[PodName, ...]] = {}
    for one in alike:
        first = last = 0
        if pieces is not None:
            first, last = pieces.at(min(one.addresses)), pieces.at(max(one.addresses))
        if pieces is None or first == last:
            found[_Class(one.namespace, one.labels, one.account, one.ports, first, one.gateway)] = one.pods
            continue
        apart: dict[int, list[PodName]] = {}
        for name, address in zip(one.pods, one.addresses, strict=True):
            apart.setdefault(pieces.at(address), []).append(name)
        for piece, names in apart.items():
            found[_Class(one.namespace, one.labels, one.account, one.ports, piece, one.gateway)] = tuple(names)
    return found


def _named_ports(ports: tuple[ContainerPort, ...], read: frozenset[str]) -> NamedPorts:
    return tuple(sorted(((one.name, Transport(one.protocol.value), one.port) for one in ports if one.name in read), key=str))


def _class_masks(classes: tuple[_Class, ...], read: _Read, pieces: Pieces, ground: Ground) -> Mapping[Peer, int]:
    """For each peer the set of classes that it means."""
    by_labels = LabelIndex([one.labels for one in classes], keys_of(one.pods for one in read.pods))
    by_account = LabelIndex([(("name", one.account),) for one in classes], frozenset(("name",)))
    spaces = LabelIndex([labels for _, labels in ground.namespaces], keys_of(one.namespaces for one in read.pods))
    homes: defaultdict[str, int] = defaultdict(int)
    in_piece: defaultdict[int, int] = defaultdict(int)
    for at, one in enumerate(classes):
        homes[one.namespace] |= 1 << at
        in_piece[one.piece] |= 1 << at
    names = [name for name, _ in ground.namespaces]
    of_spaces: dict[Selector, int] = {}
    found: dict[Peer, int] = {}
    for peer in read.pods:
        home = of_spaces.get(peer.namespaces)
        if home is None:
            home = 0 if peer.namespaces else by_labels.everything
            for space in bits(spaces.select(peer.namespaces)) if peer.namespaces else ():
                home |= homes.get(names[space], 0)
            of_spaces[peer.namespaces] = home
        found[peer] = home & by_labels.select(peer.pods) & by_account.select(peer.accounts)
    for block in read.blocks:
        if block.pods:
            wanted = pieces.of(block)
            found[block] = sum(mask for piece, mask in in_piece.items() if wanted >> piece & 1)
    found[Entity.ALL] = found[Entity.CLUSTER] = by_labels.everything
    found[Entity.GATEWAYS] = sum(1 << at for at, one in enumerate(classes) if one.gateway)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """A node's address, or a piece outside where `node` is ""."""

    piece: int
    node: str
    first: int
    last: int


def _outside(pieces: Pieces, ground: Ground) -> tuple[_Place, ...]:
    """Every piece; those that are a node's address by the node's name."""
    nodes = {address_of(node.address): node.name for node in ground.nodes}
    spans = (pieces.span(piece) for piece in range(len(pieces)))
    return tuple(_Place(piece, nodes.get(first, "") if first == last else "", first, last) for piece, (first, last) in enumerate(spans))


def _outside_masks(read: _Read, pieces: Pieces, ground: Ground) -> Mapping[Peer, int]:
    """For each peer the set of pieces that it means."""
    at_node = {node.name: 1 << pieces.at(number) for node in ground.nodes if (number := address_of(node.address)) is not None}
    nodes = 0
    for mask in at_node.values():
        nodes |= mask
    everything = (1 << len(pieces)) - 1
    by_labels = LabelIndex([node_labels(node) for node in ground.nodes], keys_of(one.selector for one in read.nodes))
    found: dict[Peer, int] = {}
    for block in read.blocks:
        found[block] = pieces.of(block) if block.pods else pieces.of(block) & ~nodes
    for peer in read.nodes:
        mask = 0
        for at in bits(by_labels.select(peer.selector)):
            mask |= at_node.get(ground.nodes[at].name, 0)
        found[peer] = mask
    found[Entity.ALL] = everything
    found[Entity.WORLD] = everything & ~nodes
    found[Entity.CLUSTER] = found[Entity.NODES] = nodes
    return found


def _numbered(
    pods: tuple[tuple[PodName, ...], ...], outside: tuple[_Place, ...], groups: list[_Group], peers: tuple[Peer, ...], ground: Ground
) -> Identities:
    """Groups that are taken alike become one identity: pods first, then nodes, then what is outside."""
    digests = [_digest(peer) for peer in peers]
    merged: dict[tuple[int, NamedPorts, tuple[int, ...]], list[int]] = {}
    for at, group in enumerate(groups):
        merged.setdefault((group.kind, group.ports, tuple(group.taken)), []).append(at)
    found: list[Identity] = []
    masks: defaultdict[Peer, int] = defaultdict(int)
    of_pod: dict[PodName, int] = {}
    of_place: dict[int, int] = {}
    named: list[NamedPorts] = []
    numbers: set[int] = set()
    for position, ((kind, ports, taken), members) in enumerate(sorted(merged.items(), key=lambda item: item[0][0])):
        for peer in taken:
            masks[peers[peer]] |= 1 << position
        number = _free_number(sum(digests[peer] for peer in taken) + _text_number(repr((kind, ports))), numbers)
        found.append(_identity(number, members, pods, outside))
        named.append(ports)
        of_pod.update((name, position) for at in members if at < len(pods) for name in pods[at])
        of_place.update((at - len(pods), position) for at in members if at >= len(pods))
    of_node = {place.node: of_place[at] for at, place in enumerate(outside) if place.node}
    of_pod.update((pod.id, of_node[pod.node]) for pod in ground.pods if pod.host_network and pod.node in of_node)
    return Identities(tuple(found), of_pod, _joined(outside, of_place), tuple(named), dict(masks))


def _identity(number: int, members: list[int], pods: tuple[tuple[PodName, ...], ...], outside: tuple[_Place, ...]) -> Identity:
    if members[0] < len(pods):
        names = pods[members[0]] if len(members) == 1 else tuple(sorted(name for at in members for name in pods[at]))
        others = len(names) - 1
        return Identity(number, names, (), f"{names[0]} and {others} more" if others else str(names[0]))
    places = [outside[at - len(pods)] for at in members]
    blocks = tuple(text for first, last in _runs(places) for text in cidrs_of(first, last))
    nodes = tuple(sorted(place.node for place in places if place.node))
    if nodes:
        return Identity(number, (), blocks, "node " + ", ".join(nodes), nodes)
    return Identity(number, (), blocks, f"outside, {blocks[0]}" + " …" * (len(blocks) > 1))


def _runs(places: Iterable[_Place]) -> Iterator[tuple[int, int]]:
    """Neighbours as one range."""
    begin = end = -1
    for place in places:
        if begin >= 0 and place.first == end + 1:
            end = place.last
            continue
        if begin >= 0:
            yield begin, end
        begin, end = place.first, place.last
    yield begin, end


def _joined(outside: tuple[_Place, ...], of_place: Mapping[int, int]) -> tuple[tuple[int, int, int], ...]:
    found: list[tuple[int, int, int]] = []
    for at, place in enumerate(outside):
        if found and found[-1][2] == of_place[at]:
            found[-1] = (found[-1][0], place.last, of_place[at])
        else:
            found.append((place.first, place.last, of_place[at]))
    return tuple(found)


def _free_number(wanted: int, numbers: set[int]) -> int:
    number = wanted % (1 << NUMBER_BITS)
    while number in numbers or not number:
        number = (number + 1) % (1 << NUMBER_BITS)
    numbers.add(number)
    return number


@lru_cache(maxsize=1 << 14)
def _digest(peer: Peer) -> int:
    """The same for equal peers in every run: sets have no order of their own."""
    match peer:
        case Pods():
            return _text_number(repr([_selector_text(one) for one in (peer.pods, peer.namespaces, peer.accounts)]))
        case Nodes():
            return _text_number(_selector_text(peer.selector))
        case Block() | Entity() | Names():
            return _text_number(repr(peer))


def _selector_text(selector: Selector) -> str:
    return repr(sorted((one.key, one.operator.value, sorted(one.values)) for one in selector))


def _text_number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
