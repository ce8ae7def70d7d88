"""Everything that one node's Envoy is told, from the model alone. Order and bytes depend on nothing but the arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from seaway.core.memo import Memo
from seaway.model.authorization import FetchedKeys
from seaway.model.certificate import Certificate
from seaway.model.index import Model
from seaway.model.route import Gateway
from seaway.model.service import Health
from seaway.model.upstream import UpstreamId
from seaway.plans.envoy.host_ports import HostPort, plan_host_port
from seaway.plans.envoy.listeners import certificates, plan_gateway_listeners
from seaway.plans.envoy.mesh.plan import plan_mesh, reached, residents, rewritten, routes_of
from seaway.plans.envoy.mesh.shortcut import Shortcut, shortcut_of
from seaway.plans.envoy.routes.gateway import plan_routes
from seaway.plans.envoy.secrets import plan_certificate
from seaway.plans.envoy.site import DEBIANS_ROOTS, Site
from seaway.plans.envoy.upstreams import plan_upstream, site_of
from seaway.protocols.xds_layers import Resources
from seaway.protocols.xds_resource import XdsResource


@dataclass(frozen=True, slots=True)
class EnvoyView:
    """Whose Envoy it is. `netns_folder` is the absolute path of the folder that holds namespace files (see `model/names.py`).

    `default_certificate` is for gateways that name none of their own. `roots` is the file of the authorities that the machine believes.
    `shorter_way`: calls between members of this node pass it once where they may (see `mesh/shortcut.py`).
    `token_keys` are the key sets that token issuers' URLs gave last.
    """

    node: str
    netns_folder: str
    default_certificate: Certificate
    host_ports: tuple[HostPort, ...]
    roots: str = DEBIANS_ROOTS
    shorter_way: bool = True
    token_keys: Mapping[FetchedKeys, str] = field(default_factory=dict[FetchedKeys, str])


def plan_envoy(model: Model, health: Health, view: EnvoyView, memo: Memo | None = None, present: Model | None = None) -> Resources:
    """The resources of the node's Envoy.

    Health shapes endpoints only: a pod that becomes ready or fails moves no listener, route or cluster. `memo` is this node's own.
    `present` is the model with members that are on their way out: they keep their listeners, while nobody is sent to them any more.
    """
    memo = memo or Memo()
    resources = Resources.of(_resources(model, present or model, health, view, memo))
    memo.turn()
    return resources


def _resources(model: Model, present: Model, health: Health, view: EnvoyView, memo: Memo) -> Iterator[XdsResource]:
    people = residents(present, view.node)
    site = site_of(model, view.node, view.roots)
    changed = rewritten((*routes_of(people), *(route for gateway in model.gateways for host in gateway.hosts for route in host.routes)))

    def way(to: UpstreamId) -> tuple[Site, Shortcut | None]:
        return site, shortcut_of(model, present.upstream[to], to in changed) if view.shorter_way else None

    yield from plan_mesh(present, people, view.netns_folder, view.token_keys, memo)
    for to in sorted(reached(people, present)):
        yield from plan_upstream(model, present.upstream[to], health, way(to), memo)
    for gateway in model.gateways:
        pods = [model.pod[name] for name in gateway.pods if name in model.pod and model.pod[name].node == view.node]
        if not pods:
            continue
        default = gateway.default_certificate or view.default_certificate
        for pod in pods:
            caller = model.member[pod.id].spiffe if pod.id in model.member else ""
            yield from plan_gateway_listeners(gateway, pod, view.netns_folder, default, caller)
        for tls in (False, True) if gateway.https_ports else (False,):
            yield plan_routes(gateway, tls, memo)
        if gateway.https_ports:
            for certificate, _ in certificates(gateway, default).values():
                yield plan_certificate(certificate)
        for to in sorted(_forwarded(gateway)):
            yield from plan_upstream(model, model.upstream[to], health, way(to), memo)
    for host_port in view.host_ports:
        yield from plan_host_port(model, host_port, health, view.netns_folder)


def _forwarded(gateway: Gateway) -> set[UpstreamId]:
    """The upstreams that some route of the gateway leads to."""
    return {to for host in gateway.hosts for route in host.routes for to in route.leads_to}
