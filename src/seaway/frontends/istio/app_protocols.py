"""What is spoken on a port, as its Service or ServiceEntry tells: by appProtocol, else by its name, else by its number, else by looking.

https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/ and `ConvertProtocol` in upstream's
pkg/config/kube/conversion.go, which decides what the page leaves open.
"""

from __future__ import annotations

from seaway.model.upstream import AppProtocol

_WORDS = {
    "http": AppProtocol.HTTP,
    "http_proxy": AppProtocol.HTTP,
    "http2": AppProtocol.HTTP2,
    "grpc": AppProtocol.GRPC,
    "grpc-web": AppProtocol.GRPC_WEB,
    "tcp": AppProtocol.TCP,
    "mongo": AppProtocol.TCP,  # upstream's own filters for these three are off unless asked for
    "mysql": AppProtocol.TCP,
    "redis": AppProtocol.TCP,
    "https": AppProtocol.TLS,
    "tls": AppProtocol.TLS,
}

_STANDARD = {"kubernetes.io/h2c": AppProtocol.HTTP2, "kubernetes.io/ws": AppProtocol.HTTP, "kubernetes.io/wss": AppProtocol.TLS}
"""Names that Kubernetes gives to appProtocol; as a port's name they are not possible."""

_SERVER_FIRST = frozenset({25, 53, 3306, 27017})
"""On these the server speaks first: whoever waits for the client's first bytes, to look at them, waits for ever."""


def parse_protocol(word: str) -> AppProtocol | None:
    """A protocol by its own name, in any case; `DETECT` for a word that names none, None for UDP, which no proxy touches."""
    lower = word.lower()
    return None if lower == "udp" else _WORDS.get(lower, AppProtocol.DETECT)


def service_protocol(number: int, name: str, app_protocol: str) -> AppProtocol | None:
    """What a TCP port of a Service speaks; None where its name says UDP. `app_protocol` is "" where none is given."""
    if app_protocol in _STANDARD:
        return _STANDARD[app_protocol]
    word = (app_protocol or name).lower()
    if word.startswith("grpc-web"):
        return AppProtocol.GRPC_WEB
    found = parse_protocol(word.split("-", 1)[0])
    return AppProtocol.TCP if found is AppProtocol.DETECT and number in _SERVER_FIRST else found
