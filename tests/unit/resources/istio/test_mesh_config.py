"""The mesh's settings out of the ConfigMap `istio`: their values, their places, and what is wrong with them."""

from __future__ import annotations

import pytest

from seaway.core.finding import Findings
from seaway.core.names import Key
from seaway.resources.istio.mesh_config import MeshConfig, parse_mesh_config
from seaway.resources.load import load_text
from seaway.resources.resource import Resource

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n"
WHOLE = """\
  # — the settings —
  mesh: |-

    trustDomain: example.test
    trustDomainAliases: [old.test]
    outboundTrafficPolicy:
      mode: REGISTRY_ONLY
    enableAutoMtls: false
    defaultConfig:
      holdApplicationUntilProxyStarts: true
      proxyMetadata:
        ISTIO_META_DNS_CAPTURE: "true"
      gatewayTopology: {numTrustedProxies: 2}
    discoverySelectors:
    - matchLabels: {mesh: "yes"}
    meshMTLS: {minProtocolVersion: TLSV1_3}
    defaultHttpRetryPolicy: {attempts: 0}
    extensionProviders:
    - name: login
      envoyExtAuthzHttp:
        service: login.default.svc.cluster.local
        port: 8000
        includeRequestHeadersInCheck: [cookie]
    - name: tracer
      zipkin: {service: zipkin, port: 9411}
    connectTimeout: null
"""


def parsed(data: str) -> tuple[Resource[MeshConfig], Findings]:
    loaded = load_text(HEAD + data, "mesh.yaml")
    assert loaded.findings == ()
    return parse_mesh_config(loaded.resources[0])


def test_values() -> None:
    mesh, findings = parsed(WHOLE)
    assert findings == ()
    assert mesh.key == Key("", "ConfigMap", "istio-system", "istio")
    config = mesh.body
    assert (config.trust_domain, config.trust_domain_aliases, config.enable_auto_mtls) == ("example.test", ("old.test",), False)
    assert config.outbound_traffic_policy
    assert config.outbound_traffic_policy.mode == "REGISTRY_ONLY"
    assert config.default_config
    assert config.default_config.proxy_metadata == {"ISTIO_META_DNS_CAPTURE": "true"}
    assert config.default_config.gateway_topology
    assert config.default_config.gateway_topology.num_trusted_proxies == 2
    assert config.discovery_selectors[0].match_labels == {"mesh": "yes"}
    assert config.mesh_mtls
    assert config.mesh_mtls.min_protocol_version == "TLSV1_3"
    assert config.default_http_retry_policy
    assert config.default_http_retry_policy.attempts == 0
    login, tracer = config.extension_providers
    assert login.envoy_ext_authz_http
    assert login.envoy_ext_authz_http.port == 8000
    assert tracer.zipkin == {"service": "zipkin", "port": 9411}
    assert (config.connect_timeout, config.root_namespace, config.default_service_export_to) == (None, None, ())


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        pytest.param(("trustDomain",), 8, 5, id="after-a-blank-line"),
        pytest.param(("outboundTrafficPolicy", "mode"), 11, 7, id="nested"),
        pytest.param(("defaultConfig", "gatewayTopology", "numTrustedProxies"), 17, 25, id="flow"),
        pytest.param(("extensionProviders", 0, "envoyExtAuthzHttp", "port"), 26, 9, id="in-a-list"),
        pytest.param(("extensionProviders", 1, "zipkin", "port"), 29, 33, id="plain-data"),
        pytest.param(("rootNamespace",), 8, 5, id="absent"),
    ],
)
def test_a_literal_block_has_the_lines_of_its_file(path: tuple[str | int, ...], line: int, column: int) -> None:
    origin = parsed(WHOLE)[0].at(*path)
    assert (origin.file, origin.line, origin.column) == ("mesh.yaml", line, column)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param('  a: b\n  mesh: "trustDomain: example.test"\n', id="quoted"),
        pytest.param("  a: b\n  mesh: >\n    trustDomain:\n      example.test\n", id="folded"),
        pytest.param("  a: b\n  mesh: |2\n    trustDomain: example.test\n", id="indentation-given"),
    ],
)
def test_other_scalars_stand_where_their_key_does(data: str) -> None:
    mesh, findings = parsed(data)
    assert findings == ()
    assert mesh.body.trust_domain == "example.test"
    assert (mesh.at("trustDomain").line, mesh.at("trustDomain").column) == (6, 3)


def test_lines_follow_a_document_that_moves() -> None:
    first = load_text(HEAD + WHOLE, "mesh.yaml")
    second = load_text("# one line more\n---\n" + HEAD + WHOLE, "mesh.yaml", first)
    mesh, _ = parse_mesh_config(second.resources[0])
    assert mesh.at("trustDomain").line == 8 + 2


def test_snake_case_is_the_same() -> None:
    """Istio reads its mesh configuration as protobuf's JSON, which takes both."""
    mesh, findings = parsed(
        "  mesh: |\n    trust_domain: example.test\n    outbound_traffic_policy: {mode: REGISTRY_ONLY}\n"
        "    extension_providers: [{name: a, envoy_ext_authz_grpc: {fail_open: true}}]\n"
    )
    assert findings == ()
    assert mesh.body.trust_domain == "example.test"
    (provider,) = mesh.body.extension_providers
    assert provider.envoy_ext_authz_grpc
    assert provider.envoy_ext_authz_grpc.fail_open
    assert (mesh.at("outboundTrafficPolicy", "mode").line, mesh.at("extensionProviders", 0, "envoyExtAuthzGrpc").column) == (7, 37)


def test_an_unknown_field_is_passed_over() -> None:
    mesh, (found,) = parsed("  mesh: |\n    trustDomain: example.test\n    outboundTrafficPolicy: {moed: ALLOW_ANY}\n")
    assert (found.code.id, found.origin.line, found.origin.column) == ("NET0127", 7, 29)
    assert found.message == "MeshOutboundTrafficPolicy has no field outboundTrafficPolicy.moed, did you mean mode?"
    assert mesh.body.trust_domain == "example.test"


@pytest.mark.parametrize(
    ("mesh", "place", "problem"),
    [
        pytest.param("trustDomain: 1", (6, 5), "trustDomain must be text, not the number 1", id="wrong-type"),
        pytest.param("trustDomain: a\n    extensionProviders: {name: a}", (7, 5), "extensionProviders must be a list", id="no-list"),
        pytest.param("- trustDomain: a", (6, 5), "a mapping is expected, not a list", id="no-mapping"),
        pytest.param("trustDomain: [a", (6, 19), "not valid YAML", id="no-yaml"),
        pytest.param("trustDomain: a\n    trustDomain: b", (7, 5), "given twice", id="twice"),
    ],
)
def test_a_configuration_that_cannot_be_read(mesh: str, place: tuple[int, int], problem: str) -> None:
    settings, (found,) = parsed(f"  mesh: |\n    {mesh}\n")
    assert found.code.id == "NET0126"
    assert (found.origin.line, found.origin.column) == place
    assert problem in found.message
    assert settings.body == MeshConfig()


@pytest.mark.parametrize("data", ["  mesh: ''\n", "  mesh: |\n    # nothing\n", "  meshNetworks: 'networks: {}'\n"])
def test_nothing_said(data: str) -> None:
    mesh, findings = parsed(data)
    assert (mesh.body, findings) == (MeshConfig(), ())
