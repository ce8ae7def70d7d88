"""The control loop against engines in memory: in which order it acts, what it keeps when something fails, and how it finds the culprit."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from loop_world import World, check_engines, deployment, ingress, plans_from_scratch, service

from seaway.app.loop import Timing, is_up
from seaway.core.finding import Finding

SHOP = {"web.yaml": deployment("web"), "web-service.yaml": service("web"), "web-ingress.yaml": ingress("web", "web.example.com")}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.manifests.update(SHOP)
    return made


def run(work: Awaitable[Any]) -> Any:
    async def within() -> Any:
        return await asyncio.wait_for(work, 60)

    return asyncio.run(within())


def pods(world: World, prefix: str) -> list[str]:
    return sorted(name for name in world.kernel.pods if name.startswith(f"default_{prefix}"))


def codes(world: World) -> list[str]:
    return [one.code.id for one in world.control.loop.findings]


def found(world: World, code: str) -> Finding:
    (one,) = [one for one in world.control.loop.findings if one.code.id == code]
    return one


def backends(world: World, name: str = "web") -> list[str]:
    """Names of the pods that the kernel sends the service's clients to."""
    current = world.control.loop.current
    assert current is not None
    held = world.tables["node-1"].held
    assert held is not None
    (service,) = [one for one in current.model.services if one.id.name == name]
    texts = [f"{element.key} {element.value}" for one in held.maps for element in one.elements if service.cluster_ip in element.key]
    return sorted(pod.id.name for pod in current.model.pods if any(pod.ip in text.split() for text in texts))


class TestOrder:
    def test_at_start_pods_exist_before_orders_rules_and_envoy_name_them(self, world: World) -> None:
        run(world.control.settle())
        steps = [f"{who} {what.split()[0]}" for who, what in world.notes]
        last_made = max(at for at, step in enumerate(steps) if step == "network make")
        assert last_made < min(steps.index("agent orders"), steps.index("nft rules"), steps.index("envoy Cluster"))
        check_engines(world, plans_from_scratch(world))
        assert is_up(world.control.loop)

    def test_nothing_changes_while_nothing_is_changed(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            world.notes.clear()
            for _ in range(3):
                assert await world.control.change()

        run(act())
        assert world.notes == []

    def test_traffic_leaves_a_pod_before_the_pod_goes(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            world.control.loop.timing = Timing(quiet_s=0, drain_s=30)
            world.notes.clear()
            del world.manifests["web.yaml"]
            await world.control.change()
            assert backends(world) == []
            assert {who for who, _ in world.notes} == {"nft", "envoy", "agent"}, "DNS goes with the agent's orders"
            assert len(pods(world, "web")) == len(ordered_pods(world)) == 1
            world.control.loop.timing = Timing(quiet_s=0, drain_s=0)

        run(act())

    def test_a_departing_pod_goes_when_its_time_is_over(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            world.control.loop.timing = Timing(quiet_s=0, drain_s=0.05, spacing_s=0)
            del world.manifests["web.yaml"]
            task = asyncio.create_task(world.control.loop.run())
            world.control.loop.manifests_changed()
            while pods(world, "web"):
                await asyncio.sleep(0.005)
            task.cancel()

        run(act())
        names = [what for who, what in world.notes if who == "network"]
        assert names[-1].startswith("remove default/web-")

    def test_a_departing_pod_that_is_wanted_again_is_the_same_as_before(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            before = dict(world.kernel.pods)
            world.control.loop.timing = Timing(quiet_s=0, drain_s=30)
            web = world.manifests.pop("web.yaml")
            await world.control.change()
            world.notes.clear()
            world.manifests["web.yaml"] = web
            await world.control.change()
            assert world.kernel.pods == before
            assert not [what for who, what in world.notes if who == "network"]

        run(act())


class TestRollingChange:
    def test_old_pods_serve_until_all_new_ones_are_ready(self, world: World) -> None:
        async def act() -> None:
            world.manifests["web.yaml"] = deployment("web", "1", replicas=2)
            await world.control.settle()
            old = backends(world)
            assert len(old) == 2
            world.manifests["web.yaml"] = deployment("web", "2", replicas=2)
            new = planned(world)
            assert not set(new) & set(old)
            world.break_pods(*(f"default/{name}" for name in new))
            await world.control.change()
            assert [name.removeprefix("default_") for name in pods(world, "web")] == sorted([*old, *new])
            for _ in range(3):  # passes for other reasons change nothing about it
                await world.control.change()
                assert backends(world) == old
            world.break_pods(f"default/{new[1]}")
            await world.control.change()
            assert backends(world) == sorted([*old, new[0]])
            world.break_pods()
            await world.control.settle()
            assert backends(world) == new
            assert [name.removeprefix("default_") for name in pods(world, "web")] == new

        run(act())
        check_engines(world, plans_from_scratch(world))

    def test_a_change_back_returns_to_the_old_pods(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            old, first = backends(world), world.manifests["web.yaml"]
            world.manifests["web.yaml"] = deployment("web", "broken")
            world.break_pods(*(f"default/{name}" for name in planned(world)))
            await world.control.change()
            await world.control.change()
            assert backends(world) == old
            world.manifests["web.yaml"] = first
            await world.control.settle()
            assert backends(world) == old
            assert len(pods(world, "web")) == 1

        run(act())

    def test_a_statefulset_is_replaced_in_place(self, world: World) -> None:
        async def act() -> None:
            world.manifests["web.yaml"] = deployment("web", "1", replicas=2, kind="StatefulSet")
            await world.control.settle()
            before = dict(world.kernel.pods)
            world.notes.clear()
            world.manifests["web.yaml"] = deployment("web", "2", replicas=2, kind="StatefulSet")
            await world.control.change()
            assert world.kernel.pods == before
            assert ("agent", "orders") in world.notes
            assert backends(world) == ["web-0", "web-1"]
            world.break_pods("default/web-0")
            world.manifests["web.yaml"] = deployment("web", "2", replicas=1, kind="StatefulSet")
            await world.control.settle()
            assert pods(world, "web") == ["default_web-0"], "a pod that is not ready keeps no others alive"

        run(act())

    def test_pods_in_the_hosts_network_do_not_stand_in_each_others_way(self, world: World) -> None:
        async def act() -> None:
            world.manifests["web.yaml"] = deployment("web", "1").replace("spec: {containers", "spec: {hostNetwork: true, containers")
            await world.control.settle()
            old = ordered_pods(world)
            world.manifests["web.yaml"] = deployment("web", "2").replace("spec: {containers", "spec: {hostNetwork: true, containers")
            world.break_pods(*(f"default/{name}" for name in planned(world)))
            await world.control.change()
            assert ordered_pods(world) == planned(world) != old

        run(act())


def ordered_pods(world: World) -> list[str]:
    orders = world.links["node-1"].orders
    assert orders is not None
    return [pod.name for pod in orders.node.pods if pod.name.startswith("web")]


def planned(world: World, prefix: str = "web") -> list[str]:
    """Names of the pods that the manifests, as they are now, ask for."""
    return sorted(pod.name for pod in plans_from_scratch(world).nodes["node-1"].orders.pods if pod.name.startswith(prefix))


class TestFailures:
    @pytest.mark.parametrize(
        ("fail", "mend"),
        [
            pytest.param(
                lambda w: setattr(w.control.network, "refusal", "no more links"),
                lambda w: setattr(w.control.network, "refusal", ""),
                id="network",
            ),
            pytest.param(
                lambda w: setattr(w.tables["node-1"], "fails", "no nft"), lambda w: setattr(w.tables["node-1"], "fails", ""), id="nft"
            ),
            pytest.param(
                lambda w: setattr(w.links["node-1"], "fails", "no agent"), lambda w: setattr(w.links["node-1"], "fails", ""), id="agent"
            ),
            pytest.param(lambda w: setattr(w, "unreadable", "no such folder"), lambda w: setattr(w, "unreadable", ""), id="source"),
            pytest.param(lambda w: (w.folder / ".leases.json.new").mkdir(), lambda w: (w.folder / ".leases.json.new").rmdir(), id="leases"),
        ],
    )
    def test_a_failure_is_a_finding_and_is_tried_again(
        self, world: World, fail: Callable[[World], None], mend: Callable[[World], None]
    ) -> None:
        async def act() -> None:
            await world.control.settle()
            held, current = dict(world.kernel.pods), world.control.loop.current
            task = asyncio.create_task(world.control.loop.run())
            fail(world)
            world.manifests["more.yaml"] = deployment("more")
            world.control.loop.manifests_changed()
            await until(lambda: "NET0402" in codes(world))
            one = found(world, "NET0402")
            assert one.message
            assert one.help
            assert world.control.loop.current is current
            assert held.items() <= world.kernel.pods.items(), "what was good stays"
            mend(world)
            await until(lambda: "NET0402" not in codes(world) and pods(world, "more"))
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await world.control.settle()

        run(act())
        check_engines(world, plans_from_scratch(world))

    @pytest.mark.parametrize("part", ["nft", "agent"])
    def test_a_change_that_broke_off_leaves_nothing_when_it_is_taken_back(self, world: World, part: str) -> None:
        async def act() -> None:
            await world.control.settle()
            engine = world.tables["node-1"] if part == "nft" else world.links["node-1"]
            engine.fails = "no"
            world.manifests["more.yaml"] = deployment("more")
            assert not await world.control.change()
            assert pods(world, "more")
            engine.fails = ""
            del world.manifests["more.yaml"]
            assert await world.control.change()
            await world.control.settle()
            assert not pods(world, "more")

        run(act())
        check_engines(world, plans_from_scratch(world))

    def test_one_failing_node_does_not_leave_another_behind(self, tmp_path: Path) -> None:
        world = World(tmp_path, nodes=2)
        world.manifests["web.yaml"] = deployment("web", replicas=4)

        async def act() -> None:
            await world.control.settle()
            world.links["node-1"].fails = "gone"
            world.manifests["web.yaml"] = deployment("web", replicas=6)
            assert not await world.control.change()
            orders = world.links["node-2"].orders
            assert orders is not None
            assert sum(pod.name.startswith("web") for pod in orders.node.pods) == 3
            world.links["node-1"].fails = ""
            await world.control.settle()

        run(act())
        check_engines(world, plans_from_scratch(world))

    def test_orders_that_an_agent_cannot_follow_are_a_failure(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            path = world.folder / "node-1" / "orders.json"
            link = world.links["node-1"]
            follow = link.follow

            async def spoilt(version: str, timeout_s: float = 15.0) -> Any:
                path.write_text("{")
                return await follow(version, timeout_s)

            link.follow = spoilt
            world.manifests["more.yaml"] = deployment("more")
            assert not await world.control.change()
            link.follow = follow
            await world.control.settle()

        run(act())
        check_engines(world, plans_from_scratch(world))

    def test_what_changes_while_manifests_are_read_is_read_too(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            read = world.snapshot

            def slow() -> Any:
                snapshot = read()
                world.manifests["more.yaml"] = deployment("more")
                world.control.loop.manifests_changed()
                world.control.loop._read = read
                return snapshot

            world.control.loop._read = slow
            await world.control.change()
            await world.control.step()
            assert pods(world, "more")

        run(act())


async def until(true: Callable[[], Any]) -> None:
    while not true():
        await asyncio.sleep(0.002)


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


class TestHealth:
    def test_a_pod_that_flaps_is_taken_together(self, world: World) -> None:
        """10,000 changes: passes keep their distance, endpoints alone travel, and the last state wins."""

        async def act() -> tuple[int, float]:
            await world.control.settle()
            world.control.loop.timing = Timing()
            before, began = world.control.xds.publishes, time.monotonic()
            world.notes.clear()
            task = asyncio.create_task(world.control.loop.run())
            name = f"default/{backends(world)[0]}"
            for turn in range(10_000):
                world.break_pods(*([name] if turn % 2 == 0 else []))
                if turn % 50 == 0:
                    await asyncio.sleep(0)
            world.break_pods(name)
            while world.control.loop._wake.is_set() or backends(world):
                await asyncio.sleep(0.01)
            took = time.monotonic() - began
            task.cancel()
            return world.control.xds.publishes - before, took

        publishes, took = run(act())
        timing = Timing()
        assert publishes <= timing.at_once + 1 + took / timing.spacing_s
        assert {what for who, what in world.notes if who == "envoy"} <= {"ClusterLoadAssignment"}
        assert {who for who, _ in world.notes} <= {"envoy", "nft"}

    def test_an_unready_pod_is_not_up(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            assert is_up(world.control.loop)
            world.break_pods(f"default/{backends(world)[0]}")
            await world.control.step()
            assert not is_up(world.control.loop)
            assert backends(world) == []

        run(act())


class TestRestart:
    def test_nothing_moves_when_nothing_has_changed(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            world.restart()
            world.notes.clear()
            await world.control.settle()

        run(act())
        assert [(who, what) for who, what in world.notes if who in ("network", "nft")] == []
        check_engines(world, plans_from_scratch(world))

    def test_what_was_deleted_meanwhile_goes(self, world: World) -> None:
        async def act() -> None:
            world.manifests["more.yaml"] = deployment("more", replicas=3)
            world.manifests["more-service.yaml"] = service("more", kind="LoadBalancer")
            await world.control.settle()
            assert len(pods(world, "more")) == 3
            world.control.end()
            del world.manifests["more.yaml"], world.manifests["more-service.yaml"]
            world.restart()
            await world.control.settle()

        run(act())
        assert pods(world, "more") == []
        check_engines(world, plans_from_scratch(world))

    def test_addresses_stay(self, world: World) -> None:
        async def act() -> None:
            await world.control.settle()
            before = dict(world.kernel.pods)
            world.manifests["aaa.yaml"] = deployment("aaa", replicas=5)
            world.restart()
            await world.control.settle()
            assert before.items() <= world.kernel.pods.items()

        run(act())


def test_leases_that_cannot_be_written_are_named(world: World) -> None:
    async def act() -> None:
        (world.folder / ".leases.json.new").mkdir()
        task = asyncio.create_task(world.control.loop.run())
        await until(lambda: "NET0402" in codes(world))
        task.cancel()

    run(act())
    assert os.fspath(world.folder / "leases.json") in found(world, "NET0402").message
