"""What Envoy's access log says of one request or connection, as plain values, and the words that Envoy and its readers agree on.

Leaves to others: how a log is asked for (`plans/envoy/access_logs.py`), its messages (`drivers/flows`), and what an entry means
(`analysis/flows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from seaway.protocols.policy_log import POLICY_LOG

LIMITS, DENIED_LIMIT = "seaway.limits", "denied"
"""Where a request's metadata name the limit that refused it."""


class Reporter(Enum):
    """Whose proxy says it: the caller's, the called one's, or a gateway's; or the kernel, of packets. The value is the name of the log."""

    SOURCE = "outbound"
    DESTINATION = "inbound"
    GATEWAY = "gateway"
    KERNEL = POLICY_LOG


class Tag(Enum):
    """What an entry says beside its fields, by name. Our own metadata come as JSON objects; what is absent is left out."""

    ROUTE = "route"
    HOST = "host"
    CLUSTER = "cluster"
    CLUSTER_NAME = "cluster-name"
    LISTENER = "listener"
    CHAIN = "chain"
    CALLER = "caller"
    DETAILS = "details"
    FLAGS = "flags"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class FlowEntry:
    """One request, or one connection where `http` is false. Times in seconds (since 1970, and how long), addresses as `address:port`.

    `caller` connected to `called`; `upstream` is the endpoint that was chosen, "" for none. `details` are Envoy's own words for how it
    ended. `peer` is the caller's URI by its certificate. `denied_by` is the rule of authorization that refused, `asked_by` the one that
    had an authorizer asked. `limited_by` is the rate limit that refused.
    """

    reporter: Reporter
    http: bool
    time: float
    duration_s: float
    caller: str
    called: str
    upstream: str = ""
    protocol: str = "TCP"
    method: str = ""
    host: str = ""
    path: str = ""
    request_id: str = ""
    status: int = 0
    termination: str = ""
    handshake_failure: str = ""
    upstream_failure: str = ""
    denied_by: str = ""
    asked_by: str = ""
    limited_by: str = ""
    peer: str = ""
    server_name: str = ""
    route_name: str = ""
    received: int = 0
    sent: int = 0
    attempts: int = 0
    tags: Mapping[Tag, str] = field(default_factory=dict[Tag, str])

    @property
    def flags(self) -> tuple[str, ...]:
        """Envoy's short words for what went wrong."""
        return tuple(word for word in self.tags.get(Tag.FLAGS, "").split(",") if word not in ("", "-"))

    @property
    def details(self) -> str:
        return self.tags.get(Tag.DETAILS, "")
