"""What suggested policies do: whether all that is needed passes under them, and what they open and close. Asked of the verdict tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seaway.analysis.reach.because import Because, line_document, why_denied
from seaway.analysis.reach.changed import changed_document
from seaway.analysis.suggest.manifest import policy_document, render_manifests
from seaway.analysis.suggest.needs import End, Need, Why, Workload, workload_of
from seaway.analysis.suggest.policies import Suggestion
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.workload import PodName

_SOMEWHERE = "203.0.113.1"
"""An address outside of the cluster that no policy is about (RFC 5737)."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What was worked out: policies of `namespaces`, what they are for, and what the user has to know (`warnings`)."""

    suggestions: tuple[Suggestion, ...]
    needs: tuple[Need, ...]
    namespaces: tuple[str, ...]
    warnings: tuple[str, ...]


def suggest_document(before: Model, after: Model, advice: Advice) -> dict[str, Any]:
    """`seaway policy suggest -o json`. `after` is what would be with the suggestions applied."""
    tables = (_Table(before), _Table(after))
    needs = [_need_document(need, *tables) for need in advice.needs]
    changed = changed_document(before, after)
    return {
        "policies": [policy_document(one) for one in advice.suggestions],
        "yaml": render_manifests(advice.suggestions),
        "namespaces": list(advice.namespaces),
        "needs": needs,
        "warnings": list(advice.warnings),
        "peers": changed["peers"],
        "opened": changed["opened"],
        "closed": changed["closed"],
        "summary": {"needs": len(needs), "broken": sum(not one["after"] for one in needs), **changed["pairs"]},
    }


def _need_document(need: Need, before: _Table, after: _Table) -> dict[str, Any]:
    denied = after.why_shut(need)
    return {
        "from": _end_document(need.source),
        "to": _end_document(need.destination),
        "protocol": need.protocol,
        "port": need.port,
        "why": [_why_document(one) for one in need.why],
        "more": need.more,
        "before": before.why_shut(need) is None,
        "after": denied is None,
        "denied": [line_document(line) for line in denied or ()],
    }


def _why_document(one: Why) -> dict[str, Any]:
    at = one.origin
    return {"text": one.text, "file": at.file if at is not None else "", "line": at.line if at is not None else 0}


def _end_document(end: End) -> dict[str, Any]:
    if isinstance(end, Workload):
        return {"namespace": end.namespace, "kind": end.kind, "name": end.name}
    return {"cidr": end.cidr or "0.0.0.0/0", "name": end.name}


class _Table:
    """The verdicts of a model between ends."""

    def __init__(self, model: Model) -> None:
        self._verdicts = model.verdicts
        self._pods: dict[Workload, dict[int, list[PodName]]] = {}
        for pod in model.pods:
            if not pod.host_network:
                of_identity = self._pods.setdefault(workload_of(pod), {})
                of_identity.setdefault(self._verdicts.identity_of_pod[pod.id], []).append(pod.id)

    def why_shut(self, need: Need) -> Because | None:
        """The lines that stop it, for some of its pods at least; None where all of it passes."""
        for source, one in self._identities(need.source):
            for destination, other in self._identities(need.destination):
                if one is not None and one == other:
                    continue  # a pod reaches itself
                found = self._verdicts.verdict(source, destination, Transport(need.protocol), need.port)
                if not found.allowed:
                    return why_denied(found)
        return None

    def _identities(self, end: End) -> Iterator[tuple[int, PodName | None]]:
        """Those of its pods (which pod, where only one has it), or of its addresses."""
        if not isinstance(end, Workload):
            yield self._verdicts.identity_at(end.cidr.partition("/")[0] or _SOMEWHERE), None
            return
        for number, pods in self._pods.get(end, {}).items():
            yield number, pods[0] if len(pods) == 1 else None
