"""What Envoy itself says that it holds: its admin interface's config dump, in pieces with the manifest line of each."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.app.client import NOT_RUNNING
from seaway.app.envoy_parts import Part, cited, parts_of_cluster, parts_of_listener, parts_of_routes
from seaway.app.envoy_reach import Reach, reach_of
from seaway.app.state import StateFolder
from seaway.core.errors import DriverError

PASSTHROUGH = "PassthroughCluster"
_PASSED = "seaway.passed"
SECTIONS = ("listeners", "routes", "clusters", "endpoints", "secrets")

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """One listener, route, cluster, endpoint or secret, or the rules over a table of routes. `origin` is `file:line`, "" where none is
    known. `parts` are what it consists of that has lines of its own.
    """

    node: str
    name: str
    what: str
    origin: str
    config: Config
    parts: tuple[Part, ...] = ()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def read_pieces(state: StateFolder, section: str, node: str | None = None, target: str | None = None) -> list[Piece]:
    """All pieces of a section, of all nodes or one, or what belongs to `target`: a pod (`namespace/name`), or a part of a name.

    Asks Envoy directly: no control plane is needed. DriverError where none runs.
    """
    sockets = sorted(state.path.glob(f"{node or '*'}/envoy-admin.sock"))
    if not sockets:
        raise DriverError(NOT_RUNNING, help="start one with `seaway up DIR`")
    found = [(path.parent.name, _dump(path)) for path in sockets]
    if section == "endpoints":
        found = [(name, [*dump, _unknown(path)]) for (name, dump), path in zip(found, sockets, strict=True)]
    reaches = {name: _reach(target, dump) if target is not None else None for name, dump in found}
    pieces = [(name, piece) for name, dump in found for piece in _pieces(name, section, dump)]
    if target is None:
        return [piece for _, piece in pieces]
    if any(reaches.values()):
        return [piece for name, piece in pieces if (reach := reaches[name]) is not None and piece.name in _names_in(reach, section)]
    return [piece for _, piece in pieces if target in piece.name or target in piece.what]


def _pieces(node: str, section: str, dump: list[Config]) -> Iterator[Piece]:
    parts = {"listeners": parts_of_listener, "clusters": parts_of_cluster}.get(section)
    for name, what, config in _READERS[section](dump):
        yield Piece(node, name, what, cited(config), config, tuple(parts(config)) if parts is not None else ())
    if section == "routes":
        for table in _tables(dump):
            if rules := tuple(parts_of_routes(table)):
                config = {"typed_per_filter_config": table["typed_per_filter_config"]}
                yield Piece(node, table["name"], "rules over all of them", cited(table), config, rules)


def _reach(pod: str, dump: list[Config]) -> Reach | None:
    listeners = _every(dump, "ListenersConfigDump", "dynamic_listeners", "active_state", "listener")
    return reach_of(pod, listeners, _tables(dump), _every(dump, "ClustersConfigDump", "dynamic_active_clusters", "cluster"))


def _names_in(reach: Reach, section: str) -> frozenset[str]:
    names = {"listeners": reach.listeners, "routes": reach.routes, "secrets": reach.secrets}
    return names.get(section, reach.clusters)


def _tables(dump: list[Config]) -> Iterator[Config]:
    return _every(dump, "RoutesConfigDump", "dynamic_route_configs", "route_config")


def _dump(path: Path) -> list[Config]:
    return _ask(path, "/config_dump?include_eds")["configs"]


def _unknown(path: Path) -> Config:
    """Where callers went who were let through to hosts that nobody knows, with how often: no log is written of what goes well."""
    clusters = _ask(path, "/clusters?format=json").get("cluster_statuses", ())
    hosts = [host for one in clusters if one["name"] == PASSTHROUGH for host in one.get("host_statuses", ())]
    return {"@type": _PASSED, "hosts": hosts}


def _ask(path: Path, question: str) -> Config:
    connection = _UnixConnection(path)
    try:
        connection.request("GET", question)
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DriverError(f"Envoy of {path.parent.name} does not answer: {error}", help="`seaway status` says what runs") from error
    finally:
        connection.close()


def _every(dump: list[Config], suffix: str, *path: str) -> Iterator[Config]:
    """The values at `path` in each entry of the dump of this type."""
    for config in dump:
        if config["@type"].endswith(suffix):
            for entry in config.get(path[0], ()):
                value: Any = entry
                for step in path[1:]:
                    value = value.get(step, {})
                if value:
                    yield value


def _listeners(dump: list[Config]) -> Iterator[tuple[str, str, Config]]:
    for one in _every(dump, "ListenersConfigDump", "dynamic_listeners", "active_state", "listener"):
        yield one["name"], _address(one.get("address", {})), one


def _address(address: Config) -> str:
    if "pipe" in address:
        return f"unix:{address['pipe']['path']}"
    at = address.get("socket_address", {})
    inside = at.get("network_namespace_filepath")
    return f"{at.get('address')}:{at.get('port_value')}" + (f" in {Path(inside).name}" if inside else "")


def _routes(dump: list[Config]) -> Iterator[tuple[str, str, Config]]:
    for one in _tables(dump):
        for host in one.get("virtual_hosts", ()):
            for route in host.get("routes", ()):
                yield one["name"], f"{','.join(host['domains'])} {_match(route['match'])} -> {_does(route)}", route


def _match(match: Config) -> str:
    for kind, sign in (("path", "= "), ("path_separated_prefix", ""), ("prefix", "")):
        if kind in match:
            return f"{sign}{match[kind]}"
    return f"~ {match.get('safe_regex', {}).get('regex', '')}"


def _does(route: Config) -> str:
    if "route" in route:
        return route["route"].get("cluster") or _split(route["route"].get("weighted_clusters", {}))
    if "redirect" in route:
        return f"redirect {route['redirect'].get('response_code', 'MOVED_PERMANENTLY')}"
    return str(route.get("direct_response", {}).get("status", ""))


def _split(weighted: Config) -> str:
    shares = [(one["name"], one.get("weight", 0)) for one in weighted.get("clusters", ())]
    total = sum(weight for _, weight in shares) or 1
    return ", ".join(f"{weight * 100 / total:.4g} % {name}" for name, weight in shares)


def _clusters(dump: list[Config]) -> Iterator[tuple[str, str, Config]]:
    for one in _every(dump, "ClustersConfigDump", "dynamic_active_clusters", "cluster"):
        yield one["name"], one.get("type", "STATIC"), one


def _endpoints(dump: list[Config]) -> Iterator[tuple[str, str, Config]]:
    for one in _every(dump, "EndpointsConfigDump", "dynamic_endpoint_configs", "endpoint_config"):
        for locality in one.get("endpoints", ()) if one["cluster_name"] != PASSTHROUGH else ():  # those come with counts, below
            for entry in locality.get("lb_endpoints", ()):
                yield one["cluster_name"], _address(entry["endpoint"]["address"]), entry

    for one in _every(dump, _PASSED, "hosts"):
        counts = {stat["name"]: stat.get("value", "0") for stat in one.get("stats", ())}
        where = _address(one["address"])
        yield PASSTHROUGH, f"{where}: {counts.get('cx_total', 0)} connections, {counts.get('rq_total', 0)} requests", one


def _secrets(dump: list[Config]) -> Iterator[tuple[str, str, Config]]:
    """What a secret says of itself in public. Envoy blanks keys out; nothing else of the entry is passed on."""
    for config in dump:
        if config["@type"].endswith("SecretsConfigDump"):
            for entry in config.get("dynamic_active_secrets", ()):
                secret = entry.get("secret", {})
                chain = secret.get("tls_certificate", {}).get("certificate_chain", {})
                roots = secret.get("validation_context", {}).get("trusted_ca", {})
                certificates = [*_certificates(chain)[:1], *_certificates(roots)]
                what = "; ".join(f"{one['identity']} until {one['notAfter']}" for one in certificates)
                yield entry["name"], what or "not there yet", {"name": entry["name"], "certificates": certificates}


def _certificates(source: Config) -> list[Config]:
    """The certificates in a DataSource of a dump."""
    from cryptography import x509  # takes its time to load, and one part only needs it

    pem = base64.b64decode(source["inline_bytes"]) if "inline_bytes" in source else source.get("inline_string", "").encode()
    found = x509.load_pem_x509_certificates(pem) if pem else []
    return [
        {
            "identity": ", ".join(_names(one)) or one.subject.rfc4514_string(),
            "serial": f"{one.serial_number:x}",
            "notBefore": one.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notAfter": one.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for one in found
    ]


def _names(certificate: Any) -> list[str]:
    """Its alternative names: URIs (SPIFFE IDs), and DNS names."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.UniformResourceIdentifier), *names.get_values_for_type(x509.DNSName)]


_READERS: dict[str, Callable[[list[Config]], Iterator[tuple[str, str, Config]]]] = {
    "listeners": _listeners,
    "routes": _routes,
    "clusters": _clusters,
    "endpoints": _endpoints,
    "secrets": _secrets,
}
