"""Key sets of token issuers: only keys that verify something, and only their public parts.

One key that Envoy cannot read makes it refuse a set that holds no other, and private parts are nobody's business.
https://www.rfc-editor.org/rfc/rfc7517 and https://www.rfc-editor.org/rfc/rfc8037
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

MIN_RSA_BITS = 1024
_BASE64 = re.compile(r"[-A-Za-z0-9_]+={0,2}")
_CURVES = {"P-256": (ec.SECP256R1, "ES256"), "P-384": (ec.SECP384R1, "ES384"), "P-521": (ec.SECP521R1, "ES512")}

Members = Mapping[str, object]


def read_keys(text: str) -> tuple[str, str]:
    """The usable keys of a set (or of a single key) as JSON text, and what is wrong where none is usable ("" where one is)."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return "", "the key set is not JSON"
    found = cast(object, value.get("keys", [value])) if isinstance(value, dict) else None
    if not isinstance(found, list):
        return "", "the key set has no list of keys"
    keys = [public for one in cast(list[object], found) if (public := _public(one))]
    if not keys:
        return "", "the key set holds no key that tokens can be verified with"
    return json.dumps({"keys": keys}, separators=(",", ":"), sort_keys=True), ""


def _public(key: object) -> dict[str, str]:
    """The members that verify; nothing where they do not belong together."""
    if not isinstance(key, dict):
        return {}
    members = cast(Members, key)
    reader = _READERS.get(str(members.get("kty")))
    alg = members.get("alg", "")
    try:
        public = reader(members, alg) if reader is not None and isinstance(alg, str) else {}
    except ValueError:
        return {}
    extra = {name: value for name in ("kid", "alg") if isinstance(value := members.get(name), str)}
    return {"kty": str(members["kty"]), **public, **extra} if public else {}


def _rsa(key: Members, alg: str) -> dict[str, str]:
    numbers = rsa.RSAPublicNumbers(_number(key.get("e")), _number(key.get("n")))
    numbers.public_key()
    fits = numbers.n.bit_length() >= MIN_RSA_BITS and (not alg or re.fullmatch("[RP]S(256|384|512)", alg) is not None)
    return _named(key, "n", "e") if fits else {}


def _ec(key: Members, alg: str) -> dict[str, str]:
    curve, only = _CURVES.get(str(key.get("crv")), (None, ""))
    if curve is None or alg not in ("", only):
        return {}
    ec.EllipticCurvePublicNumbers(_number(key.get("x")), _number(key.get("y")), curve()).public_key()
    return _named(key, "crv", "x", "y")


def _okp(key: Members, alg: str) -> dict[str, str]:
    if key.get("crv") != "Ed25519" or alg not in ("", "EdDSA"):
        return {}
    ed25519.Ed25519PublicKey.from_public_bytes(_bytes(key.get("x")))
    return _named(key, "crv", "x")


def _oct(key: Members, alg: str) -> dict[str, str]:
    return _named(key, "k") if _bytes(key.get("k")) and (not alg or re.fullmatch("HS(256|384|512)", alg)) else {}


_READERS: Mapping[str, Callable[[Members, str], dict[str, str]]] = {"RSA": _rsa, "EC": _ec, "OKP": _okp, "oct": _oct}


def _named(key: Members, *names: str) -> dict[str, str]:
    return {name: str(key[name]).rstrip("=") for name in names}


def _bytes(value: object) -> bytes:
    if not isinstance(value, str) or not _BASE64.fullmatch(value):
        raise ValueError("not base64url")
    bare = value.rstrip("=")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def _number(value: object) -> int:
    return int.from_bytes(_bytes(value), "big")
