"""Manifests in; the hosts of the mesh, and what a client sees of them, out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import cached_property

import pytest

from seaway.core.finding import Finding
from seaway.frontends.build import Built, build_model
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.destination_rules.build import build_destination_rules
from seaway.frontends.istio.discovery import discovered
from seaway.frontends.istio.hosts import build_registry
from seaway.frontends.istio.registry import Host, Registry
from seaway.frontends.istio.scopes import Scopes, Sources
from seaway.frontends.istio.settings import Settings, read_mesh_settings
from seaway.frontends.istio.virtual_services.build import build_virtual_services
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.mesh import MeshHost, Scope, TcpRoute
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster(nodes=(Node("node-1", "172.18.0.2", "10.244.0.0/24"),))


class World:
    """A built model with short ways to what tests look at; made by the fixture `build`."""

    def __init__(self, built: Built) -> None:
        self.built = built

    @cached_property
    def settings(self) -> Settings:
        return read_mesh_settings(self.built.snapshot, CLUSTER.domain)[0]

    @cached_property
    def registry(self) -> Registry:
        model, (snapshot, _) = self.built.model, discovered(self.built.snapshot, self.settings)
        return build_registry(snapshot, model.services, model.pod, self.settings)[0]

    @cached_property
    def sources(self) -> Sources:
        rules, _ = build_destination_rules(
            self.built.snapshot, self.registry, self.settings, self.built.model.services, self.built.model.pod
        )
        routes, _ = build_virtual_services(self.built.snapshot, self.registry, self.settings)
        return Sources(self.registry, routes, rules, self.settings)

    def host(self, name: str) -> Host:
        (only,) = self.registry.hosts[name]
        return only

    def scope(self, namespace: str = "default") -> Scope:
        return Scopes(self.sources).build(Client(namespace))

    def scope_findings(self, namespace: str = "default") -> list[Finding]:
        scopes = Scopes(self.sources)
        scopes.build(Client(namespace))
        return scopes.findings

    def mesh_host(self, name: str, port: int, namespace: str = "default") -> MeshHost:
        (table,) = [one for one in self.scope(namespace).http if one.port == port]
        (host,) = [one for one in table.hosts if one.name == name]
        return host

    def tcp(self, port: int, namespace: str = "default") -> list[TcpRoute]:
        return [one for one in self.scope(namespace).tcp if one.port == port]

    def finding(self, code: str) -> Finding:
        found = [one for one in self.built.findings if one.code.id == code]
        assert len(found) == 1, [f"{one.code.id} {one.message}" for one in self.built.findings]
        return found[0]

    @property
    def codes(self) -> list[str]:
        """The codes of what is found in the mesh's own objects."""
        return sorted(one.code.id for one in self.built.findings if one.code.id.startswith("NET05"))


@pytest.fixture
def build() -> Callable[[str], World]:
    def build(text: str) -> World:
        loaded = load_text(textwrap.dedent(text), "test.yaml")
        assert not loaded.findings, loaded.findings
        return World(build_model(snapshot_of(loaded.resources, loaded.findings), CLUSTER, Leases()))

    return build


@pytest.fixture
def entry() -> Callable[..., str]:
    def entry(spec: str, name: str = "db", namespace: str = "shop", meta: str = "") -> str:
        """A ServiceEntry; `meta` follows its other metadata."""
        head = f"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: {namespace}{meta}}}\n"
        return f"{head}spec: {{{spec}}}\n---\n"

    return entry
