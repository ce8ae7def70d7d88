"""`seaway explain` of manifests that are not running, and of the running network."""

from __future__ import annotations

from typing import Any

from seaway.analysis.explain.document import explain_document
from seaway.analysis.explain.explain import explain
from seaway.analysis.explain.leg import World
from seaway.analysis.explain.question import Asked, parse_question
from seaway.app.checking import build_paths
from seaway.app.reach import warn_of_errors
from seaway.model.defaults import OUTSIDE_ADDRESS
from seaway.model.index import Model
from seaway.model.service import Health
from seaway.plans.dns.plan import plan_dns


def explain_of(model: Model, asked: Asked, health: Health | None = None) -> dict[str, Any]:
    """The `explain` document of a model; without `health` it does not run, and everybody counts as ready."""
    known = health if health is not None else Health(frozenset(pod.id for pod in model.pods))
    world = World(model, plan_dns(model, known), OUTSIDE_ADDRESS, health)
    question = parse_question(model, asked)
    return explain_document(question, explain(world, question), bool(model.member))


def explain_paths(paths: list[str], settings: str | None, asked: Asked) -> dict[str, Any]:
    """The `explain` document of these manifests."""
    snapshot, built = build_paths(paths, settings)
    warn_of_errors(paths, snapshot, built)
    return explain_of(built.model, asked)
