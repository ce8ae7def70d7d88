"""What an object may change for some clients and not for others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Concern:
    """An object that says something of hosts: of those that some of `hosts` overlap, and through them of those that it leads `to`.

    `namespaces` are those whose clients may see it otherwise than clients elsewhere do. `labels`: it looks at clients' labels.
    `imported`: a Sidecar decides whether its workloads see it.
    """

    hosts: tuple[str, ...]
    namespaces: frozenset[str] = frozenset()
    labels: bool = False
    imported: bool = False
    to: frozenset[str] = frozenset()
