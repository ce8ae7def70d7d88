"""Manifests in files, folders, kustomizations and on standard input, as snapshots.

Which files there are is left to `paths.py`, whether one is complete to `half_written.py`, what stays of a broken one to `held.py`, and
noticing changes to `watch.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from seaway.core.codes import reading as codes
from seaway.core.errors import SourceError
from seaway.core.finding import Finding, Findings, finding
from seaway.core.origin import Origin
from seaway.resources.load import Loaded, load_text
from seaway.resources.yaml_text import MAX_CHARACTERS, decode
from seaway.snapshot import Snapshot
from seaway.sources import kustomize, watch
from seaway.sources.half_written import Content, read_whole
from seaway.sources.held import Held, gather, passed_over, unreadable, updated
from seaway.sources.paths import STDIN, Kustomization, ManifestFile, Scan, Sight, look, shown

STDIN_NAME = "(standard input)"
_PATIENCE_S = 1.0
"""How long the first read waits for a file that is being written."""


class FileSource:
    """The manifests of a command line. `paths` are files, folders or `-`; `stdin` is the text of standard input where `-` is among them."""

    def __init__(self, paths: tuple[str, ...], stdin: str | None = None) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._stdin = stdin
        self._held: dict[str, Held] = {}
        self._names: dict[str, list[str]] = {}
        self._started = False
        self._polling: Findings = ()
        self._busy: set[Path] = set()
        self._shown: dict[Path, str] = {}
        self.seen = Sight()
        """What the files looked like when they were read last."""

    def read(self) -> Snapshot:
        """The objects as the files have them now; only what changed is read again. Blocking.

        Raises SourceError where nothing can be read: a path is missing, unreadable or without manifests, kustomize is missing or fails.
        After the first success such trouble becomes a finding, and what was good stays.
        """
        scans, sight = look(tuple(path for path in self._paths if path != STDIN))
        findings: list[Finding] = list(self._polling)
        self._busy.clear()
        held: dict[str, Held] = {}
        names: dict[str, list[str]] = {}
        for path in self._paths:
            found = scans.get(path)
            texts = [self._standard_input()] if path == STDIN else self._texts(path, found, findings)
            names[path] = [text.name for text in texts]
            held.update((text.name, text) for text in texts)
        if not self._started and not held:
            where = ", ".join(self._paths)
            raise SourceError(
                f"no manifests in {where}", help="A folder is searched for *.yaml, *.yml and *.json; hidden files are left out."
            )
        self._held, self._names, self._started, self.seen = held, names, True, sight
        return gather(held.values(), findings)

    def look(self) -> Sight:
        """What the files look like now, without reading them."""
        return look(tuple(path for path in self._paths if path != STDIN))[1]

    async def changes(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Yields once for each burst of edits that has settled, when a new `read` is worthwhile. Ends when `stop` is set."""
        async for _ in watch.changes(self, stop):
            yield

    @property
    def busy(self) -> frozenset[Path]:
        """Files that the last `read` passed over because they were being written."""
        return frozenset(self._busy)

    def note_polling(self, period_ms: int, problem: str) -> None:
        """Has the next snapshots say that changes are looked for at intervals."""
        self._polling = (finding(codes.POLLING, Origin("(this system)"), period_ms=period_ms, problem=problem),)

    def _standard_input(self) -> Held:
        former = self._held.get(STDIN_NAME)
        return former or Held(STDIN_NAME, None, load_text((self._stdin or "").removeprefix("\ufeff"), STDIN_NAME))

    def _texts(self, path: str, found: Scan | SourceError | None, findings: list[Finding]) -> list[Held]:
        """The texts behind one path of the command line, brought up to date."""
        if not isinstance(found, Scan):
            if not self._started and found is not None:
                raise found
            findings.append(finding(codes.PATH_GONE, Origin(path), path=path))
            return [self._held[name] for name in self._names.get(path, ())]
        findings += [finding(codes.NESTED_KUSTOMIZATION, Origin(shown(one)), folder=shown(one.parent)) for one in found.nested]
        texts = (self._rendered(one) if isinstance(one, Kustomization) else self._file(one) for one in found.entries)
        return [text for text in texts if text is not None]

    def _rendered(self, entry: Kustomization) -> Held:
        name = f"{shown(entry.folder)} (rendered)"
        former = self._held.get(name)
        if former is not None and former.stamp == entry.stamps:
            return former
        try:
            text = kustomize.render(str(entry.folder))
        except SourceError as error:
            if not self._started:
                raise
            problem = finding(codes.KUSTOMIZE_FAILED, Origin(name), problem=error.message, advice=error.help)
            return unreadable(former, name, entry.stamps, problem)
        return updated(former, name, entry.stamps, load_text(text, name, former.loaded if former else None))

    def _file(self, entry: ManifestFile) -> Held | None:
        """One file, read again where its stamp changed; None where it is gone since it was listed."""
        name = self._shown.get(entry.path) or self._shown.setdefault(entry.path, shown(entry.path))
        former = self._held.get(name)
        if former is not None and former.stamp == entry.stamp:
            return former
        try:
            content = self._content(entry)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            if not self._started and entry.named:
                raise SourceError(
                    f"{name}: {reason}", help="Give a regular file that this user may read, or - for standard input."
                ) from error
            return unreadable(former, name, entry.stamp, finding(codes.UNREADABLE_FILE, Origin(name), problem=reason))
        if content is None:
            self._busy.add(entry.path)
            return passed_over(former, name, None)
        loaded = _load(content, name, former)
        return updated(former, name, content.stamp, loaded)

    def _content(self, entry: ManifestFile) -> Content | None:
        """None while the file is being written; at the start it is waited for."""
        until = time.monotonic() + (0 if self._started else _PATIENCE_S)
        while (content := read_whole(entry.path, MAX_CHARACTERS)) is None and time.monotonic() < until:
            time.sleep(0.02)
        return content


def _load(content: Content, name: str, former: Held | None) -> Loaded:
    if len(content.data) > MAX_CHARACTERS:
        size = f"{content.stamp[2] / (1 << 20):.0f} MiB"
        problem = finding(codes.TOO_BIG, Origin(name), size=size, limit=f"{MAX_CHARACTERS >> 20} MiB")
        return Loaded(findings=(problem,), broken=True)
    text = decode(content.data, name)
    if isinstance(text, Finding):
        return Loaded(findings=(text,), broken=True)
    return load_text(text, name, former.loaded if former is not None else None)
