"""What is said of a control plane that does not answer, from the state folder alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.app.client import ask, is_running, read_status
from seaway.app.state import StateFolder
from seaway.app.turn import await_turn
from seaway.core.errors import DriverError
from seaway.drivers.process.pidfile import living, write_pid_file


@pytest.fixture
def state() -> Iterator[StateFolder]:
    """A folder whose path is short enough for sockets."""
    folder = StateFolder(Path(tempfile.mkdtemp(prefix="sw")))
    folder.make()
    yield folder
    shutil.rmtree(folder.path)


@pytest.fixture
def process(state: StateFolder) -> Iterator[int]:
    """Stands for the control plane's process."""
    child = subprocess.Popen(["sleep", "1000"])
    write_pid_file(state.control_pid, child.pid)
    yield child.pid
    child.kill()
    child.wait()


@pytest.fixture
def deaf(state: StateFolder) -> Iterator[None]:
    """A socket that takes questions and answers none."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(state.control_socket))
        listening.listen()
        yield


STATUS = {"controlPlane": "running", "configAge_s": 0.0, "pods": [{"name": "web"}]}


@pytest.mark.usefixtures("deaf")
def test_status_of_a_silent_one_is_what_it_wrote_last(state: StateFolder) -> None:
    state.status.write_text(json.dumps(STATUS))
    found = read_status(state)
    assert (found["controlPlane"], found["pods"]) == ("not answering", STATUS["pods"])
    assert found["controlPlaneError"] == "the control plane does not answer: timed out"


@pytest.mark.parametrize("socket_is_left", [True, False])
def test_status_of_a_killed_one(state: StateFolder, socket_is_left: bool) -> None:
    state.status.write_text(json.dumps(STATUS))
    if socket_is_left:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(state.control_socket))
    assert read_status(state)["controlPlane"] == "not running"


def test_status_of_none(state: StateFolder) -> None:
    with pytest.raises(DriverError, match="no network is running"):
        read_status(state)


@pytest.mark.usefixtures("deaf")
def test_a_stopped_one_is_not_waited_for(state: StateFolder, process: int) -> None:
    os.kill(process, signal.SIGSTOP)
    os.waitpid(process, os.WUNTRACED)
    with pytest.raises(DriverError, match=f"process {process} is stopped") as failure:
        ask(state, "status", timeout_s=1000)
    assert f"kill -CONT {process}" in failure.value.help
    assert not is_running(state)


@pytest.mark.usefixtures("deaf")
def test_a_stopped_one_is_ended_before_the_next_takes_over(state: StateFolder, process: int) -> None:
    os.kill(process, signal.SIGSTOP)
    os.waitpid(process, os.WUNTRACED)
    assert await_turn(state) == process
    assert living(state.control_pid) is None


def test_one_that_died_meanwhile_holds_nobody_up(state: StateFolder, process: int) -> None:
    os.kill(process, signal.SIGKILL)
    assert await_turn(state) is None
