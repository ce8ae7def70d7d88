"""`seaway policy suggest`: least-privilege NetworkPolicies as YAML on stdout, and on stderr the proof: what breaks, opens and closes."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from seaway.cli.text import paint


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("suggest",), help="suggest: policies that let pass what is needed, and nothing else")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files, folders, a kustomization or -; without: the running network")
    parser.add_argument("--flows", metavar="FILE", help="by the flows of this file, as `seaway flows -o json` writes them")
    parser.add_argument("--declared", action="store_true", help="by what manifests name, too (the default with PATH alone)")
    parser.add_argument("-n", "--namespace", action="append", default=[], help="shut only this one (again for more)")
    parser.add_argument("--settings", metavar="FILE", help="settings file (default: seaway.toml in the folder, where there is one)")
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="output format (default: yaml)")


def run(args: argparse.Namespace) -> int:
    document = _document(args)
    if args.output == "json":
        from seaway.analysis.reach.drawings import render_json

        print(render_json(document), end="")
    else:
        print(document["yaml"], end="")
        _report(document)
    return 1 if document["summary"]["broken"] else 0


def _document(args: argparse.Namespace) -> dict[str, Any]:
    from seaway.app.suggest import Wanted, read_flows, suggest_paths

    seen = read_flows(args.flows) if args.flows is not None else None
    names = tuple(args.namespace)
    if args.paths:
        return suggest_paths(args.paths, args.settings, Wanted(names, args.declared or seen is None, seen))
    from msgspec import to_builtins

    from seaway.app.client import ask

    wanted = Wanted(names, args.declared, seen if seen is not None else _running_flows(args))
    return ask(args.state, "suggest", timeout_s=60.0, wanted=to_builtins(wanted))


def _running_flows(args: argparse.Namespace) -> Any:
    from seaway.analysis.flows.records import record_document
    from seaway.analysis.suggest.observed import fold_flows
    from seaway.app.flows import FlowReader

    with FlowReader(args.state, None, False) as reader:
        return fold_flows(map(record_document, reader.kept()))


def _report(document: dict[str, Any]) -> None:
    """On stderr, since the policies go where stdout does."""
    from seaway.analysis.reach.tables import set_rows

    summary = document["summary"]
    for need in document["needs"]:
        if not need["after"]:
            stops = "; ".join(f"{one['kind']} {one['name']} {one['text']} ({one['file']}:{one['line']})" for one in need["denied"])
            _say("breaks", "red", f"{_end(need['from'])} -> {_end(need['to'])} {need['port']}/{need['protocol']}: {stops}")
    for sign, word, colour in (("+", "opened", "red"), ("-", "closed", "green")):
        for row in set_rows(document, word):
            _say(sign, colour, row)
    for warning in document["warnings"]:
        _say("note:", "yellow", warning)
    count, spaces = len(document["policies"]), len(document["namespaces"])
    print(
        f"{count} policies for {spaces} namespaces; of {summary['needs']} connections that are needed {summary['broken']} break; "
        f"something closes for {summary['closed']} pairs, and opens for {summary['opened']}",
        file=sys.stderr,
    )


def _say(word: str, colour: str, text: str) -> None:
    print(paint(word, colour, sys.stderr), text, file=sys.stderr)


def _end(end: dict[str, Any]) -> str:
    return f"{end['namespace']}/{end['name']}" if "namespace" in end else end["name"] or end["cidr"]
