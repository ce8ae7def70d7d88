"""Two meshed pods and those beside them, through the node's one Envoy: who is called, as whom, from which address, and in what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from meshed import (
    GREETER,
    GREETING,
    PROGRAM,
    account,
    caller_of,
    command,
    get,
    identity,
    namespace,
    peer_authentication,
    pod,
    service,
    talk,
    text_of,
)
from network import Network, wait_until

EXCLUDED = {
    **command(f"{PROGRAM} 8080"),
    "traffic.sidecar.istio.io/excludeInboundPorts": "8080",
}
UNCAPTURED = {"traffic.sidecar.istio.io/excludeOutboundPorts": "81"}

MANIFESTS = text_of(
    namespace("shop"),
    *(account(name) for name in ("caller", "api", "easy", "plain", "around", "mail", "bare", "lax")),
    *(account(name, "away") for name in ("ledger", "stranger")),
    namespace("away", enrolled=False),
    pod("caller", ("http", 8080)),
    pod("lax", ("http", 8080), annotations=UNCAPTURED),
    pod("api", ("http", 8080), ("tcp-echo", 7777), ("any", 7000), ("tcp-raw", 7001)),
    service("api", ("http", 80, 8080), ("tcp-echo", 7777, 7777), ("any", 7000, 7000), ("raw", 7001, 7001), ("http-alt", 81, 8080)),
    peer_authentication("STRICT", "api"),
    pod("easy", ("http", 8080), ("tcp-echo", 7777)),
    service("easy", ("http", 80, 8080), ("tcp-echo", 7777, 7777)),
    pod("plain", ("http", 8080)),
    service("plain", ("http", 80, 8080)),
    peer_authentication("DISABLE", "plain"),
    pod("around", annotations=command(f"{PROGRAM} 8080")),
    service("circle", ("http", 80, 8080), app="around"),
    peer_authentication("STRICT", "around"),
    pod("mail", annotations=command(GREETER)),
    service("mail", ("tcp", 2525, 2525)),
    peer_authentication("STRICT", "mail"),
    pod("bare", annotations=EXCLUDED),
    service("bare", ("http", 80, 8080)),
    peer_authentication("STRICT", "bare"),
    pod("stranger", ("http", 8080), namespace="away"),
    pod("ledger", namespace="away", annotations=command(f"{PROGRAM} 8080")),
    service("ledger", ("http", 80, 8080), namespace="away"),
)

STATEFUL = """\
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  clusterIP: None
  selector: {app: db}
  ports: [{name: http, port: 8080}, {name: tcp-echo, port: 7777}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
        - name: db
          ports: [{name: http, containerPort: 8080}, {name: tcp-echo, containerPort: 7777}, {name: udp, containerPort: 5353, protocol: UDP}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: db, namespace: shop}
spec: {selector: {matchLabels: {app: db}}, mtls: {mode: STRICT}}
---
apiVersion: v1
kind: Service
metadata: {name: clock, namespace: shop}
spec: {selector: {app: db}, ports: [{name: udp, port: 5353, protocol: UDP}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: shop}
spec:
  template:
    metadata: {labels: {app: once}}
    spec:
      restartPolicy: Never
      containers: [{name: once}]
    """

# A proxy that answers for a pod that is not ready yet is a network that is there; a connection that is refused (7) is none.
JOB_COMMAND = "sh -c 'until curl -sS --fail http://api.shop.svc.cluster.local/first; do test $? = 22 || exit 1; sleep 0.1; done'"


@pytest.fixture(scope="module")
def town(networks: Callable[..., Network]) -> Network:
    network = networks()
    network.write("shop.yaml", MANIFESTS)
    job = f'    metadata:\n      labels: {{app: once}}\n      annotations: {{seaway.dev/command: "{JOB_COMMAND}"}}\n'
    network.write("stateful.yaml", STATEFUL.replace("    metadata: {labels: {app: once}}\n", job))
    network.up()
    return network


@pytest.fixture(scope="module")
def api(town: Network) -> str:
    return town.cluster_ip("shop", "api")


CALLER, STRANGER = "shop/caller-0", "away/stranger-0"


def test_both_identities_are_known(town: Network, api: str) -> None:
    answer = get(town, CALLER, api, 80, "api")
    assert (answer.status, answer.echo["pod"], caller_of(answer)) == (200, "api-0", identity("caller"))
    told = ",".join(answer.echo["headers"]["X-Forwarded-Client-Cert"])
    assert f"By={identity('api')}" in told


def test_each_caller_has_its_own_identity_on_the_same_cluster(town: Network, api: str) -> None:
    for name in ("caller", "easy", "lax", "caller", "easy"):
        assert caller_of(get(town, f"shop/{name}-0", api, 80, "api")) == identity(name)


def test_what_an_application_claims_of_a_certificate_goes_no_further(town: Network, api: str) -> None:
    with town.inside(CALLER).connect(api, 80) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api\r\nX-Forwarded-Client-Cert: URI=spiffe://cluster.local/ns/x/sa/root\r\n\r\n")
        assert b"sa/root" not in connection.recv(65536)


@pytest.mark.parametrize(
    "host",
    ["api", "api.shop", "api.shop.svc", "api.shop.svc.cluster.local", "api.shop.svc.cluster.local.", "API.shop", "api:80", "api.shop:8888"],
)
def test_every_spelling_of_a_service_is_it(town: Network, api: str, host: str) -> None:
    assert caller_of(get(town, CALLER, api, 80, host)) == identity("caller")


def test_by_its_address(town: Network, api: str) -> None:
    assert caller_of(get(town, CALLER, api, 80)) == identity("caller")
    assert caller_of(get(town, CALLER, api, 7000)) == identity("caller")


def test_a_port_that_may_speak_anything_is_looked_at(town: Network, api: str) -> None:
    assert caller_of(get(town, CALLER, api, 7000, "whoever.example")) == identity("caller")


class TestModes:
    def test_strict_refuses_plaintext(self, town: Network, api: str) -> None:
        with pytest.raises(OSError, match="reset"):
            get(town, STRANGER, api, 80, "api.shop")
        assert talk(town, STRANGER, api, 7777) == b""
        with pytest.raises(OSError, match="reset"):
            get(town, STRANGER, town.ip("shop/api-0"), 8080)

    def test_permissive_takes_both(self, town: Network) -> None:
        easy = town.cluster_ip("shop", "easy")
        assert caller_of(get(town, CALLER, easy, 80, "easy")) == identity("caller")
        stranger = get(town, STRANGER, easy, 80, "easy.shop")
        assert (stranger.status, caller_of(stranger)) == (200, "")
        assert talk(town, CALLER, easy, 7777) == talk(town, STRANGER, easy, 7777) == b"hello\n"

    def test_disabled_is_plaintext_for_all(self, town: Network) -> None:
        plain = town.cluster_ip("shop", "plain")
        for source in (CALLER, STRANGER):
            answer = get(town, source, plain, 80, "plain.shop")
            assert (answer.status, caller_of(answer)) == (200, "")


class TestAddresses:
    def test_who_is_called_sees_the_pods_own_address(self, town: Network) -> None:
        answer = get(town, CALLER, town.cluster_ip("away", "ledger"), 80, "ledger.away")
        assert (answer.status, answer.echo["peer"]) == (200, town.ip(CALLER))

    def test_a_pod_that_calls_itself_through_its_service(self, town: Network) -> None:
        answer = get(town, "shop/around-0", town.cluster_ip("shop", "circle"), 80, "circle")
        assert (answer.status, answer.echo["pod"], caller_of(answer)) == (200, "around-0", identity("around"))

    def test_a_pod_that_calls_itself_by_address_meets_no_proxy(self, town: Network) -> None:
        answer = get(town, "shop/around-0", town.ip("shop/around-0"), 8080)
        assert (answer.status, caller_of(answer), answer.echo["peer"]) == (200, "", town.ip("shop/around-0"))


class TestConnections:
    def test_tcp(self, town: Network, api: str) -> None:
        assert talk(town, CALLER, api, 7777) == b"hello\n"

    def test_a_port_that_may_speak_anything_speaks_what_is_no_http(self, town: Network, api: str) -> None:
        assert talk(town, CALLER, api, 7001, b"\0\1\2 no request\n") == b"\0\1\2 no request\n"

    def test_the_server_speaks_first(self, town: Network) -> None:
        assert talk(town, CALLER, town.cluster_ip("shop", "mail"), 2525, b"") == GREETING

    def test_udp_is_left_alone(self, town: Network) -> None:
        assert town.inside(CALLER).udp(town.cluster_ip("shop", "clock"), 5353, b"what time") == b"what time"


class TestStateful:
    @pytest.mark.parametrize("name", ["db-0.db", "db-0.db.shop", "db-0.db.shop.svc.cluster.local"])
    def test_each_pod_of_a_headless_service_by_its_name(self, town: Network, name: str) -> None:
        for number in "01":
            answer = get(town, CALLER, town.ip(f"shop/db-{number}"), 8080, name.replace("db-0", f"db-{number}"))
            assert (answer.echo["pod"], caller_of(answer)) == (f"db-{number}", identity("caller"))

    def test_connections_to_each_pod(self, town: Network) -> None:
        for number in "01":
            assert talk(town, CALLER, town.ip(f"shop/db-{number}"), 7777) == b"hello\n"
            assert talk(town, STRANGER, town.ip(f"shop/db-{number}"), 7777) == b""


class TestExclusions:
    def test_a_port_that_is_not_captured_is_plaintext_whatever_the_mode(self, town: Network) -> None:
        for source in (CALLER, STRANGER):
            answer = get(town, source, town.cluster_ip("shop", "bare"), 80, "bare.shop")
            assert (answer.status, caller_of(answer)) == (200, "")

    def test_a_port_that_a_caller_excludes_is_called_without_its_proxy(self, town: Network, api: str) -> None:
        assert caller_of(get(town, CALLER, api, 81, "api")) == identity("caller")
        with pytest.raises(OSError, match="reset"):
            get(town, "shop/lax-0", api, 81, "api")


class TestUnknown:
    def test_what_nobody_knows_is_called_as_it_was_meant(self, town: Network) -> None:
        ledger = town.ip("away/ledger-0")
        answer = get(town, CALLER, ledger, 8080, "elsewhere.example")
        assert (answer.status, answer.echo["peer"]) == (200, town.ip(CALLER))

    def test_an_unknown_host_at_a_known_port_goes_where_it_was_going(self, town: Network, api: str) -> None:
        answer = get(town, CALLER, town.cluster_ip("away", "ledger"), 80, "elsewhere.example")
        assert answer.status == 200


def test_a_job_has_its_network_from_its_first_step_and_ends(town: Network) -> None:
    def log() -> str:
        return "".join(path.read_text() for path in (town.state / "logs" / "pods").glob("shop_once-*"))

    wait_until(lambda: identity("default") in log(), "the job's one request was answered")


def test_probes_reach_a_strict_pod(networks: Callable[..., Network]) -> None:
    network = networks()
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    watched = pod("web", ("http", 8080))
    watched["spec"]["containers"][0] |= {"readinessProbe": probe, "livenessProbe": probe}
    network.write("web.yaml", text_of(namespace("shop"), account("web"), watched, peer_authentication("STRICT")))
    network.up()
    assert all(one["ready"] for one in network.status()["pods"])
