"""`seaway.dev/command`: a real program in the place of a stand-in.

The annotation stands on the pod template, else on the object itself. Its value is split as a shell would split it, or is a JSON array of
strings. `seaway.dev/container` names the container whose environment, working directory and probes the program gets; the first by default.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import msgspec

from seaway.core.codes.workloads import BAD_COMMAND
from seaway.core.finding import Findings, finding
from seaway.core.origin import Origin
from seaway.frontends.kubernetes.draft import Template, running_containers
from seaway.resources.core_v1 import Container
from seaway.resources.resource import Step

COMMAND_ANNOTATION = "seaway.dev/command"
CONTAINER_ANNOTATION = "seaway.dev/container"


@dataclass(frozen=True, slots=True)
class Program:
    """What runs in the pods of a template, before variables are filled in. `path` leads to the container, below the pod."""

    argv: tuple[str, ...]
    container: Container
    path: tuple[Step, ...]
    origin: Origin


def command_identity(template: Template) -> tuple[str, ...]:
    """What of the annotations, wherever they stand, makes a pod another one."""
    found = (_annotation(template, name) for name in (COMMAND_ANNOTATION, CONTAINER_ANNOTATION))
    return tuple(one[0] if one else "" for one in found)


def read_program(template: Template) -> tuple[Program | None, Findings]:
    """The program that the annotation names. None without findings: there is none, a stand-in runs."""
    given = _annotation(template, COMMAND_ANNOTATION)
    if given is None:
        return None, ()
    text, origin = given
    key = template.resource.key
    argv = _split(text)
    if isinstance(argv, str):
        advice = 'Write it as for a shell, e.g. python3 -m http.server 8080, or as a JSON array: ["python3", "-m", "http.server"].'
        return None, (finding(BAD_COMMAND, origin, key, problem=f"{COMMAND_ANNOTATION} {argv}", advice=advice),)
    containers = list(running_containers(template.spec))
    named = _annotation(template, CONTAINER_ANNOTATION)
    wanted = named[0] if named else containers[0][0].name
    for container, path in containers:
        if container.name == wanted:
            return Program(argv, container, path, origin), ()
    names = ", ".join(container.name for container, _ in containers)
    problem = f'{CONTAINER_ANNOTATION} names "{wanted}", which is no container of the pod'
    return None, (finding(BAD_COMMAND, named[1] if named else origin, key, problem=problem, advice=f"Name one of: {names}."),)


def runs_program(template: Template) -> bool:
    """Whether its pods run a program, or would if the annotation were sound."""
    return COMMAND_ANNOTATION in template.meta.annotations or COMMAND_ANNOTATION in template.resource.meta.annotations


def _annotation(template: Template, name: str) -> tuple[str, Origin] | None:
    path = ("metadata", "annotations", name)
    if name in template.meta.annotations:
        return template.meta.annotations[name], template.at(*path)
    if name in template.resource.meta.annotations:
        return template.resource.meta.annotations[name], template.resource.at(*path)
    return None


def _split(text: str) -> tuple[str, ...] | str:
    """The words of the annotation; text says what is wrong with it."""
    if text.lstrip().startswith("["):
        try:
            words = tuple(msgspec.json.decode(text.encode(), type=list[str]))
        except msgspec.MsgspecError:
            return "is not a JSON array of strings"
    else:
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            return f"cannot be split into words: {str(error)[:1].lower()}{str(error)[1:]}"
    if not words or not words[0]:
        return "names no program"
    return "holds a NUL character" if any("\0" in word for word in words) else words
