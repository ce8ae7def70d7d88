"""`seaway probe`: tries every pair of pods on every declared port, with real packets, and prints the matrix."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

from seaway.app.client import read_pods
from seaway.app.pods import place_of, run_in_places
from seaway.app.probing import Outcome, Target, probe
from seaway.cli.text import add_output_flag, paint, print_json
from seaway.core.errors import DriverError, SeawayError, UsageError
from seaway.model.workload import Protocol
from seaway.plans.node.plan import PodOrders


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--namespace", help="only pods of this namespace, as callers and as called")
    parser.add_argument("--from", dest="source", metavar="NS/POD", help="only this caller")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    pods = [pod for pod in read_pods(args.state) if args.namespace in (None, pod.namespace)]
    callers = [pod for pod in pods if args.source in (None, place_of(pod).name) and pod.address == "0.0.0.0"]
    if not callers:
        raise UsageError("no pod to probe from", help="`seaway get pods -A` lists them")
    found: list[tuple[str, Outcome]] = []
    acts = [(place_of(caller), partial(probe, _all_targets(pods, caller), caller.probe_inside)) for caller in callers]
    for (place, _), outcomes in zip(acts, run_in_places(args.state, acts), strict=True):
        if isinstance(outcomes, DriverError):  # it has left since the list was read
            print(f"{place.name} is passed over: {outcomes.message}", file=sys.stderr)
        elif isinstance(outcomes, SeawayError):
            raise outcomes
        else:
            found += [(place.name, outcome) for outcome in outcomes]
    if args.output == "json":
        print_json({"probes": [_plain(caller, outcome) for caller, outcome in found]})
    else:
        _print_matrix(found)
    return 0


def _all_targets(pods: list[PodOrders], caller: PodOrders) -> tuple[Target, ...]:
    return tuple(target for pod in pods if pod is not caller for target in _targets(pod))


def _targets(pod: PodOrders) -> list[Target]:
    ports = [port for port in pod.ports if port.protocol is not Protocol.SCTP]
    return [Target(place_of(pod).name, pod.ip, port.port, port.protocol.value) for port in ports]


def _plain(caller: str, outcome: Outcome) -> dict[str, Any]:
    target = outcome.target
    return {
        "from": caller,
        "to": target.pod,
        "address": target.address,
        "port": target.port,
        "protocol": target.protocol,
        "allowed": outcome.allowed,
        "detail": outcome.detail,
    }


def _print_matrix(found: list[tuple[str, Outcome]]) -> None:
    """Callers down, ports across: `.` allowed, `x` refused or dropped."""
    callers = sorted({caller for caller, _ in found})
    columns = sorted({(o.target.pod, o.target.port, o.target.protocol) for _, o in found})
    cells = {(caller, o.target.pod, o.target.port, o.target.protocol): o for caller, o in found}
    for number, (pod, port, protocol) in enumerate(columns, 1):
        print(f"{number:>3}  {pod} {port}/{protocol}")
    width = max(len(caller) for caller in callers)
    print("\n" + " " * width + "".join(f"{number:>4}" for number in range(1, len(columns) + 1)))
    for caller in callers:
        row = ""
        for column in columns:
            outcome = cells.get((caller, *column))
            row += "   " + (" " if outcome is None else paint(".", "green") if outcome.allowed else paint("x", "red"))
        print(f"{caller:<{width}}{row}")
    shut = [(caller, outcome) for caller, outcome in found if not outcome.allowed]
    print(f"\n{len(found)} probes, {len(found) - len(shut)} allowed, {len(shut)} not")
    for caller, outcome in shut:
        target = outcome.target
        print(f"{caller} -> {target.pod} {target.port}/{target.protocol}: {outcome.detail}", file=sys.stderr)
