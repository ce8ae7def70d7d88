"""Manifests in; what becomes of calls at a workload, and what is found, out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from seaway.analysis.authorization import Decision, Verdict, decide
from seaway.analysis.terms import Call
from seaway.core.finding import Finding
from seaway.frontends.build import Built, build_model
from seaway.model.authorization import WorkloadPolicy
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.workload import PodName
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster(nodes=(Node("node-1", "172.18.0.2", "10.244.0.0/24"),))
SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: bare}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}
spec: {serviceAccountName: web, containers: [{name: web, image: web, ports: [{containerPort: 8080}, {containerPort: 5432}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
spec: {containers: [{name: api, image: api}]}
---
apiVersion: v1
kind: Pod
metadata: {name: out, namespace: bare, labels: {app: web}}
spec: {containers: [{name: out, image: out}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 5432}]}
"""
WEB, API = PodName("shop", "web"), PodName("shop", "api")


@dataclass
class Shop:
    """What the manifests give. Lines of findings are those of the text that the test gave."""

    built: Built
    findings: tuple[Finding, ...]

    @cached_property
    def policies(self) -> dict[PodName, WorkloadPolicy]:
        mesh = self.built.model.mesh
        by_id = {one.id: one for one in mesh.policies}
        return {one.pod: by_id[one.policy] for one in mesh.members}

    @property
    def codes(self) -> list[str]:
        return [one.code.id for one in self.findings]

    def lines(self, code: str) -> list[int]:
        return [one.origin.line for one in self.findings if one.code.id == code]

    def message(self, code: str) -> str:
        (only,) = [one.message for one in self.findings if one.code.id == code]
        return only

    def verdict(self, pod: PodName = WEB, **call: Any) -> Verdict:
        return decide(self.policies[pod], call_of(**call))

    def allows(self, pod: PodName = WEB, **call: Any) -> bool:
        return self.verdict(pod, **call).decision is Decision.ALLOWED


def call_of(**fields: Any) -> Call:
    """A GET of /; `who` is a principal without its scheme, `headers` a mapping, `method` and `host` headers of their own."""
    who, method, host = fields.pop("who", ""), fields.pop("method", "GET"), fields.pop("host", "web")
    headers = {":method": method, ":authority": host, **fields.pop("headers", {})}
    given = {"peer": "10.244.0.9", "destination": "10.244.0.2", "port": 8080, **fields}
    return Call(**given, principal=f"spiffe://{who}" if who else "", headers=tuple(headers.items()))


@pytest.fixture
def shop() -> Callable[[str], Shop]:
    """`shop(text)`: the shop under these manifests."""

    def make(text: str) -> Shop:
        own = load_text(textwrap.dedent(text).lstrip("\n"), "policy.yaml")
        base = load_text(SHOP, "shop.yaml")
        built = build_model(snapshot_of((*base.resources, *own.resources)), CLUSTER, Leases())
        findings = (*own.findings, *(one for one in built.findings if one.origin.file == "policy.yaml"))
        return Shop(built, tuple(sorted(findings, key=lambda one: one.sort_key)))

    return make


@pytest.fixture
def policy() -> Callable[..., str]:
    """`policy(name, namespace, spec, annotations)`: the manifest of one, `spec` on its fourth line."""

    def make(name: str = "p", namespace: str = "shop", spec: str = "{}", annotations: str = "{}") -> str:
        return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: {namespace}, annotations: {annotations}}}
spec: {spec}
---
"""

    return make
