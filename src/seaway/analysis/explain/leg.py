"""One connection to one endpoint: what the layers between a caller and the pod that it calls look at."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.analysis.explain.question import Http
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.service import Health
from seaway.model.workload import Pod
from seaway.protocols.dns_zone import DnsZone


@dataclass(frozen=True, slots=True)
class World:
    """What explanations are made from. `outside` is where the world asks from. `health` None: nothing runs, and
    who is ready is not known.
    """

    model: Model
    zone: DnsZone
    outside: str
    health: Health | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """`source` None is the world, at `source_address`; `pod` None an endpoint that is no pod of ours.

    `principal` is what the caller proves by mutual TLS, None where it speaks plaintext, and `tls` whether it wraps its bytes itself.
    `proxied`: a proxy calls in the caller's name, and answers 503 where nobody is reached. `http` None is bytes. `sni` is what the
    proxy's handshake asks for.
    """

    source: Pod | None
    source_address: str
    pod: Pod | None
    address: str
    port: int
    transport: Transport
    http: Http | None = None
    principal: str | None = None
    tls: bool = False
    proxied: bool = False
    sni: str = ""

    @property
    def itself(self) -> bool:
        return self.source is not None and self.pod is not None and self.source.id == self.pod.id

    @property
    def caller(self) -> str:
        return str(self.source.id) if self.source is not None else f"the outside ({self.source_address})"

    @property
    def called(self) -> str:
        return str(self.pod.id) if self.pod is not None else self.address

    @property
    def place(self) -> str:
        return f"{self.called} {self.port}/{self.transport.value}"

    @property
    def failure(self) -> int | None:
        """What a proxy answers where the endpoint cannot be reached."""
        return 503 if self.proxied and self.http is not None else None
