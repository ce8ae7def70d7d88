"""Flows of all nodes, as their agents keep them: no control plane is needed. Names for addresses come from the agents' orders."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from msgspec import to_builtins

from seaway.analysis.flows.drops import drop_flow, unexplained
from seaway.analysis.flows.lines import Line
from seaway.analysis.flows.reasons import Reason
from seaway.analysis.flows.records import FlowRecord, Inhabitant, build_record
from seaway.app.client import NOT_RUNNING, ask, read_pods
from seaway.app.state import StateFolder
from seaway.core.errors import DriverError, SeawayError
from seaway.drivers.agent.messages import AgentLine, Done, FlowBatch, ShowFlows, decode_line, encode_line
from seaway.drivers.agent.server import SOCKET_FILE
from seaway.drivers.flows.messages import read_batch
from seaway.drivers.flows.nflog import read_drops
from seaway.protocols.policy_log import POLICY_LOG, DropEntry

_ANSWER_S = 10.0
"""How long an agent may be silent while it tells what it has kept."""


class FlowReader:
    """A conversation with each node's agent. `kept` once, then `following`."""

    def __init__(self, state: StateFolder, node: str | None, follow: bool) -> None:
        """Raises DriverError where no agent answers."""
        self._state = state
        self._people: Mapping[str, Inhabitant] = {}
        self._reasons: dict[object, Reason] = {}
        self._stack = ExitStack()
        paths = sorted(state.path.glob(f"{node or '*'}/{SOCKET_FILE}"))
        if not paths:
            raise DriverError(NOT_RUNNING, help="start one with `seaway up DIR`")
        self._nodes = [self._stack.enter_context(_Conversation(path, follow)) for path in paths]

    def __enter__(self) -> FlowReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kept(self) -> list[FlowRecord]:
        """What the agents have kept, in order of time."""
        self._people = _people(self._state)
        records = (one for node in self._nodes for batch in node.kept() for one in self._record(node, batch))
        return sorted(records, key=lambda one: one.entry.time)

    def following(self) -> Iterator[FlowRecord]:
        """What is told from then on, until the agents are gone."""
        with selectors.DefaultSelector() as selector:
            for node in self._nodes:
                selector.register(node.connection, selectors.EVENT_READ, node)
                yield from self._come(node)
            while selector.get_map():
                for key, _ in selector.select():
                    key.data.read()
                    yield from self._come(key.data)
                    if key.data.over:
                        selector.unregister(key.fileobj)

    def _come(self, node: _Conversation) -> Iterator[FlowRecord]:
        for batch in node.come():
            self._people = _people(self._state)
            yield from self._record(node, batch)

    def _record(self, node: _Conversation, batch: FlowBatch) -> list[FlowRecord]:
        if batch.log == POLICY_LOG:
            drops = tuple(read_drops(batch.message))
            reasons = map(self._why, drops)
            return [build_record(drop_flow(one), node.name, self._people, reason) for one, reason in zip(drops, reasons, strict=True)]
        return [build_record(entry, node.name, self._people) for entry in read_batch(batch.log, batch.message)]

    def _why(self, drop: DropEntry) -> Reason:
        """What the control plane says of it; asked once for all packets of a kind."""
        key = (drop.verdict, drop.identity, drop.source, drop.destination, drop.protocol, drop.port)
        if key not in self._reasons:
            self._reasons[key] = self._asked(drop)
        return self._reasons[key]

    def _asked(self, drop: DropEntry) -> Reason:
        try:
            told = ask(self._state, "why_dropped", drop=to_builtins(drop))
        except SeawayError:
            return unexplained(drop)
        return Reason(unexplained(drop).verdict, told["text"], tuple(Line(**one) for one in told["because"]))


class _Conversation:
    """With one agent."""

    def __init__(self, path: Path, follow: bool) -> None:
        self.name = path.parent.name
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(_ANSWER_S)
        self.over = False
        self._rest = b""
        try:
            self.connection.connect(str(path))
            self.connection.sendall(encode_line(ShowFlows(1, follow)))
        except OSError as error:
            self.connection.close()
            raise DriverError(f"the agent of {self.name} does not answer: {error}", help="`seaway status` says what runs") from error

    def __enter__(self) -> _Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def kept(self) -> Iterator[FlowBatch]:
        """Up to the end of what was kept. Raises DriverError where that does not come."""
        while not self.over:
            for line in self._lines():
                match line:
                    case FlowBatch():
                        yield line
                    case Done():
                        return
                    case _:
                        pass
            self.read()
        raise DriverError(f"the agent of {self.name} broke off", help="`seaway status` says what runs")

    def come(self) -> Iterator[FlowBatch]:
        """What has been read and was not taken yet."""
        return (line for line in self._lines() if isinstance(line, FlowBatch))

    def read(self) -> None:
        """Waits for more; `over` where there is none."""
        try:
            piece = self.connection.recv(1 << 16)
        except OSError:
            piece = b""
        self._rest += piece
        self.over = not piece

    def _lines(self) -> Iterator[AgentLine]:
        """Whole lines, each once; what follows the last stays for the next time."""
        while (end := self._rest.find(b"\n")) >= 0:
            line, self._rest = self._rest[:end], self._rest[end + 1 :]
            yield decode_line(line)


def _people(state: StateFolder) -> Mapping[str, Inhabitant]:
    """Pods by address. Those in their node's network share its address, so that it says nothing; a gateway there is found by its node."""
    return {pod.ip: Inhabitant(pod.namespace, pod.name, pod.workload) for pod in read_pods(state) if not pod.netns.startswith("node_")}
