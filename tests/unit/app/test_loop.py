"""The control loop against engines in memory: in which order it acts, what it keeps when something fails, and how it finds the culprit."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from loop_world import World, backends, check_engines, codes, deployment, found, ingress, plans_from_scratch, pods, run, service, until

from seaway.app.loop import Timing, is_up
from seaway.model.workload import Pod

SHOP = {"web.yaml": deployment("web"), "web-service.yaml": service("web"), "web-ingress.yaml": ingress("web", "web.example.com")}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.manifests.update(SHOP)
    return made


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

    def test_lines_that_move_are_known_and_move_nothing_else(self, world: World) -> None:
        probe = "readinessProbe: {httpGet: {path: /, port: http}}, "

        async def act() -> None:
            world.manifests["web.yaml"] = deployment("web").replace("ports:", f"{probe}ports:")
            await world.control.settle()
            (before,) = [one for one in current_pods(world) if one.id.name.startswith("web")]
            world.notes.clear()
            world.manifests["web.yaml"] = f"# a comment\n{world.manifests['web.yaml']}"
            await world.control.change()
            (after,) = [one for one in current_pods(world) if one.id.name.startswith("web")]
            assert after.origin.line == before.origin.line + 1
            assert after.probes[0].origin.line == before.probes[0].origin.line + 1
            assert {who for who, _ in world.notes} <= {"envoy"}

        run(act())

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


def current_pods(world: World) -> tuple[Pod, ...]:
    assert world.control.loop.current is not None
    return world.control.loop.current.model.pods


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


def test_a_mistake_of_our_own_ends_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def act() -> None:
        await world.control.settle()
        before = dict(world.kernel.pods)
        read = world.snapshot

        def broken() -> Any:
            raise ZeroDivisionError("of our own")

        loop = world.control.loop
        loop._read = broken  # pyright: ignore[reportPrivateUsage]  # no manifest is known that makes the builder fail
        loop.manifests_changed()
        task = asyncio.create_task(loop.run())
        await until(lambda: "NET0407" in codes(world))
        assert world.kernel.pods == before
        loop._read = read  # pyright: ignore[reportPrivateUsage]
        await until(lambda: "NET0407" not in codes(world))
        task.cancel()

    run(act())
    assert "ZeroDivisionError: of our own" in caplog.text
