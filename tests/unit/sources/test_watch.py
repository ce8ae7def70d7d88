"""Edits into moments to read: real files, the real system's reports, and looking at intervals where there are none."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from seaway.resources.core_v1 import ConfigMap
from seaway.snapshot import Snapshot
from seaway.sources.files import FileSource

Edit = Callable[[], object]


def config(name: str, value: str = "one") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: {value}}}\n"


def values(snapshot: Snapshot) -> dict[str, str]:
    return {one.key.name: one.body.data["value"] for one in snapshot.of(ConfigMap)}


class Follower:
    """Reads whenever the source says so, as the control plane does."""

    def __init__(self, source: FileSource) -> None:
        self.source = source
        self.snapshots = [source.read()]
        self.changed = asyncio.Event()
        self.stop = asyncio.Event()

    async def run(self) -> None:
        async for _ in self.source.changes(self.stop):
            self.snapshots.append(self.source.read())
            self.changed.set()

    async def until(self, expected: dict[str, str], codes: list[str] | None = None) -> None:
        while values(self.snapshots[-1]) != expected or (
            codes is not None and [one.code.id for one in self.snapshots[-1].findings] != codes
        ):
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 10)


def follow(paths: tuple[str, ...], script: Callable[[Follower], Awaitable[None]]) -> Follower:
    async def main() -> Follower:
        follower = Follower(FileSource(paths))
        task = asyncio.create_task(follower.run())
        await asyncio.sleep(0.2)
        try:
            await script(follower)
        finally:
            follower.stop.set()
            await asyncio.wait_for(task, 10)
        return follower

    return asyncio.run(main())


def test_edits_of_every_sort(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a"))
    outside = tmp_path / "sub" / "b.yaml"

    def replace() -> None:
        (tmp_path / ".a.tmp").write_text(config("a", "three"))
        (tmp_path / ".a.tmp").rename(path)

    async def script(follower: Follower) -> None:
        path.write_text(config("a", "two"))
        await follower.until({"a": "two"})
        replace()
        await follower.until({"a": "three"})
        outside.parent.mkdir()
        outside.write_text(config("b"))
        await follower.until({"a": "three", "b": "one"})
        outside.write_text(config("b", "two"))
        await follower.until({"a": "three", "b": "two"})
        path.write_text("a: [")
        await follower.until({"a": "three", "b": "two"}, ["NET0101", "NET0131"])
        path.unlink()
        await follower.until({"b": "two"}, [])

    follow((str(tmp_path),), script)


def test_single_file_is_followed_through_replacement(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a"))

    async def script(follower: Follower) -> None:
        for value in ("two", "three"):
            (tmp_path / "new").write_text(config("a", value))
            (tmp_path / "new").rename(path)
            await follower.until({"a": value})

    follow((str(path),), script)


def test_burst_of_edits_is_one_change_and_noise_is_none(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text(config(name))

    async def script(follower: Follower) -> None:
        for name in (".a.yaml.swp", "4913", "a.yaml~"):
            (tmp_path / name).write_text("x")
            (tmp_path / name).unlink()
        await asyncio.sleep(0.2)
        assert len(follower.snapshots) == 1
        for name in "abc":
            (tmp_path / f"{name}.yaml").write_text(config(name, "two"))
        await follower.until(dict.fromkeys("abc", "two"))

    assert len(follow((str(tmp_path),), script).snapshots) <= 3


def test_half_written_file_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a") + "---\n" + config("b"))

    async def script(follower: Follower) -> None:
        with path.open("w") as file:
            file.write(config("a", "two"))
            file.flush()
            await asyncio.sleep(0.3)
            file.write("---\n" + config("b", "two"))
        await follower.until({"a": "two", "b": "two"}, [])

    seen = [values(one) for one in follow((str(path),), script).snapshots]
    assert all(one in ({"a": "one", "b": "one"}, {"a": "two", "b": "two"}) for one in seen)


def test_file_that_is_held_open_is_said_once_and_read_when_closed(tmp_path: Path) -> None:
    path, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    path.write_text(config("a"))
    other.write_text(config("b"))

    async def script(follower: Follower) -> None:
        with path.open("w") as file:
            file.write(config("a", "two"))
            file.flush()
            await follower.until({"a": "one", "b": "one"}, ["NET0133"])
            told = len(follower.snapshots)
            await asyncio.sleep(0.5)
            assert len(follower.snapshots) == told
            other.write_text(config("b", "two"))
            await follower.until({"a": "one", "b": "two"}, ["NET0133"])
        await follower.until({"a": "two", "b": "two"}, [])

    follow((str(tmp_path),), script)


def test_configmap_style_symlink_swap(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "a.yaml").write_text(config("a", version))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    async def script(follower: Follower) -> None:
        (tmp_path / "..data_tmp").symlink_to("..two")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        await follower.until({"a": "two"})

    follow((str(tmp_path),), script)


def test_folder_that_goes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "a.yaml").write_text(config("a"))

    async def script(follower: Follower) -> None:
        folder.rename(tmp_path / "elsewhere")
        await follower.until({"a": "one"}, ["NET0136"])
        folder.mkdir()
        (folder / "a.yaml").write_text(config("a", "two"))
        await follower.until({"a": "two"}, [])

    follow((str(folder),), script)


@pytest.mark.parametrize("trouble", [OSError("OS file watch limit reached."), ImportError("no watchfiles")], ids=["limit", "not-installed"])
def test_looks_at_intervals_where_the_system_does_not_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    """The limit of inotify instances is the user's, and shared: it is put in the way of the import instead of being used up."""
    path = tmp_path / "a.yaml"
    path.write_text(config("a"))
    real = builtins.__import__

    def failing(name: str, *args: Any, **more: Any) -> Any:
        if name == "watchfiles":
            raise trouble
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", failing)

    async def script(follower: Follower) -> None:
        await follower.until({"a": "one"}, ["NET0137"])
        path.write_text(config("a", "two"))
        await follower.until({"a": "two"}, ["NET0137"])

    follow((str(tmp_path),), script)
