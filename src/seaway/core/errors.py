"""The world failed: a file, a stream, the kernel. What a user wrote wrong is a `Finding`, never one of these."""

from __future__ import annotations


class SeawayError(Exception):
    """Base of the errors that the command line prints as one message. `help` says how to mend it."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class SourceError(SeawayError):
    """Manifests could not be read at all (no such path, no permission, kustomize failed)."""


class DriverError(SeawayError):
    """An engine refused or is missing: nft, netlink, Envoy, a socket."""


class UsageError(SeawayError):
    """The command line asks for something that cannot be: exit code 2."""
