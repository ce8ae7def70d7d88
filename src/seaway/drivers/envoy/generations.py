"""The Envoys of one node on disk: while one replaces another, two run side by side, and each has a number, a pid file and an admin socket.

`envoy-admin.sock` and `envoy.pid.json` are links to those of the one that serves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from seaway.drivers.process.pidfile import Process, living

_PID_FILE = re.compile(r"envoy-([0-9]+)\.(?:pid|draining)\.json")


@dataclass(frozen=True, slots=True)
class Generation:
    """`folder` is the node's part of the state folder."""

    folder: Path
    number: int

    @property
    def admin_socket(self) -> Path:
        return self.folder / f"envoy-{self.number}.sock"

    @property
    def pid_file(self) -> Path:
        return self.folder / f"envoy-{self.number}.pid.json"

    @property
    def draining_file(self) -> Path:
        """The pid file of one that has been told to go: never to be taken over again."""
        return self.folder / f"envoy-{self.number}.draining.json"

    @property
    def process(self) -> Process | None:
        """The living process, if there is one."""
        return living(self.pid_file) or living(self.draining_file)

    @property
    def draining(self) -> bool:
        return self.draining_file.exists()

    def mark_draining(self) -> None:
        """From here on nobody takes it over, also after a crash of ours."""
        if self.pid_file.exists():
            self.pid_file.replace(self.draining_file)

    def make_current(self) -> None:
        """Lets the links of the node's folder lead here; whoever follows them meanwhile finds this one or the one before."""
        for link, file in (("envoy-admin.sock", self.admin_socket), ("envoy.pid.json", self.pid_file)):
            draft = self.folder / f".{link}.new"
            draft.unlink(missing_ok=True)
            draft.symlink_to(file.name)
            draft.replace(self.folder / link)

    def remove(self) -> None:
        """Removes the files of one that has ended."""
        for file in (self.admin_socket, self.pid_file, self.draining_file):
            file.unlink(missing_ok=True)


def living_generations(folder: Path) -> tuple[Generation, ...]:
    """Those whose process lives, the oldest first. Clears away the files of the others."""
    matches = (_PID_FILE.fullmatch(path.name) for path in folder.glob("envoy-*.json"))
    found = sorted({int(match[1]) for match in matches if match})
    generations = [Generation(folder, number) for number in found]
    for one in generations:
        if one.process is None:
            one.remove()
    return tuple(one for one in generations if one.process is not None)
