"""Settings of the whole mesh: MeshConfig, with every default filled in.

A setting that cannot be used is a finding, and its default stays; the others count. Parts that only one frontend reads (retries, pools,
locality, providers) are left to it: it finds them in `Settings.written`, with their places.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.finding import Findings
from seaway.core.origin import GENERATED, Origin
from seaway.frontends.istio.registry import EVERYWHERE
from seaway.frontends.istio.setting_reader import SettingReader
from seaway.frontends.istio.unused_settings import unused_settings
from seaway.model.mesh import NO_MESH, MeshSettings, PathNormalization, Unknown
from seaway.model.upstream import Keepalive
from seaway.resources.core_v1 import ConfigMap
from seaway.resources.istio.destination_rule import TcpKeepalive
from seaway.resources.istio.mesh_config import CONFIG_MAP, KEY, MeshConfig, parse_mesh_config
from seaway.resources.resource import Resource, Step
from seaway.snapshot import Snapshot

HOME = "istio-system"
"""The namespace of Istio's control plane, where its ConfigMap is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`mesh` is what the planes need to know, the rest what frontends do. `domain` is the cluster's.

    `outbound` with `outbound_origin`: what becomes of traffic to unknown hosts. `upgrade_http2`: HTTP is sent as HTTP/2.
    `services_to`, `virtual_services_to` and `destination_rules_to` are namespaces (`*` for all, `.` for its own) that see objects which
    say nothing of it. `written` is what the manifests hold, None where they hold nothing.
    """

    domain: str
    mesh: MeshSettings = NO_MESH.settings
    outbound: Unknown = Unknown.ALLOW_ANY
    outbound_origin: Origin = GENERATED
    automatic_mtls: bool = True
    connect_timeout_s: float = 10
    keepalive: Keepalive | None = None
    upgrade_http2: bool = False
    services_to: frozenset[str] = EVERYWHERE
    virtual_services_to: frozenset[str] = EVERYWHERE
    destination_rules_to: frozenset[str] = EVERYWHERE
    written: Resource[MeshConfig] | None = None

    @property
    def captures_dns(self) -> bool:
        """Whether the manifests say that proxies answer their workloads' DNS, as they do here in any case."""
        config = self.written.body.default_config if self.written is not None else None
        return config is not None and config.proxy_metadata.get("ISTIO_META_DNS_CAPTURE", "").lower() == "true"

    def at(self, *path: Step) -> Origin:
        """Where a setting stands."""
        return self.written.at(*path) if self.written is not None else GENERATED


def read_mesh_settings(snapshot: Snapshot, domain: str) -> tuple[Settings, Findings]:
    """What the ConfigMap `istio` of the control plane's namespace says."""
    found = snapshot.get(ConfigMap, "", HOME, CONFIG_MAP)
    if found is None or KEY not in found.body.data:
        return Settings(domain), ()
    written, findings = parse_mesh_config(found)
    reader = SettingReader(written)
    settings = _settings(written, domain, reader)
    return settings, (*findings, *reader.findings, *unused_settings(written))


def _settings(written: Resource[MeshConfig], domain: str, reader: SettingReader) -> Settings:
    config = written.body
    outbound = config.outbound_traffic_policy
    inbound = config.inbound_traffic_policy
    reader.word("inboundTrafficPolicy", "mode", given=inbound and inbound.mode, words=_INBOUND, default=_INBOUND["PASSTHROUGH"])
    mode = reader.word("outboundTrafficPolicy", "mode", given=outbound and outbound.mode, words=_OUTBOUND, default=Unknown.ALLOW_ANY)
    return Settings(
        domain=domain,
        mesh=_mesh(config, reader),
        outbound=mode,
        outbound_origin=written.at("outboundTrafficPolicy", "mode") if outbound and outbound.mode else GENERATED,
        automatic_mtls=config.enable_auto_mtls is not False,
        connect_timeout_s=reader.seconds("connectTimeout", given=config.connect_timeout, default=10),
        keepalive=_keepalive(config.tcp_keepalive, reader),
        upgrade_http2=reader.word("h2UpgradePolicy", given=config.h2_upgrade_policy, words=_UPGRADE, default=False),
        services_to=reader.exports("defaultServiceExportTo", given=config.default_service_export_to),
        virtual_services_to=reader.exports("defaultVirtualServiceExportTo", given=config.default_virtual_service_export_to),
        destination_rules_to=reader.exports("defaultDestinationRuleExportTo", given=config.default_destination_rule_export_to),
        written=written,
    )


_OUTBOUND = {"ALLOW_ANY": Unknown.ALLOW_ANY, "REGISTRY_ONLY": Unknown.REGISTRY_ONLY, "ALLOW_ANY_DYNAMIC_DNS": Unknown.ALLOW_ANY}
_INBOUND = {"PASSTHROUGH": "PASSTHROUGH", "LOCALHOST": "LOCALHOST"}
_UPGRADE = {"DO_NOT_UPGRADE": False, "UPGRADE": True}
_PATHS = {"DEFAULT": PathNormalization.BASE} | {one.value: one for one in PathNormalization}


def _mesh(config: MeshConfig, reader: SettingReader) -> MeshSettings:
    usual, paths = NO_MESH.settings, config.path_normalization
    return MeshSettings(
        trust_domain=reader.name("trustDomain", given=config.trust_domain, default=usual.trust_domain),
        trust_domain_aliases=reader.names("trustDomainAliases", given=config.trust_domain_aliases),
        root_namespace=reader.name("rootNamespace", given=config.root_namespace, default=usual.root_namespace),
        path_normalization=reader.word(
            "pathNormalization", "normalization", given=paths and paths.normalization, words=_PATHS, default=usual.path_normalization
        ),
        detection_timeout_s=reader.seconds("protocolDetectionTimeout", given=config.protocol_detection_timeout, default=0, zero=True),
        dns_refresh_s=reader.seconds("dnsRefreshRate", given=config.dns_refresh_rate, default=usual.dns_refresh_s),
    )


def _keepalive(written: TcpKeepalive | None, reader: SettingReader) -> Keepalive | None:
    if written is None:
        return None
    return Keepalive(
        probes=reader.count("tcpKeepalive", "probes", given=written.probes),
        time_s=reader.seconds("tcpKeepalive", "time", given=written.time, default=0),
        interval_s=reader.seconds("tcpKeepalive", "interval", given=written.interval, default=0),
    )
