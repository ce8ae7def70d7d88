"""What the kernel refuses, in the shape that the command line prints."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from seaway.core.errors import DriverError

HELP = "`seaway down` clears what is there; `seaway up` needs CAP_NET_ADMIN in its sandbox"


@contextmanager
def explained(what: str) -> Generator[None]:
    """The system's errors in the block become DriverErrors. An address that is none is one of them."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DriverError(f"{what}: {error}", help=HELP) from error
