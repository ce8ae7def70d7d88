"""Which files the paths of a command line stand for, and which folders have to be watched for them to change."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.core.errors import SourceError
from seaway.sources.half_written import Stamp, stamp_of

STDIN = "-"
KUSTOMIZATION_FILES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_ENDINGS = (".yaml", ".yml", ".json")
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file to read. `named` tells that the command line names the file itself."""

    path: Path
    stamp: Stamp
    named: bool


@dataclass(frozen=True, slots=True)
class Kustomization:
    """A folder to render. `stamps` are those of all files that may take part in it."""

    folder: Path
    stamps: tuple[tuple[Path, Stamp], ...]


@dataclass(slots=True)
class Scan:
    """What a path stands for at one instant. `folders` are to be watched; `nested` are kustomization files inside of plain folders."""

    entries: list[ManifestFile | Kustomization] = field(default_factory=list[ManifestFile | Kustomization])
    folders: set[Path] = field(default_factory=set[Path])
    nested: list[Path] = field(default_factory=list[Path])


@dataclass(frozen=True, slots=True)
class Sight:
    """What all files look like at one instant: which folders matter, and a stamp for each file. A path that cannot be scanned has an
    entry of its own, so that its loss and return are changes too."""

    folders: frozenset[Path] = frozenset()
    stamps: Mapping[Path, Stamp | None] = field(default_factory=dict[Path, "Stamp | None"])


def look(names: tuple[str, ...]) -> tuple[dict[str, Scan | SourceError], Sight]:
    """Scans the paths of a command line; a path that cannot be scanned has its error in the place of its scan."""
    found: dict[str, Scan | SourceError] = {}
    folders: set[Path] = set()
    stamps: dict[Path, Stamp | None] = {}
    for name in names:
        try:
            one = found[name] = scan(name)
        except SourceError as error:
            found[name] = error
            stamps[Path(name)] = None
            folders.add(Path(name).absolute().parent)
            continue
        folders |= one.folders
        for entry in one.entries:
            stamps.update(entry.stamps if isinstance(entry, Kustomization) else ((entry.path, entry.stamp),))
    return found, Sight(frozenset(folders), stamps)


def shown(path: Path) -> str:
    """A path as messages show it: relative to the current folder where that is shorter."""
    absolute = str(path.absolute())
    relative = os.path.relpath(absolute)
    return relative if len(relative) < len(absolute) else absolute


def scan(name: str) -> Scan:
    """The manifests behind one path. Raises SourceError where it is missing, cannot be read or is a Helm chart."""
    found = Scan()
    path = Path(name)
    try:
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            _watch_file(path, found)
            found.entries.append(ManifestFile(path, stamp_of(status), named=True))
            return found
        names = {entry.name for entry in path.iterdir()}
    except FileNotFoundError as error:
        raise SourceError(f"{name}: no such file or folder", help="Give a file, a folder, or - for standard input.") from error
    except PermissionError as error:
        raise SourceError(f"{name}: no permission to read it", help=f"Give read permission: chmod -R u+rX {name}") from error
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}", help="Give a file, a folder, or - for standard input.") from error
    if "Chart.yaml" in names and "templates" in names:
        raise SourceError(f"{name} is a Helm chart", help=f"Render it first: helm template {name} | seaway up -")
    if names & KUSTOMIZATION_FILES:
        _scan_kustomization(path, found)
    else:
        _scan_folder(path, found)
    return found


def _scan_folder(top: Path, found: Scan) -> None:
    for path, stamp in _files(top, found):
        if path.name in KUSTOMIZATION_FILES:
            found.nested.append(path)
        elif path.name.endswith(_ENDINGS):
            found.entries.append(ManifestFile(path, stamp, named=False))


def _scan_kustomization(top: Path, found: Scan) -> None:
    """All files of the folder, and of the folders beside it that its kustomizations name."""
    stamps: dict[Path, Stamp] = {}
    pending, seen = [top], set[Path]()
    while pending:
        start = pending.pop()
        if start.resolve() in seen:
            continue
        seen.add(start.resolve())
        for path, stamp in _files(start, found):
            stamps[path] = stamp
            if path.name in KUSTOMIZATION_FILES:
                pending += _named_outside(path, top.resolve())
    found.entries.append(Kustomization(top, tuple(sorted(stamps.items()))))


def _named_outside(kustomization: Path, top: Path) -> Iterator[Path]:
    """Folders outside of `top` that a kustomization file seems to name; words that are no paths do no harm."""
    try:
        words = kustomization.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return
    for word in words:
        if "../" in word:
            target = (kustomization.parent / word.strip("\"'")).resolve()
            target = target if target.is_dir() else target.parent
            if target.is_dir() and not target.is_relative_to(top) and not top.is_relative_to(target):
                yield target


def _files(top: Path, found: Scan) -> Iterator[tuple[Path, Stamp]]:
    """Files in a folder and below, in order, hidden ones left out. Links are followed, and each real folder is visited once."""
    pending, seen = [top], set[Path]()
    while pending:
        folder = pending.pop()
        real = folder.resolve()
        if real in seen:
            continue
        seen.add(real)
        found.folders.add(real)
        files: list[tuple[Path, Stamp]] = []
        deeper: list[Path] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS:
                        continue
                    _sort_in(entry, folder, files, deeper, found)
        except FileNotFoundError:
            continue  # removed since its parent was read
        except OSError as error:
            raise SourceError(f"{folder}: {error.strerror}", help=f"Give read permission: chmod -R u+rX {folder}") from error
        yield from sorted(files)
        pending += sorted(deeper, reverse=True)


def _sort_in(entry: os.DirEntry[str], folder: Path, files: list[tuple[Path, Stamp]], deeper: list[Path], found: Scan) -> None:
    path = folder / entry.name
    if entry.is_dir():
        deeper.append(path)
        return
    try:
        status = entry.stat()
    except OSError:
        return  # removed meanwhile, or a link to nothing
    if entry.is_symlink():
        _watch_file(path, found)
    if stat.S_ISREG(status.st_mode):
        files.append((path, stamp_of(status)))


def _watch_file(path: Path, found: Scan) -> None:
    """A link may be replaced where it is, or what it points to where that is."""
    found.folders.add(path.absolute().parent)
    if path.is_symlink():
        found.folders.add(path.resolve().parent)
