"""DNS: which address a name is to the caller, and whether it may ask at all. Records are the zone's; nothing is derived here.

A pod asks by its resolv.conf: a name with fewer dots than `ndots` first below each search domain, then as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from seaway.analysis.explain.leg import Leg
from seaway.analysis.explain.policies import explain_policies
from seaway.analysis.explain.steps import Explanation, Layer, Outcome, Step, Verdict, passes, stopped
from seaway.analysis.reach.because import Line
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.service import ServiceName, ServiceType
from seaway.model.workload import DnsServer, Pod
from seaway.protocols.dns_zone import DnsZone

_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name leads: `name` is the full one, `external` a name of the world that an alias ends at."""

    name: str
    addresses: tuple[str, ...]
    external: str = ""


@dataclass(frozen=True)
class Resolver:
    """What cluster DNS tells one pod."""

    model: Model
    zone: DnsZone
    source: Pod

    @cached_property
    def _records(self) -> dict[str, dict[str, tuple[str, ...]]]:
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for one in self.zone.records:
            found.setdefault(one.name, {})[one.type] = one.data
        return found

    def resolve(self, name: str) -> Found | None:
        """The first spelling that has an address, or an alias."""
        return next((found for full in self._spellings(name.lower()) if (found := self._lookup(full)) is not None), None)

    def _spellings(self, name: str) -> Iterator[str]:
        if name.endswith("."):
            yield name.removesuffix(".")
            return
        conf = self.source.resolv_conf
        ndots = next((int(one.removeprefix("ndots:")) for one in conf.options if one.startswith("ndots:")), 1)
        first = name.count(".") >= ndots
        if first:
            yield name
        yield from (f"{name}.{search}" for search in conf.searches)
        if not first:
            yield name

    def _lookup(self, full: str) -> Found | None:
        for host in self.source.hosts:
            if full in host[1]:
                return Found(full, (host[0],))
        below = full.removesuffix(f".{self.zone.domain}")
        if below != full:
            records = self._records.get(below, {})
            if alias := records.get("CNAME"):
                return self._alias(full, alias[0])
            return Found(full, records["A"]) if "A" in records else None
        return self._mesh(full)

    def _alias(self, full: str, to: str) -> Found:
        there = self._lookup(to.removesuffix("."))
        return Found(full, there.addresses, there.external) if there is not None else Found(full, (), to.removesuffix("."))

    def _mesh(self, full: str) -> Found | None:
        space = dict(self.zone.members).get(self.source.ip)
        wildcard = f"*.{full.partition('.')[2]}"
        for one in self.zone.mesh if space is not None else ():
            if one.name in (full, wildcard) and ("*" in one.exports or space in one.exports):
                return Found(full, one.addresses)
        return None


def explain_question_to_dns(model: Model, source: Pod) -> Explanation | None:
    """How it ends where policies keep the caller from asking cluster DNS; None where they let it."""
    servers = [pod for pod in model.pods if isinstance(pod.runs, DnsServer) and pod.id != source.id]
    if not servers or source.host_network or _asks_others(model, source):
        return None
    ends = [explain_policies(model, Leg(source, source.ip, one, one.ip, _DNS_PORT, Transport.UDP)) for one in servers]
    steps, denied = ends[0]
    if denied is None or any(end is None for _, end in ends):
        return None
    stop = next(one for one in steps if one.outcome is Outcome.STOPS)
    text = f"{source.id} may not ask cluster DNS ({servers[0].id}, 53/UDP): {stop.layer.value}, {stop.text}"
    return stopped(Verdict.DENIED, Step(Layer.DNS, Outcome.STOPS, text, stop.because), None, denied.flips)


def _asks_others(model: Model, source: Pod) -> bool:
    return model.cluster.dns_address not in source.resolv_conf.nameservers


def explain_name(resolver: Resolver, name: str) -> tuple[Step, Found | None]:
    """The step, and where it leads: to no address where the world is asked, None where nobody has the name."""
    found = resolver.resolve(name)
    if found is None:
        plain = name.removesuffix(".")
        if resolver.model.cluster.dns_upstreams and not f".{plain}".endswith(f".{resolver.zone.domain}") and "." in plain:
            return passes(Layer.DNS, f"no object of the cluster is called {name}: the world is asked"), Found(plain, (), plain)
        return Step(Layer.DNS, Outcome.STOPS, f"no object of the cluster is called {name}: there is no such name (NXDOMAIN)"), None
    lines = tuple(_lines(resolver.model, found))
    if found.external or not found.addresses:
        return passes(Layer.DNS, f"{name} is {found.name}, an alias of {found.external}", *lines), found
    first, *others = found.addresses
    several = f" and {len(others)} more" if others else ""
    return passes(Layer.DNS, f"{name} is {found.name}, {first}{several}", *lines), found


def _lines(model: Model, found: Found) -> Iterator[Line]:
    labels = found.name.removesuffix(f".{model.cluster.domain}").split(".")
    if len(labels) >= 3 and labels[-1] == "svc":
        service = model.service.get(ServiceName(labels[-2], labels[-3]))
        if service is not None:
            kind = "ExternalName" if service.type is ServiceType.EXTERNAL_NAME else "name"
            yield Line(service.owner, service.origin, kind)
    for one in model.mesh.names:
        if one.name in (found.name, f"*.{found.name.partition('.')[2]}"):
            yield Line(one.owner, one.origin, "host")
