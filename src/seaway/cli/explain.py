"""`seaway explain`: why a request or connection does or does not arrive, one step a layer, and the smallest change that would flip it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seaway.cli.text import add_output_flag, paint, print_json
from seaway.core.errors import UsageError

if TYPE_CHECKING:
    from seaway.analysis.explain.question import Asked


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FROM", help="NS/POD, NS/WORKLOAD, NS/deployment/NAME, NS/sa/NAME or `outside`")
    parser.add_argument("target", metavar="TO", help="NS/NAME of a Service, pod or workload, a host name, a URL or an address")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files, folders, a kustomization or -; without: the running network")
    parser.add_argument("--port", metavar="P", help="number, or name of a port of the Service or pod")
    parser.add_argument("--protocol", choices=("tcp", "udp", "sctp", "http"), help="default: what the port is declared as")
    parser.add_argument("--method", metavar="M", help="request method (default: GET)")
    parser.add_argument("--path", metavar="/P", help="path of the request (default: that of the URL, or /)")
    parser.add_argument("--header", action="append", default=[], metavar="'k: v'", help="a request header; may be repeated")
    parser.add_argument("--settings", metavar="FILE", help="settings file (default: seaway.toml in the folder, where there is one)")
    parser.add_argument("--verify", action="store_true", help="send it in the running network, too, and compare")
    add_output_flag(parser)


def run(args: argparse.Namespace) -> int:
    asked = asked_of(args)
    document = _document(args, asked)
    if args.output == "json":
        print_json(document)
    else:
        from seaway.analysis.explain.text import explain_lines

        for line in explain_lines(args.source, args.target, document, paint):
            print(line)
    return 0 if document["verdict"] == "delivered" and document["verified"] is not False else 1


def asked_of(args: argparse.Namespace) -> Asked:
    """The question that the flags are."""
    from seaway.analysis.explain.question import Asked  # not for --help: what reads manifests takes a while to import

    headers = tuple(_header(one) for one in args.header)
    return Asked(args.source, args.target, args.port, args.protocol, args.method, args.path, headers)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"not a header: {text!r}", help="write it as --header 'name: value'")
    return name.strip().lower(), value.strip()


def _document(args: argparse.Namespace, asked: Asked) -> dict[str, Any]:
    if args.verify:
        if args.paths:
            raise UsageError("--verify is about the running network", help="leave the paths out")
        from seaway.app.verifying import explain_and_verify

        return explain_and_verify(args.state, asdict(asked))
    if not args.paths:
        from seaway.app.client import ask

        return ask(args.state, "explain", timeout_s=60.0, asked=asdict(asked))
    from seaway.app.explain import explain_paths

    return explain_paths(args.paths, args.settings, asked)
