"""`seaway up`: runs a folder of manifests as a network, in the foreground or, with --detach, behind the scenes."""

from __future__ import annotations

import argparse
import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from seaway.app.agents import start_agents
from seaway.app.client import ask, read_status
from seaway.app.garbage import collect_seldom
from seaway.app.settings import Settings, load_settings, make_settings, save_settings
from seaway.app.settings_file import Wishes, check_upstreams, find_settings_file, read_settings_file
from seaway.app.start import enter_new_or_old_sandbox, nothing_half_built
from seaway.app.state import StateFolder
from seaway.app.turn import await_turn
from seaway.cli.findings import summary_line
from seaway.cli.text import paint
from seaway.core.errors import DriverError, SeawayError, UsageError
from seaway.drivers.sandbox.sandbox import Sandbox
from seaway.model.defaults import default_cluster
from seaway.sources.files import FileSource

_PATIENCE_S = 60.0


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="files, folders, a kustomization or - (default: .)")
    parser.add_argument("--detach", action="store_true", help="return when the network runs; `seaway down` ends it")
    parser.add_argument("--nodes", type=int, metavar="N", help="how many nodes (default: 1)")
    parser.add_argument(
        "--dns-upstream", action="append", default=[], metavar="ADDRESS[:PORT]", help="who answers for names outside; may be repeated"
    )
    parser.add_argument("--settings", metavar="FILE", help="settings file (default: seaway.toml in the folder, where there is one)")
    parser.add_argument("--envoy-path", default="", metavar="FILE", help="an Envoy 1.40 or newer (default: the one that pip installed)")


def run(args: argparse.Namespace) -> int:
    state: StateFolder = args.state
    if args.nodes is not None and not 1 <= args.nodes <= 100:
        raise UsageError("--nodes is a number from 1 to 100")
    state.make()
    if (ended := await_turn(state)) is not None:
        _say(f"the control plane before (process {ended}) was stopped; it is ended, and this one takes over")
    if args.detach:
        return _detach(args, state)
    return _run_here(args, state)


def _run_here(args: argparse.Namespace, state: StateFolder) -> int:
    began = time.monotonic()
    gc.disable()  # nothing that is made until the network is up is garbage
    settings = make_settings(tuple(args.paths), _wishes(args), args.envoy_path)
    source = FileSource(settings.paths, sys.stdin.read() if "-" in settings.paths else None)
    source.read()  # what cannot be read at all must be said before anything is built
    with nothing_half_built(state):
        sandbox, settings = enter_new_or_old_sandbox(state, settings)
        save_settings(state, settings)

        def started(status: dict[str, Any]) -> None:
            collect_seldom()
            _say(f"up after {time.monotonic() - began:.1f} s; Ctrl-C takes everything away")
            _print_welcome(status, settings)

        asyncio.run(_control(state, settings, source, sandbox, started))
    _say("taken away; nothing is left")
    return 0


async def _control(
    state: StateFolder, settings: Settings, source: FileSource, sandbox: Sandbox, started: Callable[[dict[str, Any]], None]
) -> None:
    """Starts the agents, and loads the control plane while they load: on two processors both take the time of one."""
    agents = await start_agents(state, settings.cluster, sandbox.netns_folder)
    from seaway.app.local import ControlPlane  # gRPC starts threads, and only a process with one thread may enter a user namespace

    await ControlPlane(state, settings, source, sandbox, agents, _say).run(started)


def _wishes(args: argparse.Namespace) -> Wishes:
    """The settings file's wishes, with flags winning over them."""
    wishes = read_settings_file(Path(args.settings) if args.settings else find_settings_file(tuple(args.paths)))
    cluster = wishes.cluster
    if args.nodes is not None:
        places = {node.name: node.locality for node in cluster.nodes}
        nodes = default_cluster(args.nodes, cluster.pod_cidr).nodes
        cluster = replace(cluster, nodes=tuple(replace(node, locality=places.get(node.name, "")) for node in nodes))
    if args.dns_upstream:
        check_upstreams(tuple(args.dns_upstream))
        cluster = replace(cluster, dns_upstreams=tuple(args.dns_upstream))
    return replace(wishes, cluster=cluster)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print_welcome(status: dict[str, Any], settings: Settings) -> None:
    for pod in status["pods"]:
        if not pod["ready"]:
            _say(paint(f"not ready: {pod['namespace']}/{pod['name']}", "yellow", sys.stderr))
    counts = (_counted(len(status[word]), word) for word in ("pods", "services", "nodes"))
    _say("{} and {} on {}".format(*counts))
    for gateway in status["gateways"]:
        _say(f"gateway {gateway['name']}: {', '.join(gateway['addresses'])} ports {', '.join(map(str, gateway['ports']))}")
    loopback = ", ".join(f"{'https' if port.tls else 'http'}://127.0.0.1:{port.port}" for port in settings.loopback)
    if loopback and status["gateways"]:
        _say(f"on this machine: {loopback}")
    if not settings.rootless and not settings.linked:
        _say("another network has routes to 198.18.0.0/24 or 198.18.255.0/24: use the loopback ports, or `seaway request outside`")
    if settings.rootless:
        _say("without root, this machine reaches the gateway by its loopback ports only;")
        _say("load balancer addresses and node ports answer inside: `seaway exec outside -- curl …`")
    _say(f"findings: {summary_line(status['findings'])}" + (" (`seaway check` shows them)" if any(status["findings"].values()) else ""))


def _counted(count: int, plural: str) -> str:
    return f"{count} {plural[:-1] if count == 1 else plural}"


def _detach(args: argparse.Namespace, state: StateFolder) -> int:
    words: list[str] = [*args.paths]
    flags = (("--nodes", args.nodes), ("--envoy-path", args.envoy_path), ("--settings", args.settings))
    for flag, value in (*flags, *(("--dns-upstream", one) for one in args.dns_upstream)):
        words += [flag, str(value)] if value else []
    log = state.logs / "control.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "seaway", "up", "--state", str(state.path), *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    shown = ""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            sys.stderr.write(log.read_text(errors="replace"))
            return child.returncode or 2
        progress = _progress(state)
        if progress is None:
            time.sleep(0.02)
            continue
        if progress["words"] != shown:
            shown = progress["words"]
            _say(shown)
        if progress["up"]:
            settings = load_settings(state)
            assert settings is not None
            _print_welcome(read_status(state), settings)
            return 0
        time.sleep(0.02)
    raise SeawayError(
        f"not everything is ready after {_PATIENCE_S:.0f} s; it goes on in the background", help="`seaway status` says what is missing"
    )


def _progress(state: StateFolder) -> dict[str, Any] | None:
    """How far the background process is; None while it does not answer yet."""
    try:
        return ask(state, "progress")
    except DriverError:
        return None
