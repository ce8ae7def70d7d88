"""What an agent is made of: the seams between following orders and doing what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seaway.drivers.dns.interface import ClusterDns
from seaway.drivers.programs.interface import Programs
from seaway.drivers.standin.interface import Standins


@dataclass(frozen=True, slots=True)
class Parts:
    """`make_dns` takes the upstreams. It is called when the first pod of the node serves DNS: other nodes load nothing of it."""

    standins: Standins
    programs: Programs
    make_dns: Callable[[tuple[str, ...]], ClusterDns]
