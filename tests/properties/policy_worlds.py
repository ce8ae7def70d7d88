"""Small random clusters with random policies, as plain manifests: few labels, ports and ranges, so that rules meet each other often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from policy_ends import NAME, End

Object = dict[str, Any]

SPACES = ("red", "green", "blue")
APPS = ("web", "api", "db")
PORTS = (53, 80, 81, 443, 8080)
PORT_NAMES = ("http", "dns")
PROTOCOLS = ("TCP", "UDP", "SCTP")
NODES = (("node-1", "198.18.0.1"), ("node-2", "198.18.0.2"))
OUTSIDE = ("1.2.3.4", "203.0.113.7", "203.0.113.9", "10.244.7.7")
CIDRS = ("0.0.0.0/0", "10.244.0.0/16", "10.244.1.0/24", "10.244.1.4/30", "198.18.0.0/24", "203.0.113.0/24", "203.0.113.8/29", "1.2.3.4/32")


@dataclass
class World:
    """One cluster. `pods` are manifests with their address in status; `policies` manifests of all kinds asked for."""

    namespaces: dict[str, dict[str, str]]
    pods: list[Object]
    policies: list[Object] = field(default_factory=list[Object])

    def ends(self) -> list[End]:
        """Everyone who can be at an end of a connection; a pod in the host's network is its node, which is there already."""
        ends = [End(address, name, labels=(("kubernetes.io/hostname", name),), node=name) for name, address in NODES]
        ends += [_pod_end(pod) for pod in self.pods if not pod["spec"].get("hostNetwork")]
        return ends + [End(address) for address in OUTSIDE]


def _pod_end(pod: Object) -> End:
    meta = pod["metadata"]
    ports = tuple((one["name"], one["protocol"], one["containerPort"]) for one in pod["spec"]["containers"][0]["ports"])
    labels = tuple(meta["labels"].items())
    return End(
        pod["status"]["podIP"], meta["name"], meta["namespace"], labels, pod["spec"]["serviceAccountName"], ports, pod["spec"]["nodeName"]
    )


def world(dice: Random) -> World:
    """Two or three namespaces, some pods in them; no policies."""
    namespaces = {name: ({"team": dice.choice(("a", "b"))} if dice.random() < 0.7 else {}) for name in SPACES[: dice.randint(2, 3)]}
    pods = [_pod(dice, number, dice.choice(list(namespaces))) for number in range(dice.randint(2, 6))]
    return World(namespaces, pods)


def _pod(dice: Random, number: int, namespace: str) -> Object:
    labels = {"app": dice.choice(APPS)} if dice.random() < 0.9 else {}
    if dice.random() < 0.4:
        labels["role"] = dice.choice(("x", "y"))
    host = dice.random() < 0.1
    node, address = dice.choice(NODES)
    names = [name for name in PORT_NAMES if dice.random() < 0.6]
    ports = [{"name": name, "containerPort": dice.choice(PORTS), "protocol": dice.choice(PROTOCOLS[:2])} for name in names]
    spec = {
        "containers": [{"name": "main", "ports": ports}],
        "hostNetwork": host,
        "nodeName": node,
        "serviceAccountName": dice.choice(("default", "robot")),
    }
    metadata = {"name": f"pod-{number}", "namespace": namespace, "labels": labels}
    return {"metadata": metadata, "spec": spec, "status": {"podIP": address if host else f"10.244.{number % 2}.{number + 2}"}}


def selector(dice: Random) -> Object:
    turn = dice.random()
    if turn < 0.25:
        return {}
    if turn < 0.65:
        return {"matchLabels": {"app": dice.choice(APPS)}}
    if turn < 0.75:
        return {"matchLabels": {"app": dice.choice(APPS), "role": dice.choice(("x", "y"))}}
    return {"matchExpressions": [_expression(dice, ("app", "role"), (*APPS, "x", "y"))]}


def _expression(dice: Random, keys: tuple[str, ...], values: tuple[str, ...]) -> Object:
    operator = dice.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    given = {"values": dice.sample(values, dice.randint(1, 2))} if operator in ("In", "NotIn") else {}
    return {"key": dice.choice(keys), "operator": operator, **given}


def spaces(dice: Random) -> Object:
    """A selector of namespaces."""
    turn = dice.random()
    if turn < 0.25:
        return {}
    if turn < 0.6:
        return {"matchLabels": {NAME: dice.choice(SPACES)}}
    if turn < 0.8:
        return {"matchLabels": {"team": dice.choice(("a", "b"))}}
    return {"matchExpressions": [_expression(dice, ("team", NAME), ("a", "b", *SPACES))]}


def network_policy(dice: Random, number: int) -> Object:
    spec: Object = {"podSelector": selector(dice)}
    for section in ("ingress", "egress"):
        if dice.random() < 0.6:
            spec[section] = [_network_rule(dice, section) for _ in range(dice.randint(0, 2))]
    if dice.random() < 0.6:
        spec["policyTypes"] = dice.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    metadata = {"name": f"np-{number}", "namespace": dice.choice(SPACES[:2])}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _network_rule(dice: Random, section: str) -> Object:
    rule: Object = {}
    if dice.random() < 0.75:
        rule["from" if section == "ingress" else "to"] = [_network_peer(dice) for _ in range(dice.randint(0, 2))]
    if dice.random() < 0.6:
        rule["ports"] = [_network_port(dice) for _ in range(dice.randint(0, 2))]
    return rule


def _network_peer(dice: Random) -> Object:
    turn = dice.random()
    if turn < 0.3:
        cidr = dice.choice(CIDRS)
        parts = [one for one in CIDRS if _is_part(one, cidr)]
        block = {"cidr": cidr, "except": dice.sample(parts, 1)} if parts and dice.random() < 0.4 else {"cidr": cidr}
        return {"ipBlock": block}
    if turn < 0.55:
        return {"podSelector": selector(dice)}
    if turn < 0.75:
        return {"namespaceSelector": spaces(dice)}
    return {"namespaceSelector": spaces(dice), "podSelector": selector(dice)}


def _is_part(part: str, whole: str) -> bool:
    order = ("0.0.0.0/0", "10.244.0.0/16", "10.244.1.0/24", "10.244.1.4/30"), ("0.0.0.0/0", "203.0.113.0/24", "203.0.113.8/29")
    return any(part in row and whole in row and row.index(part) > row.index(whole) for row in order)


def _network_port(dice: Random) -> Object:
    port: Object = {"protocol": dice.choice(PROTOCOLS)} if dice.random() < 0.6 else {}
    turn = dice.random()
    if turn < 0.5:
        port["port"] = dice.choice(PORTS)
    elif turn < 0.7:
        port["port"] = dice.choice(PORT_NAMES)
    elif turn < 0.85:
        port |= {"port": 80, "endPort": dice.choice((80, 81, 443, 8080))}
    return port


def admin_policy(dice: Random, number: int) -> Object:
    metadata = {"name": f"anp-{number}"}
    spec = {"priority": number * 10 + dice.randint(0, 40), **_tiered(dice, ("Allow", "Deny", "Pass"), _admin_ports)}
    return {"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": metadata, "spec": spec}


def baseline_policy(dice: Random, number: int) -> Object:
    """One object only: another one takes its place."""
    spec = _tiered(dice, ("Allow", "Deny"), _admin_ports)
    metadata = {"name": "default"}
    return {"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "BaselineAdminNetworkPolicy", "metadata": metadata, "spec": spec}


def cluster_policy(dice: Random, number: int) -> Object:
    spec = {"tier": dice.choice(("Admin", "Baseline")), "priority": number * 10 + dice.randint(0, 40)}
    spec |= _tiered(dice, ("Accept", "Deny", "Pass"), _cluster_ports)
    metadata = {"name": f"cnp-{number}"}
    return {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": metadata, "spec": spec}


def _tiered(dice: Random, actions: tuple[str, ...], ports: Callable[[Random, Object, bool], None]) -> Object:
    spec: Object = {"subject": _tier_pods(dice)}
    for section in ("ingress", "egress"):
        if dice.random() < 0.7:
            spec[section] = [_tier_rule(dice, section, actions, ports) for _ in range(dice.randint(0, 3))]
    return spec


def _tier_pods(dice: Random) -> Object:
    if dice.random() < 0.5:
        return {"namespaces": spaces(dice)}
    return {"pods": {"namespaceSelector": spaces(dice), "podSelector": selector(dice)}}


def _tier_rule(dice: Random, section: str, actions: tuple[str, ...], ports: Callable[[Random, Object, bool], None]) -> Object:
    peers = [_tier_peer(dice, section) for _ in range(dice.randint(1, 2))]
    rule: Object = {"action": dice.choice(actions), "to" if section == "egress" else "from": peers}
    if dice.random() < 0.6:
        ports(dice, rule, all("pods" in peer or "namespaces" in peer for peer in peers))
    return rule


def _tier_peer(dice: Random, section: str) -> Object:
    turn = dice.random()
    if turn < 0.04:
        return {}
    if section == "egress" and turn < 0.3:
        return {"networks": dice.sample(CIDRS, dice.randint(1, 2))}
    if section == "egress" and turn < 0.4:
        return {"nodes": dice.choice(({}, {"matchLabels": {"kubernetes.io/hostname": "node-2"}}))}
    return _tier_pods(dice)


def _admin_ports(dice: Random, rule: Object, named: bool) -> None:
    choices: list[Object] = [
        {"portNumber": {"protocol": dice.choice(PROTOCOLS), "port": dice.choice(PORTS)}},
        {"portNumber": {"port": dice.choice(PORTS)}},
        {"portRange": {"protocol": dice.choice(PROTOCOLS), "start": 80, "end": dice.choice((80, 81, 8080))}},
        *([{"namedPort": dice.choice(PORT_NAMES)}] if named else []),
    ]
    rule["ports"] = dice.sample(choices, dice.randint(1, 2))


def _cluster_ports(dice: Random, rule: Object, named: bool) -> None:
    protocol = dice.choice(PROTOCOLS).lower()
    choices: list[Object] = [
        {protocol: {"destinationPort": {"number": dice.choice(PORTS)}}},
        {protocol: {"destinationPort": {"range": {"start": 53, "end": dice.choice((80, 443))}}}},
        *([{"destinationNamedPort": dice.choice(PORT_NAMES)}] if named else []),
    ]
    rule["protocols"] = dice.sample(choices, dice.randint(1, 2))


def cilium_policy(dice: Random, number: int) -> Object:
    metadata = {"name": f"cinp-{number}", "namespace": dice.choice(SPACES[:2])}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": _cilium_rule(dice)}


def clusterwide_policy(dice: Random, number: int) -> Object:
    specs = [_cilium_rule(dice) for _ in range(dice.randint(1, 2))]
    metadata = {"name": f"ccnp-{number}"}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy", "metadata": metadata, "specs": specs}


def _cilium_rule(dice: Random) -> Object:
    rule: Object = {"endpointSelector": selector(dice)}
    for section in ("ingress", "egress"):
        side = "from" if section == "ingress" else "to"
        if dice.random() < 0.6:
            rule[section] = [_cilium_entry(dice, side) for _ in range(dice.randint(0, 2))]
        if dice.random() < 0.3:
            rule[f"{section}Deny"] = [_cilium_entry(dice, side) for _ in range(dice.randint(0, 2))]
    if dice.random() < 0.3:
        rule["enableDefaultDeny"] = {dice.choice(("ingress", "egress")): dice.random() < 0.3}
    return rule


def _cilium_entry(dice: Random, side: str) -> Object:
    entry: Object = {}
    turn = dice.random()
    if turn < 0.4:
        entry[f"{side}Endpoints"] = [_cilium_selector(dice) for _ in range(dice.randint(0, 2))]
    elif turn < 0.55:
        entry[f"{side}Entities"] = dice.sample(("all", "world", "cluster", "host", "remote-node", "none"), dice.randint(1, 2))
    elif turn < 0.65:
        entry[f"{side}CIDR"] = dice.sample(CIDRS, dice.randint(1, 2))
    elif turn < 0.75:
        entry[f"{side}CIDRSet"] = [{"cidr": "0.0.0.0/0", "except": dice.sample(CIDRS[1:], dice.randint(0, 2))}]
    elif turn < 0.8:
        entry[f"{side}Nodes"] = [dice.choice(({}, {"matchLabels": {"kubernetes.io/hostname": "node-1"}}))]
    if dice.random() < 0.5:
        entry["toPorts"] = [{"ports": [_cilium_port(dice) for _ in range(dice.randint(0, 2))]} for _ in range(dice.randint(1, 2))]
    elif dice.random() < 0.2:
        entry["icmps"] = [{"fields": [{"type": dice.choice((0, 8))}]}]
    return entry


def _cilium_selector(dice: Random) -> Object:
    given = selector(dice)
    labels = {f"{dice.choice(('k8s:', 'any:', ''))}{key}": value for key, value in (given.get("matchLabels") or {}).items()}
    turn = dice.random()
    if turn < 0.2:
        labels["k8s:io.kubernetes.pod.namespace"] = dice.choice(SPACES)
    elif turn < 0.3:
        labels["io.cilium.k8s.namespace.labels.team"] = dice.choice(("a", "b"))
    elif turn < 0.4:
        labels["io.cilium.k8s.policy.serviceaccount"] = "robot"
    return {**given, "matchLabels": labels}


def _cilium_port(dice: Random) -> Object:
    port: Object = {"port": dice.choice(("0", "80", "443", "8080", *PORT_NAMES))}
    if port["port"] == "80" and dice.random() < 0.5:
        port["endPort"] = dice.choice((81, 443))
    if dice.random() < 0.6:
        port["protocol"] = dice.choice((*PROTOCOLS, "ANY"))
    return port
