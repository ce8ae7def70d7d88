"""Rate limits with real requests: at members, at gateways, counted by Envoy and by all nodes together."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from meshed import PROGRAM, account, command, namespace, pod, service, text_of
from network import Answer, Network, exchange, wait_until

Make = Callable[..., Network]
Object = dict[str, Any]


def limit(name: str, app: str, *limits: Object, where: str = "shop") -> Object:
    spec: Object = {"limits": list(limits), "selector": {"matchLabels": {"app": app}}}
    return {"apiVersion": "seaway.dev/v1alpha1", "kind": "RateLimitPolicy", "metadata": {"name": name, "namespace": where}, "spec": spec}


INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "rules": [
            {
                "host": "web.test",
                "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]},
            }
        ]
    },
}


def replica(number: int) -> Object:
    """One of two pods under one policy, each on its node and behind a Service of its own."""
    made = pod("shared", ("http", 8080), annotations=command(f"{PROGRAM} 8080"), nodeName=f"node-{number}")
    return {**made, "metadata": {**made["metadata"], "name": f"shared-{number}", "labels": {"app": "shared", "number": str(number)}}}


MANIFESTS = text_of(
    namespace("shop"),
    *(account(name) for name in ("caller", "other", "api", "shared", "web")),
    *(pod(name, ("http", 8080), nodeName="node-1") for name in ("caller", "api", "web")),
    pod("other", ("http", 8080), nodeName="node-2"),
    *(replica(number) for number in (1, 2)),
    *(service(f"shared-{number}", ("http", 80, 8080), selector={"number": str(number)}) for number in (1, 2)),
    *(service(name, ("http", 80, 8080)) for name in ("api", "other", "web")),
    INGRESS,
)

LIMITS = text_of(
    limit(
        "local",
        "api",
        {"requests": 3, "per": "hour", "key": [{"header": "x-user"}, {"path": {}}], "match": [{"paths": ["/few*"], "notMethods": ["PUT"]}]},
        {
            "requests": 4,
            "per": "2s",
            "burst": 2,
            "match": [{"paths": ["/often"]}],
            "response": {"status": 503, "headers": {"x-why": "100% full"}},
        },
        {"requests": 2, "per": "hour", "key": [{"sourcePrincipal": {}}], "match": [{"paths": ["/mine"]}]},
        {"requests": 1, "per": "hour", "match": [{"paths": ["/dry"]}], "dryRun": True},
    ),
    limit(
        "global",
        "shared",
        {"requests": 5, "per": "hour", "scope": "global", "match": [{"notPaths": ["/closed"]}]},
        {"requests": 100, "per": "second", "scope": "global", "failOpen": False, "match": [{"paths": ["/closed"]}]},
    ),
    limit(
        "edge",
        "seaway-gateway",
        {"requests": 2, "per": "minute", "key": [{"remoteAddress": {}}], "match": [{"hosts": ["web.test*"]}]},
        where="seaway-system",
    ),
)


@pytest.fixture(scope="module")
def network(networks: Make) -> Network:
    network: Network = networks()
    network.write("shop.yaml", MANIFESTS)
    network.write("limits.yaml", LIMITS)
    (network.manifests / "seaway.toml").write_text("nodes = 2\n")
    network.up()
    return network


def ask(network: Network, source: str, host: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """A request from a pod, with these headers."""
    lines = "".join(f"\r\n{name.replace('_', '-')}: {value}" for name, value in headers.items())
    with network.inside(f"shop/{source}-0").connect(network.cluster_ip("shop", host), 80) as connection:
        return exchange(connection, path, host + lines, method)


def edge(network: Network, host: str = "web.test") -> Answer:
    return network.host.get(network.gateway, 80, "/", host)


def told(answer: Answer) -> tuple[str, ...]:
    """What an answer says of the limit: how much may pass, and what is left."""
    return tuple(answer.headers.get(f"x-ratelimit-{word}", "") for word in ("limit", "remaining"))


def refusals(network: Network, path: str) -> list[Object]:
    return [one for one in network.json("flows")["flows"] if one.get("path") == path and one["verdict"] == "refused"]


def counting_node(network: Network) -> str:
    """The node whose agent counts for all."""
    logs = ((node, network.state / "logs" / f"agent-{node}.log") for node in ("node-1", "node-2"))
    return next(node for node, log in logs if "counted here" in log.read_text())


def line_of(words: str) -> int:
    return next(number for number, line in enumerate(LIMITS.splitlines(), 1) if words in line)


def test_requests_above_the_limit_are_refused_by_value_of_the_keys(network: Network) -> None:
    answers = [ask(network, "caller", "api", "/few?x=1", x_user="a") for _ in range(4)]
    assert [one.status for one in answers] == [200, 200, 200, 429]
    assert [told(one) for one in answers] == [("3", "2"), ("3", "1"), ("3", "0"), ("3", "0")]
    assert answers[3].headers["retry-after"] == "1200"
    assert int(answers[3].headers["x-ratelimit-reset"]) in range(1195, 1201)
    assert "x-seaway-denied-limit" not in answers[3].headers
    assert ask(network, "caller", "api", "/few", x_user="b").status == 200, "another value"
    assert ask(network, "caller", "api", "/fewer", x_user="a").status == 200, "another path"
    assert ask(network, "caller", "api", "/few").status == 200, "without the header nothing counts it"
    assert ask(network, "caller", "api", "/few", "PUT", x_user="a").status == 200, "another method"
    assert "x-ratelimit-limit" not in ask(network, "caller", "api", "/other", x_user="a").headers
    flow = wait_until(lambda: refusals(network, "/few?x=…"), "the refusal in the flows")[0]
    assert (flow["text"], flow["status"]) == ("more requests than RateLimitPolicy shop/local allows", 429)
    (line,) = flow["because"]
    assert (line["kind"], line["name"], line["line"]) == ("RateLimitPolicy", "local", line_of("- requests: 3"))


def test_a_bucket_fills_again(network: Network) -> None:
    answers = [ask(network, "caller", "api", "/often") for _ in range(4)]
    assert [one.status for one in answers[:2]] == [200, 200]
    refused = next(one for one in answers if one.status != 200)
    assert (refused.status, refused.headers["x-why"], refused.headers["retry-after"]) == (503, "100% full", "1")
    wait_until(lambda: ask(network, "caller", "api", "/often").status == 200, "room for one more request")


def test_callers_are_told_apart_by_their_identity(network: Network) -> None:
    assert [ask(network, "caller", "api", "/mine").status for _ in range(3)] == [200, 200, 429]
    assert [ask(network, "other", "api", "/mine").status for _ in range(3)] == [200, 200, 429]


def test_a_dry_run_refuses_nobody(network: Network) -> None:
    answers = [ask(network, "caller", "api", "/dry") for _ in range(3)]
    assert [(one.status, told(one)) for one in answers] == [(200, ("", ""))] * 3


def test_gateways_limit_clients(network: Network) -> None:
    assert [edge(network).status for _ in range(3)] == [200, 200, 429]
    assert edge(network, "other.test").status == 404, "of another host nothing counts"


def test_pods_on_all_nodes_share_a_count_which_traffic_outlives(network: Network) -> None:
    answers = [ask(network, "caller", f"shared-{number}", "/") for number in (1, 2) * 4]
    assert [one.status for one in answers] == [200] * 5 + [429] * 3
    assert [one.echo["pod"] for one in answers[:2]] == ["shared-1", "shared-2"]
    assert [told(one) for one in answers[:2]] == [("5", "4"), ("5", "3")]
    assert (answers[5].headers["x-ratelimit-remaining"], answers[5].headers["retry-after"]) == ("0", "720")
    assert wait_until(lambda: refusals(network, "/"), "the refusal in the flows")
    node = counting_node(network)
    counting = network.process(f"{node}/agent")
    os.kill(counting, signal.SIGSTOP)
    try:
        assert ask(network, "caller", "shared-1", "/").status == 200, "nobody answers: the request passes"
        assert ask(network, "caller", "shared-1", "/closed").status == 503, "but for the limit that says otherwise"
    finally:
        os.kill(counting, signal.SIGCONT)
    os.kill(counting, signal.SIGKILL)
    for number in (1, 2, 1, 2):
        assert ask(network, "caller", f"shared-{number}", "/").status == 200
    wait_until(lambda: ask(network, "caller", "shared-1", "/").status == 429, "another agent that counts")
    beside = {"node-1": "api", "node-2": "other"}[node]
    wait_until(lambda: ask(network, "caller", beside, "/").status == 200, "the killed agent's stand-ins")
