"""Each way in which a request or connection ends: what is said of it, and which line is named."""

from __future__ import annotations

import json

import pytest

from seaway.analysis.flows.reasons import Verdict, explain_entry
from seaway.protocols.flow_entry import FlowEntry, Reporter, Tag

ROUTE = {"from": "vs.yaml:9", "kind": "VirtualService", "namespace": "shop", "name": "web"}
HOST = {
    "from": "svc.yaml:1",
    "kind": "Service",
    "namespace": "shop",
    "name": "web",
    "allow": "shop/let@authz.yaml:4\nshop/also@authz.yaml:20",
}
CLUSTER = {"from": "svc.yaml:2", "kind": "Service", "namespace": "shop", "name": "web", "DestinationRule": "shop/limits"}
LISTENER = {
    "from": "pod.yaml:1",
    "kind": "Deployment",
    "namespace": "shop",
    "name": "web",
    "strict 8080": "shop/strict@pa.yaml:7",
}
TO_WEB = "outbound|8080|v2|web.shop.svc.cluster.local"
WEB = "web.shop.svc.cluster.local:8080 (v2)"


def entry(*, http: bool = True, reporter: Reporter = Reporter.SOURCE, tags: dict[Tag, object] | None = None, **fields: object) -> FlowEntry:
    given = {Tag.ROUTE: ROUTE, Tag.CLUSTER: CLUSTER, Tag.CLUSTER_NAME: TO_WEB, **(tags or {})} if http else (tags or {})
    texts = {tag: one if isinstance(one, str) else json.dumps(one) for tag, one in given.items() if one}
    usual: dict[str, object] = {"time": 1.0, "duration_s": 0.1, "caller": "10.244.0.9:40000", "called": "10.96.0.7:8080", **fields}
    return FlowEntry(reporter=reporter, http=http, tags=texts, **usual)  # pyright: ignore[reportArgumentType]


ENDS: list[tuple[str, FlowEntry, Verdict, str, str]] = [
    (
        "deny rule",
        entry(status=403, denied_by="shop/no-posts[1]@authz.yaml:12", tags={Tag.DETAILS: "rbac_access_denied_matched_policy[x]"}),
        Verdict.DENIED,
        "AuthorizationPolicy shop/no-posts denies it",
        "AuthorizationPolicy shop/no-posts authz.yaml:12",
    ),
    (
        "the rule's name is in the details alone",
        entry(status=403, tags={Tag.DETAILS: "rbac_access_denied_matched_policy[shop/no[0]@a.yaml:2]"}),
        Verdict.DENIED,
        "AuthorizationPolicy shop/no denies it",
        "AuthorizationPolicy shop/no a.yaml:2",
    ),
    (
        "nothing allows",
        entry(status=403, tags={Tag.DETAILS: "rbac_access_denied_matched_policy[none]", Tag.HOST: HOST}),
        Verdict.DENIED,
        "no rule of an ALLOW policy of this workload allows it",
        "AuthorizationPolicy shop/let authz.yaml:4, AuthorizationPolicy shop/also authz.yaml:20",
    ),
    (
        "nothing allows, said by the caller's proxy",
        entry(
            status=403,
            tags={Tag.DETAILS: "rbac_access_denied_matched_policy[none]", Tag.CLUSTER: {**CLUSTER, "allow": "shop/let@a.yaml:4"}},
        ),
        Verdict.DENIED,
        "no rule of an ALLOW policy of this workload allows it",
        "AuthorizationPolicy shop/let a.yaml:4",
    ),
    (
        "deny rule on TCP",
        entry(http=False, termination="rbac_access_denied_matched_policy[shop/tcp[0]@a.yaml:3]"),
        Verdict.DENIED,
        "AuthorizationPolicy shop/tcp denies it",
        "AuthorizationPolicy shop/tcp a.yaml:3",
    ),
    (
        "external authorizer",
        entry(status=401, asked_by="istio-ext-authz-shop/ask[0]@a.yaml:5", tags={Tag.FLAGS: "UAEX", Tag.DETAILS: "ext_authz_denied"}),
        Verdict.DENIED,
        "the external authorizer denies it",
        "AuthorizationPolicy shop/ask a.yaml:5",
    ),
    (
        "external authorizer is not there",
        entry(status=403, asked_by="istio-ext-authz-shop/ask[0]@a.yaml:5", tags={Tag.FLAGS: "UAEX", Tag.DETAILS: "ext_authz_error"}),
        Verdict.DENIED,
        "the external authorizer could not be asked",
        "AuthorizationPolicy shop/ask a.yaml:5",
    ),
    (
        "token",
        entry(status=401, tags={Tag.DETAILS: "jwt_authn_access_denied{Jwt_is_expired}", Tag.HOST: {"tokens": "shop/jwt@ra.yaml:8"}}),
        Verdict.DENIED,
        "its token is not accepted: Jwt is expired",
        "RequestAuthentication shop/jwt ra.yaml:8",
    ),
    (
        "plaintext to a STRICT port",
        entry(
            http=False,
            tags={Tag.DETAILS: "filter_chain_not_found", Tag.FLAGS: "NR", Tag.LISTENER: LISTENER},
            handshake_failure="HTTP_REQUEST",
        ),
        Verdict.DENIED,
        "plaintext to port 8080, which takes mutual TLS only (STRICT)",
        "PeerAuthentication shop/strict pa.yaml:7",
    ),
    (
        "no chain",
        entry(http=False, called="10.244.0.2:443", tags={Tag.DETAILS: "filter_chain_not_found", Tag.LISTENER: LISTENER}),
        Verdict.REFUSED,
        "nothing at port 443 takes this kind of connection",
        "Deployment shop/web pod.yaml:1",
    ),
    (
        "no certificate",
        entry(
            http=False,
            handshake_failure="TLS_error:|268435648:SSL routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE:TLS_error_end",
            tags={Tag.CHAIN: {"from": "pa.yaml:7"}},
        ),
        Verdict.DENIED,
        "the TLS handshake with the caller failed: TLS error: 268435648:SSL routines:OPENSSL internal:PEER DID NOT RETURN A CERTIFICATE",
        "pa.yaml:7",
    ),
    (
        "rate limit",
        entry(status=429, tags={Tag.FLAGS: "RL", Tag.DETAILS: "local_rate_limited"}, limited_by="shop/limit[2]@rl.yaml:3"),
        Verdict.REFUSED,
        "more requests than RateLimitPolicy shop/limit allows",
        "RateLimitPolicy shop/limit rl.yaml:3",
    ),
    (
        "fault",
        entry(status=500, tags={Tag.FLAGS: "FI", Tag.DETAILS: "fault_filter_abort"}),
        Verdict.FAILED,
        "a fault was injected on purpose",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "unknown host",
        entry(
            status=502,
            host="example.com",
            route_name="block_all",
            tags={Tag.ROUTE: {"from": "mesh.yaml:5"}, Tag.DETAILS: "direct_response"},
        ),
        Verdict.UNREACHABLE,
        "example.com is no host of the mesh, and REGISTRY_ONLY lets nothing else out",
        "mesh.yaml:5",
    ),
    (
        "unknown address",
        entry(
            http=False,
            called="203.0.113.9:5432",
            tags={Tag.CLUSTER_NAME: "BlackHoleCluster", Tag.CHAIN: {"from": "mesh.yaml:5"}, Tag.FLAGS: "UH"},
        ),
        Verdict.UNREACHABLE,
        "203.0.113.9:5432 is no host of the mesh, and REGISTRY_ONLY lets nothing else out",
        "mesh.yaml:5",
    ),
    (
        "no route of a host",
        entry(status=404, host="web", path="/x", tags={Tag.ROUTE: "", Tag.HOST: HOST, Tag.FLAGS: "NR", Tag.DETAILS: "route_not_found"}),
        Verdict.UNREACHABLE,
        "no route of web matches /x",
        "Service shop/web svc.yaml:1",
    ),
    (
        "no route of a VirtualService",
        entry(
            status=404,
            host="web",
            path="/x",
            tags={Tag.ROUTE: "", Tag.HOST: {**HOST, "routes": "vs.yaml:6", "VirtualService": "shop/web"}, Tag.FLAGS: "NR"},
        ),
        Verdict.UNREACHABLE,
        "no route of web matches /x",
        "VirtualService shop/web vs.yaml:6, Service shop/web svc.yaml:1",
    ),
    (
        "the proxy's own port",
        entry(http=False, called="10.244.0.2:15006", tags={Tag.CLUSTER_NAME: "BlackHoleCluster", Tag.FLAGS: "UH"}),
        Verdict.REFUSED,
        "the proxy's own port is no way to anybody",
        "",
    ),
    (
        "no host",
        entry(status=404, host="web", tags={Tag.ROUTE: "", Tag.FLAGS: "NR", Tag.DETAILS: "route_not_found", Tag.LISTENER: LISTENER}),
        Verdict.UNREACHABLE,
        "no route for host web",
        "Deployment shop/web pod.yaml:1",
    ),
    (
        "no cluster",
        entry(status=503, tags={Tag.FLAGS: "NC", Tag.DETAILS: "cluster_not_found", Tag.CLUSTER: ""}),
        Verdict.UNREACHABLE,
        "the destination of its route does not exist",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "overflow",
        entry(status=503, tags={Tag.FLAGS: "UO", Tag.CLUSTER: {**CLUSTER, "pool": "dr.yaml:11"}}),
        Verdict.REFUSED,
        f"{WEB} has as many connections and requests as its connection pool allows",
        "DestinationRule shop/limits dr.yaml:11",
    ),
    (
        "overflow, retried",
        entry(status=503, attempts=3, tags={Tag.FLAGS: "UO,URX", Tag.CLUSTER: CLUSTER}),
        Verdict.REFUSED,
        f"{WEB} has as many connections and requests as its connection pool allows",
        "Service shop/web svc.yaml:2",
    ),
    (
        "no endpoint",
        entry(status=503, tags={Tag.FLAGS: "UH", Tag.DETAILS: "no_healthy_upstream"}),
        Verdict.UNREACHABLE,
        f"{WEB} has no endpoint that is ready",
        "Service shop/web svc.yaml:2",
    ),
    (
        "no endpoint, or all ejected",
        entry(status=503, tags={Tag.FLAGS: "UH", Tag.CLUSTER: {**CLUSTER, "ejection": "dr.yaml:14"}}),
        Verdict.UNREACHABLE,
        f"{WEB} has no endpoint that is ready, or all are ejected",
        "Service shop/web svc.yaml:2, DestinationRule shop/limits dr.yaml:14",
    ),
    (
        "no connection",
        entry(status=503, upstream_failure="delayed connect error: Connection refused", tags={Tag.FLAGS: "UF"}),
        Verdict.UNREACHABLE,
        f"no connection to {WEB}: delayed connect error: Connection refused",
        "Service shop/web svc.yaml:2",
    ),
    (
        "wrong certificate",
        entry(
            status=503,
            upstream_failure="TLS_error:|1:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end",
            tags={Tag.FLAGS: "UF", Tag.CLUSTER: {**CLUSTER, "tls": "dr.yaml:20"}},
        ),
        Verdict.UNREACHABLE,
        f"the TLS handshake with {WEB} failed: TLS error: 1:SSL routines:OPENSSL internal:CERTIFICATE VERIFY FAILED",
        "DestinationRule shop/limits dr.yaml:20",
    ),
    (
        "timeout",
        entry(status=504, tags={Tag.FLAGS: "UT", Tag.DETAILS: "response_timeout"}),
        Verdict.FAILED,
        f"no answer of {WEB} within the route's timeout",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "idle",
        entry(status=408, tags={Tag.FLAGS: "SI"}),
        Verdict.FAILED,
        "nothing was said for longer than a stream may be idle",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "reset",
        entry(status=503, attempts=3, tags={Tag.FLAGS: "UC,URX"}),
        Verdict.FAILED,
        f"{WEB} broke the connection off before it had answered, 3 times",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "nonsense",
        entry(status=400, tags={Tag.ROUTE: "", Tag.FLAGS: "DPE", Tag.DETAILS: "http1.codec_error"}),
        Verdict.REFUSED,
        "what the caller sent is no valid request: http1.codec error",
        "",
    ),
    (
        "caller is gone",
        entry(status=0, tags={Tag.FLAGS: "DC"}),
        Verdict.FAILED,
        "the caller went away before it had the answer",
        "VirtualService shop/web vs.yaml:9",
    ),
    ("overload", entry(status=503, tags={Tag.FLAGS: "OM"}), Verdict.REFUSED, "the proxy takes no more for now", ""),
    (
        "direct response",
        entry(status=404, tags={Tag.DETAILS: "direct_response"}),
        Verdict.DELIVERED,
        "the route itself answers 404",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "its own error",
        entry(status=500, tags={Tag.DETAILS: "via_upstream"}),
        Verdict.DELIVERED,
        f"{WEB} answered 500",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "its own gRPC error",
        entry(status=200, tags={Tag.DETAILS: "via_upstream", Tag.GRPC: "5"}, reporter=Reporter.DESTINATION),
        Verdict.DELIVERED,
        "the application answered 200, gRPC status 5",
        "VirtualService shop/web vs.yaml:9",
    ),
    (
        "bytes",
        entry(http=False, upstream="10.244.0.3:5432", tags={Tag.CHAIN: {"from": "svc.yaml:2"}}),
        Verdict.DELIVERED,
        "carried to 10.244.0.3:5432",
        "svc.yaml:2",
    ),
    (
        "what Envoy may say one day",
        entry(status=507, tags={Tag.DETAILS: "request_payload_too_large"}),
        Verdict.REFUSED,
        "request payload too large",
        "VirtualService shop/web vs.yaml:9",
    ),
]


@pytest.mark.parametrize(("entry", "verdict", "text", "because"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_reason(entry: FlowEntry, verdict: Verdict, text: str, because: str) -> None:
    reason = explain_entry(entry)
    assert (reason.verdict, reason.text, ", ".join(map(str, reason.because))) == (verdict, text, because)


def test_foreign_metadata_is_no_line() -> None:
    assert explain_entry(entry(status=500, tags={Tag.ROUTE: "[1]", Tag.DETAILS: "via_upstream"})).because == ()
    assert explain_entry(entry(status=500, tags={Tag.ROUTE: '{"from"', Tag.DETAILS: "via_upstream"})).because == ()
