"""The log files of programs. A program writes into its file itself, so that its log goes on when the agent does not."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

MAX_LOG_BYTES = 10 << 20
"""The kubelet's containerLogMaxSize."""


def open_log(path: Path) -> int:
    """A descriptor that appends; the caller closes it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def rotate_logs(folder: Path) -> None:
    """Copies each file that has grown too large to NAME.log.1 and empties it.

    Renaming would leave the program writing into the renamed file. Lines written between copy and emptying are lost, as with
    logrotate's copytruncate.
    """
    for path in folder.glob("*.log"):
        with suppress(OSError):
            if path.stat().st_size > MAX_LOG_BYTES:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)
