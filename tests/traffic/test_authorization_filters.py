"""Authorization's filters on a real Envoy: what each action does, what it names, and how changes arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from policed import App, Client, PolicedEnvoy, Reply, cluster, http_listener, patiently, routes

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.authorization import Action, AllOf, AuthorizationPolicy, Header, Rule, Term, WorkloadPolicy
from seaway.model.authorization import Path as PathTerm
from seaway.model.route import Text
from seaway.plans.envoy.filters.chain import http_filters, per_route, plan_filters


def policy(name: str, action: Action, *terms: Term, dry_run: bool = False) -> AuthorizationPolicy:
    rules = tuple(Rule(index, term, None, Origin("policy.yaml", 10 + index)) for index, term in enumerate(terms))
    return AuthorizationPolicy(
        Key("security.istio.io", "AuthorizationPolicy", "shop", name), action, rules, dry_run, "", Origin("policy.yaml", 3)
    )


def at(path: str) -> Term:
    return PathTerm(Text("exact", path))


ROLE = Header("x-role", Text("exact", "admin"))
ADMIN = policy("no-admin", Action.DENY, at("/admin"), AllOf((at("/both"), ROLE)))
OPEN = policy("open", Action.ALLOW, at("/open"), at("/admin"), at("/both"))


class Place:
    """One listener under a policy that changes."""

    def __init__(self, envoy: PolicedEnvoy, app: App, log: Path) -> None:
        self.envoy, self.app, self.log, self.asked = envoy, app, log, 0

    def put(self, workload: WorkloadPolicy) -> Client:
        self.envoy.publish(*self.resources(workload))
        return Client(self.envoy.port("in"))

    def resources(self, workload: WorkloadPolicy) -> tuple[object, ...]:
        listener = http_listener("in", http_filters("in"), {}, log=self.log)
        return (cluster("app", self.app.server_port), listener, *plan_filters("in", workload, {}), routes("in", per_route("in", workload)))

    def ask(self, client: Client, path: str, *headers: tuple[str, str]) -> tuple[Reply, str]:
        """The answer, and what the access log says of it: status and details."""
        self.asked += 1
        path = f"{path}?{self.asked}"
        reply = client.ask(path=path, headers=headers)
        patiently(lambda: self.log.is_file() and f"{path} " in self.log.read_text())
        (line,) = [line for line in self.log.read_text().splitlines() if line.startswith(f"{path} ")]
        return reply, line.removeprefix(f"{path} ")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("envoy")
    with PolicedEnvoy(folder) as envoy:
        yield Place(envoy, App(), folder / "access.log")


@pytest.mark.parametrize(
    ("policies", "path", "headers", "status", "details"),
    [
        pytest.param((), "/none", (), 200, "via_upstream", id="no-policy"),
        pytest.param((ADMIN,), "/admin", (), 403, "rbac_access_denied_matched_policy[shop/no-admin[0]@policy.yaml:10]", id="denied"),
        pytest.param((ADMIN,), "/both", (("x-role", "admin"),), 403, "rbac_access_denied_matched_policy[shop/no-admin[1]@policy.yaml:11]", id="denied-by-the-second-rule"),
        pytest.param((ADMIN,), "/both", (("x-role", "user"),), 200, "via_upstream", id="not-denied"),
        pytest.param((ADMIN, OPEN), "/open", (), 200, "via_upstream", id="allowed"),
        pytest.param((ADMIN, OPEN), "/admin", (), 403, "rbac_access_denied_matched_policy[shop/no-admin[0]@policy.yaml:10]", id="denied-though-allowed"),
        pytest.param((ADMIN, OPEN), "/other", (), 403, "rbac_access_denied_matched_policy[none]", id="not-allowed"),
        pytest.param((policy("nobody", Action.ALLOW),), "/open", (), 403, "rbac_access_denied_matched_policy[none]", id="allow-nothing"),
        pytest.param((policy("all", Action.ALLOW, AllOf(())),), "/open", (), 200, "via_upstream", id="allow-all"),
        pytest.param((policy("nothing", Action.DENY),), "/open", (), 200, "via_upstream", id="deny-nothing"),
        pytest.param((policy("note", Action.AUDIT, AllOf(())),), "/open", (), 200, "via_upstream", id="audit"),
        pytest.param((policy("would", Action.DENY, AllOf(()), dry_run=True),), "/open", (), 200, "via_upstream", id="dry-run-deny"),
        pytest.param((policy("would", Action.ALLOW, dry_run=True),), "/open", (), 200, "via_upstream", id="dry-run-allow"),
        pytest.param((policy("ask", Action.CUSTOM, at("/ask")),), "/ask", (), 403, "rbac_access_denied_matched_policy[shop/ask[0]@policy.yaml:10]", id="nobody-to-ask"),
        pytest.param((policy("ask", Action.CUSTOM, at("/ask")),), "/open", (), 200, "via_upstream", id="nobody-asked"),
    ],
)  # fmt: skip
def test_actions(
    place: Place, policies: tuple[AuthorizationPolicy, ...], path: str, headers: tuple[tuple[str, str], ...], status: int, details: str
) -> None:
    client = place.put(WorkloadPolicy("w", policies))
    place.app.seen.clear()
    reply, logged = place.ask(client, path, *headers)
    assert (reply.status, len(place.app.seen)) == (status, int(status == 200))
    client.close()
    assert logged == f"{status} {details}"
    if status == 403:
        assert reply.body == b"RBAC: access denied"


def test_a_connection_meets_the_new_policy_and_stays(place: Place) -> None:
    client = place.put(WorkloadPolicy("w", (OPEN,)))
    assert client.ask(path="/open").status == 200
    local = client.socket.getsockname()
    for expected, changed in (
        (403, (ADMIN, policy("closed", Action.ALLOW))),
        (200, ()),
        (403, (policy("closed", Action.DENY, AllOf(())),)),
    ):
        place.put(WorkloadPolicy("w", changed))
        assert client.ask(path="/open").status == expected
    assert client.socket.getsockname() == local
    client.close()


def test_envoy_finds_nothing_to_say_about_the_filters(place: Place) -> None:
    place.put(WorkloadPolicy("w", (ADMIN, OPEN, policy("ask", Action.CUSTOM, at("/ask")))))
    assert [line for line in place.envoy.log.read_text().splitlines() if "eprecat" in line or "rror" in line] == []
