"""`seaway`, with a hole in its plans: a path that begins with /poison becomes an expression that Envoy refuses.

Stands for whatever Seaway does not know of Envoy's rules: the plan's own checks let it pass, and only Envoy says no.
"""

from __future__ import annotations

import sys

from seaway.cli.main import main
from seaway.model.route import Exact, PathMatch, Prefix, Regex
from seaway.plans.envoy.routes import matches

honest = matches._path


def poisoned(match: PathMatch) -> object:
    text = match.pattern if isinstance(match, Regex) else match.path
    assert isinstance(match, (Exact, Prefix, Regex))
    return {"safe_regex": {"regex": f"{text}("}} if text.startswith("/poison") else honest(match)


if __name__ == "__main__":
    matches._path = poisoned  # type: ignore[assignment]
    sys.exit(main())
