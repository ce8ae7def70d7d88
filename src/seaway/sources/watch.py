"""Notices that manifests changed, and waits until a burst of edits has settled and no file is half written.

The system's reports are only hints: after each the files are looked at, and nothing happens unless they look different. A look a second
finds what no report told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from seaway.sources.half_written import is_being_written
from seaway.sources.paths import Sight

_STEP_MS = 20
"""Reports are collected until none came for this long."""
_LONGEST_BURST_MS = 250
_LOOK_MS = 1000
_POLL_MS = 200
_PATIENCE_S = 1.0
"""How long a file that is being written holds back the changes of all others."""
_BUSY_S = 0.025
_VANISHED_S = 0.05
"""Editors that save by deleting and writing anew leave a file missing for a moment."""


class Watched(Protocol):
    """What is to be watched. `seen` is what it looked like when it was read last; `busy`, which files were passed over then."""

    seen: Sight

    def look(self) -> Sight: ...

    @property
    def busy(self) -> frozenset[Path]: ...

    def note_polling(self, period_ms: int, problem: str) -> None: ...


async def changes(source: Watched, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yields when what is watched looks different from what was read last, and is complete. Ends soon after `stop` is set."""
    async for told, sight in _hints(source, stop):
        if not _news(source, sight) and not told:
            continue
        if source.seen.stamps.keys() - sight.stamps.keys():
            await _pause(_VANISHED_S, stop)
            sight = source.look()
        await _until_written(_changed(source, sight), stop)
        if stop.is_set():
            return
        if told or _news(source, source.look()):
            yield


def _news(source: Watched, sight: Sight) -> bool:
    """Whether anything but files that are still being written has changed, or one of these is complete."""
    still = {path for path in source.busy if is_being_written(path)}
    gone = source.seen.stamps.keys() - sight.stamps.keys()
    return len(still) < len(source.busy) or bool(gone) or any(path not in still for path in _changed(source, sight))


def _changed(source: Watched, sight: Sight) -> list[Path]:
    return [path for path, stamp in sight.stamps.items() if source.seen.stamps.get(path, ()) != stamp]


async def _until_written(paths: list[Path], stop: asyncio.Event) -> None:
    until = time.monotonic() + _PATIENCE_S
    while any(is_being_written(path) for path in paths) and time.monotonic() < until and not stop.is_set():
        await _pause(_BUSY_S, stop)


async def _hints(source: Watched, stop: asyncio.Event) -> AsyncIterator[tuple[bool, Sight]]:
    """What the files look like at moments when they may have changed; true where the source has something to tell that no file shows."""
    yield False, source.look()
    try:
        async for sight in _reported(source, stop):
            yield False, sight
        return
    except ImportError:
        problem = "watchfiles is not installed"
    except (OSError, RuntimeError) as error:
        problem = str(error)
    source.note_polling(_POLL_MS, problem)
    yield True, source.look()
    while not stop.is_set():
        await _pause(_POLL_MS / 1000, stop)
        yield False, source.look()


async def _reported(source: Watched, stop: asyncio.Event) -> AsyncIterator[Sight]:
    """A look after each of the system's reports about the folders of the manifests, and one a second. Folders may come and go."""
    from watchfiles import awatch  # part of the `run` extra: `check` has to do without

    sight = source.look()
    while not stop.is_set():
        folders = _existing(sight.folders)
        if not folders:
            await _pause(_POLL_MS / 1000, stop)
            yield (sight := source.look())
            continue
        async for _ in awatch(
            *folders,
            watch_filter=None,
            debounce=_LONGEST_BURST_MS,
            step=_STEP_MS,
            stop_event=stop,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            recursive=False,
        ):
            yield (sight := source.look())
            while source.busy and not stop.is_set():
                await _pause(_POLL_MS / 1000, stop)
                yield (sight := source.look())
            if _existing(sight.folders) != folders:
                break


def _existing(folders: frozenset[Path]) -> frozenset[Path]:
    return frozenset(folder for folder in folders if folder.is_dir())


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
