"""`seaway down`: stops the local network. May be called at any time, also after a crash, and leaves nothing behind."""

from __future__ import annotations

import argparse
import sys

from seaway.app.down import take_down


def add_flags(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace) -> int:
    ended = take_down(args.state)
    print(f"ended {ended} processes; nothing is left" if ended else "nothing was running", file=sys.stderr)
    return 0
