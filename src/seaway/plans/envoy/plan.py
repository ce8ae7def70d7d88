"""Everything that Envoys are told, from the model alone: what is steady (`steady.py`), and the endpoints that are usable now.

Whatever is the same for several nodes is planned once, and stands in one layer for all of them. Order and bytes depend on nothing but the
arguments.
"""

from __future__ import annotations

from collections.abc import Mapping

from seaway.core.memo import Memo
from seaway.model.index import Model
from seaway.model.service import Health
from seaway.plans.envoy.endpoints.plan import Calls, plan_assignments
from seaway.plans.envoy.host_ports import plan_host_port
from seaway.plans.envoy.steady import Steady, plan_steady
from seaway.plans.envoy.view import EnvoyView
from seaway.protocols.xds_layers import Layer, Resources


def plan_envoys(
    model: Model, health: Health, views: Mapping[str, EnvoyView], memo: Memo | None = None, present: Model | None = None
) -> dict[str, Resources]:
    """The resources of every node's Envoy, by node; `views` are those of the nodes.

    Health shapes endpoints only: a pod that becomes ready or fails moves no listener, route or cluster. `present` is the model with members
    that are on their way out: they keep their listeners, while nobody is sent to them any more.
    """
    memo = memo or Memo()
    steady = memo.stage("steady", plan_steady, model, present or model, tuple(views[name] for name in sorted(views)))
    called = dict.fromkeys(one for node in steady.nodes.values() for one in (node.near, *node.calls.values()))
    endpoints = {one: _endpoints(steady, one, health, memo) for one in called}
    plans: dict[str, Resources] = {}
    for name, node in steady.nodes.items():
        host_ports = (one for way in views[name].host_ports for one in plan_host_port(model, way, health, views[name].netns_folder))
        plans[name] = Resources(
            {
                "near": endpoints[node.near],
                "host ports": memo(("host ports", name), Layer, tuple(host_ports)),
                **node.layers,
                **{f"endpoints of {group}": endpoints[one] for group, one in node.calls.items()},
            }
        )
    memo.turn()
    return plans


def _endpoints(steady: Steady, calls: Calls, health: Health, memo: Memo) -> Layer:
    """The same object as in the last run where nothing of it has changed."""
    key = (calls.name, calls.site)
    return memo(key, Layer, plan_assignments(steady.seen, calls, health, memo.part(key)))
