"""`seaway request`: real requests from inside a pod, or from outside through the gateway."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import urlsplit

from seaway.app.client import gateway_addresses
from seaway.app.pods import find_place, run_in_place
from seaway.cli.text import add_output_flag, paint, print_json
from seaway.core.errors import UsageError
from seaway.model.called import OUTSIDE


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FROM", help="NS/POD, NS/WORKLOAD, NS/deployment/NAME, NS/sa/NAME or `outside`")
    parser.add_argument("url", metavar="URL", help="http:// or https://; from `outside` any host name reaches the gateway")
    parser.add_argument("-X", "--method", help="request method (default: GET, or POST with a body)")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="'k: v'", help="a request header; may be repeated")
    parser.add_argument("-d", "--data", metavar="BODY", help="request body")
    parser.add_argument("-n", "--count", type=int, default=1, help="how many requests (default: 1)")
    parser.add_argument("-c", "--concurrency", type=int, default=1, help="how many at once (default: 1)")
    parser.add_argument("-g", "--gateway", help="which gateway, where there are several (default: the first)")
    parser.add_argument("-m", "--max-time", type=float, default=30, metavar="S", help="seconds that each may take (default: 30)")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    from seaway.app.requests import Request, send, summarise

    _check(args)
    headers = tuple(_header(one) for one in args.header)
    place = find_place(args.state, args.source)
    request = Request(
        url=args.url,
        method=args.method or ("GET" if args.data is None else "POST"),
        headers=headers,
        body=None if args.data is None else args.data.encode(),
        count=args.count,
        concurrency=args.concurrency,
        via=gateway_addresses(args.state, args.gateway) if place.name == OUTSIDE else (),
        timeout_s=args.max_time,
    )
    responses = run_in_place(args.state, place, lambda: send(request))
    summary = summarise(responses)
    if args.output == "json":
        print_json({"responses": responses, "summary": summary})
    elif args.count == 1:
        _print_answer(responses[0])
    else:
        _print_summary(responses, summary)
    return 1 if any(one["status"] is None for one in responses) else 0


def _check(args: argparse.Namespace) -> None:
    parts = urlsplit(args.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"not a URL: {args.url!r}", help="write it out, e.g. http://api-gateway.production:8080/products")
    if args.count < 1 or args.concurrency < 1:
        raise UsageError("-n and -c are 1 or more")
    if not args.max_time > 0:
        raise UsageError("-m is more than 0 seconds")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"not a header: {text!r}", help="write it as -H 'name: value'")
    return name.strip(), value.strip()


def _print_answer(answer: dict[str, Any]) -> None:
    if answer["status"] is None:
        print(paint(f"no answer: {answer['error']}", "red"))
        return
    colour = "green" if answer["status"] < 400 else "red"
    print(paint(f"{answer['status']}", colour), f"in {answer['latency_ms']} ms", f"from {answer['pod']}" if answer["pod"] else "")
    for name, value in answer["headers"].items():
        print(paint(f"{name}: {value}", "dim"))
    print()
    print(answer["body"])


def _print_summary(responses: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    total = len(responses)
    for title in ("status", "versions", "pods"):
        for value, count in summary[title].items():
            print(f"{title:<9} {value:<40} {count:>6}  {100 * count / total:5.1f} %")
    print(f"{'latency':<9} p50 {summary['latency_ms']['p50']} ms, p99 {summary['latency_ms']['p99']} ms")
    for error in sorted({one["error"] for one in responses if "error" in one}):
        print(paint(f"no answer: {error}", "red"))
