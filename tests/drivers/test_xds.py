"""One suite for the ADS server and its fake: what a node is to have, what its Envoy takes and refuses, who is told.

The world that both are asked in is `xds_world.py`; a real Envoy asks the real server in `test_envoy.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from xds_world import LATE_S, NODE, SOON_S, Envoy, Run, World, full, resource

from seaway.core.errors import DriverError
from seaway.drivers.xds.nodes import Connected, Disconnected, Refusals, Settled
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, LISTENER, ROUTES
from seaway.protocols.xds_stream import Accepted, Refused, WaveDone


@pytest.fixture(params=["real", "fake"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("x")

    def go(body: Callable[[World], Coroutine[None, None, None]]) -> None:
        async def inside() -> None:
            world = World(folder, request.param == "real")
            await world.start()
            try:
                async with asyncio.timeout(30):
                    await body(world)
            finally:
                await world.stop()

        asyncio.run(inside())

    return go


def test_published_before_envoy_connects(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(envoy)
        assert await world.settled() == Settled(1)
        assert envoy.served == set(full())
        state = world.server.state(NODE)
        assert (state.connected, state.published, state.settled, state.refused) == (True, 1, 1, ())
        assert state.accepted == {(one.type_url, one.name): one.version for one in full()}

    run(body)


def test_published_after_envoy_connects(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        await world.connect(envoy)
        world.server.publish(NODE, Resources.of(full()))
        assert await world.settled() == Settled(1)
        assert envoy.served == set(full())

    run(body)


def test_only_differences_travel(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(envoy)
        await world.settled()
        envoy.heard.clear()
        world.server.publish(NODE, Resources.of(full("2")))
        assert await world.settled() == Settled(2)
        assert [(one.type_url, [item.name for item in one.resources], one.removed) for one in envoy.heard] == [(ENDPOINTS, ["web"], ())]
        world.server.publish(NODE, Resources.of(full("2")))
        assert await world.settled() == Settled(3)
        assert len(envoy.heard) == 1

    run(body)


def test_everything_goes(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(envoy)
        await world.settled()
        world.server.publish(NODE, Resources())
        assert await world.settled() == Settled(2)
        assert envoy.served == set()
        assert world.server.state(NODE).accepted == {}

    run(body)


def test_a_refusal_names_the_culprit_and_leaves_the_rest(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(envoy)
        await world.settled()
        bad, good = resource(CLUSTER, "broken", "bad"), resource(CLUSTER, "other")
        world.server.publish(NODE, Resources.of((*full("2", "2"), bad, good)))
        outcome = await world.settled()
        assert isinstance(outcome, Refusals)
        assert outcome.refused[0].suspects == (bad,)
        assert "broken: it is bad" in outcome.refused[0].message
        assert world.server.state(NODE).refused == outcome.refused
        assert full("2")[1] in envoy.served, "endpoints go on"
        assert full("1", "1")[3] in envoy.served, "routes stay at their last good"
        world.server.publish(NODE, Resources.of(full("2", "2")))
        assert await world.settled() == Settled(3)
        assert envoy.served == set(full("2", "2"))
        assert world.server.state(NODE).refused == ()

    run(body)


def test_a_standing_refusal_is_told_of_every_publish(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        bad = resource(CLUSTER, "broken", "bad")
        await world.connect(envoy)
        for serial in (1, 2):
            world.server.publish(NODE, Resources.of((*full(), bad)))
            outcome = await world.settled()
            assert isinstance(outcome, Refusals)
            assert outcome.serial == serial
        assert len([one for one in envoy.heard if bad in one.resources]) == 1

    run(body)


def test_retry_sends_what_was_refused_once_more(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        bad = resource(CLUSTER, "broken", "bad")
        world.server.publish(NODE, Resources.of((bad, *full())))
        await world.connect(envoy)
        assert isinstance(await world.settled(), Refusals)
        envoy.refuse = lambda _: None
        world.server.retry(NODE)
        assert await world.settled() == Settled(1)
        assert envoy.served == {bad, *full()}

    run(body)


@pytest.mark.parametrize("who", ["stream", "control plane"])
def test_nothing_is_sent_again_after(run: Run, who: str):
    async def body(world: World) -> None:
        envoy = Envoy()
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(envoy)
        await world.settled()
        envoy.heard.clear()
        if who == "stream":
            await world.disconnect()
        else:
            await world.restart()
            world.server.publish(NODE, Resources.of(full()))
        await world.connect(envoy)
        assert isinstance(await world.settled(), Settled)
        assert envoy.heard == []
        assert world.server.state(NODE).accepted == {(one.type_url, one.name): one.version for one in full()}

    run(body)


def test_what_changed_while_envoy_was_away(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        world.server.publish(NODE, Resources.of((*full(), resource(CLUSTER, "old"))))
        await world.connect(envoy)
        await world.settled()
        await world.disconnect()
        assert world.server.state(NODE).settled == 0
        assert world.server.state(NODE).accepted
        world.server.publish(NODE, Resources.of(full("1", "2")))
        await world.connect(envoy)
        await world.settled()
        assert envoy.served == set(full("1", "2"))

    run(body)


def test_a_new_envoy_gets_everything(run: Run):
    async def body(world: World) -> None:
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(Envoy())
        await world.settled()
        await world.disconnect()
        fresh = Envoy()
        await world.connect(fresh)
        await world.settled()
        assert fresh.served == set(full())

    run(body)


def test_a_second_stream_of_a_node_takes_over(run: Run):
    async def body(world: World) -> None:
        first, second = Envoy(), Envoy()
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(first)
        await world.settled()
        await world.connect(second)
        await world.settled()
        if world.real:
            await asyncio.wait_for(world.wires[0].ended.wait(), SOON_S)
        first.heard.clear()
        world.server.publish(NODE, Resources.of(full("2")))
        await world.settled()
        assert second.served == set(full("2"))
        assert first.heard == []
        kinds = [type(report) for _, report in world.reports if isinstance(report, (Connected, Disconnected))]
        assert kinds == [Connected, Disconnected, Connected]

    run(body)


def test_while_one_envoy_replaces_another_only_the_new_one_is_served(run: Run):
    async def body(world: World) -> None:
        old, new = Envoy(), Envoy()
        world.server.publish(NODE, Resources.of(full()))
        world.server.welcome(NODE, 1)
        await world.connect(old, f"{NODE}@1")
        assert await world.settled() == Settled(1)

        world.server.welcome(NODE, 2)
        assert not world.server.state(NODE).connected
        world.server.publish(NODE, Resources.of(full("2")))
        await world.turned_away(old, f"{NODE}@1")
        assert not world.server.state(NODE).connected
        await world.connect(new, f"{NODE}@2")
        assert await world.settled() == Settled(2)
        assert (old.served, new.served) == (set(full()), set(full("2")))

        world.server.welcome(NODE, 2)
        assert world.server.state(NODE).connected, "nothing changes for the one that is served"
        world.server.welcome(NODE, 1)
        await world.connect(old, f"{NODE}@1")
        assert await world.settled() == Settled(2)
        assert old.served == set(full("2")), "the old one may be served again"

    run(body)


def test_nodes_do_not_meet(run: Run):
    async def body(world: World) -> None:
        one, two = Envoy(), Envoy()
        await world.connect(one, "one")
        await world.connect(two, "two")
        world.server.publish("one", Resources.of(full()))
        world.server.publish("two", Resources.of(full("2")))
        await world.settled("one")
        await world.settled("two")
        assert one.served == set(full())
        assert two.served == set(full("2"))

    run(body)


def test_forgotten_nodes_lose_their_stream(run: Run):
    async def body(world: World) -> None:
        await world.connect(Envoy())
        world.server.publish(NODE, Resources.of(full()))
        await world.settled()
        waiting = asyncio.create_task(world.server.wait_settled("gone", SOON_S))
        await asyncio.sleep(0)
        world.server.forget(NODE)
        world.server.forget("gone")
        with pytest.raises(DriverError, match="taken away"):
            await waiting
        assert not world.server.state(NODE).connected
        assert world.server.published(NODE) == Resources()

    run(body)


def test_bursts_coalesce_and_the_last_state_wins(run: Run):
    async def body(world: World) -> None:
        envoy = Envoy()
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(envoy)
        await world.settled()
        envoy.heard.clear()
        for turn in range(500):
            world.server.publish(NODE, Resources.of(full(str(turn))))
        await world.settled()
        assert envoy.served == set(full("499"))
        assert {one.type_url for one in envoy.heard} == {ENDPOINTS}, "only endpoints moved"
        if world.real:
            assert len(envoy.heard) == 2

    run(body)


def test_waiting_for_an_envoy_that_is_not_there(run: Run):
    async def body(world: World) -> None:
        world.server.publish(NODE, Resources.of(full()))
        with pytest.raises(DriverError, match="has not asked for its configuration") as failure:
            await world.server.wait_settled(NODE, LATE_S)
        assert failure.value.help

    run(body)


def test_waiting_for_an_envoy_that_is_stuck(run: Run):
    async def body(world: World) -> None:
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(Envoy(), mute=True)
        with pytest.raises(DriverError, match="has not taken its configuration"):
            await world.server.wait_settled(NODE, LATE_S)

    run(body)


def test_a_node_that_nobody_knows(run: Run):
    async def body(world: World) -> None:
        assert not world.server.state("who").connected
        world.server.retry("who")
        world.server.forget("who")

    run(body)


def test_reports_come_in_order(run: Run):
    async def body(world: World) -> None:
        world.server.publish(NODE, Resources.of(full()))
        await world.connect(Envoy())
        await world.settled()
        told = [(type(report), getattr(report, "type_url", "")) for _, report in world.reports]
        assert told == [
            (Connected, ""),
            (Accepted, CLUSTER),
            (Accepted, ENDPOINTS),
            (Accepted, LISTENER),
            (Accepted, ROUTES),
            (WaveDone, ""),
        ]
        world.server.publish(NODE, Resources.of(full("1", "bad")))
        await world.settled()
        assert [type(report) for _, report in world.reports[6:]] == [Refused, WaveDone]

    run(body)
