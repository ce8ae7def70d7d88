"""docs/compatibility.md and its pages against the code: every kind, field and annotation has its row, and every test that is named exists."""

from __future__ import annotations

import inspect
import json
import re
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from seaway.frontends.ingress import annotation_names
from seaway.resources import apps_v1, cilium_v2, core_v1, discovery_v1, meta, networking_v1, policy_v1alpha1, policy_v1alpha2, seaway_v1
from seaway.resources.ignored import WITH_EFFECT_INSIDE, WITHOUT_EFFECT_ON_THE_NETWORK
from seaway.resources.istio import (
    authorization_policy,
    destination_rule,
    gateway,
    mesh_config,
    peer_authentication,
    proxy_config,
    request_authentication,
    selection,
    service_entry,
    sidecar,
    telemetry,
    virtual_service,
    workload_entry,
)
from seaway.resources.kinds import KINDS

ROOT = Path(__file__).parents[2]
INDEX = (ROOT / "docs/compatibility.md").read_text()
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "docs/compatibility").glob("*.md"))}
STATES = {"honoured", "in part", "refused", "not yet", "no effect"}

MODULES: dict[str, tuple[ModuleType, ...]] = {
    "kubernetes": (meta, core_v1, apps_v1, discovery_v1, networking_v1),
    "istio-traffic": (selection, virtual_service, destination_rule, gateway, service_entry, workload_entry, sidecar),
    "istio-security": (peer_authentication, request_authentication, authorization_policy),
    "istio-telemetry": (telemetry,),
    "mesh-config": (mesh_config, proxy_config),
    "policy-api": (policy_v1alpha1, policy_v1alpha2),
    "cilium": (cilium_v2,),
    "rate-limits": (seaway_v1,),
}
"""By page, the modules whose structs it lists."""

_ROW = re.compile(r"^\| `(\w+\.\w+)` \| ([a-z ]+) \| [^|]* \| ([^|]*) \|$", re.MULTILINE)
_TEST = re.compile(r"tests/[\w/]+\.py")

each_page = pytest.mark.parametrize("page", MODULES)


def between(text: str, start: str, end: str) -> str:
    """What stands between two pieces of a text, each of which it holds."""
    return text[text.index(start) : text.index(end)]


def fields(page: str) -> list[tuple[str, str, str]]:
    """Name, state and test of each row."""
    return _ROW.findall(PAGES[page].partition("## Noted")[0])


def structs(page: str) -> dict[str, type[meta.Struct]]:
    return {
        name: one
        for module in MODULES[page]
        for name, one in vars(module).items()
        if inspect.isclass(one) and issubclass(one, meta.Struct) and one.__module__ == module.__name__ and one is not meta.Struct
    }


def read_fields(page: str) -> set[str]:
    return {f"{name}.{field.encode_name}" for name, one in structs(page).items() for field in msgspec.structs.fields(one)}


def noted_fields() -> set[str]:
    """What the upstream types of our structs have, and neither the structs nor the table of fields without effect."""
    types = json.loads(files("seaway.resources").joinpath("schemas/kubernetes.json").read_text())["types"]
    every = {f"{name}.{field}" for name in structs("kubernetes") if name in types for field in types[name]}
    identity = {one for one in every if one.endswith((".apiVersion", ".kind", ".status"))}
    return (every - identity - read_fields("kubernetes") - set(WITHOUT_EFFECT_ON_THE_NETWORK)) | WITH_EFFECT_INSIDE


def test_every_kind_is_on_some_page() -> None:
    listed = {one for page in MODULES for one in structs(page).values()}
    assert {row.body for row in KINDS.values()} <= listed


def test_every_page_is_linked_and_checked() -> None:
    assert set(re.findall(r"\(compatibility/([\w-]+)\.md\)", INDEX)) == set(PAGES)
    assert set(PAGES) - set(MODULES) == {"ingress-nginx"}


@each_page
def test_every_field_that_is_read_has_one_row(page: str) -> None:
    assert sorted(name for name, _, _ in fields(page)) == sorted(read_fields(page))


@each_page
def test_states_are_those_of_the_legend(page: str) -> None:
    assert {state for _, state, _ in fields(page)} <= STATES


@each_page
def test_what_is_honoured_names_its_test(page: str) -> None:
    assert [name for name, state, test in fields(page) if not test.strip() and state in ("honoured", "in part")] == []


def test_noted_fields() -> None:
    text = between(PAGES["kubernetes"], "## Noted", "## Without effect")
    assert set(re.findall(r"^\* `(\w+\.\w+)`$", text, re.MULTILINE)) == noted_fields()


def test_fields_without_effect() -> None:
    rows = re.findall(r"^\| `(\w+\.\w+)` \| ([^|]+) \|$", PAGES["kubernetes"].partition("## Without effect")[2], re.MULTILINE)
    assert dict(rows) == WITHOUT_EFFECT_ON_THE_NETWORK


def test_kinds() -> None:
    """Further versions of a group follow the first one: `networking.istio.io/v1, v1beta1`."""
    rows = re.findall(r"^\| (\w+) \| (\S+(?:, \w+)*) \|", between(INDEX, "## Kinds", "Any other kind"), re.MULTILINE)
    listed = set[tuple[str, str]]()
    for kind, versions in rows[1:]:
        first, *others = versions.split(", ")
        listed |= {(first, kind), *((f"{first.rpartition('/')[0]}/{other}", kind) for other in others)}
    assert listed == set(KINDS)


@pytest.mark.parametrize(
    ("start", "end", "names"),
    [
        pytest.param("**Honoured**", "**Not yet; they restrict", annotation_names.HONOURED, id="honoured"),
        pytest.param("(NET0354)", "**Refused; the paths", annotation_names.GUARDS, id="guards"),
        pytest.param("(NET0353)", "**Not yet; the paths", frozenset(annotation_names.REFUSED), id="refused"),
        pytest.param("(NET0361)", "**No effect; they tune", annotation_names.TRAFFIC, id="traffic"),
        pytest.param("(NET0351)", "", annotation_names.NO_EFFECT, id="no-effect"),
    ],
)
def test_annotations(start: str, end: str, names: frozenset[str]) -> None:
    page = PAGES["ingress-nginx"]
    text = page[page.rindex(start) :] if not end else page[page.rindex(start) : page.index(end)]
    cells = [cell for line in text.splitlines() for cell in (line.split("|")[1:2] if line.startswith("|") else [line])]
    assert {name for cell in cells for name in re.findall(r"`([a-z0-9-]+)`", cell)} == names


def test_every_test_that_is_named_exists() -> None:
    named = {name for text in (INDEX, *PAGES.values()) for name in _TEST.findall(text)}
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_every_code_that_is_named_exists() -> None:
    from seaway.core.codes import CODES

    pages = (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
    named = {(page.name, code) for page in pages for code in re.findall(r"NET\d{4}", page.read_text())}
    assert sorted(one for one in named if one[1] not in CODES) == []
