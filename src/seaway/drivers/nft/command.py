"""The `nft` program: found, old enough, run in the calling thread's namespace, its refusals as `DriverError`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from seaway.core.errors import DriverError

OLDEST = (1, 0, 2)
"""Concatenations with address ranges, and comments on chains, rules and elements alike, are sound from here on."""

_PLACES = ":/usr/sbin:/sbin:/usr/local/sbin"  # not in an ordinary user's PATH, though nft works in a user namespace
_TIMEOUT_S = 120
_WORDS = 400  # nft repeats the whole command in its message, however long


class TooLong(DriverError):
    """The transaction is larger than what the kernel takes at once; a user namespace has some 210 kB."""


class NftProgram:
    """A process a call. `name` is a path, or a name on PATH."""

    def __init__(self, name: str = "nft") -> None:
        self._name = name
        self._path = ""

    def run(self, text: str) -> None:
        run_nft(self._found(), "-f", "-", text=text)

    def listing(self, table: str) -> str:
        return run_nft(self._found(), "-j", "list", "table", "inet", table)

    def _found(self) -> str:
        self._path = self._path or find_nft(self._name)
        return self._path


def find_nft(name: str = "nft") -> str:
    """The program's path, once its version is known to do. DriverError where it is missing or too old."""
    path = shutil.which(name, path=os.environ.get("PATH", os.defpath) + _PLACES)
    if path is None:
        raise DriverError("the program `nft` is not installed", help="install the package `nftables` (1.0.2 or later)")
    words = run_nft(path, "--version")
    match = re.search(r"v(\d+)\.(\d+)(?:\.(\d+))?", words)
    version = tuple(int(one or 0) for one in match.groups()) if match else ()
    if version < OLDEST:
        raise DriverError(f"{path} is too old: {words.strip()}", help="install nftables 1.0.2 or later")
    return path


def run_nft(path: str, *args: str, text: str = "") -> str:
    """What nft prints; `text` goes to its standard input. DriverError with nft's own words where it refuses."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run([path, *args], input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, env=environment, check=False)
    except OSError as error:
        raise DriverError(f"cannot run {path}: {error.strerror}", help="install the package `nftables`") from error
    except subprocess.TimeoutExpired as error:
        raise DriverError(
            f"{path} did not end within {_TIMEOUT_S} s", help="see whether another program holds the kernel's rules"
        ) from error
    if done.returncode == 0:
        return done.stdout
    raise refusal(done.stderr or f"exit code {done.returncode}")


def refusal(said: str) -> DriverError:
    """What nft printed as an error of ours."""
    words = " ".join(line.strip() for line in said.splitlines()[:2])[:_WORDS]
    if "Message too long" in said:
        return TooLong(f"nft refused: {words}", help="this is handled by sending less at once")
    return DriverError(f"nft refused: {words}", help=_help(said))


def _help(words: str) -> str:
    if "Operation not permitted" in words:
        return "rules may be set by root, or inside a user namespace; see whether this process may do either"
    if "No buffer space" in words or "Cannot allocate memory" in words:
        return "the kernel is short of memory for netlink messages; the rules from before stay, and it is tried again"
    if "No such file or directory" in words or "not supported" in words:
        return "another program may have changed the table, or the kernel lacks a part of nftables (nf_tables, nft_nat, nft_ct, nft_numgen)"
    return "the rules from before stay in place"
