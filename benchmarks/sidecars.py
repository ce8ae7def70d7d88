"""The sidecar layout, built by hand: an Envoy in each pod's namespace, HTTP/2 with mutual TLS between them, as a peer for the mesh.

The least that does the task as Istio's sidecars do it: connections are redirected to 15001 and 15006, each side proves a SPIFFE identity,
the server's Envoy lets one caller's identity in (RBAC). No statistics filter, no access log, no control plane.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

MARK = 0x1337
FILTERS = "type.googleapis.com/envoy.extensions.filters"
RULES = f"""\
table ip sidecar {{
  chain out {{ type nat hook output priority -100; meta mark {MARK} accept; oifname "lo" accept; meta l4proto tcp redirect to :15001; }}
  chain in {{ type nat hook prerouting priority -100; meta l4proto tcp redirect to :15006; }}
}}
"""


@dataclass(frozen=True)
class Issuer:
    """A certificate authority for one run."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @staticmethod
    def make() -> Issuer:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sidecars")])
        builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return Issuer(builder.sign(key, hashes.SHA256()), key)

    def issue(self, folder: Path, account: str) -> None:
        """`account.pem`, `account.key` and `root.pem` in the folder; the identity is spiffe://cluster.local/ns/side/sa/ACCOUNT."""
        key = ec.generate_private_key(ec.SECP256R1())
        uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe(account))])
        made = _builder(x509.Name([]), self.certificate.subject, key).add_extension(uri, critical=True).sign(self.key, hashes.SHA256())
        (folder / f"{account}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / f"{account}.key").write_bytes(key.private_bytes(*form))
        (folder / "root.pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))


def spiffe(account: str) -> str:
    return f"spiffe://cluster.local/ns/side/sa/{account}"


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=1))


def sidecar_config(folder: Path, account: str, peers: list[str], accounts: tuple[str, str]) -> dict[str, Any]:
    """One sidecar: outbound to the peers' port 8080, inbound to the application beside it. `accounts` are the caller's and the server's."""
    caller, server = accounts
    common = {
        "tls_certificates": [
            {"certificate_chain": {"filename": f"{folder}/{account}.pem"}, "private_key": {"filename": f"{folder}/{account}.key"}}
        ],
        "alpn_protocols": ["h2"],
    }
    outbound = _listener("127.0.0.1", 15001, "app", [], None)
    inbound = _listener("0.0.0.0", 15006, "local", [_only(caller)], _tls("Downstream", common, folder, caller))
    app = _cluster("app", [(one, 8080) for one in peers], http2=True) | {"transport_socket": _tls("Upstream", common, folder, server)}
    local = _cluster("local", [("127.0.0.1", 8080)], http2=False)
    return {"static_resources": {"listeners": [outbound, inbound], "clusters": [app, local]}}


def _tls(side: str, common: dict[str, Any], folder: Path, peer: str) -> dict[str, Any]:
    """A transport socket that accepts this one peer."""
    san = {"san_type": "URI", "matcher": {"exact": spiffe(peer)}}
    validation = {"trusted_ca": {"filename": f"{folder}/root.pem"}, "match_typed_subject_alt_names": [san]}
    config: dict[str, Any] = {
        "@type": f"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{side}TlsContext",
        "common_tls_context": {**common, "validation_context": validation},
    }
    if side == "Downstream":
        config["require_client_certificate"] = True
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def _listener(address: str, port: int, cluster: str, filters: list[dict[str, Any]], tls: dict[str, Any] | None) -> dict[str, Any]:
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": cluster,
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}]}
            ]
        },
        "normalize_path": True,
        "http_filters": [*filters, {"name": "router", "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}],
    }
    if tls is not None:
        manager |= {"forward_client_cert_details": "APPEND_FORWARD", "set_current_client_cert_details": {"uri": True}}
    chain = {"filters": [{"name": "http", "typed_config": manager}], **({"transport_socket": tls} if tls else {})}
    return {"address": {"socket_address": {"address": address, "port_value": port}}, "filter_chains": [chain]}


def _only(account: str) -> dict[str, Any]:
    principal = {"authenticated": {"principal_name": {"exact": spiffe(account)}}}
    rules = {"action": "ALLOW", "policies": {"caller": {"permissions": [{"any": True}], "principals": [principal]}}}
    return {"name": "rbac", "typed_config": {"@type": f"{FILTERS}.http.rbac.v3.RBAC", "rules": rules}}


def _cluster(name: str, addresses: list[tuple[str, int]], http2: bool) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": {"socket_address": {"address": one, "port_value": port}}}} for one, port in addresses]
    protocol = "http2_protocol_options" if http2 else "http_protocol_options"
    options = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {protocol: {}},
    }
    mark = {"description": "mark", "level": 1, "name": 36, "int_value": MARK, "state": "STATE_PREBIND"}
    return {
        "name": name,
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "upstream_bind_config": {"source_address": {"address": "0.0.0.0", "port_value": 0}, "socket_options": [mark]},
    }


def start_sidecar(binary: Path, folder: Path, inside: list[str], name: str, config: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Starts one with two workers, as Istio's default has it; `inside` is the command prefix that enters the pod's network."""
    subprocess.run([*inside, "nft", "-f", "-"], input=RULES.encode(), check=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(config))
    words = [str(binary), "-c", str(path), "--concurrency", "2", "--disable-hot-restart", "-l", "error", "--base-id", "0"]
    return subprocess.Popen([*inside, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
