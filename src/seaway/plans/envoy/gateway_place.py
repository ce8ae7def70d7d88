"""Where policies hold at a gateway: in front of its routes, whichever pod serves them.

Routes are shared by a gateway's pods, and so is their policy. Should another policy hold for one of the pods (its own labels select it), it
has routes of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.authorization import OPEN, WorkloadPolicy
from seaway.model.index import Model
from seaway.model.names import route_name
from seaway.model.route import Gateway
from seaway.model.workload import PodName


@dataclass(frozen=True, slots=True)
class GatewayPlace:
    """`suffix` is "" where the gateway's pods agree."""

    gateway: str
    suffix: str
    policy: WorkloadPolicy

    @property
    def slot(self) -> str:
        """See `filters/chain.py`."""
        return f"gateway/{self.gateway}{self.suffix}"

    def routes(self, tls: bool) -> str:
        """Name of the RouteConfiguration for plain HTTP or HTTPS."""
        return f"{route_name(self.gateway, tls)}{self.suffix}"


def place_of(model: Model, gateway: Gateway, pod: PodName) -> GatewayPlace:
    """That of one of the gateway's pods."""
    policies = {name: _policy(model, name) for name in gateway.pods}
    usual = next(iter(policies.values()), OPEN)
    own = policies.get(pod, usual)
    return GatewayPlace(gateway.name, "" if own == usual else f"/{pod.name}", own)


def _policy(model: Model, pod: PodName) -> WorkloadPolicy:
    member = model.member.get(pod)
    return model.policy.get(member.policy, OPEN) if member is not None else OPEN


def routes_by_claims(gateway: Gateway) -> bool:
    """Whether what a token says decides where some request goes."""
    return any(route.conditions.claims for host in gateway.hosts for route in host.routes)
