"""What is spoken on a port: appProtocol, then the name, then the number."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.app_protocols import parse_protocol, service_protocol
from seaway.model.upstream import AppProtocol

CASES = {
    "name": (80, "http", "", AppProtocol.HTTP),
    "name with suffix": (80, "http-web", "", AppProtocol.HTTP),
    "name of another case": (80, "HTTP2-x", "", AppProtocol.HTTP2),
    "suffix without dash is another word": (80, "httpweb", "", AppProtocol.DETECT),
    "grpc": (9000, "grpc-api", "", AppProtocol.GRPC),
    "grpc-web goes before grpc": (9000, "grpc-web", "", AppProtocol.GRPC_WEB),
    "grpc-web with suffix": (9000, "grpc-web-x", "", AppProtocol.GRPC_WEB),
    "https is opaque": (443, "https", "", AppProtocol.TLS),
    "tls": (443, "tls-mqtt", "", AppProtocol.TLS),
    "redis is plain TCP": (6379, "redis", "", AppProtocol.TCP),
    "mongo is plain TCP": (1, "mongo", "", AppProtocol.TCP),
    "nothing said": (8080, "", "", AppProtocol.DETECT),
    "unknown word": (8080, "web", "", AppProtocol.DETECT),
    "server first by its number": (3306, "", "", AppProtocol.TCP),
    "server first by its number, whatever its name": (27017, "db", "", AppProtocol.TCP),
    "a name that is known wins over the number": (3306, "http", "", AppProtocol.HTTP),
    "appProtocol wins over the name": (80, "http", "tcp", AppProtocol.TCP),
    "appProtocol that is unknown still wins": (80, "http", "example.com/x", AppProtocol.DETECT),
    "h2c": (80, "", "kubernetes.io/h2c", AppProtocol.HTTP2),
    "ws": (80, "", "kubernetes.io/ws", AppProtocol.HTTP),
    "wss": (80, "", "kubernetes.io/wss", AppProtocol.TLS),
    "a name that says UDP": (80, "udp-x", "", None),
}


@pytest.mark.parametrize(("number", "name", "app_protocol", "wanted"), CASES.values(), ids=CASES)
def test_service_ports(number: int, name: str, app_protocol: str, wanted: AppProtocol | None) -> None:
    assert service_protocol(number, name, app_protocol) is wanted


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("HTTP", AppProtocol.HTTP), ("HTTPS", AppProtocol.TLS), ("grpc-web", AppProtocol.GRPC_WEB), ("UDP", None), ("x", AppProtocol.DETECT)],
)
def test_protocols_by_their_own_name(word: str, wanted: AppProtocol | None) -> None:
    assert parse_protocol(word) is wanted
