"""`seaway describe`: one object with all that applies to it, across layers."""

from __future__ import annotations

import argparse
from typing import Any

from seaway.app.client import ask
from seaway.cli.findings import print_finding
from seaway.cli.text import add_output_flag, paint, print_json, print_table
from seaway.core.errors import UsageError


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("object", metavar="KIND/NAME", help="pod/NAME, service/NAME, ingress/NAME, …")
    parser.add_argument("name", metavar="NAME", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("-n", "--namespace", default="default", help="namespace (default: default)")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    kind, _, name = args.object.partition("/")
    name = args.name or name
    if not name:
        raise UsageError(f"which {kind}?", help=f"seaway describe {kind}/NAME; `seaway get {kind} -A` lists them")
    described = ask(args.state, "describe", kind=kind, name=name, namespace=args.namespace)
    if args.output == "json":
        print_json(described)
    else:
        _print(described)
    return 0


def _print(described: dict[str, Any]) -> None:
    where = f"{described['file']}:{described['line']}" if described["line"] else described["file"]
    space = f"{described['namespace']}/" if described["namespace"] else ""
    print(f"{paint(described['kind'], 'bold')} {space}{described['name']}   {where}")
    if described["labels"]:
        print("  " + ", ".join(f"{name}={value}" for name, value in described["labels"].items()))
    for section in described["sections"]:
        print()
        if section["title"]:
            print(paint(section["title"], "bold"))
            print_table(section["columns"], section["rows"])
        else:
            width = max(len(row[0]) for row in section["rows"])
            for name, value in section["rows"]:
                print(f"{name:<{width}}   {value}")
    print()
    for finding in described["findings"]:
        print_finding(finding)
    if not described["findings"]:
        print("no findings")
