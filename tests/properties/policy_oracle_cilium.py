"""Cilium's rules by the letter, for the oracle: who an entry means, on which ports. As slow and plain, and as free of the package."""

from __future__ import annotations

import ipaddress
from typing import Any

from policy_ends import NAME, End, Packet, selects, within

Object = dict[str, Any]
_NAMESPACE = "io.kubernetes.pod.namespace"
_LABELS = "io.cilium.k8s.namespace.labels."
_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"


def rules_of(policy: Object) -> list[Object]:
    return ([policy["spec"]] if "spec" in policy else []) + list(policy.get("specs") or [])


def selects_pod(policy: Object, rule: Object, pod: End, namespaces: dict[str, dict[str, str]]) -> bool:
    own = policy["metadata"].get("namespace", "")
    if own and pod.namespace != own:
        return False
    return selects(_plain(rule["endpointSelector"]), _facts(pod, namespaces))


def entry_matches(policy: Object, entry: Object, packet: Packet, direction: str, namespaces: dict[str, dict[str, str]]) -> bool:
    end = packet.destination if direction == "egress" else packet.source
    side = "to" if direction == "egress" else "from"
    members = [name for name in entry if name.startswith(side) and name != "toPorts"]
    if not members and not entry.get("toPorts") and not entry.get("icmps"):
        return False
    if members and not _member_matches(policy, members[0], entry[members[0]], end, namespaces):
        return False
    if entry.get("icmps"):
        return any(_icmp_matches(field, packet) for one in entry["icmps"] for field in one["fields"])
    if entry.get("toPorts"):
        return any(_ports_match(one, packet) for one in entry["toPorts"])
    return True


def _member_matches(policy: Object, name: str, given: list[Any], end: End, namespaces: dict[str, dict[str, str]]) -> bool:
    match name.removeprefix("to").removeprefix("from"):
        case "Endpoints":
            return end.is_pod and any(_endpoint_matches(policy, one, end, namespaces) for one in given)
        case "Entities":
            return any(_is_entity(one, end) for one in given)
        case "CIDR":
            return not end.name and any(within(end.address, one) for one in given)
        case "CIDRSet":
            return not end.name and any(_in_set(one, end) for one in given)
        case "Nodes":
            return end.is_node and any(selects(_plain(one), dict(end.labels)) for one in given)
        case _:
            return False


def _endpoint_matches(policy: Object, selector: Object, end: End, namespaces: dict[str, dict[str, str]]) -> bool:
    plain = _plain(selector)
    keys = [*plain["matchLabels"], *(one["key"] for one in plain["matchExpressions"])]
    own = policy["metadata"].get("namespace", "")
    if own and not any(key == _NAMESPACE or key.startswith(_LABELS) for key in keys) and end.namespace != own:
        return False
    return selects(plain, _facts(end, namespaces))


def _plain(selector: Object) -> Object:
    """Without the prefixes of sources."""
    return {
        "matchLabels": {_bare(key): value for key, value in (selector.get("matchLabels") or {}).items()},
        "matchExpressions": [{**one, "key": _bare(one["key"])} for one in selector.get("matchExpressions") or []],
    }


def _bare(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")


def _facts(pod: End, namespaces: dict[str, dict[str, str]]) -> dict[str, str]:
    """All that a selector can read of a pod, as labels."""
    spaces = {_LABELS + key: value for key, value in namespaces[pod.namespace].items()}
    return {**dict(pod.labels), **spaces, _NAMESPACE: namespaces[pod.namespace][NAME], _ACCOUNT: pod.account}


def _is_entity(name: str, end: End) -> bool:
    match name:
        case "all":
            return True
        case "world":
            return not end.name
        case "cluster":
            return bool(end.name)
        case "remote-node":
            return end.is_node
        case _:
            return False


def _in_set(rule: Object, end: End) -> bool:
    address = ipaddress.ip_address(end.address)
    return within(end.address, rule["cidr"]) and all(address not in ipaddress.ip_network(one) for one in rule.get("except") or [])


def _icmp_matches(field: Object, packet: Packet) -> bool:
    return packet.protocol == "ICMP" and packet.port == field["type"]


def _ports_match(rule: Object, packet: Packet) -> bool:
    if packet.protocol not in ("TCP", "UDP", "SCTP"):
        return False
    return not rule.get("ports") or any(_port_matches(one, packet) for one in rule["ports"])


def _port_matches(port: Object, packet: Packet) -> bool:
    if port.get("protocol", "ANY") not in ("ANY", packet.protocol):
        return False
    if not port["port"].isdigit():
        return (port["port"], packet.protocol, packet.port) in packet.destination.ports
    first = int(port["port"])
    return first == 0 or first <= packet.port <= port.get("endPort", first)
