"""`seaway certs`: certificates of workloads and gateways with their days left, and the roots; `seaway certs rotate` makes a new root."""

from __future__ import annotations

import argparse
from typing import Any

from seaway.app.client import ask
from seaway.cli.text import add_output_flag, print_json, print_table


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("rotate",), help="rotate: make a new root, which signs once every node has it")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    if args.action == "rotate":
        rotated = ask(args.state, "rotate_root")
        if args.output == "json":
            print_json(rotated)
        else:
            print(f"root {rotated['root'][:16]} signs as soon as every node has it; `seaway certs` shows how far it is")
        return 0
    document = ask(args.state, "certs")
    if args.output == "json":
        print_json(document)
    else:
        _print(document)
    return 0


def _print(document: dict[str, Any]) -> None:
    rows = [
        (one["identity"], one.get("node") or one.get("gateway"), one["serial"][:16], one["notAfter"], _left(one), _signed_by(one))
        for one in document["certificates"]
    ]
    print_table(("IDENTITY", "AT", "SERIAL", "NOT AFTER", "LEFT", "SIGNED BY"), rows)
    print()
    roots = [(one["fingerprint"][:16], one["state"], one["notAfter"], _left(one)) for one in document["roots"]]
    print_table(("ROOT", "STATE", "NOT AFTER", "LEFT"), roots)


def _signed_by(one: dict[str, Any]) -> str:
    return f"root {one['root'][:16]}" if "root" in one else one["issuer"]


def _left(one: dict[str, Any]) -> str:
    days = one["daysLeft"]
    if days <= 0:
        return "ended"
    return f"{days:.0f}d" if days >= 2 else f"{days * 24:.1f}h"
