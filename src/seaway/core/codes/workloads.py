"""Mistakes in workloads, services, endpoints and configuration (NET02xx)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

INVALID_FIELD = Code(
    "NET0201",
    Severity.ERROR,
    "{problem}",
    "The API server refuses this {kind}, so it is left out; everything else is built.",
    "{advice}",
)
SELECTOR_MISSING = Code(
    "NET0202",
    Severity.ERROR,
    "spec.selector selects nothing",
    "The API server refuses a {kind} whose selector is absent or empty, so it is left out.",
    "Add spec.selector.matchLabels with the labels of the template.",
)
SELECTOR_MISMATCH = Code(
    "NET0203",
    Severity.ERROR,
    "spec.selector does not match the template's labels ({labels})",
    "The API server refuses it: the {kind} would never see the pods that it makes. It is left out.",
    "Give the template the labels that the selector asks for, or correct the selector.",
)
OWNED_COPY = Code(
    "NET0204",
    Severity.NOTE,
    "{kind} {name} is made by {owner}, which is here as well",
    "An exported copy would double the pods that its owner makes, so it is passed over.",
    "Remove exported objects with ownerReferences from the manifests.",
)
POD_NAME_TAKEN = Code(
    "NET0205",
    Severity.ERROR,
    "another object already makes pod {pod}",
    "Two pods of one namespace cannot share a name; the one of {first} runs, this one does not.",
    "Rename one of the two.",
)
NODE_UNKNOWN = Code(
    "NET0206",
    Severity.WARNING,
    "no node is named {node}",
    "In Kubernetes the pod would wait for that node; here it runs on another.",
    "Name one of: {nodes}. Or remove the constraint.",
)
NODE_SELECTOR_IGNORED = Code(
    "NET0207",
    Severity.NOTE,
    "nodeSelector {selector} is not honoured",
    "Local nodes carry no labels but kubernetes.io/hostname, kubernetes.io/os and kubernetes.io/arch, so the pods run on any node.",
    "Use kubernetes.io/hostname to place pods on a node.",
)
POD_RANGE_FULL = Code(
    "NET0208",
    Severity.ERROR,
    "no address left for {missing} of {wanted} pods",
    "A pod without an address cannot run. The nodes' pod ranges hold {capacity} addresses.",
    "Lower the replicas, or give the cluster a larger pod range.",
)
HOST_PORT_TAKEN = Code(
    "NET0209",
    Severity.ERROR,
    "port {port} is taken on every node that {pod} may run on",
    "Pods with hostNetwork share their node's ports; in Kubernetes this pod would wait for a free node. It does not run.",
    "Use another port, more nodes, or no hostNetwork.",
)
SERVICE_ACCOUNT_MISSING = Code(
    "NET0210",
    Severity.ERROR,
    "no ServiceAccount {name} in namespace {namespace}",
    "Kubernetes refuses to create pods with an unknown service account. Here they run, with that identity.",
    "Add the ServiceAccount, or correct spec.serviceAccountName.",
)
NAMESPACE_MISSING = Code(
    "NET0211",
    Severity.NOTE,
    "namespace {namespace} is used but not defined",
    "A cluster that lacks it refuses every object in it. Here it is added, without labels of its own.",
    "Add a Namespace object, so that its labels are known too.",
)
CONFIG_MISSING = Code(
    "NET0212",
    Severity.ERROR,
    "{reference} does not exist",
    "The container's environment needs it: in Kubernetes the pod hangs in CreateContainerConfigError. Its pods are not started.",
    "Add it, correct the name, or mark the reference optional.",
)
CONFIG_MISSING_STANDIN = Code(
    "NET0213",
    Severity.WARNING,
    "{reference} is not among the manifests",
    "In Kubernetes the container does not start without it. The stand-in does not need it and runs.",
    "Add it, correct the name, or mark the reference optional.",
)
BAD_COMMAND = Code(
    "NET0215",
    Severity.ERROR,
    "{problem}",
    "The program of these pods cannot be started, so they do not run.",
    "{advice}",
)
PROBE_PORT_UNKNOWN = Code(
    "NET0216",
    Severity.ERROR,
    "{probe} probe names port {port}, which container {container} does not declare",
    "The kubelet cannot resolve the name, so in Kubernetes the probe fails for ever. Here it is left out.",
    "Declare the port under the container's ports, or name one of: {ports}.",
)
PROBE_LEFT_OUT = Code(
    "NET0217",
    Severity.NOTE,
    "{probe} probe ({how}) of container {container} is not run",
    "{reason}",
    "Nothing to do; with seaway.dev/command a real program runs and is probed.",
)
INIT_CONTAINERS = Code(
    "NET0218",
    Severity.NOTE,
    "init containers are not run ({count} workloads have some, first {name})",
    "Images are not pulled, and the stand-ins need no preparation.",
    "Nothing to do.",
)
HOST_PORT_IGNORED = Code(
    "NET0219",
    Severity.NOTE,
    "hostPort is not honoured ({count} workloads have some, first {name})",
    "The node does not forward these ports to the pods.",
    "Use a Service of type NodePort or LoadBalancer, or hostNetwork.",
)
NODE_RESOLVER = Code(
    "NET0220",
    Severity.NOTE,
    "these pods use their node's resolver, and local nodes have none",
    "With dnsPolicy {policy} Kubernetes copies the node's resolv.conf; here the pods get no name server.",
    "{advice}",
)
FQDN_TOO_LONG = Code(
    "NET0221",
    Severity.ERROR,
    "host name {name} is longer than 64 characters",
    "Linux host names hold 64 bytes, so with setHostnameAsFQDN the pod cannot start. It does not run.",
    "Shorten hostname, subdomain or namespace, or drop setHostnameAsFQDN.",
)
JOB_PART = Code(
    "NET0222",
    Severity.NOTE,
    "{running} of {completions} completions run",
    "A Job runs no more than its parallelism at once; the later ones are not modelled.",
    "Raise spec.parallelism to see all of them.",
)
GOVERNING_SERVICE_MISSING = Code(
    "NET0223",
    Severity.WARNING,
    "no Service {service} in namespace {namespace}",
    "It gives the pods their DNS names; without it {pod}.{service} does not resolve.",
    "Add a headless Service of that name, or correct spec.serviceName.",
)
ENV_NOT_MODELLED = Code(
    "NET0224",
    Severity.WARNING,
    "environment variable {name} has a source that is not modelled",
    "The program starts without the variable.",
    "Use value, fieldRef, configMapKeyRef or secretKeyRef.",
)
CONFIG_NOT_TEXT = Code(
    "NET0225",
    Severity.ERROR,
    "{reference} is not text",
    "An environment variable cannot hold it: the value is not UTF-8 or holds a NUL byte. The pods are not started.",
    "Store text, or mount the value as a file in Kubernetes.",
)
FIELD_REF_UNKNOWN = Code(
    "NET0226",
    Severity.ERROR,
    "fieldRef {path} is not a field of a pod that an environment variable can show",
    "The API server refuses it; the pods are not started.",
    "Use metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.nodeName, "
    "spec.serviceAccountName, status.podIP, status.podIPs or status.hostIP.",
)
CLUSTER_IP_TAKEN = Code(
    "NET0230",
    Severity.ERROR,
    "clusterIP {address} already belongs to {first}",
    "An address serves one Service. The API server refuses the second, so this Service is left out.",
    "Remove clusterIP to get a free address, or choose another.",
)
CLUSTER_IP_OUTSIDE = Code(
    "NET0231",
    Severity.ERROR,
    "clusterIP {address} is outside the service range {range}",
    "The API server refuses it, so this Service is left out.",
    "Remove clusterIP to get a free address, choose one in {range}, or change the cluster's service range.",
)
SERVICE_RANGE_FULL = Code(
    "NET0232",
    Severity.ERROR,
    "no address left in the service range {range}",
    "A Service without an address cannot be reached; it is left out.",
    "Give the cluster a larger service range.",
)
NODE_PORT_TAKEN = Code(
    "NET0233",
    Severity.ERROR,
    "nodePort {port}/{protocol} already belongs to {first}",
    "A port of the nodes serves one Service. The API server refuses the second, so this Service is left out.",
    "Remove nodePort to get a free one, or choose another.",
)
NODE_PORT_OUTSIDE = Code(
    "NET0234",
    Severity.ERROR,
    "nodePort {port} is outside {low}-{high}",
    "The API server refuses it, so this Service is left out.",
    "Remove nodePort to get a free one, or choose one in {low}-{high}.",
)
NODE_PORTS_FULL = Code(
    "NET0235",
    Severity.ERROR,
    "no node port left for port {port}",
    "All of {low}-{high} are in use; the Service is reachable at its cluster address only.",
    "Remove Services of type NodePort or LoadBalancer, or set allocateLoadBalancerNodePorts: false.",
)
LOAD_BALANCER_IP_TAKEN = Code(
    "NET0236",
    Severity.ERROR,
    "load balancer address {address} already belongs to {first}",
    "An address serves one Service; this one gets none, as if it were pending in Kubernetes.",
    "Remove loadBalancerIP to get a free address, or choose another.",
)
LOAD_BALANCER_IP_OUTSIDE = Code(
    "NET0237",
    Severity.WARNING,
    "load balancer address {address} is outside the pool {range}",
    "Pods and nodes reach it, but this machine has routes to the pool only.",
    "Remove loadBalancerIP to get a free address, choose one in {range}, or change the pool.",
)
LOAD_BALANCER_RANGE_FULL = Code(
    "NET0238",
    Severity.ERROR,
    "no address left in the load balancer pool {range}",
    "The Service gets no load balancer address, as if it were pending in Kubernetes.",
    "Give the cluster a larger load balancer pool.",
)
LOAD_BALANCER_CLASS = Code(
    "NET0239",
    Severity.WARNING,
    "load balancer class {name} is not served",
    "Another controller would give this Service its address; none runs here, so it has none.",
    "Remove loadBalancerClass to get an address from the local pool.",
)
NO_PODS_SELECTED = Code(
    "NET0240",
    Severity.WARNING,
    "selector {selector} matches no pod in namespace {namespace}",
    "The Service has no endpoints: connections to it are refused.",
    "{advice}",
)
TARGET_PORT_UNKNOWN = Code(
    "NET0241",
    Severity.ERROR,
    "no pod behind the Service declares a {protocol} port named {port}",
    "The port has no endpoints: connections to it are refused.",
    "{advice}",
)
TARGET_PORT_UNDECLARED = Code(
    "NET0242",
    Severity.NOTE,
    "no container behind the Service declares port {port}/{protocol}",
    "Declaring ports is optional, so the stand-ins listen on it; a real container may not.",
    "Check targetPort against what the program listens on. Declared: {ports}.",
)
IPV6 = Code(
    "NET0243",
    Severity.WARNING,
    "IPv6 is not served yet",
    "{consequence}",
    "Use IPv4, or both with ipFamilyPolicy: PreferDualStack.",
)
EXTERNAL_NAME_ADDRESS = Code(
    "NET0244",
    Severity.WARNING,
    "externalName {name} is an address, not a name",
    "DNS answers with a CNAME to a name that looks like an address, which no resolver can follow.",
    "Use a Service without selector and an EndpointSlice with that address.",
)
ENDPOINTS_IGNORED = Code(
    "NET0245",
    Severity.WARNING,
    "Service {service} has a selector, so its endpoints are the selected pods",
    "A cluster's controller would fight over them, or traffic would go to addresses that nobody expects; they are not used.",
    "Remove the selector from the Service, or remove this object.",
)
ENDPOINTS_EXPORTED = Code(
    "NET0246",
    Severity.NOTE,
    "made by the cluster that it was exported from",
    "Endpoints of Services with a selector follow the pods, so this copy is not used.",
    "Remove it from the manifests.",
)
ENDPOINTS_WITHOUT_SERVICE = Code(
    "NET0247",
    Severity.WARNING,
    "{problem}",
    "Nothing leads to these addresses.",
    "{advice}",
)
ENDPOINT_PORT_UNKNOWN = Code(
    "NET0248",
    Severity.WARNING,
    "Service {service} has no {protocol} port named {port}",
    "Endpoints join a Service's ports by name and protocol, so this one is never used.",
    "Name it like one of the Service's ports: {ports}.",
)
ADDRESS_TYPE = Code(
    "NET0249",
    Severity.WARNING,
    "addresses of type {type} are not used",
    "{why}",
    "Use an EndpointSlice with addressType: IPv4.",
)
TARGET_REF_ADDRESS = Code(
    "NET0250",
    Severity.WARNING,
    "targetRef names pod {pod}, whose address is {actual}, not {address}",
    "Traffic goes to {address} as written, where that pod is not.",
    "Remove this object and select the pod, or correct the address.",
)
SOURCE_RANGES_IGNORED = Code(
    "NET0251",
    Severity.WARNING,
    "loadBalancerSourceRanges has no effect on type {type}",
    "It limits who may use a load balancer address, and this Service has none.",
    "Remove it, or make the Service a LoadBalancer.",
)
