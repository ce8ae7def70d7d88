"""The evaluator against a real Envoy: a generated table of policies, each asked generated requests and connections; both must say the same.

One Envoy holds all policies at once, a virtual host each (`x-policy` picks it). Who asks is a certificate, a source address, a token.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from policed import App, Authority, Client, PolicedEnvoy, cluster, echoing, http_listener, routes, said, tcp_listener
from tokens import Issuer

from seaway.analysis.authorization import Decision, decide
from seaway.analysis.terms import Call
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.authorization import (
    Action,
    Address,
    AllOf,
    AnyOf,
    AuthorizationPolicy,
    Claim,
    DestinationPort,
    Header,
    InlineKeys,
    Not,
    Principal,
    Rule,
    ServerName,
    Term,
    TokenRule,
    WorkloadPolicy,
)
from seaway.model.authorization import Path as PathTerm
from seaway.model.route import Text
from seaway.plans.envoy.filters.chain import http_filters, network_filters, per_route, plan_filters

SEED = 20261124
POLICIES = 160
CALLS = 25
CONNECTIONS_OF = 40

IDENTITIES = ("spiffe://cluster.local/ns/shop/sa/web", "spiffe://old.td/ns/shop/sa/web-admin", "spiffe://cluster.local/ns/dev/sa/job")
SOURCES = ("127.0.0.1", "127.0.0.9", "127.7.0.1")
SERVER_NAMES = (None, "api.test", "admin.api.test")
PATHS = ("/", "/api", "/api/products", "/api/products/7", "/api/products/7/stock", "/admin", "/Admin", "/api/", "/x;y/z", "/a.b~c")
VALUES = ("admin", "user", "adm", "administrator", "", "x,admin", "ADMIN")
CLAIMS: tuple[dict[str, Any], ...] = (
    {"iss": "https://issuer.test", "sub": "alice", "aud": ["shop", "web"], "azp": "cli", "realm": {"roles": ["admin", "ops"], "name": "a"}},
    {"iss": "https://issuer.test", "sub": "bob", "aud": "shop", "scope": "read write", "level": 3, "group": ""},
)
TOKENS = TokenRule(
    "https://issuer.test", (), InlineKeys(""), (("authorization", "Bearer "),), (), (), False, "", (), ("permission", "scope"),
    Key("security.istio.io", "RequestAuthentication", "shop", "tokens"), Origin("a.yaml", 1),
)  # fmt: skip


class Draw:
    """Random policies and calls, the same ones each time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def text(self, *values: str, case: bool = False) -> Text:
        """A condition that some of the values fulfil."""
        value = self.one(*values)
        cut = self.random.randint(1, max(1, len(value)))
        kind = self.one("exact", "exact", "prefix", "suffix", "present", "regex", "contains")
        ignore = case and self.random.random() < 0.5
        match kind:
            case "exact":
                return Text("exact", value, ignore)
            case "prefix" | "contains":
                return Text(kind, value[:cut], ignore) if value else Text("present")
            case "suffix":
                return Text("suffix", value[-cut:], ignore) if value else Text("present")
            case "regex":
                return Text("regex", self.one(".*admin.*", "(user|adm)", ".*/ns/shop/.*", "[a-z./:]+", "/api(/.*)?", "/[^/]+/products/.*"))
            case _:
                return Text("present")

    def who(self, http: bool) -> Term:
        match self.one("principal", "peer", *(("client", "claim", "header", "who-sub") if http else ())):
            case "principal":
                return Principal(self.text(*IDENTITIES))
            case "peer":
                return Address("peer", self.one("127.0.0.1/32", "127.0.0.0/24", "127.0.0.0/8", "10.0.0.0/8", "::/0"))
            case "client":
                return Address("client", self.one("127.0.0.0/24", "192.0.2.7/32", "192.0.0.0/16"))
            case "claim":
                path = self.one(
                    ("aud",), ("azp",), ("realm", "roles"), ("realm", "name"), ("scope",), ("group",), ("level",), ("nope", "x")
                )
                return Claim(path, self.text("shop", "cli", "admin", "a", "read", "web"))
            case "header":
                return self.header()
            case _:
                claim = self.one(("iss",), ("sub",))
                return Claim(claim, self.text("https://issuer.test", "alice", "bob"), listed=False)

    def header(self) -> Term:
        return Header("x-role", self.text(*(one for one in VALUES if one)))

    def what(self, http: bool) -> Term:
        match self.one("port", "destination", "sni", *(("method", "host", "path", "path") if http else ())):
            case "method":
                return Header(":method", self.text("GET", "POST", "DELETE"))
            case "host":
                return Header(":authority", self.text("app.test", "App.test:8080", "other.test", case=True))
            case "path":
                return PathTerm(self.text(*PATHS))
            case "port":
                return DestinationPort(self.one(PORTS["http"], PORTS["tls"], 1))
            case "destination":
                return Address("destination", self.one("127.0.0.1/32", "10.0.0.0/8"))
            case _:
                return ServerName(self.text("api.test", "admin.api.test"))

    def side(self, leaf: Callable[[bool], Term], http: bool) -> Term:
        return AnyOf(tuple(AllOf(tuple(self.field(leaf, http) for _ in range(self.one(1, 1, 2)))) for _ in range(self.one(1, 1, 2))))

    def field(self, leaf: Callable[[bool], Term], http: bool) -> Term:
        values = AnyOf(tuple(leaf(http) for _ in range(self.one(1, 2, 3))))
        return Not(values) if self.random.random() < 0.2 else values

    def term(self, http: bool) -> Term:
        return AllOf(tuple(self.side(leaf, http) for leaf in (self.who, self.what) if self.random.random() < 0.8))

    def rule(self, index: int) -> Rule:
        return Rule(
            index, self.term(http=True), self.term(http=False) if self.random.random() < 0.9 else None, Origin("policy.yaml", 10 + index)
        )

    def policy(self, name: str, action: Action) -> AuthorizationPolicy:
        rules = tuple(self.rule(index) for index in range(self.one(0, 1, 1, 2, 3)))
        key = Key("security.istio.io", "AuthorizationPolicy", "shop", name)
        dry_run = action in (Action.DENY, Action.ALLOW) and self.random.random() < 0.1
        return AuthorizationPolicy(key, action, rules, dry_run, "", Origin("policy.yaml", 5))

    def workload(self, number: int) -> WorkloadPolicy:
        actions = [action for action in (Action.AUDIT, Action.DENY, Action.ALLOW, Action.ALLOW) if self.random.random() < 0.6]
        policies = tuple(self.policy(f"p{number}-{index}", action) for index, action in enumerate(actions))
        return WorkloadPolicy(f"w{number}", policies)


PORTS: dict[str, int] = {"http": 1, "tls": 2}


def calls(draw: Draw, issuer: Issuer) -> Iterator[tuple[dict[str, Any], Call]]:
    """How to ask, and what the evaluator is told of it."""
    while True:
        way = draw.one("http", "tls", "tls")
        source = draw.one(*SOURCES)
        identity = draw.one(*IDENTITIES) if way == "tls" else ""
        name = draw.one(*SERVER_NAMES) if way == "tls" else None
        method, path = draw.one("GET", "POST", "DELETE"), draw.one(*PATHS)
        host = draw.one("app.test", "App.test:8080", "other.test")
        roles = [draw.one(*VALUES) for _ in range(draw.one(0, 1, 1, 2))]
        claims = draw.one({}, *CLAIMS)
        forwarded = draw.one("", "192.0.2.7", "127.0.0.9")
        headers = [*(("x-role", role) for role in roles)]
        if claims:
            headers.append(("authorization", f"Bearer {issuer.token(claims)}"))
        if forwarded:
            headers.append(("x-forwarded-for", forwarded))
        seen = dict(claims, scope=claims["scope"].split()) if "scope" in claims else claims
        told = tuple((name.lower(), value) for name, value in ((":method", method), (":authority", host), *headers))
        call = Call(source, "127.0.0.1", PORTS[way], forwarded or source, identity, name or "", True, path, told, seen)
        asked = {
            "way": way,
            "source": source,
            "identity": identity,
            "name": name,
            "method": method,
            "path": path,
            "host": host,
            "headers": headers,
        }
        yield asked, call


@dataclass
class Tally:
    """What both said, and where they differ."""

    verdicts: Counter[Decision] = field(default_factory=Counter[Decision])
    differ: list[str] = field(default_factory=list[str])

    def add(self, workload: WorkloadPolicy, call: Call, passed: bool) -> None:
        verdict = decide(workload, call)
        self.verdicts[verdict.decision] += 1
        if passed != (verdict.decision is Decision.ALLOWED):
            self.differ.append(
                f"{workload}\n{call}\n{verdict.decision} by {verdict.by}, and Envoy {'let it pass' if passed else 'did not'}"
            )

    def check(self, calls: int) -> None:
        if self.differ:
            pytest.fail(f"{len(self.differ)} of {calls}:\n{self.differ[0]}", pytrace=False)
        assert set(self.verdicts) == {Decision.ALLOWED, Decision.DENIED}
        assert min(self.verdicts.values()) > calls / 6, self.verdicts


def test_evaluator_and_envoy_agree_on_requests(tmp_path: Path) -> None:
    authority, app, issuer, draw = Authority(tmp_path), App(), Issuer("https://issuer.test"), Draw(SEED)
    rule = TokenRule(**{**{name: getattr(TOKENS, name) for name in TOKENS.__dataclass_fields__}, "keys": InlineKeys(issuer.jwks)})
    base = WorkloadPolicy("base", (), (), (rule,))
    manager = {"use_remote_address": {"value": False}}
    with PolicedEnvoy(tmp_path) as envoy:
        contexts = {one: authority.client(one) for one in IDENTITIES}
        listeners = (
            http_listener("http", http_filters("base"), manager),
            http_listener("tls", http_filters("base"), manager, authority.server("spiffe://cluster.local/ns/shop/sa/app")),
        )
        start = (cluster("app", app.server_port), *listeners, *plan_filters("base", base, {}))
        envoy.publish(*start, routes("http", {}), routes("tls", {}))
        PORTS.update(http=envoy.port("http"), tls=envoy.port("tls"))
        workloads = [draw.workload(number) for number in range(POLICIES)]
        hosts = [
            {
                "name": one.id,
                "domains": [one.id],
                "typed_per_filter_config": per_route("base", replace(one, tokens=base.tokens)),
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}],
            }
            for one in workloads
        ]
        envoy.publish(*start, *(routes(name, {}, hosts, vhost_header="x-policy") for name in ("http", "tls")))
        clients: dict[tuple[Any, ...], Client] = {}
        tally = Tally()
        for workload in workloads:
            for (asked, call), _ in zip(calls(draw, issuer), range(CALLS), strict=False):
                place = (asked["way"], asked["source"], asked["identity"], asked["name"])
                if place not in clients:
                    clients[place] = Client(PORTS[asked["way"]], asked["source"], contexts.get(asked["identity"]), asked["name"])
                reply = clients[place].ask(asked["method"], asked["path"], [*asked["headers"], ("x-policy", workload.id)], asked["host"])
                assert reply.status in (200, 403)
                tally.add(workload, call, reply.status == 200)
        for client in clients.values():
            client.close()
    tally.check(POLICIES * CALLS)


def test_evaluator_and_envoy_agree_on_connections(tmp_path: Path) -> None:
    """A listener a policy, with and without TLS; a byte that comes back tells that the connection is let through."""
    authority, draw = Authority(tmp_path), Draw(SEED + 1)
    with echoing() as port, PolicedEnvoy(tmp_path) as envoy:
        contexts = {one: authority.client(one) for one in IDENTITIES}
        socket = authority.server("spiffe://cluster.local/ns/shop/sa/app")
        workloads = [draw.workload(number) for number in range(CONNECTIONS_OF)]
        listeners = [
            tcp_listener(f"{way}-{one.id}", network_filters(one), "echo", socket if way == "tls" else None)
            for one in workloads
            for way in ("http", "tls")
        ]
        envoy.publish(cluster("echo", port), *listeners)
        tally = Tally()
        for workload in workloads:
            for way, source, identity, name in product(("http", "tls"), SOURCES[:2], IDENTITIES[:2], SERVER_NAMES[:2]):
                if way == "http" and (identity != IDENTITIES[0] or name):
                    continue
                there = envoy.port(f"{way}-{workload.id}")
                with Client(there, source, contexts[identity] if way == "tls" else None, name).connect() as sock:
                    passed = said(sock, b"x", until=b"x") == b"x"
                call = Call(
                    source, "127.0.0.1", there, source, identity if way == "tls" else "", (name or "") if way == "tls" else "", False
                )
                tally.add(workload, call, passed)
    tally.check(CONNECTIONS_OF * 10)
