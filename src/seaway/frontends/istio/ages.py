"""Which of several objects is the oldest: the one that counts where only one can."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from seaway.resources.resource import Resource


def by_age(resource: Resource[Any]) -> tuple[float, str, str]:
    """Oldest first, then by name and namespace. One without a (readable) creationTimestamp, as files have it, is newer than all others."""
    return (created(resource.meta.creation_timestamp), resource.key.name, resource.key.namespace)


def created(timestamp: str | None) -> float:
    """Seconds since the epoch."""
    try:
        when = datetime.fromisoformat(timestamp or "")
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return float("inf")
