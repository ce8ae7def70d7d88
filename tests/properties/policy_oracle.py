"""Who may open a connection to whom, read straight from manifests as the specifications have it: slow, and as plain as can be.

It imports nothing of the package, knows no identities and no masks, and takes one packet at a time through one policy after another.
Objects are plain dictionaries. What is left open by the specifications is decided here as docs/features/network-policies.md says.
"""

from __future__ import annotations

from typing import Any

from policy_ends import NAME, End, Packet, selects, within
from policy_oracle_cilium import entry_matches, rules_of, selects_pod

Object = dict[str, Any]


class Oracle:
    """`namespaces` are name to labels, `policies` the objects."""

    def __init__(self, namespaces: dict[str, dict[str, str]], policies: list[Object]) -> None:
        self.namespaces = {name: {**labels, NAME: name} for name, labels in namespaces.items()}
        self.policies = policies

    def allows(self, packet: Packet) -> bool:
        source, destination = packet.source, packet.destination
        if source == destination:
            return True
        if (source.is_node and destination.node == source.name) or (destination.is_node and source.node == destination.name):
            return True
        return self.side(packet, "egress") and self.side(packet, "ingress")

    def side(self, packet: Packet, direction: str) -> bool:
        me = packet.source if direction == "egress" else packet.destination
        if not me.is_pod:
            return True
        answer = self.tier(packet, direction, "Admin")
        if answer in ("Allow", "Deny"):
            return answer == "Allow"
        answer = self.namespaced(packet, direction)
        if answer is not None:
            return answer
        return self.tier(packet, direction, "Baseline") != "Deny"

    def tier(self, packet: Packet, direction: str, tier: str) -> str:
        """The action of the first rule that matches; "" where none does. A rule with a peer that nobody knows fails closed."""
        me = packet.source if direction == "egress" else packet.destination
        ordered = sorted(
            (one for one in self.policies if _tier(one) == tier),
            key=lambda one: (one["spec"].get("priority", 0), one["metadata"]["name"], one["kind"]),
        )
        for policy in ordered:
            if not self.is_subject(policy["spec"]["subject"], me):
                continue
            for rule in policy["spec"].get(direction) or []:
                action = str(rule["action"]).replace("Accept", "Allow")
                if any(not peer_is_known(one) for one in rule["to" if direction == "egress" else "from"]):
                    if action == "Allow":
                        continue
                    return "Deny"
                if self.admin_rule(rule, packet, direction):
                    return action
        return ""

    def is_subject(self, subject: Object, pod: End) -> bool:
        if "namespaces" in subject:
            return selects(subject["namespaces"], self.namespaces[pod.namespace])
        pods = subject["pods"]
        return selects(pods["namespaceSelector"], self.namespaces[pod.namespace]) and selects(pods["podSelector"], dict(pod.labels))

    def admin_rule(self, rule: Object, packet: Packet, direction: str) -> bool:
        peers = rule["to" if direction == "egress" else "from"]
        peer = packet.destination if direction == "egress" else packet.source
        return any(self.admin_peer(one, peer) for one in peers) and admin_ports(rule, packet)

    def admin_peer(self, peer: Object, end: End) -> bool:
        if "namespaces" in peer or "pods" in peer:
            return end.is_pod and self.is_subject(peer, end)
        if "nodes" in peer:
            return end.is_node and selects(peer["nodes"], dict(end.labels))
        if "networks" in peer:
            return any(within(end.address, cidr) for cidr in peer["networks"])
        return False

    def namespaced(self, packet: Packet, direction: str) -> bool | None:
        """None where no policy isolates the pod in this direction (and no deny of Cilium's matches)."""
        me = packet.source if direction == "egress" else packet.destination
        isolated, allowed, denied = False, False, False
        for policy in self.policies:
            for rule in rules_of(policy) if policy["kind"].startswith("Cilium") else ():
                if not selects_pod(policy, rule, me, self.namespaces):
                    continue
                allows, denies = rule.get(direction) or [], rule.get(f"{direction}Deny") or []
                if (allows or denies) and (rule.get("enableDefaultDeny") or {}).get(direction) is not False:
                    isolated = True
                allowed = allowed or any(entry_matches(policy, one, packet, direction, self.namespaces) for one in allows)
                denied = denied or any(entry_matches(policy, one, packet, direction, self.namespaces) for one in denies)
            if policy["kind"] == "NetworkPolicy" and self.network_policy_selects(policy, direction, me):
                isolated = True
                rules = policy["spec"].get(direction) or []
                allowed = allowed or any(self.network_policy_rule(policy, rule, packet, direction) for rule in rules)
        if denied:
            return False
        return allowed if isolated else None

    def network_policy_selects(self, policy: Object, direction: str, pod: End) -> bool:
        spec = policy["spec"]
        types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
        if direction.capitalize() not in types or policy["metadata"]["namespace"] != pod.namespace:
            return False
        return selects(spec.get("podSelector") or {}, dict(pod.labels))

    def network_policy_rule(self, policy: Object, rule: Object, packet: Packet, direction: str) -> bool:
        peers = rule.get("to" if direction == "egress" else "from")
        end = packet.destination if direction == "egress" else packet.source
        if peers and not any(self.network_policy_peer(policy, one, end) for one in peers):
            return False
        ports = rule.get("ports")
        return not ports or any(network_policy_port(one, packet) for one in ports)

    def network_policy_peer(self, policy: Object, peer: Object, end: End) -> bool:
        if "ipBlock" in peer:
            block = peer["ipBlock"]
            return within(end.address, block["cidr"]) and not any(within(end.address, one) for one in block.get("except") or [])
        if not end.is_pod:
            return False
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], self.namespaces[end.namespace]):
                return False
        elif end.namespace != policy["metadata"]["namespace"]:
            return False
        return selects(peer.get("podSelector") or {}, dict(end.labels))


def _tier(policy: Object) -> str:
    match policy["kind"]:
        case "AdminNetworkPolicy":
            return "Admin"
        case "BaselineAdminNetworkPolicy":
            return "Baseline"
        case "ClusterNetworkPolicy":
            return str(policy["spec"]["tier"])
        case _:
            return ""


def network_policy_port(port: Object, packet: Packet) -> bool:
    if packet.protocol != port.get("protocol", "TCP"):
        return False
    wanted = port.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return (wanted, packet.protocol, packet.port) in packet.destination.ports
    return bool(wanted <= packet.port <= port.get("endPort", wanted))


def peer_is_known(peer: Object) -> bool:
    return len(peer) == 1 and next(iter(peer)) in ("namespaces", "pods", "nodes", "networks", "domainNames")


def admin_ports(rule: Object, packet: Packet) -> bool:
    if rule.get("ports"):
        return any(admin_port(one, packet) for one in rule["ports"])
    if rule.get("protocols"):
        return any(cluster_port(one, packet) for one in rule["protocols"])
    return True


def admin_port(port: Object, packet: Packet) -> bool:
    if "namedPort" in port:
        return (port["namedPort"], packet.protocol, packet.port) in packet.destination.ports
    if "portNumber" in port:
        number = port["portNumber"]
        return packet.protocol == number.get("protocol", "TCP") and packet.port == number["port"]
    span = port["portRange"]
    return packet.protocol == span.get("protocol", "TCP") and span["start"] <= packet.port <= span["end"]


def cluster_port(port: Object, packet: Packet) -> bool:
    if "destinationNamedPort" in port:
        return (port["destinationNamedPort"], packet.protocol, packet.port) in packet.destination.ports
    if packet.protocol.lower() not in port:
        return False
    wanted = port[packet.protocol.lower()]["destinationPort"]
    if "number" in wanted:
        return bool(packet.port == wanted["number"])
    return bool(wanted["range"]["start"] <= packet.port <= wanted["range"]["end"])
