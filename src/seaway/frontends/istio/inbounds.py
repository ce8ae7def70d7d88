"""What members accept."""

from __future__ import annotations

from collections.abc import Mapping

from seaway.core.finding import Findings
from seaway.frontends.istio.settings import Settings
from seaway.model.mesh import Inbound, Member
from seaway.model.service import Service
from seaway.model.workload import PodName
from seaway.snapshot import Snapshot


def build_inbounds(
    snapshot: Snapshot, members: tuple[Member, ...], services: tuple[Service, ...], policies: Mapping[PodName, str], settings: Settings
) -> tuple[tuple[Inbound, ...], Findings]:
    """One a member, in their order. `policies` are the ids of their WorkloadPolicies."""
    del snapshot, members, services, policies, settings
    return (), ()
