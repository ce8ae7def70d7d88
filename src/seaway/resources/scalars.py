"""What a bare YAML word means to Kubernetes: text, number, boolean or null.

Kubernetes reads YAML with sigs.k8s.io/yaml: a fork of go-yaml v2 resolves scalars, and the result passes through JSON. Thus YAML 1.1's
booleans count (`y`, `on`, `no`), `0644` is octal, `08` a float, base 60 does not exist, dates stay text, and a float without a fraction
is a whole number again, as JSON has one kind of number.
Source: resolve.go and yaml.go of https://github.com/kubernetes-sigs/yaml.
"""

from __future__ import annotations

import math
import re
import struct
from base64 import b64decode
from binascii import Error as BinasciiError

Scalar = bool | int | float | str | None

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NOT_TEXT = frozenset("+-.0123456789yYnNtTfFoO~")
"""First characters of all bare words that may be something else than text."""
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"([-+]?)(0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(_TAG + name for name in ("str", "bool", "int", "float", "null", "timestamp"))


def resolve_bare(word: str) -> Scalar:
    """The value of an unquoted scalar without a tag."""
    if word and word[0] not in _NOT_TEXT:
        return word
    if word in _WORDS:
        return _WORDS[word]
    if word[0] == ".":
        return _float(word) if _FLOAT.fullmatch(word) else word
    return _number(word.replace("_", ""), word) if word[0] in "+-0123456789" else word


def resolve_tagged(tag: str, word: str) -> Scalar:
    """The value of a scalar with an explicit tag (`!!int`). Raises ValueError where the two do not fit; unknown tags mean text."""
    if tag == _TAG + "binary":
        try:
            return b64decode(word.replace("\n", "").replace("\r", ""), validate=True).decode("utf-8", "replace")
        except BinasciiError as error:
            raise ValueError("!!binary value is not base64") from error
    if tag not in _SCALAR_TAGS or tag == _TAG + "str":
        return word
    value = resolve_bare(word)
    name = tag.removeprefix(_TAG)
    fits: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (float, int), "null": (type(None),), "timestamp": (str,)}
    if not isinstance(value, fits[name]) or (isinstance(value, bool) and name != "bool"):
        raise ValueError(f"`{word}` is not a !!{name}")
    return value


def key_text(value: Scalar) -> str:
    """A mapping key as JSON text. Raises ValueError for null, which JSON cannot have as a key."""
    match value:
        case str():
            return value
        case None:
            raise ValueError("a key is null")
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _shortest(value)


def _number(digits: str, word: str) -> Scalar:
    if _DECIMAL.fullmatch(digits):
        number = int(digits)
        return number if -(1 << 63) <= number < 1 << 64 else _float(digits)
    if based := _BASED.fullmatch(digits):
        sign, _, hexadecimal, binary, octal = based.groups()
        number = int(hexadecimal, 16) if hexadecimal else int(binary, 2) if binary else int(octal, 8)
        return -number if sign == "-" else number
    return _float(digits, word) if _FLOAT.fullmatch(digits) else word


def _float(digits: str, word: str | None = None) -> Scalar:
    """JSON writes a float without a fraction as a whole number (below 1e21), and Kubernetes reads it back as one."""
    number = float(digits)
    if math.isinf(number):
        return word if word is not None else digits
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _shortest(number: float) -> str:
    """The shortest decimal that gives the same 32-bit float, as the converter writes float keys."""
    if math.isnan(number):
        return ".nan"
    if math.isinf(number):
        return ".inf" if number > 0 else "-.inf"
    try:
        (single,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        return ".inf" if number > 0 else "-.inf"
    for precision in range(1, 10):
        text = f"{single:.{precision}g}"
        if struct.pack("f", float(text)) == struct.pack("f", single):
            return text
    return repr(number)
