"""What the control socket answers: each method reads the loop's current state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from seaway.analysis.explain.question import Asked as WhatAsked
from seaway.analysis.flows.drops import explain_drop
from seaway.app.certificates import Certificates
from seaway.app.control import Method
from seaway.app.explain import explain_of
from seaway.app.loop import Loop, is_up
from seaway.app.reach import Asked, diff_with, reach_of
from seaway.app.suggest import suggest, wanted_of
from seaway.app.views.acceptance import Acceptances, acceptance_cell, acceptances
from seaway.app.views.certificates import certificates_document
from seaway.app.views.describe import describe_item
from seaway.app.views.findings import check_document
from seaway.app.views.kinds import CLUSTER_SCOPED, kind_named
from seaway.app.views.objects import Item, Scene, list_items
from seaway.app.views.status import status_document
from seaway.core.errors import SeawayError, UsageError
from seaway.model.route import Certificate
from seaway.protocols.policy_log import DropEntry


def questions(loop: Loop, running: Callable[[], Mapping[str, bool]]) -> dict[str, Method]:
    """The methods by name."""

    async def ping() -> str:
        return "pong"

    async def status() -> dict[str, Any]:
        return status_document(loop, running())

    async def progress() -> dict[str, Any]:
        wanted = loop.current.model.pods if loop.current else ()
        ready = sum(pod.id in loop.health.ready for pod in wanted)
        words = f"{ready} of {len(wanted)} pods ready" if wanted else "building"
        return {"words": words, "up": is_up(loop)}

    async def check() -> dict[str, Any]:
        return check_document(loop.findings, _scene(loop).current.snapshot)

    async def get(kind: str, name: str | None, namespace: str | None, selector: str, accepted: bool = False) -> dict[str, Any]:
        known = kind_named(kind)
        columns, items = list_items(_scene(loop), known)
        labels = _labels(selector)
        found = [
            one for one in items if _in(one, known, namespace) and name in (None, one.name) and labels.items() <= dict(one.labels).items()
        ]
        document = {"kind": known, "columns": list(columns), "items": [_plain(one) for one in found]}
        if accepted:
            _add_acceptance(document, found, acceptances(loop))
        return document

    async def describe(kind: str, name: str, namespace: str) -> dict[str, Any]:
        known, scene = kind_named(kind), _scene(loop)
        _, items = list_items(scene, known)
        for one in items:
            if one.name == name and _in(one, known, namespace):
                return describe_item(scene, known, one, loop.findings, acceptances(loop))
        elsewhere = [one.namespace for one in items if one.name == name]
        advice = f"there is one in namespace {elsewhere[0]}: add -n {elsewhere[0]}" if elsewhere else f"`seaway get {kind} -A` lists all"
        raise SeawayError(f"{known} {name} not found in namespace {namespace}", help=advice)

    async def why_dropped(drop: dict[str, Any]) -> dict[str, Any]:
        reason = explain_drop(msgspec.convert(drop, DropEntry), _scene(loop).current.model)
        return {"text": reason.text, "because": [asdict(one) for one in reason.because]}

    return {
        "why_dropped": why_dropped,
        "ping": ping,
        "progress": progress,
        "status": status,
        "check": check,
        "get": get,
        "describe": describe,
    }


def certificate_questions(loop: Loop, certificates: Certificates, default: Callable[[], Certificate]) -> dict[str, Method]:
    """The methods of `seaway certs`. `default` is the certificate that gateways show where no other fits."""

    async def certs() -> dict[str, Any]:
        model = loop.current.model if loop.current is not None else None
        return certificates_document(certificates, model, default())

    async def rotate_root() -> dict[str, Any]:
        return {"root": certificates.rotate()}

    return {"certs": certs, "rotate_root": rotate_root}


def reach_questions(loop: Loop) -> dict[str, Method]:
    """The methods of `seaway reach`, `seaway explain` and `seaway policy`."""

    async def reach(asked: dict[str, Any]) -> dict[str, Any]:
        return reach_of(_scene(loop).model, Asked(**asked))

    async def reach_diff(asked: dict[str, Any], path: str) -> dict[str, Any]:
        return diff_with(_scene(loop).current.built, path, Asked(**asked))

    async def suggest_policies(wanted: dict[str, Any]) -> dict[str, Any]:
        current = _scene(loop).current
        return suggest(current.snapshot, current.built, wanted_of(wanted))

    async def explain(asked: dict[str, Any]) -> dict[str, Any]:
        scene = _scene(loop)
        headers = tuple((str(name), str(value)) for name, value in asked.pop("headers"))
        return explain_of(scene.model, WhatAsked(**asked, headers=headers), scene.health)

    return {"reach": reach, "reach_diff": reach_diff, "explain": explain, "suggest": suggest_policies}


def _scene(loop: Loop) -> Scene:
    if loop.current is None:
        raise SeawayError("nothing is built yet", help="`seaway status` says how far it is")
    return Scene(loop.current, loop.health)


def _in(item: Item, kind: str, namespace: str | None) -> bool:
    return namespace is None or kind in CLUSTER_SCOPED or item.namespace == namespace


def _labels(selector: str) -> dict[str, str]:
    pairs = [part.replace("==", "=").partition("=") for part in selector.split(",") if part]
    if any(not equals for _, equals, _ in pairs):
        raise UsageError(f"not a selector: {selector!r}", help="write it as key=value,key2=value2")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _add_acceptance(document: dict[str, Any], items: list[Item], known: Acceptances) -> None:
    """A last column: by how many of the nodes' Envoys that it concerns each object is accepted."""
    document["columns"].append("ACCEPTED")
    for plain, item in zip(document["items"], items, strict=True):
        plain["cells"].append(acceptance_cell(known.get(item.key, ()) if item.key is not None else ()))


def _plain(item: Item) -> dict[str, Any]:
    return {
        "namespace": item.namespace,
        "name": item.name,
        "labels": dict(item.labels),
        "data": item.data,
        "cells": list(item.cells),
        "file": item.origin.file,
        "line": item.origin.line,
    }
