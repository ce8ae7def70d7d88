"""Every kind whose struct is its own schema, in every version that is served, is read into it."""

from __future__ import annotations

import pytest

from seaway.core.names import Key
from seaway.resources.kinds import KINDS
from seaway.resources.load import load_text

SMALL = {
    "VirtualService": "hosts: [a]\nhttp: [{route: [{destination: {host: a}}]}]",
    "DestinationRule": "host: a",
    "Gateway": "servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example]}]",
    "ServiceEntry": "hosts: [a.example]\nports: [{number: 443, name: tls}]",
    "WorkloadEntry": "address: 10.0.0.1",
    "WorkloadGroup": "template: {ports: {http: 8080}}",
    "Sidecar": "egress: [{hosts: ['./*']}]",
    "PeerAuthentication": "mtls: {mode: STRICT}",
    "RequestAuthentication": "jwtRules: [{issuer: a}]",
    "AuthorizationPolicy": "rules: [{}]",
    "Telemetry": "accessLogging: [{disabled: true}]",
    "RateLimitPolicy": "limits: [{requests: 5, per: minute}]",
    "AdminNetworkPolicy": "priority: 5\nsubject: {namespaces: {}}",
    "BaselineAdminNetworkPolicy": "subject: {namespaces: {}}",
    "ClusterNetworkPolicy": "tier: Admin\npriority: 5\nsubject: {namespaces: {}}",
    "CiliumNetworkPolicy": "endpointSelector: {}",
    "CiliumClusterwideNetworkPolicy": "endpointSelector: {}",
}
"""A small `spec` of each kind whose struct is its own schema."""

WHOLE = [(version, kind) for (version, kind), row in KINDS.items() if row.whole]


def manifest(version: str, kind: str, spec: str) -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n" + "".join(f"  {line}\n" for line in spec.splitlines())


def test_all_kinds_are_here() -> None:
    assert {kind for _, kind in WHOLE} == set(SMALL)


@pytest.mark.parametrize(("version", "kind"), WHOLE, ids=lambda one: one)
def test_every_version_is_the_same_object(version: str, kind: str) -> None:
    loaded = load_text(manifest(version, kind, SMALL[kind]), "a.yaml")
    assert loaded.findings == ()
    (resource,) = loaded.resources
    row = KINDS[version, kind]
    assert resource.key == Key(row.group, kind, "default" if row.namespaced else "", "a")
    assert resource.api_version == version
    assert type(resource.body) is row.body


@pytest.mark.parametrize("kind", sorted(SMALL))
def test_an_unknown_field_is_named_with_its_line(kind: str) -> None:
    (version,) = {row.api_version for row in KINDS.values() if row.name == kind and row.whole}
    (found,) = load_text(manifest(version, kind, SMALL[kind] + "\nzzz: 1"), "a.yaml").findings
    assert found.code.id == "NET0120"
    assert (found.origin.field, found.origin.line) == ("spec.zzz", 5 + len(SMALL[kind].splitlines()))
