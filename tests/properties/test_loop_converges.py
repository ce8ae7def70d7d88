"""Whatever happens in whatever order, in the end every engine holds what the last manifests ask for, as if nothing else had ever been."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from loop_world import World, check_engines, deployment, ingress, plans_from_scratch, service

NAMES = tuple("abcdefghij")
"""Each may have a workload, a Service and an Ingress: 30 objects."""

EVIL = "evil"


class LoopMachine(RuleBasedStateMachine):
    """Edits are seen by the loop when a pass comes; a pass may find an engine that fails, an Envoy that is gone, pods that are not ready."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="seaway-loop-"))
        self.runner = asyncio.Runner()
        self.live: dict[str, str] = {}
        self.do(self._start())

    async def _start(self) -> None:
        self.world = World(self.folder, nodes=2)
        self.world.bad = {EVIL}
        self.world.control.connect()

    def do(self, work: Any) -> Any:
        return self.runner.run(asyncio.wait_for(work, 60))

    def edit(self, kind: str, name: str, text: str) -> None:
        self.world.manifests[f"{kind}-{name}.yaml"] = text
        self.world.control.loop.manifests_changed()

    @rule(name=st.sampled_from(NAMES), version=st.sampled_from("123"), replicas=st.integers(0, 3), in_place=st.booleans())
    def edit_workload(self, name: str, version: str, replicas: int, in_place: bool) -> None:
        self.edit("workload", name, deployment(name, version, replicas, "StatefulSet" if in_place else "Deployment"))

    @rule(name=st.sampled_from(NAMES), port=st.sampled_from((80, 81)), kind=st.sampled_from(("ClusterIP", "NodePort", "LoadBalancer")))
    def edit_service(self, name: str, port: int, kind: str) -> None:
        self.edit("service", name, service(name, port, kind))

    @rule(name=st.sampled_from(NAMES), word=st.sampled_from(("one", "two", EVIL)), backend=st.sampled_from(NAMES))
    def edit_ingress(self, name: str, word: str, backend: str) -> None:
        self.edit("ingress", name, ingress(name, f"{word}-{name}.example.com", backend))

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.world.manifests:
            del self.world.manifests[data.draw(st.sampled_from(sorted(self.world.manifests)))]
            self.world.control.loop.manifests_changed()

    @rule(data=st.data())
    def break_pods(self, data: st.DataObject) -> None:
        names = sorted(name.replace("_", "/") for name in self.world.kernel.pods)
        self.do(self._break(data.draw(st.sets(st.sampled_from(names))) if names else ()))

    async def _break(self, names: Any) -> None:
        self.world.break_pods(*names)

    @rule(part=st.sampled_from(("network", "nft", "agent", "source")), node=st.sampled_from(("node-1", "node-2")))
    def fail(self, part: str, node: str) -> None:
        match part:
            case "network":
                self.world.control.network.refusal = "no"
            case "nft":
                self.world.tables[node].fails = "no"
            case "agent":
                self.world.links[node].fails = "no"
            case _:
                self.world.unreadable = "no"

    @rule()
    def mend(self) -> None:
        self.world.control.network.refusal = self.world.unreadable = ""
        for engine in (*self.world.tables.values(), *self.world.links.values()):
            engine.fails = ""

    @rule()
    def restart(self) -> None:
        self.do(self._restart())

    async def _restart(self) -> None:
        self.world.restart()
        self.world.control.connect()
        self.world.control.loop.pods_changed()

    @rule(node=st.sampled_from(("node-1", "node-2")))
    def reconnect_envoy(self, node: str) -> None:
        self.do(self._reconnect(node))

    async def _reconnect(self, node: str) -> None:
        self.world.control.xds.disconnect(node)
        self.world.control.xds.connect(node, self.world.envoys[node])

    @rule()
    def one_pass(self) -> None:
        if self.do(self.world.control.step()):
            self.live = dict(self.world.manifests)

    @rule()
    def take_back(self) -> None:
        """To what was live last: what a pass in between has begun must be undone."""
        self.world.manifests = dict(self.live)
        self.world.control.loop.manifests_changed()

    @rule()
    def rest(self) -> None:
        """Passes until all is quiet, where nothing fails: what is good must then be served, whatever is bad."""
        self.mend()
        self.do(self.world.control.settle())
        self.check_good_ingresses()

    def check_good_ingresses(self) -> None:
        bodies = [one.body for envoy in self.world.envoys.values() for one in envoy.holds.values()]
        for name in NAMES:
            text = self.world.manifests.get(f"ingress-{name}.yaml", "")
            host = next((line.split()[-1] for line in text.splitlines() if "host:" in line), None)
            if host is not None and EVIL not in host:
                assert any(host.encode() in body for body in bodies), host
        assert not any(EVIL.encode() in body for body in bodies)

    def teardown(self) -> None:
        try:
            self.rest()
            for name, text in self.world.manifests.items():
                self.world.manifests[name] = text.replace(EVIL, "mended")
            self.do(self._break(()))
            plans = self.do(self.world.control.settle())
            assert plans == plans_from_scratch(self.world)
            check_engines(self.world, plans)
            trouble = [one for one in self.world.control.loop.findings if one.code.id.startswith("NET04")]
            assert trouble == []
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)


QUICK = settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_the_loop_converges() -> None:
    run_state_machine_as_test(LoopMachine, settings=QUICK)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_loop_converges_after_long_histories() -> None:
    run_state_machine_as_test(LoopMachine, settings=settings(QUICK, max_examples=200, stateful_step_count=60))
