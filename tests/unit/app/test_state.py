"""The state folder's files: whole or not there, and never trusted blindly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seaway.app.client import ready_pods
from seaway.app.down import forget, take_down
from seaway.app.settings import Settings, load_settings, save_settings
from seaway.app.state import StateFolder, default_state_folder, read_leases, write_atomically
from seaway.core.errors import DriverError, UsageError
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.workload import PodName


def test_only_its_owner_may_look(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "s")
    state.make()
    assert state.path.stat().st_mode & 0o777 == 0o700


def test_a_path_that_is_too_long_for_sockets() -> None:
    with pytest.raises(UsageError, match="too long for sockets"):
        StateFolder(Path("/tmp", "x" * 80)).make()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(DriverError, match="cannot make the state folder"):
        StateFolder(tmp_path / "f" / "s").make()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pods": 7}'], ids=["empty", "cut off", "another shape", "wrong type"])
def test_damaged_files_count_as_none(tmp_path: Path, text: str) -> None:
    state = StateFolder(tmp_path)
    for path in (state.leases, state.settings, state.status):
        path.write_text(text)
    assert read_leases(state.leases) == Leases()
    assert load_settings(state) is None
    assert ready_pods(state, "node-1") == frozenset()


def test_ready_pods_are_those_of_the_node(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    pod = '{"namespace": "a", "name": "%s", "node": "%s", "ready": %s}'
    state.status.write_text(
        '{"pods": [' + ",".join((pod % ("x", "n1", "true"), pod % ("y", "n1", "false"), pod % ("z", "n2", "true"))) + "]}"
    )
    assert ready_pods(state, "n1") == {PodName("a", "x")}


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "leases.json"
    write_atomically(path, b"one")
    with path.open("rb") as reader:
        write_atomically(path, b"two")
        assert reader.read() == b"one"
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["leases.json"]


def test_down_forgets_the_network_but_keeps_logs(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.make()
    node = state.node("node-1")
    node.mkdir()
    for path in (*state.of_a_run, node / "orders.json", state.logs / "control.log", state.certificate):
        path.write_text("{}")
    (tmp_path / "ns").mkdir()
    save_settings(state, Settings((), default_cluster(2), (), True, "", {}))
    state.node("node-2").mkdir()  # as a start leaves it that was killed before there were orders
    assert take_down(state) == 0
    forget(state)
    assert {one.name for one in tmp_path.iterdir()} == {"logs", "default-certificate.pem"}


def test_where_it_is_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWAY_STATE", "here")
    assert default_state_folder() == Path("here").absolute()
    monkeypatch.delenv("SEAWAY_STATE")
    assert default_state_folder().name == "default"
