"""`seaway policy suggest`: policies for manifests or for the running network, from what they declare or what was seen to flow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from seaway.analysis.suggest.declared import declared_needs
from seaway.analysis.suggest.manifest import render_manifests
from seaway.analysis.suggest.needs import Need, Workload, join_needs
from seaway.analysis.suggest.observed import Seen, fold_flows, observed_needs
from seaway.analysis.suggest.policies import hosts_outside, plan_suggestions
from seaway.analysis.suggest.proof import Advice, suggest_document
from seaway.analysis.suggest.selectors import Chosen, choose_labels
from seaway.app.checking import build_paths
from seaway.core.errors import UsageError
from seaway.frontends.build import Built, build_model
from seaway.model.index import Model
from seaway.resources.load import load_text
from seaway.snapshot import Snapshot, snapshot_of

SUGGESTED_FILE = "suggested.yaml"
_LEFT_OPEN = ("kube-system", "kube-public", "kube-node-lease", "seaway-system")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`namespaces` to shut, none for all of the user's. `declared`: by what manifests say; `seen`: by flows, None for none."""

    namespaces: tuple[str, ...] = ()
    declared: bool = True
    seen: Seen | None = None


def suggest_paths(paths: list[str], settings: str | None, wanted: Wanted) -> dict[str, Any]:
    """For these manifests."""
    snapshot, built = build_paths(paths, settings)
    return suggest(snapshot, built, wanted)


def suggest(snapshot: Snapshot, built: Built, wanted: Wanted) -> dict[str, Any]:
    """The `suggest` document. Raises `UsageError` where a namespace has no pods."""
    model = built.model
    all_needs, lost = _needs(built, wanted)
    namespaces = _namespaces(model, wanted.namespaces)
    needs = tuple(need for need in all_needs if _concerns(need, namespaces))
    chosen = choose_labels(model)
    suggestions = plan_suggestions(model, needs, chosen, namespaces)
    warnings = (*_ambiguous(chosen, needs), *_other_warnings(model, needs, namespaces), *lost)
    after = _with_policies(snapshot, built, render_manifests(suggestions))
    return suggest_document(model, after, Advice(suggestions, needs, namespaces, warnings))


def _needs(built: Built, wanted: Wanted) -> tuple[tuple[Need, ...], tuple[str, ...]]:
    declared, nowhere = declared_needs(built.model, built.snapshot) if wanted.declared else ((), ())
    observed, lost = observed_needs(built.model, wanted.seen) if wanted.seen is not None else ((), ())
    both = (*declared, *observed)
    found = join_needs((one.source, one.destination, one.protocol, one.port, why) for one in both for why in one.why)
    return found, (*nowhere, *(f"left out, since nobody known is an end of it: {one}" for one in lost))


def _concerns(need: Need, namespaces: tuple[str, ...]) -> bool:
    """Whether it is from or to one of these."""
    return any(isinstance(end, Workload) and end.namespace in namespaces for end in (need.source, need.destination))


def _namespaces(model: Model, wanted: tuple[str, ...]) -> tuple[str, ...]:
    inhabited = {pod.id.namespace for pod in model.pods if not pod.host_network}
    for one in wanted:
        if one not in inhabited:
            raise UsageError(f"namespace {one} has no pods", help="`seaway get pods -A` lists those that there are")
    return tuple(sorted(wanted or inhabited.difference(_LEFT_OPEN)))


def _with_policies(snapshot: Snapshot, built: Built, text: str) -> Model:
    more = load_text(text, SUGGESTED_FILE)
    assert not more.findings, more.findings
    both = snapshot_of((*snapshot.objects.values(), *more.resources))
    return build_model(both, built.model.cluster, built.leases).model


def _ambiguous(chosen: Mapping[Workload, Chosen], needs: tuple[Need, ...]) -> list[str]:
    ends = {end for need in needs for end in (need.source, need.destination) if isinstance(end, Workload) and end in chosen}
    return [
        f"labels do not tell the pods of {end.kind} {end} from those of {', '.join(f'{one.kind} {one}' for one in chosen[end].others)}: "
        "what the one may, the others may too; give their pod templates different labels"
        for end in sorted(ends)
        if chosen[end].others
    ]


def _other_warnings(model: Model, needs: tuple[Need, ...], namespaces: tuple[str, ...]) -> list[str]:
    outside = [
        f"{host} is open together with all addresses outside, on its port: a NetworkPolicy knows addresses, not names"
        for host in hosts_outside(needs)
    ]
    stay = sorted({str(one.key) for one in model.policies if one.key.namespace in namespaces})
    kept = [f"what {', '.join(stay)} let pass stays allowed beside these"] if stay else []
    left = sorted({pod.id.namespace for pod in model.pods if not pod.host_network}.difference(namespaces))
    rest = [f"nothing is shut in {', '.join(left)}; -n names the namespaces to shut"] if left else []
    silent = [] if needs else ["nothing that is needed is known: `[flows] accepts = true` in seaway.toml has all connections told of"]
    return [*outside, *kept, *rest, *silent]


def read_flows(path: str) -> Seen:
    """Flows of a file: what `seaway flows -o json` printed, or a document a line as `-f` prints them. Raises `UsageError`."""
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", help="`seaway flows -o json > FILE` writes one") from error
    try:
        return fold_flows(_documents(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} holds no flows: {error}", help="`seaway flows -o json > FILE` writes one") from error


def _documents(text: str) -> list[dict[str, Any]]:
    if text.lstrip().startswith('{"time"'):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return json.loads(text)["flows"]


def wanted_of(plain: dict[str, Any]) -> Wanted:
    """As it came over the control socket."""
    return msgspec.convert(plain, Wanted)
