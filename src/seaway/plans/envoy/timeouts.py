"""How long clients of gateways may take."""

from __future__ import annotations

from seaway.plans.envoy.proto import Fields, seconds

HANDSHAKE: Fields = seconds(15)
"""For a TLS handshake, as both ingress-nginx's users and Istio's have it."""
