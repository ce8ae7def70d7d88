"""Label selectors as manifests write them, and quick look-ups of the pods that a Service selects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from seaway.core.finding import Findings
from seaway.core.labels import Operator, Requirement, Selector, equal_to, is_label_key
from seaway.frontends.kubernetes.draft import Draft
from seaway.frontends.kubernetes.refusal import refused
from seaway.resources.meta import LabelSelector, LabelSelectorRequirement
from seaway.resources.resource import Resource, Step

_OPERATORS = {operator.value: operator for operator in Operator}


def read_selector(selector: LabelSelector, resource: Resource[Any], path: tuple[Step, ...]) -> tuple[Selector, Findings]:
    """The requirements of a selector; findings are what the API server would refuse in it."""
    requirements = list(equal_to(selector.match_labels))
    findings: Findings = ()
    for index, expression in enumerate(selector.match_expressions):
        problem = _expression_problem(expression)
        if problem:
            findings += (refused(resource, (*path, "matchExpressions", index), problem, "See the documentation of label selectors."),)
        else:
            requirements.append(Requirement(expression.key, _OPERATORS[expression.operator], frozenset(expression.values)))
    return tuple(requirements), findings


def _expression_problem(expression: LabelSelectorRequirement) -> str:
    if not is_label_key(expression.key):
        return f'has key "{expression.key}", no valid label name'
    if expression.operator not in _OPERATORS:
        return f"has operator {expression.operator}, which is none of {', '.join(_OPERATORS)}"
    if (expression.operator in ("In", "NotIn")) != bool(expression.values):
        return f"has operator {expression.operator} {'with' if expression.values else 'without'} values"
    return ""


class PodIndex:
    """Pods by namespace and label, by their position in the sequence given. Equality selectors cost what their rarest label holds."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._labels = [draft.labels for draft in drafts]
        by_label: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for position, draft in enumerate(drafts):
            for key, value in draft.labels.items():
                by_label[draft.id.namespace, key, value].append(position)
        self._by_label = dict(by_label)

    def select(self, namespace: str, selector: Mapping[str, str]) -> tuple[int, ...]:
        """Positions of the pods that carry all these labels, ascending. A Service without a selector selects nothing."""
        if not selector:
            return ()
        rarest = min((self._by_label.get((namespace, key, value), []) for key, value in selector.items()), key=len)
        wanted = selector.items()
        return tuple(rarest) if len(selector) == 1 else tuple(one for one in rarest if wanted <= self._labels[one].items())
