"""What is asked: from whom, to whom, and how. Words of the command line become values here, or a `UsageError` that says what there is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

from seaway.core.cidr import parse_ipv4
from seaway.core.errors import UsageError
from seaway.model.called import FORMS, OUTSIDE, answers_to
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.service import Service, ServiceName
from seaway.model.workload import Pod

_TRANSPORTS = {"tcp": Transport.TCP, "udp": Transport.UDP, "sctp": Transport.SCTP, "http": Transport.TCP}


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of the command line. `port` is a number or a Service port's name; what is None was not said."""

    source: str
    target: str
    port: str | None = None
    protocol: str | None = None
    method: str | None = None
    path: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Http:
    """A request as its sender writes it: `host` without port; `path` with its query; names of headers in lower case."""

    method: str = "GET"
    host: str = ""
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ToHost:
    """By a name that DNS knows, or the gateway."""

    name: str


@dataclass(frozen=True, slots=True)
class ToAddress:
    """An address that is asked for as it is; `named` says whose it is, "" where the user wrote it."""

    address: str
    named: str = ""


Target: TypeAlias = ToHost | ToAddress


@dataclass(frozen=True, slots=True)
class Question:
    """`source` None is the world outside. `http` None is a connection of bytes, as is what TLS hides (`tls`)."""

    source: Pod | None
    target: Target
    transport: Transport
    port: int
    http: Http | None = None
    tls: bool = False
    words: Asked = field(default=Asked("", ""), compare=False)


def parse_question(model: Model, asked: Asked) -> Question:
    """The question that these words are. Raises `UsageError` where they mean nobody, or leave open what has to be known."""
    source = None if asked.source == OUTSIDE else find_pod(model, asked.source)
    scheme, host, port, path = _target_words(asked)
    target, service, pod = _target(model, source, host)
    wanted = asked.protocol or ("http" if scheme or asked.method or asked.path or asked.headers else None)
    number = _number(asked.port or port, scheme, service, pod, wanted)
    kind = wanted or _usual(model, service, pod, number, source is None)
    tls = scheme == "https"
    http = None
    if kind == "http":
        given = dict(asked.headers)
        http = Http(asked.method or "GET", given.pop("host", host), asked.path or path or "/", tuple(given.items()))
    if isinstance(target, ToAddress) and target.named and http is not None:
        http = Http(http.method, dict(asked.headers).get("host", target.address), http.path, http.headers)
    return Question(source, target, _TRANSPORTS[kind], number, http, tls, asked)


def _target_words(asked: Asked) -> tuple[str, str, str | None, str]:
    """Scheme, host, port and path of TO: a URL, or a name with or without port."""
    if "://" in asked.target:
        parts = urlsplit(asked.target)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"not a URL: {asked.target!r}", help="write it out, e.g. http://web.production/orders")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return parts.scheme, parts.hostname, str(parts.port) if parts.port else None, path
    host, colon, port = asked.target.rpartition(":")
    return ("", host, port, "") if colon and port.isdecimal() else ("", asked.target, None, "")


def find_pod(model: Model, text: str) -> Pod:
    """The pod that NS/POD, NS/WORKLOAD, NS/KIND/NAME or NS/sa/NAME means; of several the first, as `seaway request` takes it."""
    found = next(iter(_pods(model, text)), None)
    if found is None:
        near = sorted({f"{pod.id.namespace}/{pod.owner.name}" for pod in model.pods})
        here = f"; here: {', '.join(near[:12])}" if near else ""
        raise UsageError(f"no pod is called {text!r}", help=f"{FORMS}{here}")
    return found


def _pods(model: Model, text: str) -> Iterable[Pod]:
    return (pod for pod in model.pods if answers_to(text, pod.id, (pod.owner.kind, pod.owner.name), pod.service_account))


def _target(model: Model, source: Pod | None, text: str) -> tuple[Target, Service | None, Pod | None]:
    """The target, and the Service or pod that it is by its name."""
    if parse_ipv4(text) is not None:
        return ToAddress(text), next((one for one in model.services if text in addresses_of(one)), None), model.pod_at.get(text)
    if "/" not in text:
        return ToHost(text), _service_named(model, source, text), None
    namespace, _, rest = text.partition("/")
    kind, _, name = rest.rpartition("/")
    service = model.service.get(ServiceName(namespace, name)) if kind in ("", "svc", "service") else None
    pod = next((pod for pod in model.pods if str(pod.id) == text), None)
    if pod is None and service is not None:
        return ToHost(f"{name}.{namespace}.svc.{model.cluster.domain}"), service, None
    pod = pod or next(iter(_pods(model, text)), None)
    if pod is None:
        near = sorted({*(str(one.id) for one in model.services), *(f"{one.id.namespace}/{one.owner.name}" for one in model.pods)})
        here = ", ".join(near[:12])
        raise UsageError(f"{text} is no pod, Service or workload", help=f"write NS/NAME, a host name, a URL or an address; here: {here}")
    return ToAddress(pod.ip, str(pod.id)), None, pod


def addresses_of(service: Service) -> tuple[str, ...]:
    """Those that it is called at, nodes' apart."""
    return tuple(one for one in (service.cluster_ip, service.load_balancer_ip, *service.external_ips) if one)


def _service_named(model: Model, source: Pod | None, host: str) -> Service | None:
    """The Service whose port is meant where none is said; what the name leads to is `names`' matter."""
    labels = host.removesuffix(".").removesuffix(f".{model.cluster.domain}").removesuffix(".svc").split(".")
    namespace = labels[1] if len(labels) == 2 else source.id.namespace if source is not None and len(labels) == 1 else ""
    return model.service.get(ServiceName(namespace, labels[0]))


def _number(given: str | None, scheme: str, service: Service | None, pod: Pod | None, wanted: str | None) -> int:
    if given is not None and given.isdecimal() and 0 < int(given) < 65536:
        return int(given)
    if given is not None:
        named = [one.port for one in service.ports if one.name == given] if service else []
        named += [one.port for one in pod.ports if one.name == given] if pod else []
        if not named:
            raise UsageError(
                f"no port is called {given!r} there", help="--port takes a number, or the name of a port of the Service or pod"
            )
        return named[0]
    if scheme:
        return 443 if scheme == "https" else 80
    protocol = _TRANSPORTS[wanted].value if wanted else None
    known = (service or pod) if service is not None or pod is not None else None
    ports = [one.port for one in known.ports if protocol in (None, one.protocol.value)] if known is not None else []
    if not ports:
        raise UsageError(
            "which port? TO is no Service or pod of these manifests that declares one",
            help="look at its spelling, or say the port with --port or in a URL",
        )
    return ports[0]


def _usual(model: Model, service: Service | None, pod: Pod | None, number: int, outside: bool) -> str:
    """The protocol where none is said: that of the port that is declared, HTTP where a stand-in speaks that."""
    if service is not None and (at := service.port_numbered(number)) is not None:
        backend = next((one for one in service.backends if one.pod is not None and one.ports[at]), None)
        pod = model.pod.get(backend.pod) if backend is not None and backend.pod is not None else None
        number = backend.ports[at] if backend is not None else number
        if pod is None:
            return "http" if outside else service.ports[at].protocol.value.lower()
    declared = next((one for one in pod.ports if one.port == number), None) if pod is not None else None
    if outside or (declared is not None and declared.http):
        return "http"
    return declared.protocol.value.lower() if declared is not None else "tcp"
