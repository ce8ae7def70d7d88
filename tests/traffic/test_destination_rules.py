"""DestinationRules with real packets: a caller in the mesh on one of two nodes, each in a region of its own, and servers that tell who they are.

All Services have the same four pods behind them, and a rule each, so that one network shows every feature.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from network import ROOT, Answer, Client, Network, exchange, wait_until

SERVER = f"{sys.executable} {ROOT}/tests/traffic/upstream_server.py"
EU, US = ("web-1", "web-2"), ("web-3", "web-4")
SELF = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n"

RULES = {
    "pool": "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}",
    "eject": "circuitBreaker: {consecutiveErrors: 3, interval: 1s, baseEjectionTime: 2s, maxEjectionPercent: 100}",
    "header": "loadBalancer: {consistentHash: {httpHeaderName: x-user}}",
    "cookie": "loadBalancer: {consistentHash: {httpCookie: {name: user, ttl: 0s}}}",
    "query": "loadBalancer: {consistentHash: {httpQueryParameterName: user, maglev: {tableSize: 251}}}",
    "source": "loadBalancer: {consistentHash: {useSourceIp: true}}",
    "near": "outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 2s, maxEjectionPercent: 100}",
    "split": "loadBalancer: {localityLbSetting: {distribute: [{from: 'eu/*', to: {eu: 80, us: 20}}]}}",
}


def pod(
    name: str, labels: dict[str, str], command: str = "", port: int = 8080, node: int = 1, annotations: dict[str, str] | None = None
) -> str:
    notes = {**({"seaway.dev/command": command} if command else {}), **(annotations or {})}
    metadata = {"name": name, "namespace": "shop", "labels": labels, "annotations": notes}
    spec = {"nodeName": f"node-{node}", "containers": [{"name": "main", "ports": [{"name": "http", "containerPort": port}]}]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def service(name: str, labels: dict[str, str], port: int = 8080) -> str:
    spec = {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": port}]}
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": spec})


def rule(name: str, policy: str) -> str:
    head = f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}, namespace: shop}}"
    return f"{head}\nspec:\n  host: {name}\n  trafficPolicy:\n    {policy}"


def secret(name: str, values: dict[str, str]) -> str:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "data": data})


class Authority:
    """Signs certificates, and keeps them as files for servers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._sign("authority", self._key, authority=True)

    def pair(self, name: str, *hosts: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        return self._sign(name, key, *hosts), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def files(self, name: str, *hosts: str) -> str:
        """The paths of a pair's files, as arguments."""
        paths = [self._folder / f"{name}.crt", self._folder / f"{name}.key"]
        for path, text in zip(paths, self.pair(name, *hosts), strict=True):
            path.write_text(text)
        return " ".join(map(str, paths))

    @property
    def root_file(self) -> Path:
        path = self._folder / "root.crt"
        path.write_text(self.root)
        return path

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, *hosts: str, authority: bool = False) -> str:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        builder = x509.CertificateBuilder(
            issuer, subject, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(9)
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


class Shop:
    """The network, and its caller on node-1."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self.folder = folder
        self._ips: dict[str, str] = {}

    @property
    def caller(self) -> Client:
        return self.network.inside("shop/caller")

    def ip(self, name: str) -> str:
        return self._ips.setdefault(name, self.network.cluster_ip("shop", name))

    def get(self, name: str, path: str = "/", headers: str = "", host: str = "") -> Answer:
        with self.caller.connect(self.ip(name), 80) as connection:
            return exchange(connection, path, f"{host or name}{headers}")

    def serves(self, name: str) -> bool:
        """Whether a Service is there and answers; one that was only just written may not be."""
        known = self.network.ask("get", kind="service", name=name, namespace="shop", selector="")["items"]
        return bool(known) and self.get(name).status == 200

    def many(self, count: int, name: str, path: str = "/", headers: str = "") -> Counter[Any]:
        """Who answered how often."""
        return Counter(answer.echo.get("pod") for answer in (self.get(name, path, headers) for _ in range(count)))

    @contextmanager
    def failing(self, *pods: str) -> Iterator[None]:
        for one in pods:
            (self.folder / f"{one}.failing").touch()
        try:
            yield
        finally:
            for one in pods:
                (self.folder / f"{one}.failing").unlink()


@pytest.fixture(scope="module")
def shop(networks: Callable[..., Network]) -> Shop:
    network = networks()
    folder = network.home / "f"
    folder.mkdir()
    authority = Authority(folder)
    chain, key = authority.pair("client")
    mounted = {
        "sidecar.istio.io/userVolume": json.dumps({"certs": {"secret": {"secretName": "certs"}}}),
        "sidecar.istio.io/userVolumeMount": json.dumps({"certs": {"mountPath": "/etc/certs"}}),
    }
    outside = {"sidecar.istio.io/inject": "false"}
    command = f"{SERVER} 8080 {folder}"
    right = f"{SERVER} 8443 {folder} {authority.files('right', 'secure', 'mutual')}"
    asking = f"{right} {authority.root_file}"
    other = f"{SERVER} 8443 {folder} {authority.files('other', 'other.example')}"
    trusted = "caCertificates: /etc/certs/ca.crt"
    objects = [
        SELF,
        secret("certs", {"tls.crt": chain, "tls.key": key, "ca.crt": authority.root}),
        pod("caller", {"app": "caller"}, "sleep 86400", annotations=mounted),
        *(pod(f"web-{number}", {"app": "web", "number": str(number)}, command, node=1 if number < 3 else 2) for number in (1, 2, 3, 4)),
        *(service(name, {"app": "web"}) for name in RULES if name != "pool"),
        service("pool", {"app": "web", "number": "1"}),
        *(rule(name, policy) for name, policy in RULES.items()),
        pod("plain", {"app": "plain", **outside}, command),
        service("once", {"app": "plain"}),
        rule("once", "connectionPool: {http: {maxRequestsPerConnection: 2}}"),
        pod("echo", {"app": "echo", **outside}),
        service("second", {"app": "echo"}),
        rule("second", "connectionPool: {http: {h2UpgradePolicy: UPGRADE}}"),
        *(pod(name, {"app": name, **outside}, run, 8443) for name, run in (("secure", right), ("mutual", asking), ("wrong", other))),
        *(service(name, {"app": name}, 8443) for name in ("secure", "mutual", "wrong")),
        service("named", {"app": "wrong"}, 8443),
        *(rule(name, f"tls: {{mode: SIMPLE, {trusted}}}") for name in ("secure", "wrong")),
        rule("named", f"tls: {{mode: SIMPLE, subjectAltNames: [other.example], {trusted}}}"),
        rule("mutual", f"tls: {{mode: MUTUAL, clientCertificate: /etc/certs/tls.crt, privateKey: /etc/certs/tls.key, {trusted}}}"),
    ]
    network.write("shop.yaml", "\n---\n".join(objects))
    network.write("seaway.toml", 'nodes = 2\n[localities]\nnode-1 = "eu/eu-1"\nnode-2 = "us/us-1"\n')
    network.up()
    made = Shop(network, folder)
    wait_until(lambda: made.get("once").status == 200, "the first answer")
    return made


def test_the_guides_circuit_breaker_is_said_and_honoured(shop: Shop) -> None:
    """Ejected after the third failure, and back once its time is over."""
    assert "NET0576" in [one["code"] for one in shop.network.findings()]
    with shop.failing("web-1"):
        seen = [shop.get("eject") for _ in range(60)]
        failed = [answer for answer in seen if answer.status == 503]
        assert len(failed) == 3
        assert {answer.echo["pod"] for answer in failed} == {"web-1"}
    wait_until(lambda: "web-1" in shop.many(10, "eject"), "the return of web-1")


def test_a_full_pool_is_overflow(shop: Shop) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: shop.get("pool", "/slow"), range(12)))
    refused = [answer for answer in answers if answer.status == 503]
    # Each of Envoy's workers may open one connection whatever the limit is, and one request waits.
    assert 6 <= len(refused) <= 10
    assert {answer.status for answer in answers} == {200, 503}
    assert {answer.headers.get("x-envoy-overloaded") for answer in refused} == {"true"}


@pytest.mark.parametrize(
    ("name", "path", "headers"),
    [
        pytest.param("header", "/", "\r\nx-user: {user}", id="header"),
        pytest.param("cookie", "/", "\r\ncookie: user={user}", id="cookie"),
        pytest.param("query", "/?user={user}", "", id="query"),
    ],
)
def test_a_user_stays_with_a_pod(shop: Shop, name: str, path: str, headers: str) -> None:
    users = [f"user-{number}" for number in range(12)]
    homes = {user: shop.many(4, name, path.format(user=user), headers.format(user=user)) for user in users}
    assert all(len(seen) == 1 for seen in homes.values())
    assert len({next(iter(seen)) for seen in homes.values()}) > 1


def test_a_callers_address_stays_with_a_pod(shop: Shop) -> None:
    assert len(shop.many(12, "source")) == 1


def test_a_session_cookie_is_made_where_there_is_none(shop: Shop) -> None:
    first = shop.get("cookie")
    cookie = first.headers["set-cookie"].split(";", 1)[0]
    assert set(shop.many(4, "cookie", headers=f"\r\ncookie: {cookie}")) == {first.echo["pod"]}


def test_traffic_stays_in_its_region_and_leaves_it_when_all_fail(shop: Shop) -> None:
    assert set(shop.many(20, "near")) <= set(EU)
    with shop.failing(*EU):
        wait_until(lambda: set(shop.many(6, "near")) <= set(US), "the other region")
    wait_until(lambda: set(shop.many(6, "near")) <= set(EU), "the way home")


@pytest.mark.slow
def test_traffic_is_split_over_regions(shop: Shop) -> None:
    seen = shop.many(400, "split")
    abroad = sum(seen[one] for one in US)
    assert 45 < abroad < 120  # 80 expected, standard deviation 8


def test_requests_of_a_connection_are_bounded(shop: Shop) -> None:
    with shop.caller.connect(shop.ip("once"), 80) as connection:
        carried = [exchange(connection, host="once", close=False).echo["carried"] for _ in range(5)]
    assert carried in ([1, 2, 1, 2, 1], [2, 1, 2, 1, 2]), "the first one may go on a connection that another caller has left"


def test_http2_to_the_server(shop: Shop) -> None:
    assert shop.get("second").echo["proto"] == "HTTP/2.0"


def test_tls_to_a_server_that_is_believed(shop: Shop) -> None:
    answer = shop.get("secure")
    assert (answer.status, answer.echo) == (200, answer.echo | {"pod": "secure", "certificate": False})


def test_tls_to_a_server_of_another_name_is_refused(shop: Shop) -> None:
    """Unless the rule names it: one server behind two Services."""
    assert shop.get("wrong").status == 503
    assert shop.get("named").echo["pod"] == "wrong"


def test_mutual_tls_to_the_world(shop: Shop) -> None:
    assert shop.get("mutual").echo["certificate"] is True


@pytest.mark.slow
def test_a_new_endpoint_warms_up(shop: Shop) -> None:
    """Its share grows: a tenth at first, half in the end."""
    network = shop.network
    labels = {"app": "warm", "sidecar.istio.io/inject": "false"}
    first = [service("warm", {"app": "warm"}), rule("warm", "loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 3s}}")]
    old = pod("warm-1", labels, f"{SERVER} 8080 {shop.folder}")
    network.write("warm.yaml", "\n---\n".join([*first, old]))
    wait_until(lambda: shop.serves("warm"), "the first pod")
    time.sleep(3.5)  # out of its own warm-up
    network.write("warm.yaml", "\n---\n".join([*first, old, pod("warm-2", labels, f"{SERVER} 8080 {shop.folder}")]))
    wait_until(lambda: "warm-2" in shop.many(3, "warm"), "the second pod")
    early = shop.many(60, "warm")
    wait_until(lambda: shop.many(40, "warm")["warm-2"] >= 18, "an equal share")
    assert early["warm-2"] < 24


def test_settings_change_under_load_without_a_lost_request(shop: Shop) -> None:
    """A rule, a subset and its labels change while requests go on: the cluster keeps its name, and the new one is warm before it serves."""
    network = shop.network
    network.write("change.yaml", "\n---\n".join([service("change", {"app": "web"}), rule("change", "loadBalancer: {simple: RANDOM}")]))
    wait_until(lambda: shop.serves("change"), "the Service")
    with ThreadPoolExecutor(4) as threads:
        over = time.monotonic() + 3
        statuses = [threads.submit(_ask_until, shop, over) for _ in range(4)]
        for policy in ("loadBalancer: {simple: ROUND_ROBIN}", "connectionPool: {tcp: {maxConnections: 500}}", "outlierDetection: {}", ""):
            time.sleep(0.4)
            changed = [service("change", {"app": "web"}), *([rule("change", policy)] if policy else [])]
            network.write("change.yaml", "\n---\n".join(changed))
        seen = sum((one.result() for one in statuses), Counter())
    assert set(seen) == {200}
    assert seen[200] > 100


def _ask_until(shop: Shop, over: float) -> Counter[int]:
    seen: Counter[int] = Counter()
    while time.monotonic() < over:
        seen[shop.get("change").status] += 1
    return seen
