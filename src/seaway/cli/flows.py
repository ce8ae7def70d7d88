"""`seaway flows`: what became of requests and connections, and which lines of the manifests decided. Asks the nodes' agents."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from seaway.cli.text import add_output_flag, print_json, print_table
from seaway.core.errors import DriverError, UsageError

VERDICTS = ("delivered", "denied", "audited", "refused", "unreachable", "failed", "accepted")


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes; with -o json one document a line")
    parser.add_argument("-n", "--namespace", help="only flows from or to this namespace")
    parser.add_argument("--pod", metavar="[NS/]NAME", help="only flows from or to this pod or workload")
    parser.add_argument("--from", dest="source", metavar="[NS/]NAME", help="only flows from this pod or workload")
    parser.add_argument("--to", metavar="[NS/]NAME", help="only flows to this pod, workload or host")
    parser.add_argument("--status", metavar="CODE", help="only this status, such as 403, or a class, such as 5xx")
    parser.add_argument("--verdict", choices=VERDICTS, help="only flows that ended so")
    parser.add_argument("--node", help="only what this node's Envoy tells")
    parser.add_argument("--tail", type=int, metavar="N", help="only the last N of those that are kept")
    add_output_flag(parser, "wide")


def run(args: argparse.Namespace) -> int:
    from seaway.analysis.flows.records import record_document
    from seaway.app.flows import FlowReader

    if args.status is not None and not _is_status(args.status):
        raise UsageError(f"not a status: {args.status!r}", help="a number such as 403, or a class such as 5xx")
    with FlowReader(args.state, args.node, args.follow) as reader:
        kept = [one for one in map(record_document, reader.kept()) if fits(one, args)]
        if args.output == "text":
            kept = told_once(kept)
        if args.tail is not None:
            kept = kept[-args.tail :] if args.tail else []
        _print(kept, args)
        if not args.follow:
            return 0
        for one in map(record_document, reader.following()):
            if fits(one, args):
                _print_more(one, args)
    raise DriverError("the agents have gone", help="`seaway status` says what runs")


def fits(flow: dict[str, Any], args: argparse.Namespace) -> bool:
    """Whether the flow is one of those that were asked for."""
    source, destination = flow["source"], flow["destination"]
    ends = (source, destination)
    return (
        (args.namespace is None or any(one["namespace"] == args.namespace for one in ends))
        and (args.pod is None or any(_is(one, args.pod) for one in ends))
        and (args.source is None or _is(source, args.source))
        and (args.to is None or _is(destination, args.to) or args.to in (destination["host"], flow["host"]))
        and (args.verdict is None or flow["verdict"] == args.verdict)
        and (args.status is None or _has_status(flow["status"], args.status))
    )


def told_once(flows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what a caller's proxy has to say of an answer where the other one's has a reason for it."""
    explained = {one["requestId"] for one in flows if one["verdict"] != "delivered"} - {""}
    return [one for one in flows if one["verdict"] != "delivered" or one["requestId"] not in explained]


def _is(end: dict[str, Any], text: str) -> bool:
    namespace, _, name = text.rpartition("/")
    return namespace in ("", end["namespace"]) and name in (end["pod"], end["workload"].rpartition("/")[2]) and name != ""


def _is_status(text: str) -> bool:
    return len(text) == 3 and text[0].isdecimal() and (text[1:].isdecimal() or text[1:].lower() == "xx")


def _has_status(status: int | None, wanted: str) -> bool:
    return status is not None and (str(status) == wanted or (wanted[1:].lower() == "xx" and str(status)[0] == wanted[0]))


def _print(flows: list[dict[str, Any]], args: argparse.Namespace) -> None:
    if args.output == "json":
        if args.follow:
            for one in flows:
                _print_more(one, args)
        else:
            print_json({"flows": flows})
    elif flows:
        headings = ("TIME", "FROM", "TO", "WHAT", "END", "WHY", *(("NODE", "SAYS", "DETAILS") if args.output == "wide" else ()), "BECAUSE")
        print_table(headings, [_cells(one, args.output == "wide") for one in flows])
    elif not args.follow:
        print("no flows; Envoy tells of those that went wrong, and of all with `[flows] all = true` in seaway.toml", file=sys.stderr)
    sys.stdout.flush()


def _print_more(flow: dict[str, Any], args: argparse.Namespace) -> None:
    if args.output == "json":
        print(json.dumps(flow, ensure_ascii=False))
    else:
        print("   ".join(_cells(flow, args.output == "wide")))
    sys.stdout.flush()


def _cells(flow: dict[str, Any], wide: bool) -> tuple[str, ...]:
    details = (flow["node"], flow["reporter"], ",".join(flow["flags"]) or flow["details"] or "-") if wide else ()
    end = f"{flow['status']} {flow['verdict']}" if flow["status"] else flow["verdict"]
    return (
        datetime.fromtimestamp(flow["time"]).strftime("%H:%M:%S.%f")[:-3],
        _name(flow["source"], flow["source"]["address"]),
        _name(flow["destination"], flow["host"] or flow["destination"]["address"]),
        f"{flow['method']} {flow['host']}{flow['path']}" if flow["method"] else f"{flow['protocol']} to port {flow['destination']['port']}",
        end,
        flow["text"],
        *details,
        "; ".join(map(_line, _without_repeats(flow["because"]))) or "-",
    )


def _name(end: dict[str, Any], otherwise: str) -> str:
    return f"{end['namespace']}/{end['pod']}" if end["pod"] else otherwise or "-"


def _line(one: dict[str, Any]) -> str:
    where = f"{one['file']}:{one['line']}" if one["line"] else one["file"]
    name = "/".join(part for part in (one["namespace"], one["name"]) if part)
    return " ".join(part for part in (where, f"({' '.join(part for part in (one['kind'], name) if part)})" if one["kind"] else "") if part)


def _without_repeats(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in lines:
        if line not in found:
            found.append(line)
    return found
