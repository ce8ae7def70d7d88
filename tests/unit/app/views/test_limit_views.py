"""What is said of a limit in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.app.views.membership import what_passes
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.authorization import AllOf, CountedBy, LimitKey, RateLimit

LIMIT = RateLimit(
    key=Key("seaway.dev", "RateLimitPolicy", "shop", "slow"),
    index=0,
    requests=9,
    per_s=60.0,
    burst=3,
    shared=False,
    keys=(),
    when=AllOf(()),
    status=429,
    headers=(),
    fail_open=True,
    dry_run=False,
    origin=Origin("a.yaml", 1, 1),
)
BY_CLAIM, BY_CLIENT = LimitKey(CountedBy.CLAIM, "sub"), LimitKey(CountedBy.CLIENT)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        pytest.param(LIMIT, "9 in 60 s, 3 at once, at each pod", id="local"),
        pytest.param(replace(LIMIT, shared=True), "9 in 60 s, 3 at once, over all pods", id="global"),
        pytest.param(
            replace(LIMIT, keys=(BY_CLAIM, BY_CLIENT), dry_run=True),
            "9 in 60 s, 3 at once, at each pod for each claim sub and client, dry run",
            id="by-keys",
        ),
    ],
)
def test_what_passes(limit: RateLimit, words: str) -> None:
    assert what_passes(limit) == words
