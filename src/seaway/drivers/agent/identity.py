"""Identity on a node that may have none: what it takes is loaded when the first pod with an identity is ordered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from seaway.drivers.agent.messages import CertificateSet, IdentityReport, Notice, RootsHeld, TakeRoots


@dataclass(frozen=True, slots=True)
class Hearers:
    """Whom identities tell: `report` reaches the control plane, `say` people."""

    report: Callable[[IdentityReport], None]
    say: Callable[[str], None]


class Certificates(Protocol):
    """Keys and certificates of a node's identities (`identities.py`)."""

    @property
    def standing(self) -> tuple[IdentityReport, ...]: ...

    async def open(self) -> None: ...

    def follow(self, identities: tuple[str, ...]) -> None: ...

    def take(self, notice: Notice) -> None: ...

    async def close(self) -> None: ...


class NodeIdentity:
    """`make` is called with the first identity."""

    def __init__(self, make: Callable[[Hearers], Certificates], hearers: Hearers) -> None:
        self._make, self._hearers = make, hearers
        self._certificates: Certificates | None = None
        self._roots = TakeRoots("", "")

    @property
    def standing(self) -> tuple[IdentityReport, ...]:
        """What a new client hears. Where no Envoy was ever given a root, none holds another than the latest."""
        none_yet = (RootsHeld(self._roots.version), CertificateSet(()))
        return none_yet if self._certificates is None else self._certificates.standing

    async def follow(self, identities: tuple[str, ...]) -> None:
        """Raises DriverError where Envoy could not reach the certificates."""
        if self._certificates is None and identities:
            certificates = self._make(self._hearers)
            await certificates.open()
            self._certificates = certificates
            if self._roots.version:
                certificates.take(self._roots)
        if self._certificates is not None:
            self._certificates.follow(identities)

    def take(self, notice: Notice) -> None:
        if isinstance(notice, TakeRoots):
            self._roots = notice
        if self._certificates is not None:
            self._certificates.take(notice)
        elif isinstance(notice, TakeRoots):
            self._hearers.report(RootsHeld(notice.version))

    async def close(self) -> None:
        if self._certificates is not None:
            await self._certificates.close()
            self._certificates = None
