"""The control socket, over a real one: questions, mistakes in them, and an end in the middle of a conversation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from seaway.app.control import ControlServer
from seaway.core.errors import UsageError


async def double(number: int) -> int:
    return 2 * number


async def refuse() -> None:
    raise UsageError("not so", help="but so")


def converse(folder: Path, body: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        server = ControlServer({"double": double, "refuse": refuse})
        await server.start(folder / "control.sock")
        reader, writer = await asyncio.open_unix_connection(folder / "control.sock")
        return await asyncio.wait_for(body(reader, writer), 10)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        pytest.param({"method": "double", "params": {"number": 4}}, {"result": 8}, id="result"),
        pytest.param({"method": "refuse"}, {"error": {"message": "not so", "help": "but so", "usage": True}}, id="refused"),
    ],
)
def test_answers(tmp_path: Path, question: dict[str, Any], answer: dict[str, Any]) -> None:
    async def body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        writer.write(json.dumps(question).encode() + b"\n")
        return json.loads(await reader.readline())

    assert converse(tmp_path, body) == answer


@pytest.mark.parametrize("question", [b"no json", b"{}", b'{"method": "triple"}', b'{"method": "double", "params": {"by": 2}}', b"[]"])
def test_a_bad_question_is_answered_and_the_next_one_too(tmp_path: Path, question: bytes) -> None:
    async def body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[Any, Any]:
        writer.write(question + b'\n{"method": "double", "params": {"number": 1}}\n')
        return json.loads(await reader.readline()), json.loads(await reader.readline())

    refused, answered = converse(tmp_path, body)
    assert set(refused["error"]) == {"message", "help"}
    assert answered == {"result": 2}


def test_an_end_with_an_open_conversation_logs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)

    converse(tmp_path, body)
    assert caplog.records == []
