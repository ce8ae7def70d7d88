"""External authorizers: MeshConfig's `extensionProviders` of the kinds envoyExtAuthzHttp and envoyExtAuthzGrpc.

pilot/pkg/security/authz/builder/extauthz.go of https://github.com/istio/istio
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.core.codes import authorization as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Finding, Findings
from seaway.frontends.istio.authorization.values import text_of
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.model.authorization import ExternalAuthorizer
from seaway.model.route import Text
from seaway.model.upstream import UpstreamId
from seaway.resources.istio.mesh_config import EnvoyExtAuthzGrpcProvider, EnvoyExtAuthzHttpProvider, ExtensionProvider, MeshConfig
from seaway.resources.resource import Resource

DEFAULT_TIMEOUT_S = 600
DEFAULT_STATUS = 403
# Envoy's StatusCode.
_STATUSES = {
    *(100, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308),
    *range(400, 419),
    *(421, 422, 423, 424, 426, 428, 429, 431, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511),
}


@dataclass(frozen=True, slots=True)
class Providers:
    """Authorizers by name, each with the upstream that a client without rules of its own calls; `broken` are names of those that cannot
    be asked.
    """

    authorizers: Mapping[str, ExternalAuthorizer]
    broken: frozenset[str]

    @property
    def names(self) -> str:
        return ", ".join(sorted({*self.authorizers, *self.broken})) or "there are none"


def read_providers(written: Resource[MeshConfig] | None, registry: Registry) -> tuple[Providers, Findings]:
    """Those that MeshConfig holds. Providers for telemetry are not this module's."""
    authorizers: dict[str, ExternalAuthorizer] = {}
    broken: set[str] = set()
    findings: Findings = ()
    for index, provider in enumerate(written.body.extension_providers if written is not None else ()):
        assert written is not None
        api = provider.envoy_ext_authz_http or provider.envoy_ext_authz_grpc
        if api is None:
            continue
        kind = "envoyExtAuthzHttp" if provider.envoy_ext_authz_http is not None else "envoyExtAuthzGrpc"
        reader = _Reader(provider, Place(written, ("extensionProviders", index, kind)), registry)
        if not provider.name or provider.name in authorizers or provider.name in broken:
            reader.wrong("its name is empty" if not provider.name else "another has the name, too", "Give each a name of its own.", "name")
        authorizer = reader.authorizer(api)
        findings += tuple(reader.findings)
        if reader.findings:
            broken.add(provider.name)
            authorizers.pop(provider.name, None)
        else:
            authorizers[provider.name] = authorizer
    return Providers(authorizers, frozenset(broken)), findings


class _Reader:
    """One provider; `findings` are what is wrong with it, and any of them breaks it."""

    def __init__(self, provider: ExtensionProvider, place: Place, registry: Registry) -> None:
        self.findings: list[Finding] = []
        self._name, self._place, self._registry = provider.name, place, registry

    def wrong(self, problem: str, advice: str, field: str) -> None:
        self.findings.append(self._place.of(field).find(codes.PROVIDER_INVALID, provider=self._name, problem=problem, advice=advice))

    def authorizer(self, api: EnvoyExtAuthzHttpProvider | EnvoyExtAuthzGrpcProvider) -> ExternalAuthorizer:
        http = api if isinstance(api, EnvoyExtAuthzHttpProvider) else EnvoyExtAuthzHttpProvider()
        body = api.include_request_body_in_check
        sent = "includeRequestHeadersInCheck" if http.include_request_headers_in_check else "includeHeadersInCheck"
        return ExternalAuthorizer(
            name=self._name,
            to=self._service(api.service, api.port),
            grpc=isinstance(api, EnvoyExtAuthzGrpcProvider),
            timeout_s=self._timeout(api.timeout),
            fail_open=api.fail_open,
            status_on_error=self._status(api.status_on_error),
            path_prefix=self._path_prefix(http.path_prefix),
            sent_headers=self._headers(http.include_request_headers_in_check or http.include_headers_in_check, sent),
            added_headers=tuple(sorted(http.include_additional_headers_in_check.items())),
            upstream_headers=self._headers(http.headers_to_upstream_on_allow, "headersToUpstreamOnAllow"),
            denied_headers=self._headers(http.headers_to_downstream_on_deny, "headersToDownstreamOnDeny"),
            allowed_headers=self._headers(http.headers_to_downstream_on_allow, "headersToDownstreamOnAllow"),
            body_bytes=(body.max_request_bytes or 0) if body is not None else 0,
            body_partial=body is not None and body.allow_partial_message,
            body_raw=body is not None and body.pack_as_bytes,
            clear_route_cache=api.clear_route_cache,
        )

    def _service(self, service: str, port: int | None) -> UpstreamId:
        namespace, slash, name = service.rpartition("/")
        hosts = [host for host in self._registry.hosts.get(name.lower(), ()) if not slash or host.namespace == namespace]
        if not hosts:
            advice = "Write the full name of a Service or ServiceEntry, such as authz.default.svc.cluster.local."
            self.wrong(f"no host is named {service or 'in service'}", advice, "service")
        elif len(hosts) > 1:
            self.wrong(f"several namespaces have {name}", f"Write {hosts[0].namespace}/{name}, or another of them.", "service")
        elif port is None or hosts[0].port(port) is None:
            ports = ", ".join(str(one.number) for one in hosts[0].ports)
            self.wrong(f"{name} has no port {port or 'named here'}", f"It has {ports}.", "port")
        return UpstreamId(name.lower(), port or 0)

    def _timeout(self, text: str | None) -> float:
        seconds, problem = read_duration(text) if text is not None else (DEFAULT_TIMEOUT_S, "")
        if problem:
            self.wrong(f"timeout: {problem}", "Write a duration such as 0.5s.", "timeout")
        return seconds

    def _status(self, text: str) -> int:
        if text and not (text.isascii() and text.isdecimal() and int(text) in _STATUSES):
            self.wrong(f"{text} is no status that Envoy knows", "Write one such as 403 or 503.", "statusOnError")
            return DEFAULT_STATUS
        return int(text) if text else DEFAULT_STATUS

    def _path_prefix(self, text: str) -> str:
        if text and not text.startswith("/"):
            self.wrong(f"pathPrefix {text} does not begin with a slash", f"Write /{text}.", "pathPrefix")
        return text

    def _headers(self, names: tuple[str, ...], field: str) -> tuple[Text, ...]:
        if "*" in names or "" in names:
            self.wrong(f"{field}: a name must hold more than a star", "Write a prefix such as x-auth-*.", field)
        return tuple(text_of(name, ignore_case=True) for name in names)
