"""Which pod a command means, and acting inside it: `NS/POD`, `NS/WORKLOAD`, `NS/deployment/NAME`, `NS/sa/NAME`, or `outside`."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from seaway.app.client import NOT_RUNNING, read_pods
from seaway.app.state import StateFolder
from seaway.core.errors import DriverError, SeawayError, UsageError
from seaway.drivers.programs.enter import enter_pod, entrance_of
from seaway.drivers.sandbox.sandbox import enter_sandbox, find_sandbox
from seaway.model.called import FORMS, OUTSIDE, answers_to
from seaway.model.workload import PodName
from seaway.plans.node.plan import PodOrders

Result = TypeVar("Result")

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where to act: a pod, or None for the world outside the nodes."""

    name: str
    pod: PodOrders | None


def place_of(pod: PodOrders) -> Place:
    return Place(f"{pod.namespace}/{pod.name}", pod)


def find_place(state: StateFolder, text: str) -> Place:
    """The place that FROM names; of a workload or service account its first pod. UsageError where nothing fits, with the nearest names."""
    if text == OUTSIDE:
        return Place(OUTSIDE, None)
    pods = read_pods(state)
    found = [pod for pod in pods if _is_called(pod, text)]
    if not found:
        namespace = text.partition("/")[0]
        near = sorted({f"{pod.namespace}/{pod.workload.split('/')[1]}" for pod in pods if namespace in ("", pod.namespace)})
        raise UsageError(
            f"no pod is called {text!r}",
            help=f"{FORMS}; " + (f"here: {', '.join(near[:12])}" if near else "`seaway get pods -A` lists them"),
        )
    return place_of(found[0])


def _is_called(pod: PodOrders, text: str) -> bool:
    kind, _, name = pod.workload.partition("/")
    return answers_to(text, PodName(pod.namespace, pod.name), (kind, name), pod.service_account)


@dataclass(frozen=True, slots=True)
class _Child:
    """A process inside a place, and where its answer comes from."""

    place: Place
    pid: int
    reader: int


def run_in_place(state: StateFolder, place: Place, act: Callable[[], Result]) -> Result:
    """Calls `act` in a child process inside the place's namespaces, with its resolv.conf and hosts, and returns its (picklable) result.

    A SeawayError that `act` raises is raised here too.
    """
    return _answer(_start(state, place, act))


def run_in_places(state: StateFolder, acts: Sequence[tuple[Place, Callable[[], Result]]]) -> Iterator[Result | SeawayError]:
    """The same in many places, some at a time; in their order. What an act raises is its result."""
    for start in range(0, len(acts), _AT_ONCE):
        for child in [_start(state, place, act) for place, act in acts[start : start + _AT_ONCE]]:
            try:
                yield _answer(child)
            except SeawayError as error:
                yield error


def _start(state: StateFolder, place: Place, act: Callable[[], Any]) -> _Child:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 0
        try:
            go_to(state, place)
            answer: tuple[str, Any] = ("result", act())
        except SeawayError as error:
            answer, status = ("error", (type(error), error.message, error.help)), 1
        except OSError as error:
            answer, status = ("error", (DriverError, f"{place.name}: {error}", "")), 1
        with os.fdopen(writer, "wb") as out:
            pickle.dump(answer, out)
        os._exit(status)
    os.close(writer)
    return _Child(place, child, reader)


def _answer(child: _Child) -> Any:
    with os.fdopen(child.reader, "rb") as source:
        data = source.read()
    os.waitpid(child.pid, 0)
    if not data:
        raise DriverError(f"the work inside {child.place.name} was cut off")
    kind, value = pickle.loads(data)
    if kind == "error":
        error_type, message, advice = value
        raise error_type(message, help=advice)
    return value


def go_to(state: StateFolder, place: Place) -> None:
    """Moves this process (with one thread) into the sandbox, and on into the place."""
    sandbox = find_sandbox(state.path)
    if sandbox is None:
        raise DriverError(NOT_RUNNING, help="start one with `seaway up DIR`")
    enter_sandbox(sandbox)
    if place.pod is not None:
        enter_pod(entrance_of(place.pod, sandbox.netns_folder, state.node(place.pod.node)))
