"""MeshConfig: every setting's default, its effect, and what is said of values that cannot be used."""

from __future__ import annotations

import textwrap

import pytest

from seaway.core.codes import mesh as codes
from seaway.frontends.istio.settings import Settings
from seaway.model.mesh import PathNormalization, Unknown
from seaway.model.upstream import Keepalive


def mesh_config(text: str) -> str:
    body = textwrap.indent(textwrap.dedent(text), "    ")
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n{body}\n"


def test_without_settings_all_is_default(build):
    world = build("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    assert world.settings == Settings("cluster.local")


HONOURED = {
    "connectTimeout: 3s": ("connect_timeout_s", 3),
    "tcpKeepalive: {probes: 3, time: 10s, interval: 5s}": ("keepalive", Keepalive(3, 10, 5)),
    "outboundTrafficPolicy: {mode: REGISTRY_ONLY}": ("outbound", Unknown.REGISTRY_ONLY),
    "outboundTrafficPolicy: {mode: ALLOW_ANY}": ("outbound", Unknown.ALLOW_ANY),
    "enableAutoMtls: false": ("automatic_mtls", False),
    "h2UpgradePolicy: UPGRADE": ("upgrade_http2", True),
    "defaultServiceExportTo: ['.']": ("services_to", frozenset({"."})),
    "defaultVirtualServiceExportTo: [shop]": ("virtual_services_to", frozenset({"shop"})),
    "defaultDestinationRuleExportTo: ['*']": ("destination_rules_to", frozenset({"*"})),
}


@pytest.mark.parametrize(("text", "wanted"), HONOURED.items(), ids=HONOURED)
def test_frontends_settings(build, text, wanted):
    world = build(mesh_config(text))
    assert getattr(world.settings, wanted[0]) == wanted[1]
    assert not world.codes


PLANES = {
    "trustDomain: example.org": ("trust_domain", "example.org"),
    "trustDomain: ''": ("trust_domain", "cluster.local"),
    "trustDomainAliases: [old.example.org]": ("trust_domain_aliases", ("old.example.org",)),
    "rootNamespace: mesh": ("root_namespace", "mesh"),
    "pathNormalization: {normalization: MERGE_SLASHES}": ("path_normalization", PathNormalization.MERGE_SLASHES),
    "pathNormalization: {normalization: DEFAULT}": ("path_normalization", PathNormalization.BASE),
    "protocolDetectionTimeout: 100ms": ("detection_timeout_s", 0.1),
    "protocolDetectionTimeout: 0s": ("detection_timeout_s", 0),
    "dnsRefreshRate: 5s": ("dns_refresh_s", 5),
}


@pytest.mark.parametrize(("text", "wanted"), PLANES.items(), ids=PLANES)
def test_settings_of_the_planes(build, text, wanted):
    world = build(mesh_config(text))
    assert getattr(world.settings.mesh, wanted[0]) == wanted[1]
    assert not world.codes


WRONG = {
    "connectTimeout: soon": ("connect_timeout_s", 10),
    "tcpKeepalive: {probes: -1}": ("keepalive", Keepalive()),
    "outboundTrafficPolicy: {mode: NONE}": ("outbound", Unknown.ALLOW_ANY),
    "defaultServiceExportTo: ['*', shop]": ("services_to", frozenset({"*"})),
}


@pytest.mark.parametrize(("text", "wanted"), WRONG.items(), ids=WRONG)
def test_wrong_values_leave_the_default(build, text, wanted):
    world = build(mesh_config(text))
    assert getattr(world.settings, wanted[0]) == wanted[1]
    found = world.finding(codes.MESH_SETTING_INVALID.id)
    assert found.origin.line == 6


def test_a_wrong_value_takes_no_other_with_it(build):
    world = build(mesh_config("trustDomain: a_b\nrootNamespace: mesh\ntrustDomainAliases: ['', ok.example]"))
    assert (world.settings.mesh.trust_domain, world.settings.mesh.root_namespace) == ("cluster.local", "mesh")
    assert world.settings.mesh.trust_domain_aliases == ("ok.example",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("accessLogFile: /dev/stdout", codes.SETTING_UNUSED),
        ("meshMTLS: {minProtocolVersion: TLSV1_3}", codes.SETTING_DIFFERS),
        ("outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}", codes.SETTING_DIFFERS),
        ("outboundTrafficPolicy: {mode: ALLOW_ANY, tls: {mode: SIMPLE}}", codes.SETTING_DIFFERS),
        ("inboundTrafficPolicy: {mode: LOCALHOST}", codes.SETTING_DIFFERS),
        ("inboundTrafficPolicy: {mode: NEAR}", codes.MESH_SETTING_INVALID),
        ("defaultConfig: {interceptionMode: TPROXY}", codes.SETTING_DIFFERS),
        ("defaultConfig: {proxyHeaders: {server: {disabled: true}}}", codes.SETTING_DIFFERS),
    ],
)
def test_what_has_no_effect_is_said(build, text, code):
    assert build(mesh_config(text)).finding(code.id).origin.line == 6


def test_usual_proxy_settings_pass_without_a_word(build):
    text = "defaultConfig: {holdApplicationUntilProxyStarts: true, interceptionMode: REDIRECT, concurrency: 2, drainDuration: 5s}"
    assert not build(mesh_config(text)).codes


def test_namespaces_that_no_selector_picks_are_not_seen(build):
    services = "".join(
        f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{mesh: '{mesh}'}}}}\n---\napiVersion: v1\nkind: Service\n"
        f"metadata: {{name: web, namespace: {name}}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n"
        for name, mesh in (("in", "yes"), ("out", "no"))
    )
    world = build(mesh_config("discoverySelectors: [{matchLabels: {mesh: 'yes'}}]") + services)
    assert "web.in.svc.cluster.local" in world.registry.hosts
    assert "web.out.svc.cluster.local" not in world.registry.hosts
