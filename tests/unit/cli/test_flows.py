"""Which flows a command line chooses, and how they are shown."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from seaway.analysis.flows.records import Inhabitant, build_record, record_document
from seaway.cli import flows
from seaway.cli.flows import fits, told_once
from seaway.core.errors import UsageError
from seaway.protocols.flow_entry import FlowEntry, Reporter, Tag

PEOPLE = {
    "10.244.0.9": Inhabitant("front", "web-0", "Deployment/web"),
    "10.244.0.3": Inhabitant("back", "api-0", "StatefulSet/api"),
    "10.244.0.4": Inhabitant("edge", "gw-0", "Deployment/gw"),
}
TAGS = {
    Tag.CLUSTER_NAME: "outbound|8080|v2|api.back.svc.cluster.local|back/rule",
    Tag.FLAGS: "UC",
    Tag.CALLER: "client|spiffe://x/ns/front/sa/web",
}
FLOW = FlowEntry(
    Reporter.SOURCE,
    True,
    1.0,
    0.1,
    "10.244.0.9:40000",
    "10.96.0.7:8080",
    "10.244.0.3:8080",
    "HTTP/1.1",
    "GET",
    "api",
    "/a",
    status=503,
    tags=TAGS,
)


def document(**fields: Any) -> dict[str, Any]:
    entry = FlowEntry(**{name: getattr(FLOW, name) for name in FLOW.__slots__} | fields)
    return record_document(build_record(entry, "node-1", PEOPLE))


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("", True),
        ("-n front", True),
        ("-n back", True),
        ("-n edge", False),
        ("--pod web-0", True),
        ("--pod api", True),
        ("--pod front/web", True),
        ("--pod back/web", False),
        ("--pod front/", False),
        ("--from web", True),
        ("--from api", False),
        ("--to api", True),
        ("--to api.back.svc.cluster.local", True),
        ("--to web", False),
        ("--status 503", True),
        ("--status 5xx", True),
        ("--status 5XX", True),
        ("--status 404", False),
        ("--status 4xx", False),
        ("--verdict failed", True),
        ("--verdict denied", False),
        ("-n front --status 404", False),
    ],
)
def test_choice(words: str, chosen: bool) -> None:
    parser = argparse.ArgumentParser()
    flows.add_flags(parser)
    assert fits(document(), parser.parse_args(words.split())) is chosen


@pytest.mark.parametrize("status", ["40", "4x3", "xx5", "5000", "denied"])
def test_status_that_is_none(status: str) -> None:
    parser = argparse.ArgumentParser()
    flows.add_flags(parser)
    with pytest.raises(UsageError, match=status):
        flows.run(parser.parse_args(["--status", status]))


def test_whoever_has_a_reason_tells() -> None:
    answered = {"requestId": "1", "verdict": "delivered"}
    denied = {"requestId": "1", "verdict": "denied"}
    others = [{"requestId": "2", "verdict": "delivered"}, {"requestId": "", "verdict": "denied"}, {"requestId": "", "verdict": "delivered"}]
    assert told_once([answered, denied, *others]) == [denied, *others]


def test_caller_tells() -> None:
    shown = document()
    assert shown["source"] == {
        "namespace": "front",
        "pod": "web-0",
        "workload": "Deployment/web",
        "address": "10.244.0.9:40000",
        "principal": "spiffe://x/ns/front/sa/web",
    }
    assert shown["destination"] == {
        "namespace": "back",
        "pod": "api-0",
        "workload": "StatefulSet/api",
        "address": "10.96.0.7:8080",
        "endpoint": "10.244.0.3:8080",
        "host": "api.back.svc.cluster.local",
        "port": 8080,
        "subset": "v2",
        "inRegistry": True,
    }
    assert (shown["reporter"], shown["verdict"], shown["flags"], shown["via"]["pod"]) == ("source", "failed", ["UC"], "")


def test_called_one_tells() -> None:
    shown = document(reporter=Reporter.DESTINATION, called="10.244.0.3:8080", upstream="127.0.0.1:8080", peer="spiffe://x/ns/front/sa/web")
    assert (shown["destination"]["pod"], shown["source"]["principal"]) == ("api-0", "spiffe://x/ns/front/sa/web")
    assert document(reporter=Reporter.DESTINATION, called="10.244.0.3:8080")["source"]["principal"] == "", (
        "its own identity is not the caller's"
    )


def test_gateway_tells() -> None:
    shown = document(reporter=Reporter.GATEWAY, caller="198.18.0.1:4", called="10.244.0.4:80")
    assert (shown["source"]["pod"], shown["via"]["pod"], shown["reporter"]) == ("", "gw-0", "gateway")


def test_what_nobody_knows_keeps_its_address() -> None:
    shown = document(
        tags={Tag.CLUSTER_NAME: "PassthroughCluster"}, upstream="203.0.113.9:443", called="203.0.113.9:443", http=False, status=0
    )
    assert shown["destination"] == {
        "namespace": "",
        "pod": "",
        "workload": "",
        "address": "203.0.113.9:443",
        "endpoint": "203.0.113.9:443",
        "host": "",
        "port": 443,
        "subset": "",
        "inRegistry": False,
    }
    assert shown["status"] is None
