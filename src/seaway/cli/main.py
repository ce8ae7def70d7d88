"""The `seaway` command: finds the verb, parses its flags, runs it, turns errors into one clear message and an exit code.

Verbs are imported when they are called, so that `--help` and small commands answer at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from seaway import __version__
from seaway.app.state import StateFolder, default_state_folder
from seaway.cli.text import print_error
from seaway.core.errors import SeawayError

VERBS: dict[str, tuple[str, str]] = {
    "up": ("run a folder of manifests as a network", "seaway up examples/storefront"),
    "down": ("stop it and leave nothing behind", "seaway down"),
    "status": ("what runs: nodes, pods, services, gateways, findings", "seaway status"),
    "get": ("objects, with their status and the line that they come from", "seaway get pods -n production"),
    "describe": ("one object with all that applies to it", "seaway describe service/web -n production"),
    "request": ("send real requests from inside a pod, or from outside", "seaway request outside https://web.example.com/"),
    "exec": ("run a command inside a pod's namespaces", "seaway exec production/web -- dig +short api-gateway"),
    "probe": ("try every pair of pods on every declared port", "seaway probe -n production"),
    "reach": ("who can talk to whom, because of which lines; --diff: what a change opens", "seaway reach examples/storefront"),
    "policy": ("suggest NetworkPolicies that let pass what is needed, with the proof", "seaway policy suggest examples/storefront"),
    "explain": (
        "why a request does or does not arrive, layer by layer",
        "seaway explain production/web api-gateway:8080 examples/storefront",
    ),
    "proxy": ("what Envoy really holds, and the lines that it comes from", "seaway proxy routes"),
    "certs": ("certificates and roots, with the days that each has left", "seaway certs"),
    "flows": ("what became of requests, and which line decided", "seaway flows -f -n production --status 403"),
    "logs": ("output of a pod's program, or of a part of Seaway", "seaway logs production/worker"),
    "check": ("every mistake in manifests: file, line, consequence, mend", "seaway check examples/storefront"),
}
"""Each verb with what it does and an example; its module is `seaway.cli.<verb>`, with `add_flags(parser)` and `run(args) -> exit code`."""


RUN_EXTRA = frozenset({"aiohttp", "dns", "envoy", "google", "grpc", "h11", "h2", "pyroute2", "watchfiles", "wsproto"})
"""Modules of the `run` extra: `seaway check` has to do without them, the rest of the commands has not."""


class _Parser(argparse.ArgumentParser):
    """argparse, with usage errors in our own shape and exit code 2."""

    def error(self, message: str) -> NoReturn:
        print_error(message, help=f"see `{self.prog} --help`")
        raise SystemExit(2)


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Returns the exit code: 0 clean, 1 findings or failures, 2 usage or could not run."""
    words = sys.argv[1:] if argv is None else argv
    try:
        args = _parse(words)
        args.state = StateFolder(Path(args.state).absolute() if args.state else default_state_folder())
        return import_module(f"seaway.cli.{_module(args.verb)}").run(args)
    except SeawayError as error:
        print_error(error.message, help=error.help)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in RUN_EXTRA:
            raise
        print_error(f"this command needs {error.name}, which is not installed", help="pip install 'seaway[run]'")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left, as `| head` does
        return 0


def _module(verb: str) -> str:
    return {"exec": "exec_"}.get(verb, verb)


def _parse(words: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="seaway",
        description="Runs a Kubernetes network from its manifests: real packets, no cluster.",
        epilog="`seaway VERB --help` shows a verb's flags and an example.",
    )
    parser.add_argument("--version", action="version", version=f"seaway {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    chosen = next((word for word in words if not word.startswith("-")), "")
    for verb, (summary, example) in VERBS.items():
        sub = verbs.add_parser(
            verb,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument(
            "--state", metavar="DIR", help="state folder of the local network (default: $SEAWAY_STATE, else /run/seaway/default)"
        )
        if verb == chosen:
            import_module(f"seaway.cli.{_module(verb)}").add_flags(sub)
    args, rest = parser.parse_known_args(words)
    if rest and (not hasattr(args, "paths") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # paths behind flags: argparse takes those alone that stand together
        args.paths = [*args.paths, *rest]
    return args


if __name__ == "__main__":
    sys.exit(main())
