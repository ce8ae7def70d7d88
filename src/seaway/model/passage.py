"""How a running pod comes into the mesh, leaves it, or changes what it accepts, without a connection lost: in steps, each of which is
known to have arrived everywhere before the next is taken.

    accepts     what its own proxy takes
    announced   what callers are told, and act by
    captured    whether its traffic passes its proxy

Callers and proxy change at different moments, on different nodes, so that a port whose mode changes takes both ways in between
(PERMISSIVE). A pod that comes into the mesh is captured before anybody is told; one that leaves is captured until nobody is told any more.
What is not in the mesh accepts plaintext, as DISABLE does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from seaway.model.mesh import Inbound, InboundPort, Mtls
from seaway.model.upstream import AppProtocol


@dataclass(frozen=True, slots=True)
class Modes:
    """What is accepted: at ports of their own mode, in their order, and at all others."""

    other: Mtls
    ports: tuple[tuple[int, Mtls], ...] = ()

    def at(self, port: int) -> Mtls:
        return next((mode for number, mode in self.ports if number == port), self.other)


OUTSIDE = Modes(Mtls.DISABLE)
"""Of a pod that is not in the mesh."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a pod is on its way. `inside`: it has a proxy."""

    accepts: Modes
    announced: Modes
    captured: bool
    inside: bool


ABSENT = Standing(OUTSIDE, OUTSIDE, captured=False, inside=False)


def modes_of(inbound: Inbound | None) -> Modes:
    return _modes(inbound.other, {port.port: port.mtls for port in inbound.ports}) if inbound is not None else OUTSIDE


def arrived(wanted: Inbound | None) -> Standing:
    """The end of the way; where a pod that is new begins, since nobody knows it yet."""
    modes = modes_of(wanted)
    return Standing(modes, modes, captured=wanted is not None, inside=wanted is not None)


def next_standing(now: Standing, wanted: Inbound | None, settled: bool, listening: bool) -> Standing:
    """The next step towards what is wanted. `settled`: all Envoys hold what was published with `now`; `listening`: the pod's proxy does.

    Until it is settled, nobody is told anything else, and nothing is taken less.
    """
    end = arrived(wanted)
    both = _widened(now.announced, end.accepts)
    if not settled:
        return end if now == end else replace(now, accepts=_kept_wide(both, now.accepts), inside=now.inside or end.inside)
    if now.announced == end.announced and now.captured >= end.captured:
        return end
    if now.inside and (listening or not end.inside) and _covers(now.accepts, both):
        return Standing(both, end.announced, captured=now.captured or end.captured, inside=True)
    return Standing(both, now.announced, now.captured, inside=True)


def with_modes(inbound: Inbound, modes: Modes) -> Inbound:
    """The inbound with these modes; a port that only the modes name may speak anything."""
    named = {port.port for port in inbound.ports}
    ports = [replace(port, mtls=modes.at(port.port)) for port in inbound.ports]
    ports += [InboundPort(port, AppProtocol.DETECT, mode, inbound.other_origin) for port, mode in modes.ports if port not in named]
    return replace(inbound, ports=tuple(sorted(ports, key=lambda one: one.port)), other=modes.other)


def _modes(other: Mtls, ports: Mapping[int, Mtls]) -> Modes:
    return Modes(other, tuple((port, mode) for port, mode in sorted(ports.items()) if mode is not other))


def _widened(one: Modes, other: Modes) -> Modes:
    """What takes whatever either takes."""
    ports = {port for modes in (one, other) for port, _ in modes.ports}
    return _modes(_either(one.other, other.other), {port: _either(one.at(port), other.at(port)) for port in ports})


def _kept_wide(modes: Modes, now: Modes) -> Modes:
    """The modes, PERMISSIVE also where that is so now."""
    ports = {port for one in (modes, now) for port, _ in one.ports}
    wide = {port: Mtls.PERMISSIVE if now.at(port) is Mtls.PERMISSIVE else modes.at(port) for port in ports}
    return _modes(Mtls.PERMISSIVE if now.other is Mtls.PERMISSIVE else modes.other, wide)


def _either(one: Mtls, other: Mtls) -> Mtls:
    return one if one is other else Mtls.PERMISSIVE


def _covers(now: Modes, wanted: Modes) -> bool:
    """Whether what is accepted now is as wide as that."""
    pairs = [(now.other, wanted.other), *((now.at(port), wanted.at(port)) for modes in (now, wanted) for port, _ in modes.ports)]
    return all(one is Mtls.PERMISSIVE or one is other for one, other in pairs)
