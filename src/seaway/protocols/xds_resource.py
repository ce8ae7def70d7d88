"""What an xDS stream carries: resources as opaque bytes, with the objects that they came from."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.core.names import Key

TYPE_PREFIX = "type.googleapis.com/"
CLUSTER = TYPE_PREFIX + "envoy.config.cluster.v3.Cluster"
ENDPOINTS = TYPE_PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER = TYPE_PREFIX + "envoy.config.listener.v3.Listener"
ROUTES = TYPE_PREFIX + "envoy.config.route.v3.RouteConfiguration"
EXTENSION = TYPE_PREFIX + "envoy.config.core.v3.TypedExtensionConfig"
SECRET = TYPE_PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"


@dataclass(frozen=True, slots=True)
class XdsResource:
    """One resource. `body` is the serialized message (deterministic), `version` its content hash.

    `owners` are the objects whose fields shaped it: the suspects, should Envoy refuse it.
    """

    type_url: str
    name: str
    version: str
    body: bytes
    owners: frozenset[Key]

    def __repr__(self) -> str:
        return f"XdsResource({self.type_url.rsplit('.', 1)[-1]} {self.name} {self.version})"
