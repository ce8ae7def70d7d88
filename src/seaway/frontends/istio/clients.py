"""Clients: whose view of the mesh is asked for. Clients that compare equal see the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from seaway.core.names import Key
from seaway.frontends.istio.sidecars import Egress, Sidecars
from seaway.model.mesh import Member
from seaway.model.workload import GatewayProxy, Pod, PodName


@dataclass(frozen=True, slots=True)
class Client:
    """A set of like clients. `labels` hold only those that some selector in sight looks at, so that pods fall into few sets.

    `gateway` is the name of the model's gateway whose pods they are ("" in the mesh). `sidecar` is the Sidecar object that scopes them,
    `egress` what it lets them see (nothing said: all). `in_mesh` False is a gateway outside the mesh: plaintext to everybody, no identity.
    """

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    gateway: str = ""
    sidecar: Key | None = None
    in_mesh: bool = True
    egress: tuple[Egress, ...] = ()

    def imports(self, namespace: str, host: str) -> bool:
        """Whether a Sidecar lets them see what is said of this host (a wildcard too) by an object in this namespace."""
        return not self.egress or any(one.imports(namespace, host) for one in self.egress)


def clients_of(
    members: Iterable[Member], pods: Mapping[PodName, Pod], sidecars: Sidecars, label_keys: Collection[str]
) -> dict[PodName, Client]:
    """The client that each member is. Gateways are left out: they serve what their own objects say, and call nobody by themselves.

    `label_keys` are the labels that somebody looks at.
    """
    clients: dict[PodName, Client] = {}
    for member in members:
        pod = pods[member.pod]
        if isinstance(pod.runs, GatewayProxy):
            continue
        labels = tuple(one for one in pod.labels if one[0] in label_keys)
        sidecar = sidecars.of(pod)
        clients[pod.id] = Client(
            pod.id.namespace, labels, sidecar=sidecar.key if sidecar else None, egress=sidecar.egress if sidecar else ()
        )
    return clients
