"""Kustomizations, rendered by a program of the test's own that stands where kustomize would, and by kubectl where there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seaway.core.errors import SourceError
from seaway.resources.core_v1 import ConfigMap
from seaway.sources.files import FileSource

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: %s}\n"


def overlay(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "kustomization.yaml").write_text("resources:\n- a.yaml\n")
    (tmp_path / "base" / "a.yaml").write_text(CONFIG % "one")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text("resources:\n- ../base\nnamePrefix: x-\n")
    return tmp_path / "overlay"


def renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a `kustomize` first in the path."""
    program = tmp_path / "bin" / "kustomize"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_rendered_and_rendered_again_only_when_an_input_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = overlay(tmp_path)
    renderer(tmp_path, monkeypatch, f"echo run >> {tmp_path}/runs; cat $2/../base/a.yaml")
    source = FileSource((str(folder),))
    (found,) = source.read().of(ConfigMap)
    assert found.file.endswith("overlay (rendered)")
    source.read()
    assert (tmp_path / "runs").read_text() == "run\n"
    (tmp_path / "base" / "a.yaml").write_text(CONFIG % "two")
    (found,) = source.read().of(ConfigMap)
    assert found.body.data == {"value": "two"}
    assert tmp_path / "base" in source.look().folders


def test_failure_keeps_the_last_good_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = overlay(tmp_path)
    renderer(tmp_path, monkeypatch, "test -f $2/broken && { echo 'Error: it is broken' >&2; exit 1; }; cat $2/../base/a.yaml")
    source = FileSource((str(folder),))
    good = source.read()
    (folder / "broken").write_text("")
    snapshot = source.read()
    assert snapshot.version == good.version
    assert [one.code.id for one in snapshot.findings] == ["NET0138", "NET0131"]
    assert "it is broken" in snapshot.findings[0].message
    (folder / "broken").unlink()
    assert not source.read().findings


def test_failure_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = overlay(tmp_path)
    renderer(tmp_path, monkeypatch, "echo 'Error: no such thing' >&2; exit 1")
    with pytest.raises(SourceError, match="no such thing") as caught:
        FileSource((str(folder),)).read()
    assert "kustomize build" in caught.value.help


def test_without_a_renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = overlay(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="no kustomize or kubectl") as caught:
        FileSource((str(folder),)).read()
    assert "Install" in caught.value.help


@pytest.mark.skipif(shutil.which("kubectl") is None and shutil.which("kustomize") is None, reason="neither kustomize nor kubectl is here")
def test_real_renderer(tmp_path: Path) -> None:
    assert [one.key.name for one in FileSource((str(overlay(tmp_path)),)).read().of(ConfigMap)] == ["x-a"]
