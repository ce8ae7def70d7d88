"""RouteConfigurations of gateways: hosts and paths as Envoy tries them, shared by all of a gateway's pods.

For Ingresses there is one for plain HTTP, one for HTTPS, and one for each certificate; for servers of other objects one each. A table of a
certificate or server of TLS answers 421 to requests for hosts that it is not for: a client that keeps a connection, and asks for another
host on it, has to open one with that host's server name. What backends see of a request is said in `plans/envoy/forwarded.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from seaway.core.memo import Memo
from seaway.core.names import Key
from seaway.model.certificate import Certificate
from seaway.model.route import ANY_REQUEST, Gateway, HttpServer, Respond, Route, TextPrefix, VirtualHost
from seaway.plans.envoy.citations import policy_lines
from seaway.plans.envoy.filters.chain import per_route, policy_owners
from seaway.plans.envoy.filters.rate_limits import limits_per_route
from seaway.plans.envoy.gateway_place import GatewayPlace
from seaway.plans.envoy.listeners import certificate_table, certificates
from seaway.plans.envoy.proto import Fields, RouteConfiguration, wrapped
from seaway.plans.envoy.proto import VirtualHost as VirtualHostMessage
from seaway.plans.envoy.resource import build_resource, metadata, provenance
from seaway.plans.envoy.routes.hosts import ANY_HOST, HostRoutes, host_routes
from seaway.plans.envoy.routes.responses import LARGEST_BODY
from seaway.plans.envoy.routes.retries import retry_policy
from seaway.plans.envoy.routes.route import build_routes, common_retries
from seaway.protocols.xds_resource import ROUTES, XdsResource

MISDIRECTED = Respond(421, "This connection is for other host names.")


@dataclass(frozen=True, slots=True)
class Table:
    """`name` tells it apart in the gateway. `ingress`: backends are told what those behind an Ingress are."""

    name: str
    hosts: tuple[VirtualHost, ...]
    tls: bool
    ingress: bool = True


def tables_of(gateway: Gateway, default: Certificate) -> Iterator[Table]:
    """All tables of a gateway. `default` is the certificate for names that have no other."""
    taken = {edge.number for edge in gateway.edges if not edge.address}
    if set(gateway.http_ports) - taken:
        yield Table("http", gateway.hosts, False)
    if gateway.https_ports and (gateway.hosts or set(gateway.https_ports) - taken):
        yield Table("https", gateway.hosts, True)
        near = _Near.of(gateway.hosts)
        for certificate, names in certificates(gateway, default).values():
            if names and certificate is not default:
                yield Table(certificate_table(certificate), tuple(near.answered(certificate, names)), True)
    for server in gateway.servers:
        if isinstance(server.does, HttpServer):
            yield Table(server.id, server.does.hosts, server.tls is not None, server.does.shared)


def plan_table(table: Table, gateway: Gateway, place: GatewayPlace, memo: Memo) -> XdsResource:
    """A table as pods of this place use it."""
    name = place.routes(table.name)
    groups = memo((name, "hosts"), host_routes, table.hosts)
    owners: set[Key] = {key for host in table.hosts for route in host.routes for key in (route.owner, *route.via)}
    policed = limits_per_route(place.policy.limits)
    owners |= policy_owners(place.policy)
    cited: Mapping[str, str] = {}
    if place.guarded:
        policed = per_route(place.slot, place.policy)
        cited = {name: lines for name, lines in policy_lines(place.policy).items() if lines}
    ours: Fields = {}
    if table.ingress:
        ours = {"request_headers_to_remove": ("x-envoy-external-address",)}  # Envoy's own
    configuration = RouteConfiguration(
        name=name,
        virtual_hosts=[memo((name, one[0].domain), _virtual_host, one, table.tls, tuple(cited.items())) for one in groups],
        ignore_port_in_host_matching=True,
        max_direct_response_body_size_bytes=wrapped(LARGEST_BODY),
        metadata=provenance(gateway.origin, None),
        **ours,
        typed_per_filter_config=policed,
    )
    return build_resource(ROUTES, name, configuration, owners)


def _virtual_host(groups: tuple[HostRoutes, ...], tls: bool, cited: tuple[tuple[str, str], ...]) -> Message:
    """Built host by host: what a large cluster's hosts are made of need not be in memory all at once."""
    domain = groups[0].domain
    retries = common_retries([route for group in groups for route in group.routes])
    routes = [
        built
        for group in groups
        for route in group.routes
        for built in build_routes(route, group.guards, "" if tls else group.domain, retries)
    ]
    fields: dict[str, object] = {"retry_policy": retry_policy(retries)} if retries is not None else {}
    if any(group.https_only for group in groups):
        fields["require_tls"] = "ALL"
    if cited:
        fields["metadata"] = metadata(dict(cited))
    return VirtualHostMessage(name=domain, domains=[domain], routes=routes, **fields)


@dataclass(frozen=True, slots=True)
class _Near:
    """Hosts by their names, and by the name without its first label."""

    hosts: Mapping[str, tuple[VirtualHost, ...]]
    below: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(hosts: tuple[VirtualHost, ...]) -> _Near:
        by_name: defaultdict[str, tuple[VirtualHost, ...]] = defaultdict(tuple)
        below: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
        for host in hosts:
            name = host.host.lower() or ANY_HOST
            if name not in by_name:
                below[name.partition(".")[2]] += (name,)
            by_name[name] += (host,)
        return _Near(dict(by_name), dict(below))

    def answered(self, certificate: Certificate, names: tuple[str, ...]) -> Iterator[VirtualHost]:
        """What is answered on connections with a certificate: hosts that it is for, as on any other, and 421 for the rest."""
        wanted = dict.fromkeys((*names, *(one.lower() for one in certificate.names)))
        own = dict.fromkeys(name for one in wanted for name in self._covered(one))
        for name in own:
            yield from self.hosts[name]
        for name in wanted:  # names without a host of their own belong to a wildcard's, or to that for all hosts
            if name not in own:
                yield VirtualHost(name, tuple(route for host in self._wider(name) for route in host.routes), deep=True)
        if ANY_HOST not in own:
            owner = certificate.owner or Key("", "Secret", "", "")
            yield VirtualHost(ANY_HOST, (Route(TextPrefix("/"), MISDIRECTED, False, owner, certificate.origin, ANY_REQUEST),))

    def _covered(self, name: str) -> Iterator[str]:
        if name in self.hosts:
            yield name
        if name.startswith("*."):
            yield from (one for one in self.below.get(name[2:], ()) if one != name)

    def _wider(self, name: str) -> tuple[VirtualHost, ...]:
        parent = f"*.{name.removeprefix('*.').partition('.')[2]}" if not name.startswith("*.") else ""
        return self.hosts.get(parent) or self.hosts.get(ANY_HOST, ())
