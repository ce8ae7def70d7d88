"""Renders a kustomization with the binary that the user has. Seaway does not interpret kustomizations itself."""

from __future__ import annotations

import shutil
import subprocess

from seaway.core.errors import SourceError

_TIMEOUT_S = 60


def command_for(folder: str) -> list[str]:
    """The command that renders this folder. Raises SourceError where neither kustomize nor kubectl is installed."""
    if path := shutil.which("kustomize"):
        return [path, "build", folder]
    if path := shutil.which("kubectl"):
        return [path, "kustomize", folder]
    raise SourceError(
        f"{folder} is a kustomization, and there is no kustomize or kubectl to render it",
        help="Install one of them, or give rendered manifests: kustomize build ... | seaway up -",
    )


def render(folder: str) -> str:
    """The rendered manifests. Raises SourceError with what the renderer said."""
    command = command_for(folder)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{folder}: rendering took more than {_TIMEOUT_S} s", help=f"Run `{' '.join(command)}` to see why.") from error
    except OSError as error:
        raise SourceError(f"{command[0]} cannot be run: {error.strerror}", help="Install kustomize or kubectl anew.") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split()).removeprefix("error: ") or f"exit code {done.returncode}"
        raise SourceError(f"{folder}: {said}", help=f"Run `{' '.join(command)}` to see it fail on its own.")
    return done.stdout
