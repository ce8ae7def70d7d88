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
from seaway.app.state import StateFolder
from seaway.core.errors import DriverError

SECTIONS = ("listeners", "routes", "clusters", "endpoints", "secrets")

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """One listener, route, cluster, endpoint or secret. `origin` is `file:line`, "" where none is known."""

    node: str
    name: str
    what: str
    origin: str
    config: Config


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def read_pieces(state: StateFolder, section: str, node: str | None = None) -> list[Piece]:
    """All pieces of a section, of all nodes or one. Asks Envoy directly: no control plane is needed. DriverError where none runs."""
    sockets = sorted(state.path.glob(f"{node or '*'}/envoy-admin.sock"))
    if not sockets:
        raise DriverError(NOT_RUNNING, help="start one with `seaway up DIR`")
    pieces: list[Piece] = []
    for path in sockets:
        for name, what, config in _READERS[section](_dump(path)):
            pieces.append(Piece(path.parent.name, name, what, _origin(config), config))
    return pieces


def _dump(path: Path) -> list[Config]:
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/config_dump?include_eds")
        return json.loads(connection.getresponse().read())["configs"]
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DriverError(f"Envoy of {path.parent.name} does not answer: {error}", help="`seaway status` says what runs") from error
    finally:
        connection.close()


def _origin(config: Config) -> str:
    found = config.get("metadata", {}).get("filter_metadata", {}).get("seaway", {}).get("from", "")
    return found if isinstance(found, str) else ""


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
    for one in _every(dump, "RoutesConfigDump", "dynamic_route_configs", "route_config"):
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
        return route["route"].get("cluster", "")
    if "redirect" in route:
        return f"redirect {route['redirect'].get('response_code', 'MOVED_PERMANENTLY')}"
    return str(route.get("direct_response", {}).get("status", ""))


def _clusters(dump: list[Config]) -> Iterator[tuple[str, str, Config]]:
    for one in _every(dump, "ClustersConfigDump", "dynamic_active_clusters", "cluster"):
        yield one["name"], one.get("type", "STATIC"), one


def _endpoints(dump: list[Config]) -> Iterator[tuple[str, str, Config]]:
    for one in _every(dump, "EndpointsConfigDump", "dynamic_endpoint_configs", "endpoint_config"):
        for locality in one.get("endpoints", ()):
            for entry in locality.get("lb_endpoints", ()):
                yield one["cluster_name"], _address(entry["endpoint"]["address"]), entry


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
