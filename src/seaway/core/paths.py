"""Paths of requests as proxies clean them before they look at them."""

from __future__ import annotations

import re

_UNRESERVED = re.compile(r"%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])")  # escapes of A-Z a-z 0-9 - . _ ~
_UNESCAPED = re.compile(r"[{}|^`\"<>]")


def clean_path(path: str) -> str:
    """As Envoy's `normalize_path` and then `merge_slashes` leave it (it calls Chromium's URL canonicaliser).

    Needless escapes are undone and missing ones made, backslashes turned, dot segments resolved (also with parameters, `..;x`).
    """
    text = _UNRESERVED.sub(lambda one: chr(int(one[0][1:], 16)), path).replace("\\", "/")
    text = _UNESCAPED.sub(lambda one: f"%{ord(one[0]):02X}", text)
    kept: list[str] = []
    for segment in text.removeprefix("/").split("/"):
        name = segment.partition(";")[0]
        if name == "..":
            del kept[-1:]
        elif name != ".":
            kept.append(segment)
    if text.rpartition("/")[2].partition(";")[0] in (".", ".."):
        kept.append("")
    clean = "/" + "/".join(kept)
    if "//" in clean:
        clean = "/" + "/".join(one for one in kept if one) + ("/" if clean.endswith("/") else "")
    return clean
