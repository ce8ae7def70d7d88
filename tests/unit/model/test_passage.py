"""How a running pod comes into the mesh, leaves it, or changes what it accepts, step by step."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from seaway.core.origin import GENERATED
from seaway.model.mesh import Inbound, InboundPort, Mtls
from seaway.model.passage import ABSENT, Modes, Standing, arrived, modes_of, next_standing, with_modes
from seaway.model.upstream import AppProtocol
from seaway.model.workload import PodName

POD = PodName("shop", "web")
WORDS = {"S": Mtls.STRICT, "P": Mtls.PERMISSIVE, "D": Mtls.DISABLE}


def inbound(other: str, **ports: str) -> Inbound:
    """`inbound("S", p80="D")`"""
    rows = tuple(InboundPort(int(name[1:]), AppProtocol.HTTP, WORDS[mode], GENERATED) for name, mode in sorted(ports.items()))
    return Inbound(POD, rows, WORDS[other], GENERATED)


def spelt(standing: Standing) -> str:
    """What it accepts, what callers are told, `c` where it is captured, `-` where it has no proxy."""
    if not standing.inside:
        return "-"
    return f"{spelt_modes(standing.accepts)}/{spelt_modes(standing.announced)}{'c' if standing.captured else ''}"


def spelt_modes(modes: Modes) -> str:
    return modes.other.value[0] + "".join(f" {port}{mode.value[0]}" for port, mode in modes.ports)


def way(start: Standing, wanted: Inbound | None) -> list[str]:
    """All steps, each of them settled."""
    steps = [start]
    while len(steps) < 10:
        steps.append(next_standing(steps[-1], wanted, settled=True, listening=True))
        if steps[-1] == steps[-2]:
            return [spelt(one) for one in steps[:-1]]
    raise AssertionError(steps)


@pytest.mark.parametrize(
    ("start", "wanted", "steps"),
    [
        pytest.param(None, inbound("S"), ["-", "P/D", "P/Sc", "S/Sc"], id="comes in strict"),
        pytest.param(None, inbound("P"), ["-", "P/D", "P/Pc"], id="comes in permissive"),
        pytest.param(None, inbound("D"), ["-", "D/D", "D/Dc"], id="comes in disabled"),
        pytest.param(inbound("S"), None, ["S/Sc", "P/Sc", "P/Dc", "-"], id="leaves strict"),
        pytest.param(inbound("P"), None, ["P/Pc", "P/Dc", "-"], id="leaves permissive"),
        pytest.param(inbound("D"), None, ["D/Dc", "-"], id="leaves disabled"),
        pytest.param(inbound("S"), inbound("D"), ["S/Sc", "P/Sc", "P/Dc", "D/Dc"], id="opens"),
        pytest.param(inbound("D"), inbound("S"), ["D/Dc", "P/Dc", "P/Sc", "S/Sc"], id="closes"),
        pytest.param(inbound("P"), inbound("S"), ["P/Pc", "P/Sc", "S/Sc"], id="from both to one"),
        pytest.param(inbound("S"), inbound("P"), ["S/Sc", "P/Sc", "P/Pc"], id="from one to both"),
        pytest.param(inbound("S", p80="D"), inbound("S"), ["S 80D/S 80Dc", "S 80P/S 80Dc", "S 80P/Sc", "S/Sc"], id="one port"),
        pytest.param(inbound("S"), inbound("S"), ["S/Sc"], id="nothing"),
    ],
)
def test_steps(start: Inbound | None, wanted: Inbound | None, steps: list[str]) -> None:
    assert way(arrived(start), wanted) == steps


def takes(accepts: Mtls, announced: Mtls) -> bool:
    """Whether a caller that acts by what it was told gets in. One that is told PERMISSIVE speaks mutual TLS."""
    return accepts is Mtls.PERMISSIVE or (accepts is Mtls.DISABLE) == (announced is Mtls.DISABLE)


@pytest.mark.parametrize(("start", "wanted"), product([None, *"SPD"], repeat=2))
def test_no_caller_is_turned_away_on_the_way(start: str | None, wanted: str | None) -> None:
    """Callers act by this step's word or by the last one's, on a proxy that is at this step or at the last."""
    end = inbound(wanted) if wanted else None
    steps = [arrived(inbound(start) if start else None)]
    for _ in range(6):
        steps.append(next_standing(steps[-1], end, settled=True, listening=True))
    assert steps[-1] == arrived(end)
    for before, after in pairwise(steps):
        for proxy, word in product((before, after), repeat=2):
            captured = before.captured or after.captured
            assert takes(proxy.accepts.other if captured else Mtls.DISABLE, word.announced.other), (spelt(before), spelt(after))


class TestWaiting:
    def test_nothing_further_happens_before_it_is_settled(self) -> None:
        first = next_standing(ABSENT, inbound("S"), settled=True, listening=False)
        assert spelt(next_standing(first, inbound("S"), settled=False, listening=True)) == "P/D"
        told = next_standing(first, inbound("S"), settled=True, listening=True)
        assert spelt(next_standing(told, inbound("S"), settled=False, listening=True)) == "P/Sc"

    def test_nobody_is_captured_before_its_proxy_listens(self) -> None:
        first = next_standing(ABSENT, inbound("S"), settled=True, listening=False)
        assert spelt(next_standing(first, inbound("S"), settled=True, listening=False)) == "P/D"

    def test_another_wish_on_the_way_never_narrows(self) -> None:
        first = next_standing(arrived(inbound("S")), inbound("D"), settled=True, listening=True)
        assert spelt(first) == "P/Sc"
        assert spelt(next_standing(first, inbound("S"), settled=False, listening=True)) == "P/Sc"
        assert spelt(next_standing(first, inbound("S"), settled=True, listening=True)) == "S/Sc"

    def test_who_turns_back_is_out_again(self) -> None:
        first = next_standing(ABSENT, inbound("S"), settled=True, listening=True)
        assert spelt(next_standing(first, None, settled=True, listening=True)) == "-"


class TestModes:
    def test_ports_that_are_like_all_others_are_not_named(self) -> None:
        assert modes_of(inbound("S", p80="S", p81="P")) == Modes(Mtls.STRICT, ((81, Mtls.PERMISSIVE),))
        assert modes_of(None).at(80) is Mtls.DISABLE

    def test_an_inbound_takes_them_on(self) -> None:
        made = with_modes(inbound("S", p80="S"), Modes(Mtls.PERMISSIVE, ((81, Mtls.DISABLE),)))
        assert [(one.port, one.mtls.value) for one in made.ports] == [(80, "PERMISSIVE"), (81, "DISABLE")]
        assert made.other is Mtls.PERMISSIVE
