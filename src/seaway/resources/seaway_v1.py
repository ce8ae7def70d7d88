"""Seaway's own kinds, group seaway.dev: what the other APIs have no word for.

Neither Kubernetes nor Istio can say how many requests a caller may make; a RateLimitPolicy can.
"""

from __future__ import annotations

from seaway.resources.istio.selection import PolicyTargetReference, StringMatch, WorkloadSelector
from seaway.resources.meta import ObjectMeta, Struct


class RateLimitMatch(Struct, frozen=True, kw_only=True):
    """Requests that a limit counts: all fields are ANDed, the values of one ORed, and an empty one is no condition.

    Fields and values are those of an AuthorizationPolicy's `source` and `operation`: `abc*` is a prefix, `*abc` a suffix, `*` alone
    anything that is there. A path has no query. A header that is named with `{}` is to be there.
    """

    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()
    headers: dict[str, StringMatch] = {}
    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()


class Presence(Struct, frozen=True, kw_only=True):
    """`{}`: naming the key says all."""


class RateLimitKey(Struct, frozen=True, kw_only=True):
    """One thing that requests are told apart by: exactly one field is given.

    `header` is a header's name, `query_param` one of the query's parameters, `claim` a claim of the JSON web token (`a.b` for one inside
    another), `remote_address` the client's address after trusted proxies, `source_principal` the caller's SPIFFE identity. A request that
    lacks what a key asks for is not counted by that limit.
    """

    header: str | None = None
    query_param: str | None = None
    claim: str | None = None
    remote_address: Presence | None = None
    source_principal: Presence | None = None
    path: Presence | None = None
    method: Presence | None = None


class RateLimitResponse(Struct, frozen=True, kw_only=True):
    """What a request above the limit gets: status 429 where none is given, and these headers beside those that tell of the limit."""

    status: int | None = None
    headers: dict[str, str] = {}


class RateLimit(Struct, frozen=True, kw_only=True):
    """`requests` in each `per`: `second`, `minute`, `hour`, `day`, or a duration such as `10s`.

    `burst` is how many may come at once (as many as `requests` where absent). `scope: local` (as where absent) counts at each pod,
    `global` over all of them; of a global one, `fail_open` (true where absent) says whether requests pass while the counter cannot be
    reached. Each combination of the values of all keys has a counter of its own. Requests that fit any of `match` count, or all where
    it is empty. With `dry_run` requests are counted and none is refused.
    """

    requests: int
    per: str
    burst: int | None = None
    scope: str | None = None
    key: tuple[RateLimitKey, ...] = ()
    match: tuple[RateLimitMatch, ...] = ()
    response: RateLimitResponse | None = None
    fail_open: bool | None = None
    dry_run: bool | None = None


class RateLimitPolicySpec(Struct, frozen=True, kw_only=True):
    """Of pods by labels, or of Services and Istio's Gateways by name, in the policy's namespace; of all its pods where neither is given.

    In the mesh's root namespace labels are those of pods anywhere. A request must keep within all limits of all policies that it meets.
    """

    selector: WorkloadSelector | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    limits: tuple[RateLimit, ...]


class RateLimitPolicy(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: RateLimitPolicySpec
