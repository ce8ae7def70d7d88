"""`seaway reach`: who can talk to whom, on which ports and routes, because of which lines; `--diff`: what a change opens and closes."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seaway.cli.text import paint, print_table


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files, folders, a kustomization or -; without: the running network")
    parser.add_argument("--from", dest="source", metavar="X", help="only from: NAMESPACE, NAMESPACE/NAME, an address, `outside`, `nodes`")
    parser.add_argument("--to", dest="target", metavar="Y", help="only to, in the same words")
    parser.add_argument("--pods", action="store_true", help="pods instead of workloads")
    parser.add_argument("--diff", metavar="OTHER", help="what these manifests would open and close; exits with 1 if anything")
    parser.add_argument("--settings", metavar="FILE", help="settings file (default: seaway.toml in the folder, where there is one)")
    formats = ("table", "text", "json", "csv", "dot", "svg", "html")
    parser.add_argument("-o", "--output", choices=formats, default="table", help="output format (default: table)")


def run(args: argparse.Namespace) -> int:
    from seaway.app.reach import Asked  # not for --help: what reads manifests takes a while to import

    asked = Asked(args.pods, args.source, args.target)
    if args.diff is not None:
        return _diff(args, asked)
    document = _document(args, asked)
    match args.output:
        case "table" | "text":
            _print(document)
        case form:
            _print_as(form, document)
    return 0


def _document(args: argparse.Namespace, asked: Any) -> dict[str, Any]:
    if not args.paths:
        from seaway.app.client import ask

        return ask(args.state, "reach", timeout_s=60.0, asked=asdict(asked))
    from seaway.app.reach import reach_paths

    return reach_paths(args.paths, args.settings, asked)


def _print_as(form: str, document: dict[str, Any]) -> None:
    from seaway.analysis.reach.drawings import render_csv, render_dot, render_json
    from seaway.analysis.reach.page import render_html
    from seaway.analysis.reach.svg import render_svg

    renders = {"json": render_json, "csv": render_csv, "dot": render_dot, "svg": render_svg, "html": render_html}
    print(renders[form](document), end="")


def _print(document: dict[str, Any]) -> None:
    from seaway.analysis.reach.tables import connection_rows, entry_rows

    rows = connection_rows(document)
    if rows:
        print_table(("FROM", "TO", "PORTS", "BECAUSE"), rows)
    else:
        print("nobody can talk to anybody here")
    if entries := entry_rows(document):
        print()
        print_table(("ENTRY", "LEADS TO", "MAY", "BECAUSE"), entries)
    print("\nWhat is not listed is denied. A pod always reaches itself.")


def _diff(args: argparse.Namespace, asked: Any) -> int:
    from seaway.analysis.reach.drawings import render_json
    from seaway.analysis.reach.tables import change_rows
    from seaway.core.errors import UsageError

    if args.output not in ("table", "text", "json"):
        raise UsageError(f"a difference has no {args.output}", help="-o table or -o json")
    if args.paths:
        from seaway.app.reach import diff_paths

        document = diff_paths(args.paths, args.diff, args.settings, asked)
    else:
        from seaway.app.client import ask

        document = ask(args.state, "reach_diff", timeout_s=60.0, asked=asdict(asked), path=str(Path(args.diff).absolute()))
    differs = bool(document["opened"] or document["closed"])
    if args.output == "json":
        print(render_json(document), end="")
    elif differs:
        for sign, word, colour in (("+", "opened", "red"), ("-", "closed", "green")):
            for row in change_rows(document, word):
                print(paint(sign, colour), row)
        pairs = {word: len({(one["from"], one["to"]) for one in document[word]}) for word in ("opened", "closed")}
        print(f"\nsomething opens for {pairs['opened']} pairs, and closes for {pairs['closed']}")
    else:
        print("nothing opens or closes")
    return 1 if differs else 0
