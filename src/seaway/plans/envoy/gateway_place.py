"""Where policies hold at a gateway: in front of its routes, whichever pod serves them.

Routes are shared by a gateway's pods, and so is their policy. Should another policy hold for one of the pods (its own labels select it), it
has routes of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.authorization import OPEN, WorkloadPolicy
from seaway.model.index import Model
from seaway.model.names import gateway_routes
from seaway.model.route import Gateway
from seaway.model.workload import PodName


@dataclass(frozen=True, slots=True)
class GatewayPlace:
    """`suffix` is "" where the gateway's pods agree. `guarded`: they are in the mesh; outside of it, limits alone hold."""

    gateway: str
    suffix: str
    policy: WorkloadPolicy
    guarded: bool

    @property
    def slot(self) -> str:
        """See `filters/chain.py`."""
        return f"gateway/{self.gateway}{self.suffix}"

    def routes(self, table: str) -> str:
        """Name of a RouteConfiguration."""
        return gateway_routes(self.gateway, table, self.suffix)


def place_of(model: Model, gateway: Gateway, pod: PodName) -> GatewayPlace:
    """That of one of the gateway's pods."""
    policies = {name: _policy(model, gateway, name) for name in gateway.pods}
    usual = next(iter(policies.values()), OPEN)
    own = policies.get(pod, usual)
    return GatewayPlace(gateway.name, "" if own == usual else f"/{pod.name}", own, pod in model.member)


def _policy(model: Model, gateway: Gateway, pod: PodName) -> WorkloadPolicy:
    member = model.member.get(pod)
    return model.policy.get(member.policy if member is not None else gateway.policy, OPEN)


def routes_by_claims(gateway: Gateway) -> bool:
    """Whether what a token says decides where some request goes."""
    return any(route.conditions.claims for host in gateway.every_host for route in host.routes)
