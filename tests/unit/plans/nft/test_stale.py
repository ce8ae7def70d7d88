"""Which UDP flows conntrack must forget after a change."""

from __future__ import annotations

import pytest

from seaway.plans.nft.stale import StaleFlow, stale_flows
from seaway.plans.nft.table import Element, NftMap, NftTable


def table(endpoints: dict[str, str], services: dict[str, str], sticky: dict[str, str] | None = None) -> NftTable:
    maps = {"endpoints": endpoints, "sticky": sticky or {}, "services": services}
    return NftTable(
        maps=tuple(NftMap(name, "k", "v", elements=tuple(Element(*one) for one in sorted(of.items()))) for name, of in maps.items())
    )


DNS = "10.96.0.10 . udp . 53"
TWO = table({f"{DNS} . 0": "10.0.0.1 . 53", f"{DNS} . 1": "10.0.0.2 . 53"}, {DNS: "goto pick_2"})
ONE = table({f"{DNS} . 0": "10.0.0.2 . 53"}, {DNS: "goto pick_1"})
NONE = table({}, {DNS: "goto refuse"})
TCP = table({"10.96.0.1 . tcp . 80 . 0": "10.0.0.1 . 80"}, {"10.96.0.1 . tcp . 80": "goto pick_1"})
STICKY = table({}, {DNS: "goto sticky_2_60"}, {f"{DNS} . 1": "10.0.0.1 . 53", f"{DNS} . 2": "10.0.0.2 . 53"})
GONE = StaleFlow("10.96.0.10", 53, "10.0.0.1", 53)


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        pytest.param(TWO, TWO, (), id="nothing changed"),
        pytest.param(TWO, ONE, (GONE,), id="an endpoint left, another moved up"),
        pytest.param(ONE, TWO, (), id="an endpoint came"),
        pytest.param(TWO, NONE, (GONE, GONE._replace(endpoint="10.0.0.2")), id="all left"),
        pytest.param(NONE, ONE, (StaleFlow("10.96.0.10", 53, "", 0),), id="first endpoint: flows that were refused or passed by"),
        pytest.param(NftTable(), ONE, (StaleFlow("10.96.0.10", 53, "", 0),), id="first load"),
        pytest.param(TWO, STICKY, (), id="same endpoints under affinity"),
        pytest.param(TCP, NftTable(), (), id="tcp ends by itself"),
    ],
)
def test_stale_flows(old: NftTable, new: NftTable, want: tuple[StaleFlow, ...]) -> None:
    assert stale_flows(old, new) == want
