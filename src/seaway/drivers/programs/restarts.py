"""When a program is started again: the kubelet's rules, with waits for a laptop. Pure; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_WAIT_S = 0.5
"""The kubelet's first CrashLoopBackOff wait is 10 s, doubled up to 5 min; manifests under edit want an answer sooner."""

LONGEST_WAIT_S = 30.0
GOOD_RUN_S = 60.0
"""A run of this length forgets earlier crashes (kubelet: 10 min)."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """`crashes` counts runs that ended too soon, one after another."""

    crashes: int = 0

    def after(self, ran_s: float) -> Backoff:
        """The next state, when a run of this many seconds has ended."""
        return Backoff(1 if ran_s >= GOOD_RUN_S else self.crashes + 1)

    @property
    def wait_s(self) -> float:
        return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(self.crashes - 1, 16)) if self.crashes else 0.0


def starts_again(policy: str, exit_code: int | None) -> bool:
    """Whether a program with this restartPolicy is started again. `exit_code` None (nobody saw its end) counts as a failure."""
    match policy:
        case "Never":
            return False
        case "OnFailure":
            return exit_code != 0
        case _:
            return True
