"""Values of MeshConfig, one by one: what is given if it can be used, else the default and a finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from seaway.core.codes import mesh as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Finding, finding
from seaway.frontends.istio.exports import read_exports
from seaway.frontends.istio.host_names import exact_domain_problem
from seaway.frontends.istio.registry import EVERYWHERE
from seaway.resources.istio.mesh_config import MeshConfig
from seaway.resources.resource import Resource, Step, field_path

Value = TypeVar("Value")


class SettingReader:
    """Collects what is wrong in `findings`. Paths are those of the setting; `given` is what stands there, None or nothing where absent."""

    def __init__(self, written: Resource[MeshConfig]) -> None:
        self._written = written
        self.findings: list[Finding] = []

    def word(self, *path: Step, given: str | None, words: Mapping[str, Value], default: Value) -> Value:
        """What one of an enumeration's words means."""
        if given is None or given in words:
            return words[given] if given is not None else default
        usual = next((word for word, value in words.items() if value == default), "")
        self._wrong(f"{given} is none of its words", f"{usual} stays", f"Write one of {', '.join(words)}.", *path)
        return default

    def seconds(self, *path: Step, given: str | None, default: float, zero: bool = False) -> float:
        """A duration in seconds; `zero`: none at all has a meaning of its own."""
        value, problem = read_duration(given, zero) if given is not None else (default, "")
        if not problem:
            return value
        self._wrong(problem, f"{default:g} s stays" if default else "there is none", "Write a duration such as 10s or 1m30s.", *path)
        return default

    def count(self, *path: Step, given: int | None) -> int:
        """A number, 0 for none."""
        if given is None or given >= 0:
            return given or 0
        self._wrong(f"{given} is less than 0", "there is none", "Write a number of at least 0.", *path)
        return 0

    def name(self, *path: Step, given: str | None, default: str) -> str:
        """A domain or namespace; empty is the default."""
        problem = exact_domain_problem(given) if given else ""
        if problem:
            self._wrong(problem, f"{default} stays", "Write a name such as cluster.local.", *path)
        return given if given and not problem else default

    def names(self, *path: Step, given: tuple[str, ...]) -> tuple[str, ...]:
        """Domains, those left out that are none."""
        return tuple(one for index, text in enumerate(given) if (one := self.name(*path, index, given=text or "''", default="")))

    def exports(self, *path: Step, given: tuple[str, ...]) -> frozenset[str]:
        """Namespaces; `.`, an object's own, is kept."""
        _, problem = read_exports(given, "own", EVERYWHERE)
        if not problem:
            return frozenset(given) or EVERYWHERE
        self._wrong(problem, "objects are seen everywhere", 'Write "*" or ".".', *path)
        return EVERYWHERE

    def _wrong(self, problem: str, default: str, advice: str, *path: Step) -> None:
        words = {"field": field_path(*path), "problem": problem, "default": default, "advice": advice}
        self.findings.append(finding(codes.MESH_SETTING_INVALID, self._written.at(*path), self._written.key, **words))
