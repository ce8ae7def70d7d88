"""Which connections pass a member's proxy, as rules inside the pod."""

from __future__ import annotations

import pytest

from seaway.model.mesh import Capture
from seaway.plans.nft.capture import capture_table, version_chain

ONLY_NEW = ["meta l4proto != tcp return", "tcp flags & (fin | syn | rst | ack) != syn return"]
START = [*ONLY_NEW, "meta mark 0x5ea2 return", "meta mark 0x5ea1 ip dscp 43 fib daddr type local return"]
TO_ITSELF = "meta mark 0x5ea1 fib daddr type local {} redirect to :15006"
PASSES = ["meta mark 0x5ea1 return", "fib daddr type local return"]
ALL_OUT, ALL_IN = "meta l4proto tcp redirect to :15001", "meta l4proto tcp redirect to :15006"
FROM_ELSEWHERE = ('iifname "lo" return', "ip dscp 43 return")


def rules(capture: Capture, chain: str) -> list[str]:
    return [rule.text for one in capture_table(capture).chains if one.name == chain for rule in one.rules]


def test_everything_by_default() -> None:
    assert rules(Capture(), "output") == [*START, TO_ITSELF.format("meta l4proto tcp"), *PASSES, ALL_OUT]
    assert rules(Capture(), "prerouting") == [*ONLY_NEW, *FROM_ELSEWHERE, ALL_IN]
    assert rules(Capture(), "wash") == ["meta mark != 0x5ea1 ip dscp 43 ip dscp set cs0"]


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        pytest.param(Capture(outbound_excluded=(25, 3306)), ["tcp dport { 25, 3306 } return", ALL_OUT], id="ports-out"),
        pytest.param(Capture(ranges_excluded=("10.0.0.0/8",)), ["ip daddr { 10.0.0.0/8 } return", ALL_OUT], id="ranges-out"),
        pytest.param(Capture(ranges=()), [], id="no-ranges"),
        pytest.param(Capture(ranges=("10.0.0.0/8",)), ["ip daddr { 10.0.0.0/8 } meta l4proto tcp redirect to :15001"], id="ranges-in"),
        pytest.param(Capture(outbound=(80,), ranges=()), ["tcp dport { 80 } redirect to :15001"], id="ports-whatever-the-range"),
        pytest.param(
            Capture(outbound=(80,), outbound_excluded=(80,)),
            ["tcp dport { 80 } return", "tcp dport { 80 } redirect to :15001", ALL_OUT],
            id="exclusions-first",
        ),
    ],
)
def test_what_leaves(capture: Capture, expected: list[str]) -> None:
    start = [*START, TO_ITSELF.format("meta l4proto tcp"), *PASSES]
    assert rules(capture, "output") == [*start, *expected]


@pytest.mark.parametrize(
    ("capture", "ports"),
    [
        pytest.param(Capture(inbound=()), "", id="none"),
        pytest.param(Capture(inbound=(80, 8080)), "tcp dport { 80, 8080 }", id="included"),
        pytest.param(Capture(inbound_excluded=(22,)), "tcp dport != { 22 }", id="excluded"),
        pytest.param(Capture(inbound=(22, 80), inbound_excluded=(22,)), "tcp dport { 80 }", id="both"),
    ],
)
def test_what_comes_in_and_what_a_pod_calls_of_itself_are_one(capture: Capture, ports: str) -> None:
    assert rules(capture, "prerouting") == [*ONLY_NEW, *FROM_ELSEWHERE, *([f"{ports} redirect to :15006"] if ports else [])]
    to_itself = [TO_ITSELF.format(ports)] if ports else []
    assert rules(capture, "output") == [*START, *to_itself, *PASSES, ALL_OUT]


def test_tables_are_told_apart_by_their_rules() -> None:
    assert version_chain(capture_table(Capture())) == version_chain(capture_table(Capture()))
    assert version_chain(capture_table(Capture())) != version_chain(capture_table(Capture(inbound=())))
