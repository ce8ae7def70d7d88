"""Clients: whose view of the mesh is asked for. Clients that compare equal see the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.core.names import Key
from seaway.model.mesh import Member
from seaway.model.workload import GatewayProxy, Pod, PodName


@dataclass(frozen=True, slots=True)
class Client:
    """A set of like clients. `labels` hold only those that some selector in sight looks at, so that pods fall into few sets.

    `gateway` is the name of the model's gateway whose pods they are ("" in the mesh). `sidecar` is the Sidecar object that scopes them.
    `in_mesh` False is a gateway outside the mesh: plaintext to everybody, no identity.
    """

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    gateway: str = ""
    sidecar: Key | None = None
    in_mesh: bool = True


def clients_of(members: Iterable[Member], pods: Mapping[PodName, Pod]) -> dict[PodName, Client]:
    """The client that each member is. Gateways are left out: they serve what their own objects say, and call nobody by themselves."""
    return {one.pod: Client(one.pod.namespace) for one in members if not isinstance(pods[one.pod].runs, GatewayProxy)}
