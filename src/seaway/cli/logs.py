"""`seaway logs`: the output of a pod's program, or of a part of Seaway itself."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from seaway.app.pods import find_place
from seaway.core.errors import SeawayError, UsageError

PARTS = ("control", "envoy", "agent")


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pod", metavar="POD", help=f"NS/POD or NS/WORKLOAD, or one of {', '.join(PARTS)}")
    parser.add_argument("-f", "--follow", action="store_true", help="go on printing what is added")
    parser.add_argument("--tail", type=int, metavar="N", help="only the last N lines")


def run(args: argparse.Namespace) -> int:
    for path in _files(args):
        _print(path, args.tail)
    if args.follow:
        _follow(_files(args)[-1])
    return 0


def _files(args: argparse.Namespace) -> list[Path]:
    logs = args.state.logs
    if args.pod in PARTS:
        found = sorted(logs.glob(f"{args.pod}*.log"))
    else:
        pod = find_place(args.state, args.pod).pod
        if pod is None:
            raise UsageError("the world outside has no log")
        if pod.command is None:
            raise SeawayError(
                f"{args.pod} is a stand-in and prints nothing", help="annotate it with seaway.dev/command to run a real program"
            )
        found = [logs / "pods" / f"{pod.namespace}_{pod.name}.log"]
    if not any(path.exists() for path in found):
        raise SeawayError(f"no log of {args.pod} yet")
    return [path for path in found if path.exists()]


def _print(path: Path, tail: int | None) -> None:
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    sys.stdout.writelines(lines if tail is None else lines[-tail:] if tail else [])


def _follow(path: Path) -> None:
    with path.open(errors="replace") as log:
        log.seek(0, 2)
        while True:
            text = log.read()
            sys.stdout.write(text)
            sys.stdout.flush()
            if not text:
                time.sleep(0.2)
