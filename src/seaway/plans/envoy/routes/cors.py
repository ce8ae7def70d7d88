"""Cross-origin requests: configuration of Envoy's CORS filter for one route."""

from __future__ import annotations

from google.protobuf.message import Message

from seaway.model.route import Cors
from seaway.plans.envoy.proto import CorsPolicy, pack, wrapped
from seaway.plans.envoy.routes.matches import string_matcher

FILTER = "envoy.filters.http.cors"


def cors_config(cors: Cors) -> Message:
    """For the route's `typed_per_filter_config`. Lists are header values, joined by commas."""
    fields: dict[str, object] = {
        "allow_origin_string_match": [string_matcher(one) for one in cors.origins],
        "allow_methods": ",".join(cors.methods),
        "allow_headers": ",".join(cors.headers),
        "expose_headers": ",".join(cors.expose),
        "filter_enabled": {"default_value": {"numerator": 100}},
        "forward_not_matching_preflights": wrapped(cors.forward_unmatched),
    }
    if cors.max_age_s is not None:
        fields["max_age"] = str(cors.max_age_s)
    if cors.credentials is not None:
        fields["allow_credentials"] = wrapped(cors.credentials)
    return pack(CorsPolicy(**fields))
