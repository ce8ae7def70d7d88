"""The command line of a controller's container, as the kubelet starts it and Go's pflag reads it.

What the flags mean is `controllers.py`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from seaway.resources.core_v1 import Container

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")


def environment(container: Container, namespace: str) -> Mapping[str, str]:
    """The variables whose values the manifest itself tells: literal ones and the pod's namespace."""
    known: dict[str, str] = {}
    for variable in container.env:
        source = variable.value_from
        if variable.value is not None:
            known[variable.name] = expand(variable.value, known)
        elif source and source.field_ref and source.field_ref.field_path == "metadata.namespace":
            known[variable.name] = namespace
    return known


def expand(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` replaced by its value; unknown names stay as they are and `$$` is one dollar sign, as the kubelet has it.

    https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
    """

    def value(found: re.Match[str]) -> str:
        return "$" if found[1] is None else known.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def command_line(container: Container, namespace: str) -> tuple[str, ...]:
    """`command` and `args` with their variables expanded."""
    known = environment(container, namespace)
    return tuple(expand(word, known) for word in (*container.command, *container.args))


def flags(words: tuple[str, ...]) -> Mapping[str, str]:
    """`--name=value`, `--name value` and bare `--name` (value "true") by name; of two with one name the last counts."""
    found: dict[str, str] = {}
    for index, word in enumerate(words):
        if not word.startswith("--") or len(word) == 2:
            continue
        name, given, value = word[2:].partition("=")
        following = words[index + 1] if index + 1 < len(words) else ""
        if given:
            found[name] = value
        else:
            found[name] = following if following and not following.startswith("-") else "true"
    return found


def is_true(value: str | None) -> bool:
    """Go's strconv.ParseBool, with absent and anything unreadable as false."""
    return value in ("1", "t", "T", "true", "TRUE", "True")
