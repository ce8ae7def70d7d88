"""RequestAuthentication: defaults, places, keys, and mistakes, which never let a token of theirs pass."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from seaway.frontends.build import build_model
from seaway.frontends.istio.request_authentication.keys import read_keys
from seaway.model.authorization import FetchedKeys, InlineKeys, TokenRule
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
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: keys, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
"""
KEY = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
RSA = {
    "kty": "RSA", "e": "AQAB", "n":
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
}  # fmt: skip
INLINE = json.dumps(json.dumps({"keys": [KEY]}))


class Found:
    def __init__(self, rules: str, namespace: str = "shop", selector: str = "{}") -> None:
        text = textwrap.dedent(f"""
            apiVersion: security.istio.io/v1
            kind: RequestAuthentication
            metadata: {{name: tokens, namespace: {namespace}}}
            spec: {{selector: {selector}, jwtRules: [{rules}]}}
        """).lstrip()
        loaded = load_text(SHOP, "shop.yaml"), load_text(text, "tokens.yaml")
        built = build_model(snapshot_of([one for part in loaded for one in part.resources]), CLUSTER, Leases())
        mesh = built.model.mesh
        ids = {one.pod: one.policy for one in mesh.members}
        (self.policy,) = [one for one in mesh.policies if one.id == ids[PodName("shop", "web")]]
        self.messages = [one.message for one in (*loaded[1].findings, *built.findings) if one.code.id in ("NET0640", "NET0656", "NET0643")]

    @property
    def rule(self) -> TokenRule:
        (only,) = self.policy.tokens
        return only


def test_defaults() -> None:
    found = Found("{issuer: 'https://issuer.test', jwks: " + INLINE + "}")
    rule = found.rule
    assert (rule.issuer, rule.audiences, rule.from_headers, rule.from_params, rule.from_cookies) == (
        "https://issuer.test", (), (("authorization", "Bearer "),), ("access_token",), (),
    )  # fmt: skip
    assert (rule.forward, rule.payload_header, rule.claim_headers, rule.space_delimited) == (False, "", (), ("permission", "scope"))
    assert rule.keys == InlineKeys(json.dumps({"keys": [KEY]}, separators=(",", ":"), sort_keys=True))
    assert (rule.origin.line, found.messages) == (4, [])


def test_all_fields() -> None:
    rule = Found(
        "{issuer: a, jwksUri: 'http://keys.shop.svc.cluster.local/k', timeout: 2s, audiences: [b, c], fromHeaders: [{name: X-T, prefix: 'T '}, {name: x-u}]"
        ", fromParams: [p], fromCookies: [q], forwardOriginalToken: true, outputPayloadToHeader: X-P, spaceDelimitedClaims: [roles, scope]"
        ", outputClaimToHeaders: [{header: X-C, claim: a.b}]}"
    ).rule
    assert (rule.audiences, rule.from_headers, rule.from_params, rule.from_cookies) == (
        ("b", "c"),
        (("x-t", "T "), ("x-u", "")),
        ("p",),
        ("q",),
    )
    assert (rule.forward, rule.payload_header, rule.claim_headers) == (True, "x-p", (("x-c", "a.b"),))
    assert rule.space_delimited == ("permission", "roles", "scope")
    assert rule.keys == FetchedKeys("http://keys.shop.svc.cluster.local/k", discover=False, inside=True, timeout_s=2)


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        pytest.param("{issuer: a, jwksUri: 'https://issuer.test/k'}", FetchedKeys("https://issuer.test/k", False, False, 5), id="outside"),
        pytest.param(
            "{issuer: a, jwks_uri: 'https://issuer.test/k'}", FetchedKeys("https://issuer.test/k", False, False, 5), id="other-spelling"
        ),
        pytest.param(
            "{issuer: a, jwksUri: 'http://keys.shop:80/k'}", FetchedKeys("http://keys.shop:80/k", False, True, 5), id="short-name"
        ),
        pytest.param("{jwksUri: 'https://issuer.test/k'}", FetchedKeys("https://issuer.test/k", False, False, 5), id="any-issuer"),
        pytest.param(
            "{issuer: 'https://issuer.test/'}",
            FetchedKeys("https://issuer.test/.well-known/openid-configuration", True, False, 5),
            id="discovered",
        ),
    ],
)
def test_keys_that_are_fetched(rule: str, keys: FetchedKeys) -> None:
    found = Found(rule)
    assert (found.rule.keys, found.messages) == (keys, [])


@pytest.mark.parametrize(
    ("rule", "message", "keys"),
    [
        pytest.param(
            "{issuer: a, jwks: '{}'}", "the key set holds no key that tokens can be verified with", InlineKeys(""), id="no-key-set"
        ),
        pytest.param("{issuer: a, jwks: 'x'}", "the key set is not JSON", InlineKeys(""), id="no-json"),
        pytest.param("{issuer: a}", "issuer a is no URL that could tell where its keys are", InlineKeys(""), id="no-url"),
        pytest.param("{issuer: a, jwksUri: 'ftp://b/c'}", "ftp://b/c is no http or https URL", InlineKeys(""), id="scheme"),
        pytest.param("{issuer: a, jwksUri: 'https://b:x/c'}", "https://b:x/c is no http or https URL", InlineKeys(""), id="port"),
    ],
)
def test_without_keys_no_token_verifies(rule: str, message: str, keys: InlineKeys) -> None:
    found = Found(rule)
    assert (found.rule.keys, found.messages) == (keys, [message])


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("audiences: ['']", "audiences holds an empty text"),
        ("fromParams: ['']", "fromParams holds an empty text"),
        ("fromCookies: ['']", "fromCookies holds an empty text"),
        ("fromHeaders: [{name: 'a b'}]", "fromHeaders: a b is no header's name"),
        ("fromHeaders: [{name: ''}]", "fromHeaders: nothing is no header's name"),
        ("outputPayloadToHeader: 'a:b'", "outputPayloadToHeader: a:b is no header's name"),
        ("outputClaimToHeaders: [{header: 'a b', claim: c}]", "outputClaimToHeaders: a b is no header's name"),
        ("outputClaimToHeaders: [{header: a, claim: ''}]", "outputClaimToHeaders: no claim is named"),
        ("timeout: soon", "timeout: it is not a duration such as 10s, 1m30s or 250ms"),
        ("jwksUri: 'https://issuer.test/k', jwks: " + INLINE, "jwks and jwksUri must not both be given"),
    ],
)
def test_mistakes_leave_the_rule_standing(field: str, message: str) -> None:
    found = Found("{issuer: 'https://issuer.test', " + field + "}")
    assert found.messages == [message]
    assert found.rule.from_headers == (("authorization", "Bearer "),)


def test_a_rule_that_names_nothing() -> None:
    found = Found("{audiences: [a]}")
    assert (found.policy.tokens, found.messages) == ((), ["issuer or jwksUri must be given"])


@pytest.mark.parametrize(
    ("namespace", "selector", "applies"),
    [
        ("shop", "{}", True),
        ("shop", "{matchLabels: {app: web}}", True),
        ("shop", "{matchLabels: {app: x}}", False),
        ("istio-system", "{}", True),
        ("other", "{}", False),
    ],
)
def test_selection(namespace: str, selector: str, applies: bool) -> None:
    assert bool(Found("{issuer: 'https://issuer.test'}", namespace, selector).policy.tokens) is applies


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        pytest.param([KEY], [KEY], id="ec"),
        pytest.param([RSA], [RSA], id="rsa"),
        pytest.param([{**KEY, "kid": "a", "alg": "ES256", "use": "sig", "x5c": ["b"], "d": "secret"}], [{**KEY, "kid": "a", "alg": "ES256"}], id="public-members"),
        pytest.param([{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}], [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}], id="ed25519"),
        pytest.param([{"kty": "oct", "k": "c2VjcmV0"}], [{"kty": "oct", "k": "c2VjcmV0"}], id="shared-secret"),
        pytest.param([KEY, {"kty": "X"}, {**KEY, "crv": "secp256k1"}, {**KEY, "alg": "RS256"}, {**KEY, "x": "AAAA"}, {**KEY, "x": "!"}], [KEY], id="unusable-beside"),
        pytest.param([RSA, {**RSA, "n": "AQAB"}, {**RSA, "alg": "ES256"}, {"kty": "oct", "k": ""}, {"kty": "OKP", "crv": "X25519", "x": "AA"}, 3], [RSA], id="more-unusable"),
    ],
)  # fmt: skip
def test_usable_keys(keys: list[Any], kept: list[Any]) -> None:
    text, problem = read_keys(json.dumps({"keys": keys}))
    assert (json.loads(text), problem) == ({"keys": kept}, "")


def test_a_single_key_is_a_set() -> None:
    assert read_keys(json.dumps(KEY)) == read_keys(json.dumps({"keys": [KEY]}))
