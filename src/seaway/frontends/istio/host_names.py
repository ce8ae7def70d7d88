"""Host names in Istio's APIs: exact ones, and wildcards whose first label is, or begins with, a star.

A wildcard stands for names of any depth (`*.example.com` for `a.b.example.com` too), and not for its own suffix without the dot.
Rules: pkg/config/host and pkg/config/validation/agent of upstream.
"""

from __future__ import annotations

import re

LONGEST = 255

_LABEL = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?")
_FIRST = re.compile(r"\*|(\*-?)?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?")


def is_label(text: str) -> bool:
    """A DNS label; upstream takes capitals too."""
    return len(text) <= 63 and _LABEL.fullmatch(text) is not None


def is_wildcard(host: str) -> bool:
    return host.startswith("*")


def covers(pattern: str, host: str) -> bool:
    """Whether all that `host` stands for (itself, or what its wildcard matches) is also `pattern`'s."""
    if not is_wildcard(pattern):
        return pattern == host
    if is_wildcard(host):
        return len(host) >= len(pattern) and host[1:].endswith(pattern[1:])
    return host.endswith(pattern[1:])


def overlap(one: str, other: str) -> bool:
    """Whether some name could be both."""
    return covers(one, other) or covers(other, one)


def specificity(host: str) -> tuple[bool, int, str]:
    """Sorts exact names before wildcards, longer before shorter, then by the alphabet."""
    return (is_wildcard(host), -len(host), host)


def domain_problem(domain: str) -> str:
    """Why upstream refuses the name, wildcard or not; "" where it does not."""
    if not domain:
        return "it is empty"
    if len(domain) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    first, dot, rest = domain.partition(".")
    if len(first) > 63 or _FIRST.fullmatch(first) is None:
        return "it is no DNS name; a wildcard's star is the first character"
    return _rest_problem(rest) if dot else ""


def exact_domain_problem(domain: str) -> str:
    """As `domain_problem`, for names that must not be wildcards."""
    if not domain:
        return "it is empty"
    if len(domain) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    return _rest_problem(domain)


def _rest_problem(domain: str) -> str:
    """An empty last label is the final dot of an absolute name."""
    labels = domain.split(".")
    if re.fullmatch(r"[-+]?[0-9]+", labels[-1]):
        return "its last label is a number"
    labels = labels[:-1] if labels[-1] == "" else labels
    return "" if all(map(is_label, labels)) else "it is no DNS name"
