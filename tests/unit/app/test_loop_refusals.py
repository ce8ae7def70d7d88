"""What the control loop does about objects that Envoy refuses: the culprit is found, held back and named; everything else is served."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from loop_world import World, check_engines, codes, deployment, found, ingress, plans_from_scratch, pods, run, service, until

from seaway.app.loop import Timing

SHOP = {"web.yaml": deployment("web"), "web-service.yaml": service("web"), "web-ingress.yaml": ingress("web", "web.example.com")}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.manifests.update(SHOP)
    return made


class TestRefusals:
    def test_a_refused_object_hurts_only_itself_and_heals(self, world: World) -> None:
        world.bad = {"evil"}

        async def act() -> None:
            await world.control.settle()
            for name in "abcdefgh":
                world.manifests[f"{name}.yaml"] = ingress(name, f"{name}.example.com", "web")
            world.manifests["e.yaml"] = ingress("e", "evil.example.com", "web")
            await world.control.settle()
            one = found(world, "NET0401")
            assert one.key is not None
            assert one.key.name == "e"
            assert (one.origin.file, one.origin.line > 0) == ("e.yaml", True)
            assert "evil" in one.message
            assert "nothing of it is served" in one.why
            good = {name: text for name, text in world.manifests.items() if name != "e.yaml"}
            check_engines(world, plans_from_scratch(world, good))
            before = world.control.xds.publishes
            await world.control.change()
            assert world.control.xds.publishes == before, "it is not offered again before it changes"
            world.manifests["e.yaml"] = ingress("e", "mended.example.com", "web")
            await world.control.settle()
            assert "NET0401" not in codes(world)

        run(act())
        check_engines(world, plans_from_scratch(world))

    def test_the_last_good_version_goes_on_serving(self, world: World) -> None:
        world.bad = {"evil"}

        async def act() -> None:
            before = await world.control.settle()
            world.manifests["web-ingress.yaml"] = ingress("web", "evil.example.com")
            await world.control.settle()
            assert "its last good version of it is served" in found(world, "NET0401").why
            check_engines(world, before)
            world.manifests["more.yaml"] = deployment("more")
            await world.control.settle()
            assert pods(world, "more"), "other changes go through"
            good = {**world.manifests, "web-ingress.yaml": SHOP["web-ingress.yaml"]}
            check_engines(world, plans_from_scratch(world, good))
            del world.manifests["web-ingress.yaml"]
            await world.control.settle()

        run(act())
        assert "NET0401" not in codes(world)
        check_engines(world, plans_from_scratch(world))

    def test_at_the_first_start(self, world: World) -> None:
        world.bad = {"evil"}
        world.manifests["e.yaml"] = ingress("e", "evil.example.com", "web")
        run(world.control.settle())
        good = {name: text for name, text in world.manifests.items() if name != "e.yaml"}
        check_engines(world, plans_from_scratch(world, good))

    def test_one_that_was_mended_before_the_search_is_not_blamed(self, world: World) -> None:
        """The refusal is that of an older version; the newer one must not inherit it."""
        world.bad = {"evil"}

        async def act() -> None:
            await world.control.settle()
            world.manifests["e.yaml"] = ingress("e", "evil.example.com", "web")
            world.control.loop.manifests_changed()
            await world.control.loop._load()
            await world.control.loop._publish()
            world.manifests["e.yaml"] = ingress("e", "mended.example.com", "web")
            world.control.xds.paused = True
            change = asyncio.create_task(world.control.change())
            await asyncio.sleep(0.02)
            world.control.xds.paused = False
            world.control.xds.pump()
            await change
            assert "NET0401" not in codes(world)
            await world.control.settle()

        run(act())
        assert "NET0401" not in codes(world)
        check_engines(world, plans_from_scratch(world))

    def test_an_acceptance_that_comes_late_does_not_make_a_newer_version_good(self, world: World) -> None:
        world.bad = {"evil"}

        async def act() -> None:
            await world.control.settle()
            world.control.xds.paused = True
            world.manifests["a.yaml"] = ingress("a", "a.example.com", "web")
            await world.control.change()
            world.manifests["e.yaml"] = ingress("e", "evil.example.com", "web")
            world.control.loop.manifests_changed()
            await world.control.loop._load()
            world.control.xds.paused = False
            world.control.xds.pump()
            await world.control.settle()
            one = found(world, "NET0401")
            assert one.key is not None
            assert one.key.name == "e"

        run(act())

    def test_without_a_culprit_envoy_is_asked_again(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            task = asyncio.create_task(world.control.loop.run())
            world.bad = {"web"}  # what it took before it takes no more: the reason lies outside of the objects
            world.control.xds.disconnect("node-1")
            world.envoys["node-1"].holds.clear()
            world.envoys["node-1"]._versions.clear()
            world.control.xds.connect("node-1", world.envoys["node-1"])
            await until(lambda: "NET0405" in codes(world))
            assert "node-1" in found(world, "NET0405").message
            world.bad = set()
            await until(lambda: "NET0405" not in codes(world))
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await world.control.settle()

        run(act())
        check_engines(world, plans_from_scratch(world))

    def test_an_envoy_that_goes_away_while_the_culprit_is_looked_for_accuses_nobody(self, world: World) -> None:
        world.bad = {"evil"}

        async def act() -> None:
            await world.control.settle()
            world.control.loop.timing = Timing(quiet_s=0, drain_s=0, retry_s=0.01, answer_s=0.05)
            world.manifests["e.yaml"] = ingress("e", "evil.example.com", "web")
            world.manifests["f.yaml"] = ingress("f", "f.example.com", "web")
            world.control.loop.manifests_changed()
            await world.control.loop._load()
            await world.control.loop._publish()
            publish = world.control.xds.publish

            def leave(node: str, resources: Any) -> None:
                world.control.xds.publish = publish
                world.control.xds.disconnect("node-1")
                publish(node, resources)

            world.control.xds.publish = leave
            assert not await world.control.step()
            assert "NET0401" not in codes(world)
            world.control.xds.connect("node-1", world.envoys["node-1"])
            await world.control.settle()
            one = found(world, "NET0401")
            assert one.key is not None
            assert one.key.name == "e"

        run(act())
