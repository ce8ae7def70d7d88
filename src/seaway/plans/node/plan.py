"""The agent's orders: one file that the control plane writes and the agent follows, also after a restart of either."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.memo import Memo
from seaway.model.index import Model
from seaway.model.names import node_netns, pod_netns
from seaway.model.route import Gateway
from seaway.model.upstream import MutualMesh
from seaway.model.workload import Command, DnsServer, GatewayProxy, Pod, Probe, Protocol, Standin
from seaway.plans.node.names import plan_names
from seaway.protocols.dns_learning import NameClient


@dataclass(frozen=True, slots=True)
class StandinPort:
    """A socket of a stand-in: HTTP/1.1 and h2c where `http`, else an echo of bytes (TCP) or datagrams (UDP)."""

    port: int
    protocol: Protocol
    http: bool


@dataclass(frozen=True, slots=True)
class PodOrders:
    """One pod. `netns` names a file in the namespace folder. `listen` is empty unless a stand-in runs; `command` is set for real programs.

    `address` is what a stand-in binds: the pod's own address in the node's network (hostNetwork), else all addresses of its namespace.
    `serves_dns` says that cluster DNS listens in this pod, on port 53. `resolv_conf` and `hosts` are whole file texts.
    `ports` are all declared ports, whoever answers on them. `probe_inside`: probes start in the pod's own network, past its proxy.
    """

    namespace: str
    name: str
    netns: str
    ip: str
    address: str
    node: str
    revision: str
    hostname: str
    labels: dict[str, str]
    service_account: str
    workload: str
    listen: tuple[StandinPort, ...]
    command: Command | None
    serves_dns: bool
    finite: bool
    probes: tuple[Probe, ...]
    resolv_conf: str
    hosts: str
    ports: tuple[StandinPort, ...] = ()
    probe_inside: bool = False


@dataclass(frozen=True, slots=True)
class NodeOrders:
    """All pods of one node, by identity; and the SPIFFE IDs under which they take part in the mesh, in order.

    `names` are pods of all nodes that policies by names of domains are about, where a pod of this node serves DNS.
    """

    node: str
    pods: tuple[PodOrders, ...]
    identities: tuple[str, ...] = ()
    names: tuple[NameClient, ...] = ()


def plan_node(model: Model, node: str, memo: Memo | None = None) -> NodeOrders:
    """The orders of one node's agent. `memo` is this node's own."""
    memo = memo or Memo()
    pods = tuple(memo(pod.id, _orders, pod, model.cluster.domain, pod.id in model.member) for pod in model.pods_on(node))
    names = memo("names", plan_names, model.verdicts) if model.policies and any(one.serves_dns for one in pods) else ()
    orders = NodeOrders(node, pods, _identities(model, node), names)
    memo.turn()
    return orders


def _identities(model: Model, node: str) -> tuple[str, ...]:
    """Whose certificates the node needs. Of gateways by themselves, those of the ones that show theirs: to others nobody is a peer."""
    here = [pod for pod in model.pods_on(node) if pod.id in model.member]
    if all(isinstance(model.pod[name].runs, GatewayProxy) for name in model.member if name in model.pod):
        showing = {name for one in model.gateways if _shows_itself(model, one) for name in one.pods}
        here = [pod for pod in here if pod.id in showing]
    return tuple(sorted({model.member[pod.id].spiffe for pod in here}))


def _shows_itself(model: Model, gateway: Gateway) -> bool:
    """Whether the gateway's own certificate is asked for (ISTIO_MUTUAL), by a server of it or on the way to a backend."""
    called = (model.upstream[to].treatment.protection for to in gateway.leads_to if to in model.upstream)
    return any(one.tls is not None and not one.tls.certificates for one in gateway.servers) or any(
        isinstance(one, MutualMesh) and not one.automatic for one in called
    )


def _orders(pod: Pod, domain: str, in_mesh: bool) -> PodOrders:
    listen: tuple[StandinPort, ...] = ()
    command: Command | None = None
    match pod.runs:
        case Standin():
            listen = _ports(pod)
        case Command():
            command = pod.runs
        case GatewayProxy() | DnsServer():
            pass
    return PodOrders(
        namespace=pod.id.namespace,
        name=pod.id.name,
        netns=node_netns(pod.node) if pod.host_network else pod_netns(pod.id),
        ip=pod.ip,
        address=pod.ip if pod.host_network else "0.0.0.0",
        node=pod.node,
        revision=pod.revision,
        hostname=pod.hostname,
        labels=dict(pod.labels),
        service_account=pod.service_account,
        workload=f"{pod.owner.kind}/{pod.owner.name}",
        listen=listen,
        command=command,
        serves_dns=isinstance(pod.runs, DnsServer),
        finite=pod.finite,
        probes=pod.probes,
        resolv_conf=render_resolv_conf(pod),
        hosts=render_hosts(pod, domain),
        ports=_ports(pod),
        probe_inside=in_mesh and not isinstance(pod.runs, GatewayProxy),
    )


def _ports(pod: Pod) -> tuple[StandinPort, ...]:
    ports = {StandinPort(one.port, one.protocol, one.http) for one in pod.ports}
    return tuple(sorted(ports, key=lambda one: (one.port, one.protocol.value)))


def render_resolv_conf(pod: Pod) -> str:
    """The pod's /etc/resolv.conf, in the order that the kubelet writes."""
    lines = [f"nameserver {address}" for address in pod.resolv_conf.nameservers]
    if pod.resolv_conf.searches:
        lines.insert(0, "search " + " ".join(pod.resolv_conf.searches))
    if pod.resolv_conf.options:
        lines.append("options " + " ".join(pod.resolv_conf.options))
    return "\n".join(lines) + "\n"


def render_hosts(pod: Pod, domain: str) -> str:
    """The pod's /etc/hosts: loopback, its own name (in full before short, where it has a subdomain), hostAliases."""
    full = f"{pod.hostname}.{pod.subdomain}.{pod.id.namespace}.svc.{domain}\t" if pod.subdomain else ""
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", f"{pod.ip}\t{full}{pod.hostname}"]
    lines += [f"{ip}\t{' '.join(names)}" for ip, names in pod.hosts]
    return "\n".join(lines) + "\n"
