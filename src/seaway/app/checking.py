"""What `seaway check` finds in manifests that are not running: reading, building, and what has expired since."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seaway.app.settings_file import find_settings_file, read_settings_file
from seaway.app.views.findings import check_document
from seaway.core.finding import ordered
from seaway.frontends.build import Built, build_model
from seaway.frontends.ingress.certificates import find_expired
from seaway.frontends.kubernetes.commanded import with_commands
from seaway.model.cluster import Leases
from seaway.snapshot import Snapshot
from seaway.sources.files import FileSource

NO_LEASES = Leases()


def check_paths(paths: list[str], settings: str | None = None) -> dict[str, Any]:
    """The `check` document of these manifests."""
    snapshot, built = build_paths(paths, settings)
    expired = find_expired(built.model, datetime.now(UTC))
    return check_document(ordered((*snapshot.findings, *built.findings, *expired)), snapshot)


def build_paths(paths: list[str], settings: str | None = None, leases: Leases = NO_LEASES) -> tuple[Snapshot, Built]:
    """What these manifests say, and mean; `leases` are addresses that are handed out already."""
    stdin = sys.stdin.read() if "-" in paths else None
    wishes = read_settings_file(Path(settings) if settings else find_settings_file(tuple(paths)))
    snapshot = FileSource(tuple(paths), stdin).read()
    return snapshot, build_model(with_commands(snapshot, wishes.commands), wishes.cluster, leases)
