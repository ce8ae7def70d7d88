"""What is wrong with one of the mesh's objects, field by field: whether Istio refuses it, or takes it without doing what it says."""

from __future__ import annotations

from typing import Any

from seaway.core.codes import mesh as codes
from seaway.core.finding import Finding, finding
from seaway.core.labels import is_label_key, is_label_value
from seaway.frontends.istio.host_names import is_label
from seaway.resources.resource import Resource, Step, field_path


class Inspection:
    """Of one object. `findings` are in the order in which they were found; `refused` where one of them is Istio's refusal."""

    def __init__(self, resource: Resource[Any]) -> None:
        self.resource = resource
        self.findings: list[Finding] = []
        self.refused = False

    def refuse(self, problem: str, advice: str, *path: Step) -> None:
        """Istio refuses the object for this field. `problem` goes on from the field's name."""
        self.refused = True
        words = {"problem": f"{field_path(*path)} {problem}", "advice": advice, "kind": self.resource.key.kind}
        self.findings.append(finding(codes.MESH_OBJECT_REFUSED, self.resource.at(*path), self.resource.key, **words))

    def remark(self, problem: str, consequence: str, advice: str, *path: Step) -> None:
        """Istio takes the object, and a user would be surprised."""
        kind = self.resource.key.kind
        words = {"problem": f"{field_path(*path)} {problem}", "consequence": consequence, "advice": advice, "kind": kind}
        self.findings.append(finding(codes.MESH_FIELD_IDLE, self.resource.at(*path), self.resource.key, **words))

    def port_number(self, number: int, *path: Step) -> None:
        if not 0 < number < 65536:
            self.refuse(f"is {number}, which is no port", "Write a number from 1 to 65535.", *path)

    def port_name(self, name: str, *path: Step) -> None:
        if not is_label(name):
            self.refuse(f"is {name!r}, no name of a port", "Write letters, digits and dashes.", *path)

    def labels(self, labels: dict[str, str], *path: Step) -> None:
        for key, value in labels.items():
            if not is_label_key(key) or not is_label_value(value):
                self.refuse("is no label", "Labels are as in Kubernetes.", *path, key)

    def word(self, word: str | None, words: tuple[str, ...], *path: Step) -> None:
        if word is not None and word not in words:
            self.refuse(f"is {word}, which is none of its words", f"Write one of {', '.join(words)}.", *path)
