"""Text that a request is compared with: exact, prefix, or an RE2 expression for the whole of it."""

from __future__ import annotations

import re2

from seaway.frontends.ingress.quoting import shown
from seaway.model.route import Text
from seaway.resources.istio.selection import StringMatch

LONGEST = 1024
"""Bytes of an expression: upstream's bound on what compiling one may cost."""

ANYTHING = "*"
"""As an expression, `*` is no RE2, and stands for presence where upstream takes it."""


def expression_problem(pattern: str) -> str:
    """Why it cannot be used, "" where it can. The engine is Envoy's own."""
    try:
        size = len(pattern.encode())
    except UnicodeEncodeError:
        return "the expression has no UTF-8 form"
    if not size:
        return "the expression is empty"
    if size > LONGEST:
        return f"the expression is longer than {LONGEST} bytes"
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = str(error.args[0], "utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        return f"{shown(pattern)} is no RE2 expression: {reason}"
    return ""


def text_problem(match: StringMatch, empty_prefix: bool = False) -> str:
    """Why upstream refuses the match, "" where it does not. `empty_prefix`: it takes a prefix that is empty (URIs)."""
    kinds = [one for one in (match.exact, match.prefix, match.regex) if one is not None]
    if len(kinds) > 1:
        return "it holds more than one of exact, prefix and regex"
    if match.prefix == "" and not empty_prefix:
        return "the prefix is empty"
    if match.regex is not None:
        return expression_problem(match.regex)
    return "" if all(map(_encodes, kinds)) else "it has no UTF-8 form"


def read_text(match: StringMatch) -> Text:
    """A match without a problem; without any of the three kinds it is about presence."""
    if match.exact is not None:
        return Text("exact", match.exact)
    if match.prefix is not None:
        return Text("prefix", match.prefix)
    if match.regex is not None and match.regex != ANYTHING:
        return Text("regex", match.regex)
    return Text("present")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
