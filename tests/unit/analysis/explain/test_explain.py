"""What is said of a request or connection: the verdict, the layer that decides, and the change that would flip it."""

from __future__ import annotations

from typing import Any

import pytest
from explained_world import VERDICTS, WORLD

from seaway.analysis.explain.question import Asked, parse_question
from seaway.app.explain import explain_of
from seaway.core.errors import UsageError
from seaway.frontends.build import build_model
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.model.service import Health
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of


def model() -> Model:
    loaded = load_text(WORLD, "world.yaml")
    built = build_model(snapshot_of(loaded.resources, loaded.findings, loaded.not_modelled), default_cluster(), Leases())
    assert {one.code.id for one in built.findings if one.code.severity.value == "error"} == {"NET0579"}  # the subset without pods
    return built.model


MODEL = model()


def asked(words: str, headers: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    source, target, *rest = words.split()
    flags = {one.partition("=")[0]: one.partition("=")[2] for one in rest}
    return explain_of(MODEL, Asked(source, target, **flags, headers=headers))


def last(document: dict[str, Any]) -> tuple[str, str]:
    step = next((one for one in document["steps"] if one["outcome"] in ("stops", "unknown")), document["steps"][-1])
    return step["layer"], step["text"]


@pytest.mark.parametrize(("words", "verdict", "status", "layer"), VERDICTS)
def test_verdicts(words: str, verdict: str, status: int | None, layer: str) -> None:
    found = asked(words)
    assert (found["verdict"], found["status"], last(found)[0]) == (verdict, status, layer), found["steps"]
    assert (found["destination"] is not None) == ((verdict == "delivered" and status is None) or "split" in words)
    assert found["verified"] is None


def test_a_header_chooses_the_route() -> None:
    found = asked("town/client http://web.shop/", (("x-user", "a"),))
    assert (found["verdict"], found["status"], last(found)[0]) == ("unreachable", 503, "service")


def test_steps_name_their_lines() -> None:
    found = asked("shop/web api")
    [ingress] = [one for one in found["steps"] if one["layer"] == "policy-ingress"]
    rule = next(number for number, line in enumerate(WORLD.splitlines(), 1) if "tier: front}}}], ports" in line)
    assert [(one["kind"], one["name"], one["file"], one["line"]) for one in ingress["because"]] == [
        ("NetworkPolicy", "api", "world.yaml", rule)
    ]


@pytest.mark.parametrize(
    ("words", "change"),
    [
        pytest.param("shop/web api protocol=tcp port=9000", "add port 9000/TCP to the rule", id="port"),
        pytest.param("shop/api shop/pod/api port=9000", "", id="to itself, nothing"),
        pytest.param("guests/guest shop/pod/api port=8080", "let the rule name namespace guests", id="namespace"),
        pytest.param("shop/web http://server.town/", "put shop/web into the mesh", id="mesh"),
        pytest.param("town/client http://server/shut", "add to AuthorizationPolicy town/server a rule", id="authorization"),
        pytest.param("town/client http://vault/", "add to NetworkPolicy town/vault a rule of ingress", id="two policies"),
        pytest.param("shop/web nobody", "give Service shop/nobody an endpoint", id="endpoint"),
    ],
)
def test_flips(words: str, change: str) -> None:
    flips = asked(words)["flip"]
    assert flips[0]["text"].startswith(change) if change else flips == []


def test_a_flip_is_enough_where_two_layers_deny() -> None:
    (flip,) = asked("town/client http://vault/")["flip"]
    assert "; and add to AuthorizationPolicy town/vault a rule for spiffe://cluster.local/ns/town/sa/client" in flip["text"]


def test_who_is_ready_is_known_while_it_runs() -> None:
    nobody = Health()
    found = explain_of(MODEL, Asked("shop/web", "web"), nobody)
    assert (found["verdict"], last(found)) == ("refused", ("service", "Service shop/web has no endpoint that is ready"))
    assert "who of them is ready is known while it runs" in str(asked("shop/web web"))


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        pytest.param("shop/lost", "api", "no pod is called 'shop/lost'", id="nobody asks"),
        pytest.param("shop/web", "shop/lost", "shop/lost is no pod, Service or workload", id="nobody is asked"),
        pytest.param("shop/web", "ftp://api/", "not a URL: 'ftp://api/'", id="another scheme"),
        pytest.param("shop/web", "192.0.2.1", "which port? TO is no Service or pod of these manifests that declares one", id="no port"),
    ],
)
def test_words_that_mean_nobody(source: str, target: str, told: str) -> None:
    with pytest.raises(UsageError, match=r".*") as caught:
        parse_question(MODEL, Asked(source, target))
    assert caught.value.message == told
