"""`seaway exec`: runs a command inside a pod's namespaces, with its resolv.conf and hosts."""

from __future__ import annotations

import argparse
import os

from seaway.app.pods import find_place, go_to
from seaway.core.errors import UsageError


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pod", metavar="POD", help="NS/POD, NS/WORKLOAD, NS/deployment/NAME, NS/sa/NAME or `outside`")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")


def run(args: argparse.Namespace) -> int:
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise UsageError("no command to run", help="seaway exec production/web -- dig api-gateway")
    go_to(args.state, find_place(args.state, args.pod))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise UsageError(f"cannot run {command[0]!r}: {error.strerror}", help="the pod sees the programs of this machine") from error
