"""Mistakes in network policies (NET07xx)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

IPV6_BLOCK = Code(
    "NET0701",
    Severity.NOTE,
    "{cidr} is IPv6, and addresses here are IPv4",
    "Nothing in this network has such an address, so that the entry matches nothing.",
    "Nothing is to be done for a cluster with IPv6; for this network add the IPv4 range.",
)
AUDIT_VALUE = Code(
    "NET0702",
    Severity.WARNING,
    'the annotation {annotation} is "{value}"',
    'Only "true" makes a policy report instead of drop; this one is enforced.',
    'Write "true", or "false" to say that it is enforced.',
)
POLICY_SELECTS_NO_POD = Code(
    "NET0703",
    Severity.WARNING,
    "the policy selects no pod{hint}",
    "It protects nobody: pods that no policy selects take and open every connection.",
    "Compare the selector with the labels of the pod templates in namespace {namespace}.",
)
PEER_MATCHES_NOTHING = Code(
    "NET0704",
    Severity.WARNING,
    "this peer matches no pod{hint}",
    "Nobody gets in or out by it; connections that it is meant for time out.",
    "{advice}",
)
NAMESPACE_NAME_LABEL = Code(
    "NET0705",
    Severity.WARNING,
    "no namespace has the label {label}",
    "Kubernetes labels namespaces with kubernetes.io/metadata.name only; a label `name` is there where somebody sets it.",
    "Select by `kubernetes.io/metadata.name: {value}`.",
)
EITHER_NOT_BOTH = Code(
    "NET0706",
    Severity.WARNING,
    "two items of the list are two peers: all pods of these namespaces, or pods with these labels in namespace {namespace}",
    "Pods with these labels in these namespaces are let through, and so are all their neighbours there.",
    "Where both are meant, put podSelector into the item of namespaceSelector: remove the dash before it.",
)
DNS_BY_ONE_PROTOCOL = Code(
    "NET0707",
    Severity.WARNING,
    "port 53 is allowed over {allowed} only",
    "{why}",
    "Allow port 53 over both UDP and TCP.",
)
NO_DNS = Code(
    "NET0708",
    Severity.WARNING,
    "{pods} may open connections and may not ask cluster DNS",
    "Every name that they look up times out, which looks as if the other side were down.",
    "Allow egress to the pods of cluster DNS in namespace {namespace} on port 53 over UDP and TCP.",
)
POLICY_SERVICE_PORT = Code(
    "NET0709",
    Severity.WARNING,
    "port {port} is the {which} of service {service}, whose pods listen on {target}",
    "Policies see packets as they reach the pod, so that a rule with this port never matches.",
    "Write {target}.",
)
SECTION_IGNORED = Code(
    "NET0710",
    Severity.WARNING,
    "the {section} rules have no effect: policyTypes lacks {type}",
    "Where policyTypes is given, it alone says which directions the policy is about.",
    "Add {type} to policyTypes, or remove the rules.",
)
INGRESS_TOO = Code(
    "NET0711",
    Severity.WARNING,
    "the policy has egress rules only, and also shuts ingress of {pods}",
    "Without policyTypes a policy is always about ingress, and without an ingress rule nothing may come in.",
    "Write `policyTypes: [Egress]`, or [Ingress, Egress] where this is meant.",
)
NAMED_PORT_NOWHERE = Code(
    "NET0712",
    Severity.WARNING,
    "no pod that this rule leads to declares a port {name} over {protocol}{hint}",
    "A name stands for the port that the destination's pod gives it; where none does, the rule matches nothing.",
    "Name the container's port, or write the number.",
)
ONLY_HOST_NETWORK = Code(
    "NET0713",
    Severity.WARNING,
    "{who} only pods in the host's network",
    "They have their node's address and count as the node: selectors never match them.",
    "{advice}",
)
SERVICE_RANGE = Code(
    "NET0714",
    Severity.WARNING,
    "{cidr} is inside the range of Service addresses {range}",
    "A Service's address is replaced by a pod's before policies see the packet, so that the block never matches.",
    "Select the pods behind the Service.",
)
BLOCK_WITH_PODS = Code(
    "NET0715",
    Severity.NOTE,
    "{cidr} also holds the pods' addresses, and {count} of them are let through by it",
    "Whether a block matches pods is left to implementations: here and in most it does, in Cilium it does not.",
    "Where only the outside is meant, add the pods' range {range} to `except`.",
)
EMPTY_IS_ANYONE = Code(
    "NET0716",
    Severity.WARNING,
    "`{field}: []` is any peer",
    "An empty list means the same as none: pods of all namespaces, nodes and the outside.",
    "Remove the rule where nobody is meant; leave `{field}` out where everybody is.",
)
STRAY_DASH = Code(
    "NET0717",
    Severity.WARNING,
    "peers and ports are two rules: these peers on every port, and any peer on these ports",
    "Each item of the list is a rule of its own, and rules are alternatives.",
    "Where one rule is meant, remove the dash before `ports`.",
)
ABSENT_NAMESPACE = Code(
    "NET0718",
    Severity.NOTE,
    "the peer is in namespace {namespace}, which the manifests do not hold",
    "Nobody is let through by it in this network; in a cluster with that namespace it may be right.",
    "Add the namespace's manifests, or mend the name.",
)
UNKNOWN_PEER = Code(
    "NET0719",
    Severity.WARNING,
    "this peer names nobody: {effect}",
    "A peer without a field is one of a kind that this version does not know, and its rule fails closed.",
    "Give one of namespaces, pods, nodes, networks and domainNames.",
)
SAME_PRIORITY = Code(
    "NET0720",
    Severity.WARNING,
    "{other} has priority {priority}, too, and selects some of the same pods",
    "Which of two such policies comes first is left open; here it is the one whose name comes first.",
    "Give them different priorities.",
)
PART_NOT_ENFORCED = Code(
    "NET0721",
    Severity.WARNING,
    "{what} is read and not enforced yet: {effect}",
    "In a cluster the rule does more than here.",
    "Rely on it in the cluster only; the rest of the policy is enforced.",
)
NAMES_NEVER_LEARNED = Code(
    "NET0722",
    Severity.WARNING,
    "nothing is learned of names for {pods}: no rule with rules.dns lets them ask cluster DNS",
    "Cilium learns addresses from answers that pass its proxy only, so that the rule by names matches nobody.",
    'Allow port 53 to the pods of cluster DNS with `rules.dns`, such as `matchPattern: "*"`.',
)
