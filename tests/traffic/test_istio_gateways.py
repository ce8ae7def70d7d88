"""Istio's Gateways with real packets: TLS of every mode, plain TCP, canaries, 421, policies, and certificates that change under load."""

from __future__ import annotations

import base64
import datetime
import http.client
import socket
import ssl
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from meshed import Object, account, caller_of, namespace, peer_authentication, pod, service, text_of
from network import Answer, Client, Load, Network, exchange, wait_until
from tokens import Issuer

EDGE = "spiffe://cluster.local/ns/edge/sa/edge"
HTTPS, MUTUAL, PASSED, PLAIN, BYTES = 443, 8443, 9443, 80, 9000


def pair(*hosts: str) -> dict[str, str]:
    """A self-signed key pair for these names, as a Secret holds it; it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, start.replace(year=2124))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    chain = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"tls.crt": base64.b64encode(chain).decode(), "tls.key": base64.b64encode(pem).decode()}


def secret(name: str, data: dict[str, str], where: str = "edge", kind: str = "kubernetes.io/tls") -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": where}, "type": kind, "data": data}


def security(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "edge"}, "spec": spec}


def istio(kind: str, name: str, spec: Object, where: str = "edge") -> Object:
    group = "security" if "Policy" in kind else "networking"
    return {"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": {"name": name, "namespace": where}, "spec": spec}


def server(number: int, name: str, protocol: str, *hosts: str, **tls: Any) -> Object:
    return {"port": {"number": number, "name": name, "protocol": protocol}, "hosts": list(hosts), **({"tls": tls} if tls else {})}


CLIENT = pair("partner.test")
LABELS = {"istio": "ingressgateway", "app": "edge"}
GATEWAY = istio(
    "Gateway",
    "edge",
    {
        "selector": {"istio": "ingressgateway"},
        "servers": [
            server(PLAIN, "http", "HTTP", "shop.test"),
            server(PLAIN, "secure", "HTTP", "safe.test", httpsRedirect=True),
            server(HTTPS, "https", "HTTPS", "shop.test", "*.wild.test", mode="SIMPLE", credentialName="shop"),
            server(HTTPS, "inner", "HTTPS", "pay.wild.test", mode="SIMPLE", credentialName="pay"),
            server(HTTPS, "broken", "HTTPS", "broken.test", mode="SIMPLE", credentialName="missing"),
            server(MUTUAL, "mutual", "HTTPS", "shop.test", mode="MUTUAL", credentialName="mutual"),
            server(PASSED, "passed", "TLS", "bytes.test", mode="PASSTHROUGH"),
            server(BYTES, "tcp", "TCP", "*"),
        ],
    },
)
ECHO = [{"destination": {"host": "bytes.shop.svc.cluster.local"}}]
VIRTUAL = [
    istio(
        "VirtualService",
        "shop",
        {
            "hosts": ["shop.test", "*.wild.test"],
            "gateways": ["edge/edge"],
            "http": [
                {"match": [{"headers": {"x-canary": {"exact": "yes"}}}], "route": [{"destination": {"host": "web", "subset": "v2"}}]},
                {"match": [{"port": MUTUAL}], "route": [{"destination": {"host": "web", "subset": "v1"}}], "headers": {"request": {"set": {"x-way": "mutual"}}}},
                {"route": [{"destination": {"host": "web", "subset": "v1"}}]},
            ],
        },
        "shop",
    ),
    istio(
        "VirtualService",
        "bytes",
        {
            "hosts": ["bytes.test"],
            "gateways": ["edge/edge"],
            "tls": [{"match": [{"sniHosts": ["bytes.test"]}], "route": ECHO}],
            "tcp": [{"match": [{"port": BYTES}], "route": ECHO}],
        },
        "shop",
    ),
    istio(
        "DestinationRule", "web", {"host": "web", "subsets": [{"name": one, "labels": {"version": one}} for one in ("v1", "v2")]}, "shop"
    ),
]  # fmt: skip
INGRESS: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "old", "namespace": "shop", "annotations": {"kubernetes.io/ingress.class": "istio"}},
    "spec": {
        "tls": [{"hosts": ["old.test"], "secretName": "old"}, {"hosts": ["older.test"], "secretName": "older"}],
        "rules": [
            {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}
            for host in ("old.test", "older.test")
        ],
    },
}  # fmt: skip


def web(version: str) -> Object:
    made = pod("web", ("http", 8080))
    made["metadata"]["name"], made["metadata"]["labels"] = f"web-{version}", {"app": "web", "version": version}
    return made


EDGE_PODS: list[Object] = [
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "edge", "namespace": "edge"},
        "spec": {
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {"serviceAccountName": "edge", "containers": [{"name": "istio-proxy", "image": "auto"}]},
            },
        },
    },
    service(
        "edge",
        ("http2", PLAIN, 8080), ("https", HTTPS, 8444), ("mutual", MUTUAL, 8443), ("passed", PASSED, 9443), ("tcp", BYTES, 9000),
        namespace="edge", type="LoadBalancer",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def edge(networks: Callable[..., Network]) -> Network:
    network = networks()
    ca = {"ca.crt": CLIENT["tls.crt"]}
    secrets = (
        secret("shop", pair("shop.test", "*.wild.test")),
        secret("pay", pair("pay.wild.test"), kind="Opaque"),
        secret("mutual", pair("shop.test")),
        secret("mutual-cacert", ca, kind="Opaque"),
        secret("old", pair("old.test"), "shop"),
        secret("older", pair("older.test"), "shop"),
    )
    pods = (web("v1"), web("v2"), pod("bytes", ("tcp", 9000)))
    services = (service("web", ("http", 80, 8080)), service("bytes", ("tcp", 9000, 9000)))
    names = (namespace("shop"), namespace("edge", enrolled=False), account("web"), account("bytes"), account("edge", "edge"))
    network.write("pods.yaml", text_of(*names, *pods, *services, peer_authentication("STRICT"), *EDGE_PODS))
    network.write("secrets.yaml", text_of(*secrets))
    network.write("edge.yaml", text_of(GATEWAY, *VIRTUAL, INGRESS))
    network.up()
    wait_until(lambda: ask(network, "shop.test").status == 200, "the gateway's first answer")
    return network


def ask(edge: Network, host: str, path: str = "/", header: str = "") -> Answer:
    """Plain HTTP at the gateway's own address."""
    with edge.host.connect(edge.gateway, PLAIN) as connection:
        return sent(connection, host, path, header)


def sent(connection: socket.socket, host: str, path: str = "/", header: str = "") -> Answer:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n".encode())
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def names(edge: Network, sni: str | None, port: int = HTTPS) -> set[str]:
    """The names of the certificate that is shown for this server name; none where the handshake is refused."""
    with suppress(OSError), edge.host.tls(edge.gateway, port, sni) as connection:
        shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
        return set(shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))
    return set()


def test_requests_go_by_host_and_header_with_the_gateways_identity(edge: Network) -> None:
    assert ask(edge, "shop.test").echo["pod"] == "web-v1"
    canary = ask(edge, "shop.test", header="x-canary: yes\r\n")
    assert canary.echo["pod"] == "web-v2"
    assert caller_of(canary) == EDGE, "the pods are STRICT: the gateway has shown its own certificate"
    assert ask(edge, "other.test").status == 404


def test_plain_requests_are_sent_to_https(edge: Network) -> None:
    answer = ask(edge, "safe.test", "/a?b=c")
    assert (answer.status, answer.headers["location"]) == (301, "https://safe.test/a?b=c")


def test_the_server_name_picks_the_certificate(edge: Network) -> None:
    assert names(edge, "shop.test") == names(edge, "a.b.wild.test") == {"shop.test", "*.wild.test"}
    assert names(edge, "pay.wild.test") == {"pay.wild.test"}
    assert names(edge, "old.test") == {"old.test"}
    assert edge.host.get(edge.gateway, HTTPS, host="shop.test", tls=True).echo["pod"] == "web-v1"
    assert edge.host.get(edge.gateway, HTTPS, host="a.b.wild.test", tls=True).echo["pod"] == "web-v1"
    assert edge.host.get(edge.gateway, HTTPS, host="old.test", tls=True).status == 200


@pytest.mark.parametrize(
    ("sni", "host", "status"),
    [
        ("shop.test", "x.wild.test", 200),
        ("shop.test", "pay.wild.test", 421),
        ("shop.test", "old.test", 421),
        ("shop.test", "nobody.test", 421),
        ("pay.wild.test", "shop.test", 421),
        ("old.test", "old.test", 200),
        ("old.test", "older.test", 421),
        ("old.test", "shop.test", 421),
    ],
)
def test_a_kept_connection_is_for_its_own_hosts(edge: Network, sni: str, host: str, status: int) -> None:
    with edge.host.tls(edge.gateway, HTTPS, sni) as connection:
        assert exchange(connection, host=sni, close=False).status == 200
        assert exchange(connection, host=host).status == status


def test_a_missing_credential_closes_its_own_hosts_alone(edge: Network) -> None:
    assert names(edge, "broken.test") == set()
    assert edge.host.get(edge.gateway, HTTPS, host="shop.test", tls=True).status == 200
    assert [one["line"] > 0 for one in edge.findings() if one["code"] == "NET0558"] == [True]


def test_clients_show_a_certificate_where_one_is_asked_for(edge: Network) -> None:
    answer = with_certificate(edge, CLIENT)
    assert answer.status == 200
    assert "x-way" in {name.lower() for name in answer.echo["headers"]}, "the route of this port"
    for wrong in (None, pair("stranger.test")):
        with pytest.raises((OSError, http.client.HTTPException)):
            with_certificate(edge, wrong)


def with_certificate(edge: Network, shown: dict[str, str] | None) -> Answer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with tempfile.TemporaryDirectory() as folder:
        if shown is not None:
            files = [Path(folder, name) for name in ("tls.crt", "tls.key")]
            for file in files:
                file.write_bytes(base64.b64decode(shown[file.name]))
            context.load_cert_chain(*files)
    with edge.host.connect(edge.gateway, MUTUAL) as plain, context.wrap_socket(plain, server_hostname="shop.test") as connection:
        return sent(connection, "shop.test")


def test_bytes_pass_unseen(edge: Network) -> None:
    assert echo(edge.host, edge.gateway, BYTES, b"hello\n") == b"hello\n"
    hello = greeting("bytes.test")
    assert echo(edge.host, edge.gateway, PASSED, hello) == hello, "TLS is passed through as it came"
    assert echo(edge.host, edge.gateway, PASSED, greeting("other.test")) == b""


def greeting(name: str) -> bytes:
    """The first message of a TLS handshake for this name."""
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def echo(client: Client, address: str, port: int, words: bytes) -> bytes:
    found = b""
    with suppress(OSError), client.connect(address, port) as connection:
        connection.sendall(words)
        while len(found) < len(words) and (more := connection.recv(4096)):
            found += more
    return found


def test_policies_hold_at_the_gateway(edge: Network) -> None:
    rules = [{"to": [{"operation": {"paths": ["/admin"]}}]}]
    spec = {"action": "DENY", "selector": {"matchLabels": {"app": "edge"}}, "rules": rules}
    edge.write("policy.yaml", text_of(istio("AuthorizationPolicy", "admin", spec)))
    wait_until(lambda: ask(edge, "shop.test", "/admin").status == 403, "the policy")
    assert ask(edge, "shop.test", "/").status == 200
    with edge.host.tls(edge.gateway, HTTPS, "shop.test") as connection:
        assert exchange(connection, "/admin", "shop.test").status == 403
    edge.write("policy.yaml", "")
    wait_until(lambda: ask(edge, "shop.test", "/admin").status == 200, "the policy to go")


def test_claims_of_a_token_pick_the_route(edge: Network) -> None:
    issuer = Issuer("https://issuer.test")
    claimed = [
        {
            "match": [{"headers": {"@request.auth.claims.group": {"exact": "ops"}}}],
            "route": [{"destination": {"host": "web", "subset": "v2"}}],
        }
    ]
    bound = {"hosts": ["claims.test"], "gateways": ["edge/claims"], "http": claimed}
    port = {"selector": {"app": "edge"}, "servers": [server(PLAIN, "claims", "HTTP", "claims.test")]}
    tokens = {"selector": {"matchLabels": {"app": "edge"}}, "jwtRules": [{"issuer": "https://issuer.test", "jwks": issuer.jwks}]}
    parts = (
        istio("Gateway", "claims", port),
        istio("VirtualService", "claims", bound, "shop"),
        security("RequestAuthentication", "tokens", tokens),
    )
    edge.write("claims.yaml", text_of(*parts))

    def status(**claims: str) -> int:
        return ask(edge, "claims.test", header=f"Authorization: Bearer {issuer.token(claims)}\r\n" if claims else "").status

    wait_until(lambda: status(sub="a", group="ops") == 200, "the route for the claim")
    assert [status(), status(sub="a", group="dev")] == [404, 404]
    with edge.host.connect(edge.gateway, PLAIN) as kept, Load(lambda: ask(edge, "shop.test")) as load:
        assert exchange(kept, host="shop.test", close=False).status == 200
        edge.write("claims.yaml", "")
        wait_until(lambda: status() == 404 and load.sent > 5, "the removal")
        sent = load.sent
        wait_until(lambda: load.sent > sent + 20, "requests after it")
        assert exchange(kept, host="shop.test").status == 200, "on a connection that came in while tokens were asked for"
    assert load.failed == {}


def test_certificates_change_under_load_with_no_request_lost(edge: Network) -> None:
    before = shown(edge)
    with Load(lambda: edge.host.get(edge.gateway, HTTPS, host="pay.wild.test", tls=True)) as load:
        wait_until(lambda: load.sent > 5, "requests before the change")
        kept = edge.host.tls(edge.gateway, HTTPS, "pay.wild.test")
        text = (edge.manifests / "secrets.yaml").read_text()
        edge.write("secrets.yaml", text.replace(pay_of(text), text_of(secret("pay", pair("pay.wild.test"), kind="Opaque"))))
        wait_until(lambda: shown(edge) != before, "the new certificate")
        with kept:
            assert exchange(kept, host="pay.wild.test").status == 200, "an open connection goes on"
            sent = load.sent
            wait_until(lambda: load.sent > sent + 5, "requests after it")
    assert load.failed == {}


def shown(edge: Network) -> bytes:
    with edge.host.tls(edge.gateway, HTTPS, "pay.wild.test") as connection:
        return connection.getpeercert(binary_form=True) or b""


def pay_of(text: str) -> str:
    return next(one for one in text.split("---\n") if "name: pay\n" in one)


def test_what_get_and_describe_say(edge: Network) -> None:
    table = edge.text("get", "gateways.networking.istio.io", "-n", "edge")
    assert edge.gateway in table
    told = edge.text("describe", "gateways.networking.istio.io/edge", "-n", "edge")
    assert "pay.wild.test" in told
    assert "edge/mutual, clients must show one" in told
    assert "bytes to shop/bytes:9000" in told
    assert "edge/edge" in told
