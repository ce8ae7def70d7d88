"""Upstreams for every client: which rule it sees, and what that makes of a host's port and subset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.clients import Client
from seaway.frontends.istio.concerns import Concern
from seaway.frontends.istio.destination_rules.blocks import NOTHING, Blocks, Tls
from seaway.frontends.istio.destination_rules.callers import ORIGINATING, all_tls, compared_labels, names_files, own_labels, with_labels
from seaway.frontends.istio.destination_rules.checks import check_hosts, check_shared_hosts, check_subsets, check_upstream
from seaway.frontends.istio.destination_rules.credentials import Unusable
from seaway.frontends.istio.destination_rules.defaults import Defaults
from seaway.frontends.istio.destination_rules.distribution import traffic_distribution
from seaway.frontends.istio.destination_rules.layers import effective
from seaway.frontends.istio.destination_rules.merging import Merged
from seaway.frontends.istio.destination_rules.mesh_defaults import read_defaults
from seaway.frontends.istio.destination_rules.protection import originated, protect
from seaway.frontends.istio.destination_rules.rules import Rule, read_rule
from seaway.frontends.istio.destination_rules.selection import Rules, shelve
from seaway.frontends.istio.destination_rules.subsets import only
from seaway.frontends.istio.destination_rules.treatments import treat
from seaway.frontends.istio.destination_rules.variants import NO_RULE, USUAL, Variant, parse_variant
from seaway.frontends.istio.exports import EVERYBODY
from seaway.frontends.istio.registry import Host, HostPort, Registry
from seaway.frontends.istio.settings import Settings
from seaway.model.service import Service
from seaway.model.upstream import (
    OUTSIDE_MESH,
    AppProtocol,
    ConsistentHash,
    Endpoints,
    Fixed,
    HashBy,
    Passthrough,
    Plain,
    Protection,
    Upstream,
    UpstreamId,
)
from seaway.model.workload import Pod, PodName
from seaway.resources.istio.destination_rule import DestinationRule
from seaway.snapshot import Snapshot

NO_ENDPOINTS = Fixed(())


@dataclass(frozen=True, slots=True)
class DestinationRules:
    """Look-ups by client and by upstream. `by_name` holds every merged rule."""

    registry: Registry
    snapshot: Snapshot
    defaults: Defaults
    rules: Rules
    by_name: dict[str, Merged]

    @property
    def label_keys(self) -> frozenset[str]:
        """The labels of callers that some workloadSelector or failoverPriority looks at."""
        selecting = {key for merged in self.by_name.values() for key, _ in merged.selector or ()}
        return frozenset(selecting.union(own_labels(self.defaults.locality), *map(compared_labels, self.by_name.values())))

    def concerns(self) -> Iterator[Concern]:
        """What each rule may change for some callers and not for others: it counts first of all for those in its own namespace.

        One that names files or Secrets of its callers is another one for each namespace: they must never meet.
        """
        everywhere = frozenset(key.namespace for key in self.snapshot.objects)
        for merged in self.by_name.values():
            exports = frozenset(name for rule in merged.rules for name in rule.export_to if name != EVERYBODY)
            apart = everywhere if any(names_files(tls) for tls in all_tls(merged)) else frozenset[str]()
            labels = merged.selector is not None or bool(compared_labels(merged))
            yield Concern((merged.host,), exports | {merged.namespace} | apart, labels=labels)
        if own_labels(self.defaults.locality):
            yield Concern(("*",), labels=True)

    def identify(self, client: Client, host: Host, port: int, subset: str) -> UpstreamId:
        """The upstream that a client means by this port and subset of a host."""
        if not client.in_mesh:
            return UpstreamId(host.name, port, subset, OUTSIDE_MESH)
        merged = self.rules.seen_by(client, host)
        rules = merged.name if merged is not None else NO_RULE
        usual = self.rules.seen_by_all(host)
        first = self.registry.hosts[host.name][0]
        blocks = _blocks(merged, port, subset)
        owning = blocks.tls is not None and names_files(blocks.tls) and _may_use(client, merged, blocks.tls)
        locality = (blocks.balancer.locality if blocks.balancer is not None else None) or self.defaults.locality
        variant = Variant(
            rules=USUAL if rules == (usual.name if usual is not None else NO_RULE) else rules,
            host_namespace="" if first.namespace == host.namespace else host.namespace,
            gateway=bool(client.gateway) and _differs_at_gateways(host, port),
            credentials_of=client.namespace if owning else "",
            labels=tuple((key, dict(client.labels).get(key, "")) for key in sorted(own_labels(locality))),
        )
        return UpstreamId(host.name, port, subset, str(variant))

    def opaque(self, upstream: UpstreamId) -> UpstreamId:
        """The same, for connections that are encrypted already."""
        return upstream._replace(variant=str(replace(parse_variant(upstream.variant), opaque=True)))

    def subsets_of(self, client: Client, host: Host) -> tuple[str, ...]:
        """The names of a host's subsets that a client sees."""
        merged = self.rules.seen_by(client, host)
        return tuple(one.name for one in merged.subsets) if merged is not None else ()

    def build(self, upstream: UpstreamId) -> Upstream:
        """The upstream itself. A port or subset that does not exist has no endpoints."""
        variant = parse_variant(upstream.variant)
        host = self._host(upstream, variant)
        port = host.port(upstream.port)
        merged = self._merged(host, variant)
        owners = (host.key, *(merged.keys if merged else ()))
        if port is None:
            blank = HostPort(upstream.port, "", AppProtocol.TCP, NO_ENDPOINTS, host.origin)
            return Upstream(upstream, blank.protocol, NO_ENDPOINTS, treat(NOTHING, blank, (), self.defaults), owners, host.origin)
        blocks = _blocks(merged, upstream.port, upstream.subset)
        treatment = with_labels(treat(blocks, port, traffic_distribution(host, self.snapshot), self.defaults), variant.labels)
        protection = self._protection(blocks.tls, host, upstream, variant)
        endpoints = _endpoints(upstream, port, merged)
        if isinstance(protection, Unusable):  # nothing is sent in another way than the rule asks for
            endpoints, protection = NO_ENDPOINTS, Plain()
        if host.headless and not variant.gateway:  # callers choose one by its address
            treatment = replace(treatment, balancing=Passthrough(), warmup=None)
        return Upstream(
            id=upstream,
            protocol=_protocol(port, variant),
            endpoints=endpoints,
            treatment=replace(treatment, protection=protection),
            owners=owners,
            origin=merged.origin if merged else port.origin,
        )

    def hash_by(self, upstream: UpstreamId) -> tuple[HashBy, ...]:
        """What a request's choice among the upstream's endpoints is made by, where it is a consistent hash."""
        variant = parse_variant(upstream.variant)
        if upstream.variant == OUTSIDE_MESH:
            return ()
        balancer = _blocks(self._merged(self._host(upstream, variant), variant), upstream.port, upstream.subset).balancer
        return (balancer.balancing.by,) if balancer is not None and isinstance(balancer.balancing, ConsistentHash) else ()

    def check(self, upstreams: Iterable[UpstreamId]) -> Findings:
        """What only shows where a rule meets the hosts and callers that it is for."""
        findings: list[Finding] = []
        for upstream in upstreams:
            variant = parse_variant(upstream.variant)
            if upstream.variant == OUTSIDE_MESH or (merged := self._merged(host := self._host(upstream, variant), variant)) is None:
                continue
            blocks = _blocks(merged, upstream.port, upstream.subset)
            protection = self._protection(blocks.tls, host, upstream, variant)
            findings += check_upstream(upstream, host, merged, blocks, protection)
        return tuple(findings)

    def _host(self, upstream: UpstreamId, variant: Variant) -> Host:
        """Of several hosts of one name the first is meant, or that of the namespace which the variant names."""
        same = self.registry.hosts[upstream.host]
        return next((one for one in same if one.namespace == variant.host_namespace), same[0])

    def _merged(self, host: Host, variant: Variant) -> Merged | None:
        match variant.rules:
            case "":
                return self.rules.seen_by_all(host)
            case "-":
                return None
            case name:
                return self.by_name[name]

    def _protection(self, tls: Tls | None, host: Host, upstream: UpstreamId, variant: Variant) -> Protection | Unusable:
        if variant.opaque:
            return Plain()
        if tls is not None and tls.broken:
            return Unusable("tls", "upstream refuses it", "")
        if tls is None or tls.mode not in ORIGINATING:
            return protect(tls, host, upstream, self.defaults.automatic_mtls)
        if tls.credential and not variant.credentials_of:
            return Plain(tls.origin)  # as upstream has it: no Secret for this caller, and with it no TLS at all
        return originated(tls, host, variant.credentials_of, self.snapshot)


def _protocol(port: HostPort, variant: Variant) -> AppProtocol:
    """As callers speak it; gateways do not look at bytes to find out."""
    if variant.opaque:
        return AppProtocol.TCP
    return AppProtocol.HTTP if variant.gateway and port.protocol is AppProtocol.DETECT else port.protocol


def _blocks(merged: Merged | None, port: int, subset: str) -> Blocks:
    found = merged.subset(subset) if merged is not None and subset else None
    return effective(merged.policy if merged is not None else None, found.policy if found is not None else None, port, bool(subset))


def _endpoints(upstream: UpstreamId, port: HostPort, merged: Merged | None) -> Endpoints:
    if not upstream.subset:
        return port.endpoints
    subset = merged.subset(upstream.subset) if merged is not None else None
    return only(port.endpoints, subset.labels) if subset is not None else NO_ENDPOINTS


def _may_use(client: Client, merged: Merged | None, tls: Tls) -> bool:
    """Secrets are for gateways, and for workloads that a rule picks; files are for everybody who mounts them."""
    return not tls.credential or bool(client.gateway) or (merged is not None and merged.selector is not None)


def _differs_at_gateways(host: Host, port: int) -> bool:
    """A gateway is called by another address than it calls, and looks at no bytes to find out what they are."""
    found = host.port(port)
    return found is not None and (host.headless or found.protocol is AppProtocol.DETECT)


def build_destination_rules(
    snapshot: Snapshot, registry: Registry, settings: Settings, services: Iterable[Service], pods: Mapping[PodName, Pod]
) -> tuple[DestinationRules, Findings]:
    """All rules of the manifests, with what is wrong with them."""
    defaults, said = read_defaults(settings)
    findings = list(said)
    read: list[Rule] = []
    for resource in snapshot.of(DestinationRule):
        rule, more = read_rule(resource, registry, defaults)
        findings += more
        if rule is not None:
            read.append(rule)
    rules = shelve(read, defaults.root_namespace)
    findings += check_hosts(read, registry)
    findings += check_subsets(read, registry, services, pods)
    findings += check_shared_hosts(rules)
    built = DestinationRules(registry, snapshot, defaults, rules, {one.name: one for one in rules.every()})
    return built, tuple(findings)
