"""The state folder: where a local network keeps its sockets, pid files and leases. Every path in it is named here and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seaway.core.errors import DriverError, UsageError
from seaway.model.cluster import Leases
from seaway.model.names import LIMITS_LOCK, LIMITS_SOCKET

_LONGEST_SOCKET_PATH = 107  # sun_path holds 108 bytes with its final NUL: unix(7)


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One local network's folder, on the host's file system; mode 0700, since orders hold values of Secrets."""

    path: Path

    @property
    def control_socket(self) -> Path:
        return self.path / "control.sock"

    @property
    def xds_socket(self) -> Path:
        return self.path / "xds.sock"

    @property
    def limits_socket(self) -> Path:
        return self.path / LIMITS_SOCKET

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def leases(self) -> Path:
        return self.path / "leases.json"

    @property
    def certificate(self) -> Path:
        return self.path / "default-certificate.pem"

    @property
    def roots(self) -> Path:
        return self.path / "trust-bundle.pem"

    @property
    def token_keys(self) -> Path:
        return self.path / "token-keys.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def settings(self) -> Path:
        return self.path / "settings.json"

    @property
    def control_pid(self) -> Path:
        return self.path / "control.pid.json"

    @property
    def relay_pid(self) -> Path:
        return self.path / "relay.pid.json"

    @property
    def relay_config(self) -> Path:
        return self.path / "relay.json"

    @property
    def of_a_run(self) -> tuple[Path, ...]:
        """The files that must not outlive the network that they speak of."""
        sockets = (self.control_socket, self.xds_socket, self.limits_socket, self.path / LIMITS_LOCK)
        files = (self.control_pid, self.relay_pid, self.relay_config, self.status, self.settings, self.leases, self.roots, self.token_keys)
        return (*sockets, *files)

    def node(self, name: str) -> Path:
        return self.path / name

    def make(self) -> None:
        """Makes the folder; refuses a path that is too long for the sockets in it."""
        if len(os.fsencode(self.path / ("n" * 30))) > _LONGEST_SOCKET_PATH:
            raise UsageError(f"the state folder's path is too long for sockets: {self.path}", help="choose a shorter one with --state")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise DriverError(f"cannot make the state folder {self.path}: {error.strerror}", help="choose another with --state") from error


def default_state_folder() -> Path:
    """`SEAWAY_STATE`, else `/run/seaway/default` as root, else the user's runtime folder, else one below /tmp that belongs to the user."""
    if chosen := os.environ.get("SEAWAY_STATE"):
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/run/seaway/default")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime, "seaway", "default") if runtime and Path(runtime).is_dir() else Path(f"/tmp/seaway-{os.getuid()}/default")


def read_leases(path: Path) -> Leases:
    """The leases of an earlier run; none where there are none or the file is damaged (addresses are then handed out anew)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Leases)
    except (OSError, msgspec.DecodeError):
        return Leases()


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Readers see the old content or the new, never a part."""
    partial = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        out.write(content)
    partial.replace(path)
