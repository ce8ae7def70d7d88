"""`seaway check`: every mistake in manifests that reading and building them finds. Needs no root, no Envoy and no network."""

from __future__ import annotations

import argparse
from typing import Any

from seaway.app.client import ask
from seaway.cli.findings import print_finding, summary_line
from seaway.cli.text import add_output_flag, paint, print_json


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", metavar="FILE", help="settings file (default: seaway.toml in the folder, where there is one)")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files, folders, a kustomization or -; without: the running network")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    if args.paths:
        from seaway.app.checking import check_paths  # not for --help: what reads certificates and patterns takes a while to import

        document = check_paths(args.paths, args.settings)
    else:
        document = ask(args.state, "check")
    if args.output == "json":
        print_json(document)
    else:
        _print(document)
    return 1 if document["summary"]["error"] or document["summary"]["warning"] else 0


def _print(document: dict[str, Any]) -> None:
    for finding in document["findings"]:
        print_finding(finding)
    coverage = document["coverage"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in coverage["kinds"].items())
    print(f"{coverage['resources']} objects" + (f": {kinds}" if kinds else ""))
    for entry in coverage["notModelled"]:
        print(paint(f"not modelled: {entry['count']} {entry['kind']}", "yellow"))
    print(summary_line(document["summary"]))
