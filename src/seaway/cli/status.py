"""`seaway status`: what runs, on one screen."""

from __future__ import annotations

import argparse
from typing import Any

from seaway.app.client import read_status
from seaway.cli.findings import print_finding
from seaway.cli.text import add_output_flag, age, paint, print_json, print_table


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    status = read_status(args.state)
    if args.output == "json":
        print_json(status)
    else:
        _print(status)
    return 0


def _print(status: dict[str, Any]) -> None:
    if status["controlPlane"] != "running":
        words = f"control plane: {status['controlPlane']}; traffic flows by the configuration of {age(status['configAge_s'])} ago"
        print(paint(words, "red"))
        if status["controlPlane"] == "not answering":
            print(f"  {status['controlPlaneError']}")
        print("  `seaway up` with the same folder takes over again\n")
    print_table(
        ("NODE", "ADDRESS", "ENVOY", "AGENT", "PODS"),
        [(one["name"], one["address"], one["envoy"], one["agent"], str(one["pods"])) for one in status["nodes"]],
    )
    print()
    for one in status.get("trouble", ()):  # the document may be an earlier version's
        print_finding(one)
    rows = [
        (pod["namespace"], pod["name"], _ready(pod), pod["ip"], pod["node"], "yes" if pod["inMesh"] else "no", pod["runs"])
        for pod in status["pods"]
    ]
    print_table(("NAMESPACE", "POD", "READY", "IP", "NODE", "MESH", "RUNS"), rows)
    print()
    for gateway in status["gateways"]:
        print(
            f"gateway {gateway['name']}: {', '.join(gateway['addresses']) or 'no address'}, ports {', '.join(map(str, gateway['ports']))}"
        )
    counts = status["findings"]
    print(f"findings: {counts['error']} errors, {counts['warning']} warnings, {counts['note']} notes (`seaway check` shows them)")
    print(f"configuration: {status['version']}, {age(status['configAge_s'])} old")


def _ready(pod: dict[str, Any]) -> str:
    return "yes" if pod["ready"] else paint("no", "yellow")
