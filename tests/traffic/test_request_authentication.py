"""JSON web tokens at a real Envoy: which pass, which do not, what the application sees of them, and how keys change."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from policed import App, Client, PolicedEnvoy, cluster, http_listener, routes
from test_authorization_filters import policy
from tokens import Issuer

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.drivers.xds.nodes import Refusals
from seaway.model.authorization import Action, AllOf, AuthorizationPolicy, Claim, FetchedKeys, InlineKeys, Not, TokenRule, WorkloadPolicy
from seaway.model.route import Text
from seaway.plans.envoy.filters.chain import http_filters, per_route, plan_filters

FIRST, SECOND, STRANGER = Issuer("https://first.test"), Issuer("https://second.test"), Issuer("https://first.test")
KEY = Key("security.istio.io", "RequestAuthentication", "shop", "tokens")


def rule(issuer: Issuer, **fields: Any) -> TokenRule:
    default = TokenRule(
        issuer.name, (), InlineKeys(issuer.jwks), (("authorization", "Bearer "),), ("access_token",), (), False, "", (), ("permission", "scope"),
        KEY, Origin("policy.yaml", 1),
    )  # fmt: skip
    return replace(default, **fields)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


class Place:
    def __init__(self, envoy: PolicedEnvoy) -> None:
        self.envoy, self.app = envoy, App()

    def put(
        self, *rules: TokenRule, policies: tuple[AuthorizationPolicy, ...] = (), fetched: Mapping[FetchedKeys, str] | None = None
    ) -> Client:
        workload = WorkloadPolicy("w", policies, (), rules)
        self.envoy.publish(
            cluster("app", self.app.server_port),
            http_listener("in", http_filters("in"), {}),
            *plan_filters("in", workload, fetched or {}),
            routes("in", per_route("in", workload)),
        )
        self.app.seen.clear()
        return Client(self.envoy.port("in"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with PolicedEnvoy(tmp_path_factory.mktemp("envoy")) as envoy:
        yield Place(envoy)


REQUIRED = policy("required", Action.DENY, Not(AllOf((Claim(("iss",), Text("present"), False), Claim(("sub",), Text("present"), False)))))


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        pytest.param((), "/", 200, id="missing"),
        pytest.param(bearer(FIRST.token({"sub": "a"})), "/", 200, id="valid"),
        pytest.param((), f"/?access_token={FIRST.token({})}", 200, id="valid-in-the-query"),
        pytest.param(bearer(SECOND.token({"sub": "a"})), "/", 200, id="valid-of-the-second-issuer"),
        pytest.param(bearer(FIRST.token({}, lives_s=-600)), "/", 401, id="expired"),
        pytest.param(bearer(FIRST.token({"nbf": 4102444800})), "/", 401, id="not-yet"),
        pytest.param(bearer(FIRST.token({"iss": "https://third.test"})), "/", 401, id="wrong-issuer"),
        pytest.param(bearer(STRANGER.token({})), "/", 401, id="wrong-signature"),
        pytest.param(bearer(SECOND.token({"iss": "https://first.test"})), "/", 401, id="signed-by-the-other"),
        pytest.param(bearer("a.b.c"), "/", 401, id="no-token"),
        pytest.param(bearer(""), "/", 200, id="empty"),
        pytest.param(bearer(".".join(("eyJhbGciOiJub25lIn0", FIRST.token({}).split(".")[1], ""))), "/", 401, id="alg-none"),
        pytest.param((("authorization", "Basic YTpi"),), "/", 200, id="another-scheme"),
    ],
)
def test_which_tokens_pass(place: Place, headers: tuple[tuple[str, str], ...], path: str, status: int) -> None:
    client = place.put(rule(FIRST), rule(SECOND))
    assert client.ask(path=path, headers=headers).status == status
    assert len(place.app.seen) == int(status == 200)


@pytest.mark.parametrize(
    ("audience", "status"),
    [("web", 200), (["other", "shop"], 200), ("other", 403), ([], 403), (None, 403)],
    ids=["one", "of-a-list", "wrong", "empty", "none"],
)
def test_audiences(place: Place, audience: Any, status: int) -> None:
    client = place.put(rule(FIRST, audiences=("web", "shop")))
    assert client.ask(headers=bearer(FIRST.token({"aud": audience} if audience is not None else {}))).status == status


def test_places(place: Place) -> None:
    """Each place alone; those that are not named do not count."""
    made = rule(FIRST, from_headers=(("x-token", "jwt:"), ("x-plain", "")), from_params=("t",), from_cookies=("session",))
    client = place.put(made, policies=(REQUIRED,))
    token = FIRST.token({"sub": "a"})
    for headers, path in (
        ((("x-token", f"jwt:{token}"),), "/"),
        ((("x-plain", token),), "/"),
        ((), f"/?a=b&t={token}"),
        ((("cookie", f"a=b; session={token}"),), "/"),
    ):
        assert client.ask(path=path, headers=headers).status == 200
    assert client.ask(headers=bearer(token)).status == 403
    assert client.ask(path=f"/?access_token={token}").status == 403
    assert client.ask(headers=(("x-token", token),)).status == 403


def test_what_the_application_sees(place: Place) -> None:
    token = FIRST.token({"sub": "a", "realm": {"name": "inner"}, "roles": ["x", "y"], "level": 3})
    client = place.put(rule(FIRST))
    assert client.ask(path=f"/?access_token={token}").status == 200
    assert client.ask(headers=bearer(token)).status == 200
    assert place.app.seen[0][1] == "/"
    assert "authorization" not in place.app.seen[1][2]
    claims = (("x-sub", "sub"), ("x-realm", "realm.name"), ("x-level", "level"), ("x-none", "nope"))
    client = place.put(rule(FIRST, forward=True, payload_header="x-payload", claim_headers=claims))
    assert client.ask(headers=(*bearer(token), ("x-sub", "forged"), ("x-none", "forged"), ("x-payload", "forged"))).status == 200
    seen = place.app.seen[-1][2]
    assert seen["authorization"] == f"Bearer {token}"
    assert json.loads(base64.urlsafe_b64decode(seen["x-payload"] + "=="))["sub"] == "a"
    assert (seen["x-sub"], seen["x-realm"], seen["x-level"]) == ("a", "inner", "3")
    assert client.ask(headers=(("x-sub", "forged"), ("x-payload", "forged"))).status == 200
    assert not {"x-sub", "x-payload"} & place.app.seen[-1][2].keys()


def test_requiring_a_token(place: Place) -> None:
    """Claims as conditions: nested ones, lists, and words between spaces."""
    ops = policy("ops", Action.ALLOW, AllOf((Claim(("realm", "roles"), Text("exact", "ops")), Claim(("scope",), Text("exact", "write")))))
    client = place.put(rule(FIRST), policies=(REQUIRED, ops))
    good = {"sub": "a", "realm": {"roles": ["dev", "ops"]}, "scope": "read write"}
    assert client.ask(headers=bearer(FIRST.token(good))).status == 200
    assert client.ask().status == 403
    for less in ({"sub": ""}, {"realm": {"roles": ["dev"]}}, {"realm": {"roles": {"ops": 1}}}, {"scope": "read"}, {"scope": "read,write"}):
        assert client.ask(headers=bearer(FIRST.token({**good, **less}))).status == 403


def test_preflights_pass(place: Place) -> None:
    client = place.put(rule(FIRST))
    origin = (("origin", "https://shop.test"), ("access-control-request-method", "GET"), *bearer("broken"))
    assert client.ask("OPTIONS", headers=origin).status == 200
    assert client.ask("GET", headers=origin).status == 401


def test_keys_that_are_fetched_change_without_a_new_connection(place: Place) -> None:
    keys = FetchedKeys("https://first.test/jwks", discover=False, inside=False, timeout_s=5)
    made = rule(FIRST, keys=keys)
    client = place.put(made)
    assert client.ask().status == 200
    local = client.socket.getsockname()
    assert client.ask(headers=bearer(FIRST.token({}))).status == 401  # nothing is fetched yet
    for fetched, good, bad in ((FIRST, FIRST, STRANGER), (STRANGER, STRANGER, FIRST)):
        place.put(made, fetched={keys: fetched.jwks})
        assert client.ask(headers=bearer(good.token({}))).status == 200
        assert client.ask(headers=bearer(bad.token({}))).status == 401
    assert client.socket.getsockname() == local


def test_a_key_set_that_envoy_refuses_closes_the_place(place: Place) -> None:
    """The frontend refuses such sets before; this is the second lock."""
    workload = WorkloadPolicy("w", (), (), (rule(FIRST, keys=InlineKeys("{}")),))
    outcome = place.envoy.offer(
        cluster("app", place.app.server_port),
        http_listener("closed", http_filters("closed"), {}),
        *plan_filters("closed", workload, {}),
        routes("closed", per_route("closed", workload)),
    )
    assert isinstance(outcome, Refusals)
    place.app.seen.clear()
    reply = Client(place.envoy.port("closed")).ask()
    assert (reply.status, place.app.seen) == (403, [])
