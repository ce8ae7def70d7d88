"""`seaway get`: objects of one kind, with their status and the line that they come from."""

from __future__ import annotations

import argparse
from typing import Any

from seaway.app.client import ask
from seaway.cli.text import add_output_flag, add_scope_flags, print_json, print_table
from seaway.core.errors import SeawayError


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kind", metavar="KIND", help="pods, services, ingresses, deployments, … by any name that kubectl knows; or KIND/NAME"
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="only this object")
    parser.add_argument("-l", "--selector", default="", metavar="k=v,…", help="only objects with these labels")
    add_scope_flags(parser)
    add_output_flag(parser, "yaml", "name", "wide")


def run(args: argparse.Namespace) -> int:
    kind, _, name = args.kind.partition("/")
    listed = ask(
        args.state,
        "get",
        kind=kind,
        name=args.name or name or None,
        namespace=None if args.all_namespaces else args.namespace,
        selector=args.selector,
        accepted=args.output == "wide",
    )
    items = listed["items"]
    if not items and (args.name or name):
        raise SeawayError(f"{listed['kind']} {args.name or name} not found", help="-n NAMESPACE names its namespace, -A looks in all")
    match args.output:
        case "json":
            print_json(_document(items, bool(args.name or name)))
        case "yaml":
            _print_yaml(_document(items, bool(args.name or name)))
        case "name":
            for item in items:
                print(f"{listed['kind'].lower()}/{item['name']}")
        case _:
            _print(listed, args)
    return 0


def _document(items: list[dict[str, Any]], single: bool) -> dict[str, Any]:
    objects = [{**item["data"], "seaway": {"file": item["file"], "line": item["line"]}} for item in items]
    return objects[0] if single else {"apiVersion": "v1", "kind": "List", "items": objects}


def _print_yaml(document: dict[str, Any]) -> None:
    import yaml

    print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="")


def _print(listed: dict[str, Any], args: argparse.Namespace) -> None:
    if not listed["items"]:
        where = "" if args.all_namespaces else f" in namespace {args.namespace}; -A looks in all"
        print(f"no {listed['kind']}{where}")
        return
    spaced = args.all_namespaces and any(item["namespace"] for item in listed["items"])
    headings = [*(["NAMESPACE"] if spaced else []), "NAME", *listed["columns"], *(["LABELS"] if args.output == "wide" else []), "FROM"]
    rows = [
        [
            *([item["namespace"]] if spaced else []),
            item["name"],
            *item["cells"],
            *([",".join(f"{k}={v}" for k, v in item["labels"].items()) or "<none>"] if args.output == "wide" else []),
            f"{item['file']}:{item['line']}" if item["line"] else item["file"],
        ]
        for item in listed["items"]
    ]
    print_table(headings, rows)
