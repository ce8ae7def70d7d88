"""Peers, ports and selectors in words, as descriptions, explanations and findings say them."""

from __future__ import annotations

from seaway.core.labels import Operator, Requirement, Selector
from seaway.model.policies.language import Block, Entity, NamedPort, Names, Nodes, Peer, Pods, PortMatch, PortRange, Rule

NAME_LABEL = "kubernetes.io/metadata.name"
_ENTITIES = {
    Entity.ALL: "anyone",
    Entity.WORLD: "the outside",
    Entity.CLUSTER: "pods and nodes",
    Entity.NODES: "nodes",
    Entity.GATEWAYS: "gateways",
}


def selector_text(selector: Selector) -> str:
    """`app=web, tier in (a, b)`; "" for the selector of everything."""
    return ", ".join(requirement_text(one) for one in selector)


def requirement_text(one: Requirement) -> str:
    """`app=web`, `tier in (a, b)`, `no canary`."""
    values = ", ".join(sorted(one.values))
    match one.operator:
        case Operator.IN:
            return f"{one.key}={values}" if len(one.values) == 1 else f"{one.key} in ({values})"
        case Operator.NOT_IN:
            return f"{one.key} not in ({values})"
        case Operator.EXISTS:
            return one.key
        case Operator.DOES_NOT_EXIST:
            return f"no {one.key}"


def pods_text(peer: Pods) -> str:
    """`pods app=web in namespace shop`."""
    which = selector_text(peer.pods)
    account = selector_text(peer.accounts).removeprefix("name=")
    return f"{'pods' if which else 'all pods'}{f' {which}' if which else ''}{f' of account {account}' if account else ''}{_where(peer)}"


def _where(peer: Pods) -> str:
    match peer.namespaces:
        case ():
            return " in all namespaces"
        case (Requirement(key=key, operator=Operator.IN, values=values),) if key == NAME_LABEL:
            return f" in namespace{'s' if len(values) > 1 else ''} {', '.join(sorted(values))}"
        case selector:
            return f" in namespaces {selector_text(selector)}"


def peer_text(peer: Peer) -> str:
    match peer:
        case Pods():
            return pods_text(peer)
        case Nodes():
            return f"nodes {selector_text(peer.selector)}" if peer.selector else "all nodes"
        case Block():
            return peer.cidr + (f" but for {', '.join(peer.excluded)}" if peer.excluded else "")
        case Names():
            return f"names {', '.join(peer.patterns)}"
        case Entity():
            return _ENTITIES[peer]


def port_text(port: PortMatch) -> str:
    """`80/TCP`, `8000-8080/UDP`, `http/TCP`; without a protocol where all of them count."""
    protocol = f"/{port.protocol.value}" if port.protocol is not None else ""
    match port:
        case NamedPort():
            return port.name + protocol
        case PortRange() if (port.first, port.last) == (0, 65535):
            return f"all ports{protocol}"
        case PortRange():
            return (str(port.first) if port.first == port.last else f"{port.first}-{port.last}") + protocol


def peers_text(rule: Rule) -> str:
    if rule.peers is None:
        return "anyone"
    return "; ".join(map(peer_text, rule.peers)) or "nobody"


def ports_text(rule: Rule) -> str:
    return "everything" if rule.ports is None else ", ".join(map(port_text, rule.ports))
