"""How reachability looks: the page is one well-formed file that loads nothing, and whatever names hold stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from seaway.analysis.reach.drawings import render_csv, render_dot, render_json
from seaway.analysis.reach.page import render_html
from seaway.analysis.reach.svg import render_svg

NASTY = '</script><b onclick="x">&'
VOID = {"meta", "input"}
RULE = {"kind": "NetworkPolicy", "namespace": "a", "name": "web", "text": "ingress rule 1", "file": NASTY, "line": 7}
DENY = {**RULE, "name": "deny", "text": "default deny of ingress", "line": 2}


def peer(id: str, type: str, namespace: str, name: str) -> dict[str, Any]:
    return {"id": id, "type": type, "namespace": namespace, "name": name, "labels": {"app": name}}


PEERS = [
    peer("a/web", "workload", "a", "web"),
    peer("a/db", "workload", "a", "db"),
    peer("node/n", "entity", "", "n"),
    peer("outside", "cidr", "", NASTY),
]
OPEN = [{"from": "outside", "to": "a/db", "protocol": one, "ports": "1-65535", "because": []} for one in ("TCP", "UDP", "SCTP")]
DOCUMENT: dict[str, Any] = {
    "peers": PEERS,
    "connections": [{"from": "a/db", "to": "a/web", "protocol": "TCP", "ports": "80,90-99", "because": [RULE]}, *OPEN],
    "denied": [{"from": "outside", "to": "a/web", "protocol": "TCP", "ports": "22", "because": [{**RULE, "text": "ingress deny rule 1"}]}],
    "isolated": [{"peer": "a/web", "direction": "ingress", "because": [DENY]}],
    "services": [],
    "entries": [],
}


class Tags(HTMLParser):
    """Opens and closes in order, or it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.named: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.named += [one for one in attrs if one[0] in ("src", "href", "action", "onclick")]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    page = render_html(DOCUMENT)
    tags = Tags()
    tags.feed(page)
    assert (tags.open, tags.named) == ([], [])
    assert len(tags.ids) == len(set(tags.ids))
    assert not re.search(r"https?://|@import|url\(|import\(|fetch\(", page)
    assert "prefers-color-scheme: dark" in page
    assert set(re.findall(r'by\("(\w+)"\)', page)) <= set(tags.ids)


def test_the_page_knows_each_pair_and_its_rule() -> None:
    known = data(render_html(DOCUMENT))
    (number, sources), (other, _) = known["cells"][0]
    ((allowed, protocol, ports, reason),) = known["sets"][number]
    assert (allowed, protocol, ports, sources) == (True, "TCP", "80,90-99", [1])
    assert known["reasons"][reason] == f"NetworkPolicy a/web ingress rule 1 ({NASTY}:7)"
    assert [row[:3] for row in known["sets"][other]] == [[False, "TCP", "22"]]
    assert known["isolated"][0] == {"ingress": f"NetworkPolicy a/deny default deny of ingress ({NASTY}:2)"}
    assert [one["space"] for one in known["peers"]] == ["a", "a", "nodes", "outside"]


def test_names_stay_text_on_the_page() -> None:
    page = render_html(DOCUMENT)
    assert NASTY not in page
    assert data(page)["peers"][3]["name"] == NASTY
    assert "innerHTML" not in page


def test_the_picture_is_xml_with_a_reason_a_cell() -> None:
    titles = [one.text for one in ElementTree.fromstring(render_svg(DOCUMENT)).iter("{http://www.w3.org/2000/svg}title")]
    assert f"a/db -> a/web\n80,90-99/TCP: NetworkPolicy a/web ingress rule 1 ({NASTY}:7)" in titles
    assert "outside -> a/db\n1-65535/TCP, 1-65535/UDP, 1-65535/SCTP: no policy" in titles


def test_dot_has_a_cluster_a_namespace_and_an_edge_a_pair() -> None:
    text = render_dot(DOCUMENT)
    assert re.findall(r'label="(\w+)";\n', text) == ["a", "nodes", "outside"]
    assert '  "a/db" -> "a/web" [label="80,90-99/TCP"];' in text
    assert '  "outside" -> "a/db" [label="all"];' in text
    assert text.count("{") == text.count("}")


def test_csv_has_a_row_a_connection() -> None:
    rows = render_csv(DOCUMENT).splitlines()
    assert rows[0] == "from,to,protocol,ports,because"
    assert len(rows) == 5
    assert rows[1].startswith('a/db,a/web,TCP,"80,90-99","NetworkPolicy a/web ingress rule 1')


def test_json_is_the_document() -> None:
    assert json.loads(render_json(DOCUMENT)) == DOCUMENT
