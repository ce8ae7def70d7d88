"""When a probe's answers add up to a verdict: the thresholds of the kubelet's prober. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.workload import Timing


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed` is None until the first threshold is reached; `last` and `run` are the latest answer and how often it came in a row."""

    passed: bool | None = None
    last: bool | None = None
    run: int = 0

    def after(self, answer: bool, timing: Timing) -> Verdict:
        """The verdict after one more answer."""
        run = self.run + 1 if answer == self.last else 1
        needed = timing.success_threshold if answer else timing.failure_threshold
        return Verdict(answer if run >= needed else self.passed, answer, run)
