"""RequestAuthentications: which tokens are verified, where they are looked for, and what the application gets to see of them.

All objects that apply to a pod count together. An object that an API server would refuse stays closed: its issuers' tokens are refused
rather than not looked at. https://istio.io/latest/docs/reference/config/security/request_authentication/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from seaway.core.codes import authorization as codes
from seaway.core.durations import read_duration
from seaway.core.finding import Finding, Findings
from seaway.core.names import Key
from seaway.frontends.istio.places import Place
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.request_authentication.keys import read_keys
from seaway.frontends.istio.selection import Selection, Written
from seaway.frontends.istio.settings import Settings
from seaway.model.authorization import FetchedKeys, InlineKeys, TokenKeys, TokenRule
from seaway.resources.istio.request_authentication import JWTRule, RequestAuthentication
from seaway.snapshot import Snapshot

DEFAULT_HEADERS = (("authorization", "Bearer "),)
DEFAULT_PARAMS = ("access_token",)
SPACE_DELIMITED = ("permission", "scope")
FETCH_TIMEOUT_S = 5.0
DISCOVERY = "/.well-known/openid-configuration"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_KIND = "RequestAuthentication"


@dataclass(frozen=True, slots=True)
class ReadTokens:
    """One object: its token rules, and the pods that they are for."""

    key: Key
    selection: Selection
    rules: tuple[TokenRule, ...]
    place: Place


def read_request_authentications(snapshot: Snapshot, registry: Registry, settings: Settings) -> tuple[tuple[ReadTokens, ...], Findings]:
    read: list[ReadTokens] = []
    findings: Findings = ()
    for resource in snapshot.of(RequestAuthentication):
        spec, place = resource.body.spec, Place(resource)
        written = Written(spec.selector, spec.target_ref, spec.target_refs)
        if text := written.problem:
            findings += (_invalid(place, text, "what is selected all the same is under it", "Select by labels alone."),)
        rules: list[TokenRule] = []
        for index, one in enumerate(spec.jwt_rules):
            reader = _Reader(one, place.of("jwtRules", index), registry)
            rules += reader.rule()
            findings += tuple(reader.findings)
        selection = written.selection(resource.key.namespace, settings.mesh.root_namespace)
        read.append(ReadTokens(resource.key, selection, tuple(rules), place))
    return tuple(read), findings


def _invalid(place: Place, problem: str, consequence: str, advice: str) -> Finding:
    return place.find(codes.POLICY_INVALID, kind=_KIND, problem=problem, consequence=consequence, advice=advice)


class _Reader:
    """One jwtRule, and what is wrong with it."""

    def __init__(self, written: JWTRule, place: Place, registry: Registry) -> None:
        self.findings: list[Finding] = []
        self._written, self._place, self._registry = written, place, registry

    def rule(self) -> tuple[TokenRule, ...]:
        """None where neither issuer nor keys are named: then there is nothing to verify."""
        written = self._written
        url = written.jwks_uri or written.jwks_uri_snake
        if not written.issuer and not url:
            self._wrong(
                "issuer or jwksUri must be given", "it names no tokens that could be verified", "Write the issuer, as `iss` has it."
            )
            return ()
        if written.presence:
            self.findings.append(self._place.of("presence").find(codes.PRESENCE_UNUSED, presence=written.presence))
        headers, params, cookies = (
            self._headers(),
            self._texts("fromParams", written.from_params),
            self._texts("fromCookies", written.from_cookies),
        )
        if not headers and not params and not cookies:
            headers, params = DEFAULT_HEADERS, DEFAULT_PARAMS
        return (
            TokenRule(
                issuer=written.issuer,
                audiences=self._texts("audiences", written.audiences),
                keys=self._keys(url),
                from_headers=headers,
                from_params=params,
                from_cookies=cookies,
                forward=written.forward_original_token,
                payload_header=self._payload_header(),
                claim_headers=self._claim_headers(),
                space_delimited=tuple(sorted({*SPACE_DELIMITED, *written.space_delimited_claims} - {""})),
                key=self._place.key,
                origin=self._place.origin,
            ),
        )

    def _wrong(self, problem: str, consequence: str, advice: str, *field: str | int) -> None:
        self.findings.append(_invalid(self._place.of(*field), problem, consequence, advice))

    def _texts(self, field: str, given: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are not empty."""
        for index, text in enumerate(given):
            if not text:
                self._wrong(f"{field} holds an empty text", "it does not count", "Take it out.", field, index)
        return tuple(text for text in given if text)

    def _headers(self) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for index, one in enumerate(self._written.from_headers):
            if self._is_header(one.name, "the place does not count", "fromHeaders", index):
                found.append((one.name.lower(), one.prefix))
        return tuple(found)

    def _is_header(self, name: str, consequence: str, *field: str | int) -> bool:
        fits = _HEADER_NAME.fullmatch(name) is not None
        if not fits:
            self._wrong(f"{field[0]}: {name or 'nothing'} is no header's name", consequence, "Name a header.", *field)
        return fits

    def _payload_header(self) -> str:
        name = self._written.output_payload_to_header
        return name.lower() if name and self._is_header(name, "the claims are not passed on", "outputPayloadToHeader") else ""

    def _claim_headers(self) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for index, one in enumerate(self._written.output_claim_to_headers):
            at = ("outputClaimToHeaders", index)
            if not one.claim:
                self._wrong("outputClaimToHeaders: no claim is named", "nothing is passed on", "Name a claim.", *at)
            elif self._is_header(one.header, "the claim is not passed on", *at):
                found.append((one.header.lower(), one.claim))
        return tuple(found)

    # Where the keys are

    def _keys(self, url: str) -> TokenKeys:
        written = self._written
        if written.jwks and url:
            self._wrong("jwks and jwksUri must not both be given", "jwks counts", "Take one of them out.", "jwksUri")
        if written.jwks:
            keys, problem = read_keys(written.jwks)
            if problem:
                self._without_keys(problem, "Paste the issuer's JSON web key set, as its URL gives it.", "jwks")
            return InlineKeys(keys)
        wanted = url or written.issuer.rstrip("/") + DISCOVERY
        parts = _split(wanted)
        if parts is None:
            problem = (
                f"{wanted} is no http or https URL" if url else f"issuer {written.issuer} is no URL that could tell where its keys are"
            )
            self._without_keys(problem, "Give the keys in jwks, or their URL in jwksUri.", "jwksUri" if url else "issuer")
            return InlineKeys("")
        return FetchedKeys(wanted, not url, self._inside(parts.hostname or ""), self._timeout())

    def _without_keys(self, problem: str, advice: str, field: str) -> None:
        self.findings.append(self._place.of(field).find(codes.KEYS_INVALID, problem=problem, advice=advice))

    def _timeout(self) -> float:
        if self._written.timeout is None:
            return FETCH_TIMEOUT_S
        seconds, problem = read_duration(self._written.timeout)
        if problem:
            self._wrong(f"timeout: {problem}", f"{FETCH_TIMEOUT_S:g} s stay", "Write a duration such as 5s.", "timeout")
            return FETCH_TIMEOUT_S
        return seconds

    def _inside(self, host: str) -> bool:
        """Whether a host is of the mesh itself, by any spelling that a pod might use."""
        domain = self._registry.domain
        spelt = (host.lower(), f"{host.lower()}.svc.{domain}", f"{host.lower()}.{domain}")
        return any(not found.external for name in spelt for found in self._registry.hosts.get(name, ()))


def _split(url: str) -> SplitResult | None:
    """The URL's parts; None where it is none of a web server."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if usable else None
