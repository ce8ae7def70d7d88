"""JSON web tokens for tests: an issuer with a key of its own, and what it signs."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Issuer:
    """Signs with ES256."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwks(self) -> str:
        numbers = self.key.public_key().public_numbers()
        point = {"x": encode(numbers.x.to_bytes(32, "big")), "y": encode(numbers.y.to_bytes(32, "big"))}
        return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1", **point}]})

    def token(self, claims: Mapping[str, Any], lives_s: float = 3600) -> str:
        """Claims get the issuer's name and a time of expiry where they have none."""
        payload = {"iss": self.name, "exp": int(time.time() + lives_s), **claims}
        signed = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": "k1"}, payload))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
