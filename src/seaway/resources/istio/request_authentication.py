"""RequestAuthentication: which JSON web tokens are believed.

https://istio.io/latest/docs/reference/config/security/request_authentication/
"""

from __future__ import annotations

import msgspec

from seaway.resources.istio.selection import PolicyTargetReference, WorkloadSelector
from seaway.resources.meta import ObjectMeta, Struct


class JWTHeader(Struct, frozen=True, kw_only=True):
    name: str
    prefix: str = ""


class ClaimToHeader(Struct, frozen=True, kw_only=True):
    header: str
    claim: str


class JWTRule(Struct, frozen=True, kw_only=True):
    """`jwks_uri` in two spellings, as the CRD has it. `presence`: OPTIONAL or REQUIRED."""

    issuer: str = ""
    audiences: tuple[str, ...] = ()
    jwks_uri: str = ""
    jwks_uri_snake: str = msgspec.field(name="jwks_uri", default="")
    jwks: str = ""
    from_headers: tuple[JWTHeader, ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    output_payload_to_header: str = ""
    output_claim_to_headers: tuple[ClaimToHeader, ...] = ()
    forward_original_token: bool = False
    timeout: str | None = None
    space_delimited_claims: tuple[str, ...] = ()
    presence: str | None = None


class RequestAuthenticationSpec(Struct, frozen=True, kw_only=True):
    """`target_ref` is the deprecated form of `target_refs`."""

    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    jwt_rules: tuple[JWTRule, ...] = ()


class RequestAuthentication(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: RequestAuthenticationSpec = RequestAuthenticationSpec()
