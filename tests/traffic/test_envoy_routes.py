"""What VirtualServices can ask for, of a real Envoy and of the simulation: the same requests, the same answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from envoy_world import HTTP, SORTS, World, ask, make_world

from seaway.simulate.envoy import Answered, Forwarded, Request, simulate_request


@pytest.fixture(scope="module", params=SORTS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    yield from make_world(request.param)


RICH = [
    *(("GET", "/match", (("X-A", value),)) for value in ("One", "one", "Two", "ax", "a_b", "12", "1a", "")),
    *(("GET", "/match", (("x-a", one), ("X-A", other))) for one, other in (("1", "2"), ("1", "!"), ("!", "1"), ("!", "?"))),
    ("GET", "/match", (("x-b", ""),)),
    ("GET", "/match", ()),
    ("GET", "/match", (("x-c", "c"),)),
    ("POST", "/match", (("x-c", "c"),)),
    *(
        ("GET", f"/match?{query}", (("x-c", "c"),))
        for query in ("v=2&debug", "debug=&v=2", "v=2", "v=3&debug", "V=2&debug", "v=2&v=3&debug")
    ),
    *(
        ("GET", path, ())
        for path in ("/case", "/CASE", "/CASE/x", "/claim", "/api/x", "/apix?y", "/api", "/whole", "/whole?x", "/whole/", "/r12", "/r")
    ),
    *(("GET", path, ()) for path in ("/old/a?b", "/older", "/bytes", "/abort", "/grpc", "/never", "/other")),
]


@pytest.mark.parametrize(("method", "path", "headers"), RICH, ids=str)
def test_the_simulation_agrees_on_what_virtual_services_ask_for(
    world: World, method: str, path: str, headers: tuple[tuple[str, str], ...]
) -> None:
    reply = ask(world.connect(80), "rich.test", path, headers, method=method)
    match simulate_request(world.plan, HTTP, Request("rich.test", path, "", method, headers)).outcome:
        case Forwarded(_, forwarded, named):
            assert (reply.status, reply.json["path"], reply.json["headers"]["host"]) == (200, forwarded, named)
        case Answered(status, location, body):
            location = location if status in range(300, 400) else ""
            assert (reply.status, reply.headers.get("location", ""), reply.body.decode()) == (status, location, body)


def test_shares_fall_by_their_weights(world: World) -> None:
    """Of 200 requests three in four are web's: fewer than 120 or more than 180 happen once in a million runs."""
    counted = Counter("path" in (got := ask(world.connect(80), "rich.test", "/split").json) and got["pod"] for _ in range(200))
    web = sum(count for pod, count in counted.items() if str(pod).startswith("web"))
    assert 120 <= web <= 180
    chances = [index / 200 for index in range(200)]
    told = Counter(simulate_request(world.plan, HTTP, Request("rich.test", "/split", chance=one)).outcome.cluster for one in chances)  # type: ignore[union-attr]
    assert sorted(told.values()) == [50, 150]


def test_headers_are_changed_both_ways(world: World) -> None:
    reply = ask(world.connect(80), "rich.test", "/headers", (("x-gone", "1"), ("x-set", "mine"), ("x-add", "mine")))
    got = reply.json["headers"]
    assert ("x-gone" in got, got["x-set"], got["x-add"]) == (False, "GET", "100%")
    assert (reply.headers["x-set"], reply.headers["x-add"]) == ("GET", "100%")


def test_a_preflight_is_answered_for_the_backend(world: World) -> None:
    asks = (("Origin", "https://a.test"), ("Access-Control-Request-Method", "PUT"))
    reply = ask(world.connect(80), "rich.test", "/cors", asks, method="OPTIONS")
    told = {name.removeprefix("access-control-"): value for name, value in reply.headers.items() if name.startswith("access-control-")}
    assert (reply.status, reply.body) == (200, b"")
    assert told == {
        "allow-origin": "https://a.test",
        "allow-methods": "GET,PUT",
        "allow-headers": "x-a",
        "max-age": "60",
        "allow-credentials": "true",
    }
    others = ask(world.connect(80), "rich.test", "/cors", (("Origin", "https://b.test"), asks[1]), method="OPTIONS")
    assert (others.status, "access-control-allow-origin" in others.headers) == (200, False)
    assert others.json["method"] == "OPTIONS"


def test_a_destination_that_does_not_exist_answers_503(world: World) -> None:
    assert ask(world.connect(80), "rich.test", "/nowhere").status == 503


def test_a_slow_answer_is_a_timeout(world: World) -> None:
    assert ask(world.connect(80), "rich.test", "/slow", (("x-wait", "2"),)).status == 504
