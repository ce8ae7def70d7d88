"""Networks for the tests of this folder. Each is `seaway up` on a private machine; afterwards `seaway down` must leave nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from network import STOREFRONT, Network, end_network, make_network

NEEDED = ("nft", "unshare", "nsenter", "ip", "dig", "curl")


def _skip_unless_possible() -> None:
    missing = [one for one in NEEDED if not shutil.which(one)]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"needs root{' and ' if missing else ''}{', '.join(missing)}")


@pytest.fixture(scope="module")
def networks() -> Iterator[Callable[..., Network]]:
    """`networks(before="")` makes a network that is not up yet; all end with the module."""
    _skip_unless_possible()
    made: list[Network] = []

    def make(before: str = "") -> Network:
        made.append(make_network(before))
        return made[-1]

    yield make
    failures: list[Exception] = []
    for network in reversed(made):
        try:
            end_network(network)
        except Exception as failure:  # the others must end all the same
            failures.append(failure)
    assert not failures, failures


@pytest.fixture(scope="module")
def storefront(networks: Callable[..., Network]) -> Network:
    """The example as it is shipped, up."""
    network = networks()
    network.up(str(STOREFRONT))
    return network
