"""What is kept from one run to the next changes nothing: after any edits, model and plans are what they would be computed from nothing.

Compared by `repr` too, which shows the lines that `==` passes over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from edited_manifests import FURTHER, START, Edit, edits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loop_world import CERTIFICATE

from seaway.core.memo import Memo
from seaway.frontends.build import Built, build_model
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.service import Health
from seaway.pipeline import Plans, Presence, plan_all
from seaway.plans.envoy.host_ports import HostPort
from seaway.plans.envoy.plan import plan_envoys
from seaway.plans.envoy.view import EnvoyView
from seaway.resources.load import load_text
from seaway.sources.held import Held, gather, updated

CLUSTER = default_cluster(2)
VIEWS = {node.name: EnvoyView(node.name, "/ns", CERTIFICATE, (HostPort(80, False, "seaway", "host", None),)) for node in CLUSTER.nodes}
STEPS = st.lists(st.tuples(st.lists(edits(), max_size=5), st.integers(0, 3)), min_size=2, max_size=8)

Steps: TypeAlias = list[tuple[list[Edit], int]]


@dataclass
class History:
    """Files as they were read so far, and what is remembered of the last run."""

    files: dict[str, Held] = field(default_factory=dict[str, Held])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    leases: Leases = field(default_factory=Leases)
    built: Memo = field(default_factory=Memo)
    planned: Memo = field(default_factory=Memo)

    def edit(self, file: str, text: str) -> None:
        if text == FURTHER:
            text = self.texts.get(file, "").replace("{", "{\n")
        self.texts[file] = text
        if text:
            former = self.files.get(file)
            self.files[file] = updated(former, file, None, load_text(text, file, former.loaded if former else None))
        else:
            self.files.pop(file, None)


def outcome(history: History, unready: int, built: Memo, planned: Memo) -> tuple[Built, Plans]:
    """A pass: the model, and plans where every so manieth pod is not ready."""
    result = build_model(gather(history.files.values()), CLUSTER, history.leases, built)
    presence = Presence(result.model, frozenset(result.model.member))
    return result, plan_all(result.model, presence, health_of(result, unready), VIEWS, planned)


def health_of(built: Built, unready: int) -> Health:
    return Health(frozenset(pod.id for number, pod in enumerate(built.model.pods) if not unready or number % unready))


def differences(one: Any, other: Any) -> list[tuple[str, str]]:
    """The first few places where two values read differently."""
    if one == other and repr(one) == repr(other):
        return []
    pairs = zip(repr(one).split("("), repr(other).split("("), strict=False)
    return [pair for pair in pairs if pair[0] != pair[1]][:5] or [("they differ", "in what they do not show")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_incremental_is_full(steps: Steps) -> None:
    follow(steps)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_incremental_is_full_for_longer(steps: Steps) -> None:
    follow(steps)


def follow(steps: Steps) -> None:
    """Every step's model and plans, made of what is kept and from nothing."""
    history = History()
    for file, text in START.items():
        history.edit(file, text)
    for made, unready in steps:
        for file, text in made:
            history.edit(file, text)
        built, plans = outcome(history, unready, history.built, history.planned)
        full, full_plans = outcome(history, unready, Memo(), Memo())
        assert differences(built.model, full.model) == []
        assert differences(built.findings, full.findings) == []
        assert differences(built.leases, full.leases) == []
        assert built.snapshot.version == full.snapshot.version
        assert differences(plans, full_plans) == []
        alone = {name: plan_envoys(built.model, health_of(built, unready), {name: view})[name] for name, view in VIEWS.items()}
        assert differences({name: one.envoy for name, one in plans.nodes.items()}, alone) == []
        history.leases = built.leases
