"""The product in one screen: what manifests mean (`frontends.build`), and what every engine should hold. Pure: no I/O, no clock.

`seaway check` needs the first step only (`frontends.build.build_model`) and never imports this module, nor with it the engines' protocols.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.core.memo import Memo
from seaway.model.index import Model
from seaway.model.service import Health
from seaway.model.workload import PodName
from seaway.plans.dns.plan import plan_dns
from seaway.plans.envoy.plan import plan_envoys
from seaway.plans.envoy.view import EnvoyView
from seaway.plans.network.plan import NetworkPlan, plan_network
from seaway.plans.nft.capture import plan_captures
from seaway.plans.nft.plan import NftView, plan_nft
from seaway.plans.nft.policy import plan_policies
from seaway.plans.nft.table import NftTable
from seaway.plans.node.plan import NodeOrders, plan_node
from seaway.protocols.dns_zone import DnsZone
from seaway.protocols.xds_layers import Resources


@dataclass(frozen=True, slots=True)
class NodePlans:
    """What one node's engines should hold."""

    orders: NodeOrders
    nft: NftTable
    envoy: Resources


@dataclass(frozen=True, slots=True)
class Plans:
    """What all engines should hold. `nodes` is keyed by node name; `captures` are the tables inside pods, by namespace file."""

    network: NetworkPlan
    captures: tuple[tuple[str, NftTable | None], ...]
    dns: DnsZone
    nodes: Mapping[str, NodePlans]


@dataclass(frozen=True, slots=True)
class Presence:
    """The same model with what is on its way out: pods that still run, unused, and proxies of pods that have left the mesh.

    `captured` are the pods whose traffic passes their proxy by now; of those that are `released`, only connections that did before do.
    """

    model: Model
    captured: frozenset[PodName]
    released: frozenset[PodName] = frozenset()


def plan_all(model: Model, presence: Presence, health: Health, views: Mapping[str, EnvoyView], memo: Memo | None = None) -> Plans:
    """Every plane's plan of one model.

    `views` says, per node, what its Envoy sees of the machine. With the `memo` of the last call only what has changed is planned.
    """
    memo = memo or Memo()
    present = presence.model
    policies = plan_policies(present, memo.part("policies"))
    envoys = plan_envoys(model, health, views, memo.part("envoy"), present)
    tables = memo.part("tables")
    nodes = {
        node.name: NodePlans(
            orders=plan_node(present, node.name, memo.part(("node", node.name))),
            nft=plan_nft(model, health, node.name, tables, NftView(presence.captured, policies)),
            envoy=envoys[node.name],
        )
        for node in model.cluster.nodes
    }
    tables.turn()
    plans = Plans(
        memo("network", plan_network, present),
        memo("captures", plan_captures, present, presence.captured, presence.released),
        plan_dns(model, health, memo.part("dns")),
        nodes,
    )
    memo.turn()
    return plans
