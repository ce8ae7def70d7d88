"""Services: types, addresses, ports, and what the API server refuses."""

import pytest

from seaway.core.finding import Severity
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.service import ServiceType
from seaway.model.workload import Protocol

WEB = "selector: {app: web}, ports: [{port: 80}]"


def test_defaults(build, deployment, service):
    one = build(deployment() + service(WEB, labels="team: a")).service("web")
    assert one.type is ServiceType.CLUSTER_IP
    assert one.cluster_ip.startswith("10.")
    assert one.labels == (("team", "a"),)
    assert [(port.name, port.port, port.protocol, port.node_port, port.app_protocol) for port in one.ports] == [
        ("", 80, Protocol.TCP, 0, "")
    ]
    assert (one.affinity_s, one.internal_local, one.external_local, one.publish_not_ready) == (0, False, False, False)
    assert one.selects_pods
    assert not one.headless


def test_all_fields(build, deployment, service):
    spec = (
        f"{WEB}, type: LoadBalancer, sessionAffinity: ClientIP, internalTrafficPolicy: Local, externalTrafficPolicy: Local, "
        "publishNotReadyAddresses: true, externalIPs: [192.0.2.9], loadBalancerSourceRanges: [' 192.0.2.0/24']"
    )
    one = build(deployment() + service(spec)).service("web")
    assert (one.affinity_s, one.internal_local, one.external_local, one.publish_not_ready) == (10800, True, True, True)
    assert one.external_ips == ("192.0.2.9",)
    assert one.source_ranges == ("192.0.2.0/24",)
    assert one.load_balancer_ip.startswith("198.18.255.")
    assert 30000 <= one.ports[0].node_port <= 32767


def test_affinity_timeout(build, deployment, service):
    spec = f"{WEB}, sessionAffinity: ClientIP, sessionAffinityConfig: {{clientIP: {{timeoutSeconds: 60}}}}"
    assert build(deployment() + service(spec)).service("web").affinity_s == 60


def test_headless_and_external_name(build, service):
    world = build(
        service("clusterIP: None, selector: {app: web}", name="headless")
        + service("type: ExternalName, externalName: db.example.com.", name="out")
    )
    headless, out = world.service("headless"), world.service("out")
    assert headless.headless
    assert (headless.cluster_ip, headless.ports) == ("", ())
    assert (out.external_name, out.cluster_ip, out.headless, out.selects_pods) == ("db.example.com", "", False, False)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param("type: Ingress, ports: [{port: 80}]", "spec.type", id="type"),
        pytest.param("selector: {a: b}", "spec.ports", id="no-ports"),
        pytest.param("ports: [{port: 0}]", "spec.ports[0].port", id="port-zero"),
        pytest.param("ports: [{port: 80, protocol: HTTP}]", "spec.ports[0].protocol", id="protocol"),
        pytest.param("ports: [{port: 80}, {name: b, port: 81}]", "spec.ports[0]", id="unnamed-of-several"),
        pytest.param("ports: [{name: a, port: 80}, {name: a, port: 81}]", "spec.ports[1].name", id="name-twice"),
        pytest.param("ports: [{name: a, port: 80}, {name: b, port: 80}]", "spec.ports[1].port", id="port-twice"),
        pytest.param("ports: [{name: A_b, port: 80}]", "spec.ports[0].name", id="port-name"),
        pytest.param('ports: [{port: 80, targetPort: "8080"}]', "spec.ports[0].targetPort", id="target-number-as-text"),
        pytest.param("ports: [{port: 80, targetPort: 70000}]", "spec.ports[0].targetPort", id="target-too-big"),
        pytest.param("ports: [{port: 80, nodePort: 30080}]", "spec.ports[0].nodePort", id="node-port-of-cluster-ip"),
        pytest.param("type: ExternalName", "spec.externalName", id="external-name-absent"),
        pytest.param("type: ExternalName, externalName: a_b", "spec.externalName", id="external-name"),
        pytest.param("type: NodePort, clusterIP: None, ports: [{port: 80}]", "spec.clusterIP", id="headless-node-port"),
        pytest.param("clusterIP: somewhere, ports: [{port: 80}]", "spec.clusterIP", id="cluster-ip"),
        pytest.param("ports: [{port: 80}], sessionAffinity: Cookie", "spec.sessionAffinity", id="affinity"),
        pytest.param(
            "ports: [{port: 80}], sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}",
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            id="affinity-timeout",
        ),
        pytest.param("ports: [{port: 80}], internalTrafficPolicy: Node", "spec.internalTrafficPolicy", id="internal-policy"),
        pytest.param("ports: [{port: 80}], externalTrafficPolicy: Local", "spec.externalTrafficPolicy", id="external-policy-of-cluster-ip"),
        pytest.param("ports: [{port: 80}], externalIPs: [127.0.0.1]", "spec.externalIPs[0]", id="external-ip-loopback"),
        pytest.param("ports: [{port: 80}], type: LoadBalancer, loadBalancerIP: x", "spec.loadBalancerIP", id="load-balancer-ip"),
        pytest.param(
            "ports: [{port: 80}], type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0]",
            "spec.loadBalancerSourceRanges[0]",
            id="source-range",
        ),
    ],
)
def test_refused_services_are_left_out_and_nothing_else(build, service, spec, field):
    world = build(service(spec, name="bad") + service("clusterIP: None", name="good"))
    assert world.has_service("good")
    assert not world.has_service("bad")
    assert world.finding("NET0201").message.startswith(f"{field} ")


def test_given_cluster_ips(build, service):
    ports = "ports: [{port: 80}]"
    world = build(
        service(f"clusterIP: 10.96.0.50, {ports}", name="a")
        + service(f"clusterIP: 10.96.0.50, {ports}", name="b")
        + service(f"clusterIP: 10.43.0.9, {ports}", name="c")
        + service(ports, name="d")
    )
    assert world.service("a").cluster_ip == "10.96.0.50"
    assert not world.has_service("b")
    assert world.finding("NET0230").message == "clusterIP 10.96.0.50 already belongs to default/a"
    assert not world.has_service("c")
    assert "10.96.0.0/12" in world.finding("NET0231").help
    assert world.service("d").cluster_ip not in ("10.96.0.50", "10.96.0.10", "10.96.0.1")


def test_the_dns_address_belongs_to_cluster_dns(build, service):
    world = build(service("clusterIP: 10.96.0.10, ports: [{port: 80}]", name="a"))
    assert not world.has_service("a")
    assert world.service("kube-dns", "kube-system").cluster_ip == "10.96.0.10"


def test_small_service_range_is_used_to_the_last_address(build, service):
    cluster = Cluster((Node("node-1", "172.31.0.1", "10.244.0.0/24"),), service_cidr="10.96.0.0/28")
    names = [f"s{index:02}" for index in range(14)]
    world = build("".join(service("ports: [{port: 80}]", name=name) for name in names), cluster=cluster)
    addresses = {one.cluster_ip for one in world.built.model.services}
    # 16 less the network, the API server's, and the last; DNS and the gateway's Service have two of the 13 left
    assert addresses == {f"10.96.0.{index}" for index in range(2, 15)}
    assert world.codes(Severity.ERROR) == ["NET0232"] * 3


def test_one_service_more_moves_no_address_even_without_leases(build, service):
    names = [f"svc-{index}" for index in range(50)]
    texts = {name: service("type: LoadBalancer, ports: [{port: 80}]", name=name) for name in names}
    before, after = build("".join(texts[name] for name in names[1:40])), build("".join(texts.values()))
    kept = [name for name in names[1:40] if before.service(name).cluster_ip == after.service(name).cluster_ip]
    assert len(kept) >= 38


def test_leases_of_services_hold(build, service):
    spec = "type: LoadBalancer, ports: [{name: http, port: 80}]"
    leases = Leases(
        cluster_ips=(("default/web", "10.99.1.2"), ("default/gone", "10.99.1.3")),
        load_balancers=(("default/web", "198.18.255.77"),),
        node_ports=(("default/web/http/TCP", 31234),),
    )
    world = build(service(spec), leases=leases)
    one = world.service("web")
    assert (one.cluster_ip, one.load_balancer_ip, one.ports[0].node_port) == ("10.99.1.2", "198.18.255.77", 31234)
    assert ("default/web", "10.99.1.2") in world.leases.cluster_ips
    assert "default/gone" not in dict(world.leases.cluster_ips)


def test_a_given_address_wins_over_a_lease(build, service):
    leases = Leases(cluster_ips=(("default/b", "10.99.1.2"),))
    world = build(service("clusterIP: 10.99.1.2, ports: [{port: 80}]", name="a") + service("ports: [{port: 80}]", name="b"), leases=leases)
    assert world.service("a").cluster_ip == "10.99.1.2"
    assert world.service("b").cluster_ip != "10.99.1.2"
    assert not world.codes(Severity.ERROR)


def test_node_ports(build, service):
    both = "ports: [{name: tcp, port: 53, nodePort: %d}, {name: udp, port: 53, protocol: UDP%s}]"
    world = build(
        service(f"type: NodePort, {both % (30053, ', nodePort: 30053')}", name="a")
        + service("type: NodePort, ports: [{port: 80, nodePort: 30053}]", name="b")
        + service("type: NodePort, ports: [{port: 80, nodePort: 80}]", name="c")
        + service(f"type: NodePort, {both % (30054, '')}", name="d")
        + service("type: NodePort, ports: [{name: tcp, port: 53}, {name: udp, port: 53, protocol: UDP}]", name="e")
    )
    ports = {name: [port.node_port for port in world.service(name).ports] for name in "ade"}
    assert ports["a"] == [30053, 30053]
    assert ports["d"] == [30054, 30054], "ports of one number share the node port"
    assert ports["e"][0] == ports["e"][1]
    assert 30000 <= ports["e"][0] <= 32767
    assert not world.has_service("b")
    assert world.finding("NET0233").message == "nodePort 30053/TCP already belongs to default/a"
    assert not world.has_service("c")
    assert world.finding("NET0234")


def test_node_ports_used_up(build, service):
    cluster = Cluster((Node("node-1", "172.31.0.1", "10.244.0.0/24"),), node_ports=(30000, 30003))
    world = build("".join(service("type: NodePort, ports: [{port: 80}]", name=name) for name in "abc"), cluster=cluster)
    given = [port.node_port for one in world.built.model.services for port in one.ports if one.type is not ServiceType.CLUSTER_IP]
    assert sorted(given) == [0, 30000, 30001, 30002, 30003]
    assert world.finding("NET0235").message == "no node port left for port 443"


def test_load_balancer_without_node_ports(build, service):
    one = build(service("type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]")).service("web")
    assert one.ports[0].node_port == 0
    assert one.load_balancer_ip


def test_load_balancer_addresses(build, service):
    def balancer(name: str, more: str) -> str:
        return service(f"type: LoadBalancer, {more}, ports: [{{port: 80}}]", name=name)

    world = build(
        balancer("a", "loadBalancerIP: 198.18.255.5")
        + balancer("b", "loadBalancerIP: 198.18.255.5")
        + balancer("c", "loadBalancerIP: 203.0.113.5")
        + balancer("d", "loadBalancerClass: example.com/own")
        + balancer("e", "loadBalancerIP: 172.31.0.1")
    )
    given = {name: world.service(name).load_balancer_ip for name in "abcde"}
    assert given == {"a": "198.18.255.5", "b": "", "c": "203.0.113.5", "d": "", "e": ""}
    assert world.codes() == ["NET0236", "NET0237", "NET0239", "NET0236"]
    assert world.service("b").cluster_ip, "only the load balancer address is missing"


def test_load_balancer_pool_used_up(build, service):
    cluster = Cluster((Node("node-1", "172.31.0.1", "10.244.0.0/24"),), load_balancer_cidr="198.18.255.0/30")
    world = build("".join(service("type: LoadBalancer, ports: [{port: 80}]", name=name) for name in "ab"), cluster=cluster)
    assert world.finding("NET0238")
    addresses = [one.load_balancer_ip for one in world.built.model.services if one.type is ServiceType.LOAD_BALANCER]
    assert sorted(addresses) == ["", "198.18.255.1", "198.18.255.2"]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        pytest.param("type: ExternalName, externalName: 192.0.2.1", "NET0244", id="external-name-is-an-address"),
        pytest.param("ports: [{port: 80}], ipFamilyPolicy: RequireDualStack", "NET0243", id="dual-stack"),
        pytest.param("ports: [{port: 80}], ipFamilies: [IPv6]", "NET0243", id="ipv6-only"),
        pytest.param('ports: [{port: 80}], externalIPs: ["fd00::1"]', "NET0243", id="ipv6-external"),
        pytest.param('ports: [{port: 80}], clusterIP: "fd00::1"', "NET0243", id="ipv6-cluster-ip"),
        pytest.param("ports: [{port: 80}], loadBalancerSourceRanges: [10.0.0.0/8]", "NET0251", id="source-ranges-of-cluster-ip"),
    ],
)
def test_warnings_keep_the_service(build, service, spec, code):
    world = build(service(spec))
    assert world.has_service("web")
    assert world.codes() == [code]
    if "externalName" not in spec:
        assert world.service("web").cluster_ip.startswith("10.")


def test_preferring_dual_stack_is_fine(build, service):
    assert not build(service("ports: [{port: 80}], ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6]")).codes()


def test_source_ranges_from_the_annotation(build):
    text = """
        apiVersion: v1
        kind: Service
        metadata: {name: web, annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: "10.0.0.0/8, 192.0.2.0/24"}}
        spec: {type: LoadBalancer, ports: [{port: 80}]}
        """
    assert build(text).service("web").source_ranges == ("10.0.0.0/8", "192.0.2.0/24")
