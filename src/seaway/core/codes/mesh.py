"""Settings of the mesh, and mistakes in its hosts: ServiceEntries, WorkloadEntries, Sidecars (NET0501 to NET0529).

NET0596 and NET0597 are about callers: what becomes of connections in a cluster that is set up less kindly.
"""

from __future__ import annotations

from seaway.core.finding import Code, Severity

MESH_SETTING_INVALID = Code(
    "NET0501",
    Severity.ERROR,
    "{field} of the mesh's settings cannot be used: {problem}",
    "Istio refuses such a setting; here it is passed over, and {default}.",
    "{advice}",
)
SETTING_UNUSED = Code(
    "NET0502",
    Severity.NOTE,
    "the setting {field} does nothing here",
    "{reason}",
    "Nothing needs to be done if the result does not depend on it.",
)
SETTING_DIFFERS = Code(
    "NET0503",
    Severity.WARNING,
    "the setting {field} is not honoured",
    "{reason}",
    "{advice}",
)
PROXY_ANNOTATION_INVALID = Code(
    "NET0504",
    Severity.WARNING,
    "the annotation proxy.istio.io/config is not a ProxyConfig: {problem}",
    "Istio does not take over what it cannot read; where it can read none of it, it refuses the pods. Here they run without it.",
    "{advice}",
)
MESH_OBJECT_REFUSED = Code(
    "NET0505",
    Severity.ERROR,
    "{problem}",
    "Istio refuses this {kind}, so it is left out; everything else is built.",
    "{advice}",
)
MESH_FIELD_IDLE = Code(
    "NET0506",
    Severity.WARNING,
    "{problem}",
    "Istio takes the {kind}, but it does not do what it seems to: {consequence}.",
    "{advice}",
)
WORKLOAD_GROUP_IDLE = Code(
    "NET0507",
    Severity.NOTE,
    "WorkloadGroup {name} is read, and no workload joins by it",
    "In Istio an agent on a machine outside makes WorkloadEntries from it; no agent connects to this network.",
    "Write a WorkloadEntry for each machine.",
)
ADDRESSES_EXHAUSTED = Code(
    "NET0508",
    Severity.ERROR,
    "no address left in {range} for the host {host}",
    "A host without an address takes all connections to its TCP ports for itself, whatever their address.",
    "Give the ServiceEntry addresses of its own (spec.addresses).",
)
PORT_SWALLOWED = Code(
    "NET0509",
    Severity.WARNING,
    "{host} takes all connections to port {port}, whatever their address",
    "Without an address it cannot be told from other hosts: TCP has no Host header. Every connection of a member to that port, "
    "also to hosts that are not in the mesh, goes to this one.",
    "{advice}",
)
CONNECTIONS_CLAIMED = Code(
    "NET0510",
    Severity.WARNING,
    "{host} gets no connections to port {port} of {address}: they go to {first}",
    "Two hosts claim the same connections, and nothing in them tells the two apart; the older one has them.",
    "Give one of the two another address or port.",
)
IPV4_ONLY = Code(
    "NET0511",
    Severity.NOTE,
    "{address} is not used: this network is IPv4 only",
    "Members have no IPv6 addresses, so that no connection goes there.",
    "Nothing needs to be done where an IPv4 address stands beside it.",
)
SIDECAR_SHADOWED = Code(
    "NET0512",
    Severity.WARNING,
    "it has no effect: {first} is for all workloads of namespace {namespace} already",
    "Sidecars are not merged; of several without workloadSelector the oldest counts.",
    "Give it a workloadSelector, or put what it says into {first}.",
)
SIDECAR_UNIX_SOCKET = Code(
    "NET0513",
    Severity.WARNING,
    "no socket is opened at {address}",
    "Workloads here have no file system of their own that a proxy shares; what would come that way has to come over TCP.",
    "Write a port, and connect to it.",
)
EGRESS_PROXY_UNKNOWN = Code(
    "NET0514",
    Severity.ERROR,
    "clients in {namespace} see no host {host} with port {port}",
    "Unknown traffic is to go there, so it goes nowhere.",
    "Write the full name and a port of a Service, or of a ServiceEntry that is exported to {namespace}.",
)
GATEWAY_TURNED_AWAY = Code(
    "NET0596",
    Severity.WARNING,
    "gateway {gateway} is not in the mesh and is turned away here: {whom} takes mutual TLS alone",
    "It calls in plaintext, as everybody does who has no identity of the mesh. Requests that it is to pass on{route} end in 503.",
    "Label the gateway's namespace istio-injection: enabled, or set mode PERMISSIVE for the ports that it calls.",
)
ADDRESS_ONLY_BY_DNS = Code(
    "NET0597",
    Severity.WARNING,
    "without spec.addresses {host} takes all connections to port {port} in a mesh whose proxies do not answer DNS",
    "TCP has no Host header: only an address tells hosts apart. This network, and Istio with DNS capture, gives the host {address}; "
    "Istio's default is without, and then databases of the cluster on port {port} are called there too.",
    "Write an address of your own (spec.addresses: [240.0.0.10]), or say in MeshConfig that DNS is captured "
    '(defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE: "true").',
)
