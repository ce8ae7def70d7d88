"""The example as it is shipped: what `make up` shows, and what every command says of it."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import ssl

import pytest
from network import STOREFRONT, Network, exchange

WEB, API = "web.example.com", "api.example.com"
SECRET = (STOREFRONT / "21-tls-secret.yaml").read_text()
CERTIFICATE = ssl.PEM_cert_to_DER_cert(
    "\n".join(line.strip() for line in SECRET.partition("tls.crt: |\n")[2].partition("tls.key")[0].splitlines())
)
KEY_LINE = SECRET.partition("BEGIN PRIVATE KEY-----\n")[2].splitlines()[0].strip()


def certificate_of(network: Network, name: str | None) -> bytes:
    with network.host.tls(network.gateway, 443, name) as connection:
        found = connection.getpeercert(binary_form=True)
    assert found is not None
    return found


@pytest.mark.parametrize(("host", "path", "workload"), [(WEB, "/", "Deployment/web"), (API, "/api/products?q=1", "Deployment/api-gateway")])
def test_web_and_api_answer_over_tls(storefront: Network, host: str, path: str, workload: str) -> None:
    answer = storefront.host.get(storefront.gateway, 443, path, host, tls=True)
    assert (answer.status, answer.echo["workload"], answer.echo["host"], answer.echo["path"]) == (200, workload, host, path)
    assert answer.echo["headers"]["X-Forwarded-Proto"] == ["https"]


@pytest.mark.parametrize("name", [WEB, API])
def test_the_certificate_is_the_secrets(storefront: Network, name: str) -> None:
    assert certificate_of(storefront, name) == CERTIFICATE


@pytest.mark.parametrize("name", ["other.example.com", None], ids=["unknown", "none"])
def test_other_names_get_the_default_certificate(storefront: Network, name: str | None) -> None:
    default = (storefront.state / "default-certificate.pem").read_text().partition("-----BEGIN CERTIFICATE")
    assert certificate_of(storefront, name) == ssl.PEM_cert_to_DER_cert(
        "-----BEGIN CERTIFICATE" + default[2].partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"
    )


def test_plain_http_is_sent_to_https(storefront: Network) -> None:
    answer = storefront.host.get(storefront.gateway, 80, "/cart?item=3", WEB)
    assert (answer.status, answer.headers["location"]) == (308, f"https://{WEB}/cart?item=3")


@pytest.mark.parametrize(("host", "path"), [("nobody.example.com", "/"), (API, "/other")], ids=["host", "path"])
def test_what_no_rule_names_is_not_found(storefront: Network, host: str, path: str) -> None:
    assert storefront.host.get(storefront.gateway, 443, path, host, tls=True).status == 404


def test_http2_is_chosen_by_alpn(storefront: Network) -> None:
    for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1")):
        with storefront.host.tls(storefront.gateway, 443, WEB, offered) as connection:
            assert connection.selected_alpn_protocol() == chosen
    url = ("--resolve", f"{WEB}:443:{storefront.gateway}", f"https://{WEB}/h2")
    body, _, words = storefront.machine.out("curl", "-sk", "--http2", "-w", "\n%{http_version} %{http_code}", *url).rpartition("\n")
    assert (words, json.loads(body)["path"]) == ("2 200", "/h2")


def test_websocket_passes_the_gateway(storefront: Network) -> None:
    with storefront.host.tls(storefront.gateway, 443, WEB) as connection:
        assert websocket_echo(connection, WEB, b"hello") == b"hello"


def websocket_echo(connection: socket.socket, host: str, words: bytes) -> bytes:
    """RFC 6455: opening handshake, one masked text frame out, one frame back."""
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
    connection.sendall(f"GET /socket HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n\r\n".encode())
    stream = connection.makefile("rb")
    assert stream.readline().startswith(b"HTTP/1.1 101 ")
    while stream.readline() != b"\r\n":
        pass
    mask = os.urandom(4)
    connection.sendall(bytes((0x81, 0x80 | len(words))) + mask + bytes(one ^ mask[at % 4] for at, one in enumerate(words)))
    head = stream.read(2)
    assert head[0] == 0x81
    return stream.read(head[1])


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_the_users_loopback_leads_to_the_gateway(storefront: Network, tls: bool) -> None:
    answer = storefront.host.get("127.0.0.1", 443 if tls else 80, "/", WEB, tls=tls)
    assert answer.status == (200 if tls else 308)


@pytest.mark.parametrize(
    ("service", "workloads"),
    [
        ("api-gateway", {"Deployment/api-gateway"}),
        ("product-service", {"Deployment/product-service-v1", "Deployment/product-service-v2"}),
    ],
)
def test_cluster_ips_from_a_pod(storefront: Network, service: str, workloads: set[str]) -> None:
    port = storefront.service("production", service)["spec"]["ports"][0]["port"]
    client = storefront.inside("production/api-gateway")
    address = storefront.cluster_ip("production", service)
    answers = [client.get(address, port, "/api/products") for _ in range(80)]  # one in ten is the canary's
    assert {one.echo["workload"] for one in answers} == workloads


@pytest.mark.parametrize(
    ("source", "service", "port"), [("production/api-gateway", "web", 80), ("legacy/legacy-client", "database-pool", 5432)]
)
def test_production_is_shut_but_for_the_way_of_orders(storefront: Network, source: str, service: str, port: int) -> None:
    with pytest.raises(TimeoutError):
        storefront.inside(source).get(storefront.cluster_ip("production", service), port, host=service, timeout=0.5)


def test_node_port_and_load_balancer_from_the_machine(storefront: Network) -> None:
    assert storefront.host.get("198.18.0.1", 30080).echo["workload"] == "Deployment/web"
    assert storefront.host.get(storefront.gateway, 80, "/", WEB).status == 308


def test_tcp_and_udp_services(storefront: Network) -> None:
    client = storefront.inside("production/api-gateway")
    with client.connect(storefront.cluster_ip("production", "database-pool"), 5432) as connection:
        connection.sendall(b"select 1")
        assert connection.recv(100) == b"select 1"
    assert client.udp(storefront.cluster_ip("legacy", "orders"), 9999, b"two of these") == b"two of these"


QUERIES = """
dig +noall +comments +answer database.production.svc.cluster.local A
dig +noall +comments +answer database-1.database.production.svc.cluster.local A
dig +noall +comments +answer _tcp-postgres._tcp.database.production.svc.cluster.local SRV
dig +noall +comments +answer -x {web}
dig +noall +comments +answer web.production.svc.cluster.local AAAA
dig +noall +comments +answer nothing.production.svc.cluster.local A
dig +noall +comments +answer +search orders.legacy A
dig +noall +comments +answer +search web A
dig +noall +comments +answer supplier-database.production.svc.cluster.local CNAME
dig +noall +comments +answer +tcp web.production.svc.cluster.local A
"""


def test_dig_in_a_pod(storefront: Network) -> None:
    web, orders = storefront.cluster_ip("production", "web"), storefront.cluster_ip("legacy", "orders")
    members = [storefront.ip(f"production/database-{number}") for number in (0, 1)]
    queries = QUERIES.format(web=web).strip().splitlines()
    script = "; echo ===; ".join(queries)
    said = storefront.text("exec", "production/web", "--", "sh", "-c", script).split("===\n")
    found = [
        (re.search(r"status: (\w+)", one), sorted(line.split()[-1] for line in one.splitlines() if line and line[0] != ";")) for one in said
    ]
    answers = [(word.group(1) if word else "", data) for word, data in found]
    assert answers == [
        ("NOERROR", sorted(members)),
        ("NOERROR", [members[1]]),
        ("NOERROR", [f"database-{number}.database.production.svc.cluster.local." for number in (0, 1)]),
        ("NOERROR", ["web.production.svc.cluster.local."]),
        ("NOERROR", []),
        ("NXDOMAIN", []),
        ("NOERROR", [orders]),
        ("NOERROR", [web]),
        ("NOERROR", ["database.external.com."]),
        ("NOERROR", [web]),
    ]


def test_request_from_a_pod_and_from_outside(storefront: Network) -> None:
    document = storefront.json(
        "request", "production/web", "http://api-gateway.production:8080/products", "-H", "x-test: 1", "-n", "6", "-c", "2"
    )
    assert len(document["responses"]) == 6
    one = document["responses"][0]
    assert one.keys() >= {"status", "headers", "body", "pod", "latency_ms"}
    assert json.loads(one["body"])["headers"]["X-Test"] == ["1"]
    assert document["summary"]["status"] == {"200": 6}
    assert sum(document["summary"]["pods"].values()) == 6
    assert document["summary"]["latency_ms"].keys() == {"p50", "p99"}
    text = storefront.text("request", "outside", f"https://{WEB}/x", "-d", "body")
    assert text.startswith("200 in ")
    assert '"method":"POST"' in text


def test_probe_tries_every_pair(storefront: Network) -> None:
    probes = storefront.json("probe", "-n", "production")["probes"]
    assert probes[0].keys() == {"from", "to", "address", "port", "protocol", "allowed", "detail"}
    pods = storefront.pods("production/")
    pairs = {(one["from"], one["to"]) for one in probes}
    assert pairs == {(caller, called) for caller in pods for called in pods if caller != called}
    assert {(one["allowed"], one["detail"]) for one in probes} == {(True, "connected"), (False, "timed out")}
    udp = storefront.json("probe", "--from", storefront.pods("kube-system/")[0])["probes"]
    assert {(one["protocol"], one["detail"]) for one in udp if one["port"] == 9999} == {("UDP", "answered")}


def test_probe_says_of_every_pair_what_reach_says(storefront: Network) -> None:
    """Of members too, whose own proxies would take any connection."""
    allowed: dict[tuple[str, str, str], list[range]] = {}
    for one in storefront.json("reach", "--pods")["connections"]:
        for span in one["ports"].split(","):
            first, _, last = span.partition("-")
            allowed.setdefault((one["from"], one["to"], one["protocol"]), []).append(range(int(first), int(last or first) + 1))
    probes = storefront.json("probe")["probes"]
    assert len(probes) > 200
    assert {one["allowed"] for one in probes if one["from"].startswith("production/web")} == {True, False}
    wrong = [
        one
        for one in probes
        if one["allowed"] != any(one["port"] in ports for ports in allowed.get((one["from"], one["to"], one["protocol"]), ()))
    ]
    assert wrong == []


def test_status(storefront: Network) -> None:
    document = storefront.json("status")
    assert document["nodes"] == [{"name": "node-1", "address": "198.18.0.1", "envoy": "running", "agent": "running", "pods": 14}]
    assert document["pods"][0].keys() >= {"namespace", "name", "ip", "node", "inMesh", "ready"}
    assert all(pod["ready"] for pod in document["pods"])
    assert document["gateways"] == [
        {"name": "ingress-nginx/nginx-ingress-controller", "addresses": [storefront.gateway], "ports": [80, 443]}
    ]
    assert {one["host"] for one in document["certificates"]} == {WEB, API}
    assert document["findings"] == {"error": 0, "warning": 0, "note": 0}
    assert {one["name"]: one["endpoints"] for one in document["services"]}["product-service"] == 3
    assert isinstance(document["configAge_s"], float)


def test_check_of_the_running_network_and_of_the_folder(storefront: Network) -> None:
    for words in ((), (str(STOREFRONT),)):
        document = storefront.json("check", *words)
        assert document.keys() == {"findings", "coverage", "summary"}
        assert document["findings"] == []
        assert document["summary"] == {"error": 0, "warning": 0, "note": 0}
        assert document["coverage"]["kinds"]["Service"] == 10
        assert document["coverage"]["notModelled"] == []


def test_get(storefront: Network) -> None:
    text = storefront.text("get", "svc", "-n", "production")
    assert re.search(r"^web +ClusterIP +10\.\S+ +<none> +80/TCP +2 +\S*30-web\.yaml:\d+$", text, re.MULTILINE)
    assert re.search(r"^supplier-database +ExternalName +None +database\.external\.com ", text, re.MULTILINE)
    ingress = storefront.json("get", "ingress/storefront", "-n", "production")
    assert ingress["status"]["loadBalancer"]["ingress"] == [{"ip": storefront.gateway}]
    assert ingress["seaway"]["line"] == 2
    assert storefront.json("get", "pods", "-A")["kind"] == "List"
    assert (
        storefront.text("get", "deploy", "-n", "production", "-l", "tier=none")
        == "no Deployment in namespace production; -A looks in all\n"
    )


def test_describe_leads_across_layers(storefront: Network) -> None:
    text = storefront.text("describe", "service/web", "-n", "production")
    for words in ("web.production.svc.cluster.local", "Routes that lead here", "Ingress/storefront", "20-edge.yaml:", "no findings"):
        assert words in text
    document = storefront.json("describe", "pod", storefront.pods("production/web")[0].partition("/")[2], "-n", "production")
    assert {section["title"] for section in document["sections"]} >= {"Ports", "Probes", "Services", "Routes that lead here"}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("listeners", "0.0.0.0:443 in ingress-nginx_nginx-ingress-controller-"),
        ("routes", "20-edge.yaml:"),
        ("clusters", "outbound|80||web.production.svc.cluster.local"),
        ("endpoints", ":8080"),
        ("secrets", "production/storefront-tls"),
    ],
)
def test_proxy_shows_what_envoy_holds(storefront: Network, section: str, words: str) -> None:
    assert words in storefront.text("proxy", section)
    document = storefront.json("proxy", section)[section]
    assert document[0].keys() == {"node", "name", "what", "from", "config", "parts"}
    assert KEY_LINE not in json.dumps(document)
    assert "inline_bytes" not in json.dumps(document)


def test_no_command_shows_a_secret(storefront: Network) -> None:
    for words in (
        ("get", "secret", "-A", "-o", "yaml"),
        ("describe", "secret/storefront-tls", "-n", "production", "-o", "json"),
        ("get", "secret", "-A"),
    ):
        text = storefront.text(*words)
        assert "storefront-tls" in text
        assert KEY_LINE not in text


def test_exec_gives_the_commands_exit_code(storefront: Network) -> None:
    assert storefront.seaway("exec", "production/web", "--", "sh", "-c", "exit 7").returncode == 7
    done = storefront.seaway("exec", "legacy/sa/legacy-client", "--", "sh", "-c", "cat; hostname; cat /etc/resolv.conf", input="given\n")
    given, hostname, *resolver = done.stdout.splitlines()
    assert (given, hostname) == ("given", storefront.pods("legacy/")[0].partition("/")[2])
    assert "search legacy.svc.cluster.local svc.cluster.local cluster.local" in resolver
    assert "nameserver 10.96.0.10" in resolver
    assert storefront.seaway("exec", "production/web", "--", "no-such-program").returncode == 2


def test_gateway_pods_are_pods(storefront: Network) -> None:
    """Traffic from a gateway's own namespace, and by its pod address."""
    pod = storefront.pods("ingress-nginx/")[0]
    with storefront.inside("legacy/legacy-client").connect(storefront.ip(pod), 80) as connection:
        assert exchange(connection, "/", WEB).status == 308


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("get", "flies"), "no kind is called 'flies'"),
        (("get", "pod/none"), "Pod none not found"),
        (("get", "pods", "-l", "nonsense"), "not a selector"),
        (("describe", "service/web"), "add -n production"),
        (("request", "production/nobody", "http://web/"), "no pod is called 'production/nobody'"),
        (("request", "outside", "http://web/", "-g", "other"), "no gateway other"),
        (("exec", "web", "--", "true"), "no pod is called 'web'"),
        (("logs", "production/web"), "is a stand-in and prints nothing"),
        (("probe", "-n", "nowhere"), "no pod to probe from"),
        (("up", str(STOREFRONT)), "a network runs here already"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_clear_message(storefront: Network, words: tuple[str, ...], expected: str) -> None:
    done = storefront.seaway(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("error: ") == 1
    assert expected in done.stderr


def test_a_request_without_an_answer_fails(storefront: Network) -> None:
    done = storefront.seaway("request", "production/web", "http://nothing.production/", "-o", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["summary"]["status"]) == (1, {"none": 1})
    assert document["responses"][0]["error"]
