"""The core group, v1: Namespace, Pod, Service, Endpoints, ServiceAccount, Secret, ConfigMap. Only the fields that Seaway honours.

https://kubernetes.io/docs/reference/kubernetes-api/
"""

from __future__ import annotations

import msgspec

from seaway.resources.meta import ObjectMeta, Struct

IntOrString = int | str


class Namespace(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta


class ServiceAccount(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta


class ConfigMap(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


class Secret(Struct, frozen=True, kw_only=True):
    """`data` values are base64; `string_data` wins over `data`, as the API server merges them."""

    metadata: ObjectMeta
    type: str = "Opaque"
    data: dict[str, str] = {}
    string_data: dict[str, str] = {}


class KeyRef(Struct, frozen=True, kw_only=True):
    """One key of a ConfigMap or Secret (`configMapKeyRef`, `secretKeyRef`)."""

    name: str = ""
    key: str
    optional: bool = False


class FieldRef(Struct, frozen=True, kw_only=True):
    field_path: str


class EnvVarSource(Struct, frozen=True, kw_only=True):
    field_ref: FieldRef | None = None
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None


class EnvVar(Struct, frozen=True, kw_only=True):
    name: str
    value: str | None = None
    value_from: EnvVarSource | None = None


class WholeRef(Struct, frozen=True, kw_only=True):
    """A whole ConfigMap or Secret (`envFrom[].configMapRef`, `secretRef`)."""

    name: str = ""
    optional: bool = False


class EnvFromSource(Struct, frozen=True, kw_only=True):
    prefix: str = ""
    config_map_ref: WholeRef | None = None
    secret_ref: WholeRef | None = None


class ContainerPort(Struct, frozen=True, kw_only=True):
    container_port: int
    name: str | None = None
    protocol: str = "TCP"
    host_port: int | None = None


class HTTPHeader(Struct, frozen=True, kw_only=True):
    name: str
    value: str


class HTTPGetAction(Struct, frozen=True, kw_only=True):
    port: IntOrString
    path: str = "/"
    host: str | None = None
    scheme: str = "HTTP"
    http_headers: tuple[HTTPHeader, ...] = ()


class TCPSocketAction(Struct, frozen=True, kw_only=True):
    port: IntOrString
    host: str | None = None


class ExecAction(Struct, frozen=True, kw_only=True):
    command: tuple[str, ...] = ()


class GRPCAction(Struct, frozen=True, kw_only=True):
    port: int
    service: str | None = None


class Probe(Struct, frozen=True, kw_only=True):
    """Exactly one action. Times in seconds; absent means the API's defaults (period 10, timeout 1, success 1, failure 3)."""

    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    exec: ExecAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    timeout_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None


class Container(Struct, frozen=True, kw_only=True):
    """`restart_policy: Always` makes an init container a sidecar: it keeps running beside the containers."""

    name: str
    image: str | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str | None = None
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    restart_policy: str | None = None


class HostAlias(Struct, frozen=True, kw_only=True):
    ip: str
    hostnames: tuple[str, ...] = ()


class PodDNSConfigOption(Struct, frozen=True, kw_only=True):
    name: str | None = None
    value: str | None = None


class PodDNSConfig(Struct, frozen=True, kw_only=True):
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()


class PodSpec(Struct, frozen=True, kw_only=True):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    service_account_name: str | None = None
    service_account: str | None = None
    host_network: bool = False
    hostname: str | None = None
    subdomain: str | None = None
    set_hostname_as_fqdn: bool | None = msgspec.field(name="setHostnameAsFQDN", default=None)
    node_name: str | None = None
    node_selector: dict[str, str] = {}
    restart_policy: str = "Always"
    dns_policy: str = "ClusterFirst"
    dns_config: PodDNSConfig | None = None
    host_aliases: tuple[HostAlias, ...] = ()
    enable_service_links: bool | None = None


class PodTemplateSpec(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()


class Pod(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: PodSpec = PodSpec()


class ServicePort(Struct, frozen=True, kw_only=True):
    port: int
    name: str | None = None
    protocol: str = "TCP"
    app_protocol: str | None = None
    target_port: IntOrString | None = None
    node_port: int | None = None


class ClientIPConfig(Struct, frozen=True, kw_only=True):
    timeout_seconds: int | None = None


class SessionAffinityConfig(Struct, frozen=True, kw_only=True):
    client_ip: ClientIPConfig | None = msgspec.field(name="clientIP", default=None)


class ServiceSpec(Struct, frozen=True, kw_only=True):
    type: str = "ClusterIP"
    selector: dict[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str | None = msgspec.field(name="clusterIP", default=None)
    cluster_ips: tuple[str, ...] = msgspec.field(name="clusterIPs", default=())
    external_ips: tuple[str, ...] = msgspec.field(name="externalIPs", default=())
    load_balancer_ip: str | None = msgspec.field(name="loadBalancerIP", default=None)
    load_balancer_class: str | None = None
    load_balancer_source_ranges: tuple[str, ...] = ()
    external_name: str | None = None
    external_traffic_policy: str | None = None
    internal_traffic_policy: str | None = None
    session_affinity: str = "None"
    session_affinity_config: SessionAffinityConfig | None = None
    publish_not_ready_addresses: bool = False
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str | None = None
    allocate_load_balancer_node_ports: bool | None = None
    traffic_distribution: str | None = None


class Service(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: ServiceSpec = ServiceSpec()


class ObjectReference(Struct, frozen=True, kw_only=True):
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


class EndpointAddress(Struct, frozen=True, kw_only=True):
    ip: str
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointPort(Struct, frozen=True, kw_only=True):
    port: int
    name: str | None = None
    protocol: str = "TCP"
    app_protocol: str | None = None


class EndpointSubset(Struct, frozen=True, kw_only=True):
    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    subsets: tuple[EndpointSubset, ...] = ()
