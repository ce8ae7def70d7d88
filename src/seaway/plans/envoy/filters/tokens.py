"""JSON web tokens: Envoy's jwt_authn filter. A request without a token passes; one with a token that does not verify does not.

Requiring a token is an AuthorizationPolicy's matter. Claims go into the request's metadata, where `terms.py` looks for them.
https://istio.io/latest/docs/reference/config/security/request_authentication/
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message

from seaway.model.authorization import FetchedKeys, InlineKeys, TokenRule
from seaway.plans.envoy.filters.terms import PAYLOAD
from seaway.plans.envoy.proto import Fields, JwtAuthentication

NO_KEYS = '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"none","x":"U4jxcMKJ7FpiVZbX_erf_xyZLh-CdEcuPWgKuGBE2Fg"}]}'
"""A key set that nothing verifies against; Envoy wants one key at least. Its point is SHA-256 of `a key that nobody holds`."""


def token_filter(rules: tuple[TokenRule, ...], fetched: Mapping[FetchedKeys, str], routing: bool = False) -> Message:
    """The filter for these issuers. `fetched` holds the key sets that URLs gave last. `routing`: routes depend on claims, so that the
    request's is looked up again once these are known.

    With several rules a token must satisfy the one whose place holds it. Rules may share a place: then any of them may accept the token.
    """
    providers = {f"rule-{index}": _provider(rule, fetched, routing) for index, rule in enumerate(rules)}
    optional: list[Fields] = [{"requires_any": {"requirements": [{"provider_name": name}, {"allow_missing": {}}]}} for name in providers]
    if len(optional) == 1:
        requirement = optional[0]
    else:
        either: list[Fields] = [{"provider_name": name} for name in providers]
        requirement = {"requires_any": {"requirements": [*either, {"requires_all": {"requirements": optional}}]}}
    return JwtAuthentication(
        providers=providers,
        rules=[{"match": {"prefix": "/"}, "requires": requirement}],
        bypass_cors_preflight=True,
    )


def _provider(rule: TokenRule, fetched: Mapping[FetchedKeys, str], routing: bool) -> Fields:
    match rule.keys:
        case InlineKeys(text):
            jwks = text
        case FetchedKeys():
            jwks = fetched.get(rule.keys, "")
    return {
        "issuer": rule.issuer,
        "audiences": rule.audiences,
        "local_jwks": {"inline_string": jwks or NO_KEYS},
        "forward": rule.forward,
        "from_headers": [{"name": name, "value_prefix": prefix} for name, prefix in rule.from_headers],
        "from_params": rule.from_params,
        "from_cookies": rule.from_cookies,
        "forward_payload_header": rule.payload_header,
        "claim_to_headers": [{"header_name": header, "claim_name": claim} for header, claim in rule.claim_headers],
        "payload_in_metadata": PAYLOAD,
        "clear_route_cache": routing,
        "normalize_payload_in_metadata": {"space_delimited_claims": rule.space_delimited},
    }
