"""`seaway check`: every mistake in manifests that reading and building them finds. Needs no root, no Envoy and no network."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seaway.app.client import ask
from seaway.app.settings_file import find_settings_file, read_settings_file
from seaway.app.views.findings import check_document
from seaway.cli.findings import print_finding, summary_line
from seaway.cli.text import add_output_flag, paint, print_json
from seaway.core.finding import ordered
from seaway.frontends.build import build_model
from seaway.frontends.ingress.certificates import find_expired
from seaway.frontends.kubernetes.commanded import with_commands
from seaway.model.cluster import Leases
from seaway.sources.files import FileSource


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", metavar="FILE", help="settings file (default: seaway.toml in the folder, where there is one)")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files, folders, a kustomization or -; without: the running network")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    document = check_paths(args.paths, args.settings) if args.paths else ask(args.state, "check")
    if args.output == "json":
        print_json(document)
    else:
        _print(document)
    return 1 if document["summary"]["error"] or document["summary"]["warning"] else 0


def check_paths(paths: list[str], settings: str | None = None) -> dict[str, Any]:
    """The `check` document of these manifests."""
    stdin = sys.stdin.read() if "-" in paths else None
    wishes = read_settings_file(Path(settings) if settings else find_settings_file(tuple(paths)))
    snapshot = FileSource(tuple(paths), stdin).read()
    built = build_model(with_commands(snapshot, wishes.commands), wishes.cluster, Leases())
    expired = find_expired(built.model, datetime.now(UTC))
    return check_document(ordered((*snapshot.findings, *built.findings, *expired)), snapshot)


def _print(document: dict[str, Any]) -> None:
    for finding in document["findings"]:
        print_finding(finding)
    coverage = document["coverage"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in coverage["kinds"].items())
    print(f"{coverage['resources']} objects" + (f": {kinds}" if kinds else ""))
    for entry in coverage["notModelled"]:
        print(paint(f"not modelled: {entry['count']} {entry['kind']}", "yellow"))
    print(summary_line(document["summary"]))
