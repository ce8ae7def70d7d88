"""Complete or not: by the kernel's word where it gives one, by rest where not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.sources import half_written
from seaway.sources.half_written import is_being_written, read_whole

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")


@LINUX
@pytest.mark.parametrize("mode", ["w", "a", "r+"])
def test_open_for_writing_is_half_written(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    with path.open(mode):
        assert is_being_written(path)
    with path.open():
        assert not is_being_written(path)


@LINUX
def test_writer_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    with subprocess.Popen(["sh", "-c", f"exec 3>>'{path}'; echo open; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        writer.stdout.readline()
        assert read_whole(path, 100) is None
        writer.stdin.close()
        writer.wait()
    found = read_whole(path, 100)
    assert found is not None
    assert found.data == b"a: 1\n"


@LINUX
def test_waiting_writer_does_not_kill_the_reader(tmp_path: Path) -> None:
    """A writer that meets a lease makes the kernel send its holder a signal; the default one would end the process."""
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    with subprocess.Popen(["sh", "-c", f"for i in $(seq 300); do echo b: $i > '{path}'; done"]) as writer:
        while writer.poll() is None:
            found = read_whole(path, 100)
            assert found is None or found.data == b"" or found.data.endswith(b"\n")
    assert writer.returncode == 0


def test_without_leases_a_file_has_to_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_written, "fcntl", None)
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    moment = path.stat().st_mtime
    monkeypatch.setattr(half_written.time, "time", lambda: moment + 0.01)
    assert is_being_written(path)
    monkeypatch.setattr(half_written.time, "time", lambda: moment + 0.06)
    assert not is_being_written(path)


def test_reading_stops_after_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"x" * 1000)
    found = read_whole(path, 10)
    assert found is not None
    assert found.data == b"x" * 11


def test_pipes_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(OSError, match="not a regular file"):
        read_whole(tmp_path / "a.yaml", 10)
    assert not is_being_written(tmp_path / "gone.yaml")
