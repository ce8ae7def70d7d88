"""What an agent is made of: the seams between following orders and doing what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seaway.drivers.agent.identity import Certificates, Hearers
from seaway.drivers.dns.interface import ClusterDns
from seaway.drivers.programs.interface import Programs
from seaway.drivers.standin.interface import Standins


@dataclass(frozen=True, slots=True)
class Parts:
    """`make_dns` takes the upstreams; it is called when the first pod of the node serves DNS, and `make_certificates` when the first has an
    identity: other nodes load nothing of them."""

    standins: Standins
    programs: Programs
    make_dns: Callable[[tuple[str, ...]], ClusterDns]
    make_certificates: Callable[[Hearers], Certificates]
