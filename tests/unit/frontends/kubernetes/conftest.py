"""Small manifests in, the built model out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

from seaway.core.finding import Severity
from seaway.frontends.build import Built, build_model
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.service import Service
from seaway.model.workload import Pod
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of


def cluster_of(nodes: int) -> Cluster:
    return Cluster(tuple(Node(f"node-{index}", f"172.31.0.{index}", f"10.244.{index}.0/24") for index in range(1, nodes + 1)))


class World:
    """A built model with short ways to what tests look at; made by the fixture `build`."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self.leases = built.leases

    def pods(self, namespace: str = "default") -> list[Pod]:
        return [pod for pod in self.built.model.pods if pod.id.namespace == namespace]

    @property
    def pod(self) -> Pod:
        (pod,) = self.pods()
        return pod

    def service(self, name: str, namespace: str = "default") -> Service:
        return next(one for one in self.built.model.services if one.id == (namespace, name))

    def has_service(self, name: str) -> bool:
        return any(one.id == ("default", name) for one in self.built.model.services)

    def codes(self, *severities: Severity) -> list[str]:
        """The codes of all findings but notes, or of those of these severities."""
        wanted = severities or (Severity.ERROR, Severity.WARNING)
        return [one.code.id for one in self.built.findings if one.severity in wanted]

    def finding(self, code: str):
        found = [one for one in self.built.findings if one.code.id == code]
        assert len(found) == 1, [f"{one.code.id} {one.message}" for one in self.built.findings]
        assert found[0].why
        assert found[0].help
        return found[0]


@pytest.fixture
def build() -> Callable[..., World]:
    def build(text: str, leases: Leases | None = None, nodes: int = 1, cluster: Cluster | None = None) -> World:
        loaded = load_text(textwrap.dedent(text), "test.yaml")
        assert not loaded.findings, [str(one.message) for one in loaded.findings]
        return World(build_model(snapshot_of(loaded.resources), cluster or cluster_of(nodes), leases or Leases()))

    return build


@pytest.fixture
def deployment() -> Callable[..., str]:
    """The text of a Deployment named web, of one container: `container` and `spec` are YAML flow text put into it."""

    def deployment(container: str = "", spec: str = "", replicas: int = 1, name: str = "web", annotations: str = "") -> str:
        inner = ", ".join(part for part in ("name: main", container) if part)
        outer = ", ".join(part for part in (f"containers: [{{{inner}}}]", spec) if part)
        labels = f"labels: {{app: {name}}}, annotations: {{{annotations}}}"
        return (
            f"\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n"
            f"  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{{labels}}}\n    spec: {{{outer}}}\n"
        )

    return deployment


@pytest.fixture
def service() -> Callable[..., str]:
    """The text of a Service: `spec` is YAML flow text."""

    def service(spec: str, name: str = "web", labels: str = "") -> str:
        return f"\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, labels: {{{labels}}}}}\nspec: {{{spec}}}\n"

    return service
