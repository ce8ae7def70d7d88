"""Who may do what at a workload: authorization, tokens and rate limits, as one policy that all workloads under the same rules share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.route import Text
from seaway.model.upstream import UpstreamId


class Action(Enum):
    """In the order in which policies are asked."""

    CUSTOM = "CUSTOM"
    AUDIT = "AUDIT"
    DENY = "DENY"
    ALLOW = "ALLOW"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller's verified SPIFFE ID matches (over the whole `spiffe://…`)."""

    text: Text


@dataclass(frozen=True, slots=True)
class Address:
    """An address is in this range. `of` is `peer` (who connected), `client` (who that speaks for, by trusted headers) or `destination`."""

    of: str
    cidr: str


@dataclass(frozen=True, slots=True)
class DestinationPort:
    """The workload's own port."""

    port: int


@dataclass(frozen=True, slots=True)
class ServerName:
    text: Text


@dataclass(frozen=True, slots=True)
class Header:
    """A request header, `:method` and `:authority` too. Of several with one name any may match; `present` holds for an empty one."""

    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Path:
    """The path without query, after normalisation."""

    text: Text


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of the verified token by its path (`iss`, `sub`, `aud`, `azp` too); where `listed`, a list matches by any of its members."""

    path: tuple[str, ...]
    text: Text
    listed: bool = True


@dataclass(frozen=True, slots=True)
class FilterMetadata:
    """A value in the dynamic metadata of another filter (`experimental.envoy.filters.…`); `listed`: it is a list that holds the text."""

    filter: str
    key: str
    text: Text
    listed: bool = False


Term: TypeAlias = "Principal | Address | DestinationPort | ServerName | Header | Path | Claim | FilterMetadata | AnyOf | AllOf | Not"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them; none at all never holds."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of them; none at all always holds."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: Term


@dataclass(frozen=True, slots=True)
class Rule:
    """One item of `rules`, by its position there (`index`). `http` and `tcp` are what it means on either kind of port: a TCP port shows no
    HTTP field; None: no rule there.
    """

    index: int
    http: Term
    tcp: Term | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class AuthorizationPolicy:
    """`dry_run`: only says what it would do. `provider` names who is asked (CUSTOM)."""

    key: Key
    action: Action
    rules: tuple[Rule, ...]
    dry_run: bool
    provider: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ExternalAuthorizer:
    """A service that is asked for a verdict (ext_authz), over gRPC or HTTP. Times in seconds; `body_bytes` 0 sends no body."""

    name: str
    to: UpstreamId
    grpc: bool
    timeout_s: float
    fail_open: bool
    status_on_error: int
    path_prefix: str
    sent_headers: tuple[Text, ...]
    added_headers: tuple[tuple[str, str], ...]
    upstream_headers: tuple[Text, ...]
    denied_headers: tuple[Text, ...]
    allowed_headers: tuple[Text, ...]
    body_bytes: int
    body_partial: bool
    body_raw: bool
    clear_route_cache: bool


@dataclass(frozen=True, slots=True)
class InlineKeys:
    """The keys themselves, a JSON web key set as text; "" for none that verifies anything."""

    jwks: str


@dataclass(frozen=True, slots=True)
class FetchedKeys:
    """Keys behind a URL. Until they were fetched once, no token verifies.

    `discover`: the URL is of an OpenID configuration that names the URL of the keys. `inside`: its host is one of the mesh's own, so that
    it is asked as a workload would ask it; else it is asked from the network around the cluster.
    """

    url: str
    discover: bool
    inside: bool
    timeout_s: float


TokenKeys: TypeAlias = InlineKeys | FetchedKeys


@dataclass(frozen=True, slots=True)
class TokenRule:
    """One issuer's tokens: where they are looked for, which keys verify them, and what is passed on.

    `issuer` is "" where any is believed. Places are headers (name, prefix of the value), parameters of the query, cookies; one of them at
    least. `forward`: the application sees the token, too. `payload_header` ("" for none) gets the claims in base64url, `claim_headers`
    (header, claim) single ones.
    """

    issuer: str
    audiences: tuple[str, ...]
    keys: TokenKeys
    from_headers: tuple[tuple[str, str], ...]
    from_params: tuple[str, ...]
    from_cookies: tuple[str, ...]
    forward: bool
    payload_header: str
    claim_headers: tuple[tuple[str, str], ...]
    space_delimited: tuple[str, ...]
    key: Key
    origin: Origin


class CountedBy(Enum):
    """What requests are told apart by. `CALLER` is the SPIFFE identity that the caller's certificate shows."""

    HEADER = "header"
    PARAMETER = "parameter"
    CLAIM = "claim"
    CLIENT = "client"
    CALLER = "caller"
    PATH = "path"
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class LimitKey:
    """`name` is that of the header or parameter, or the claim's path with dots; "" for the others."""

    by: CountedBy
    name: str = ""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A bucket of `burst` requests that fills with `requests` in each `per_s` seconds; one for each value of all `keys` together.

    A request counts where `when` holds, and where it has all that `keys` ask for. `shared`: one count over all pods, and `fail_open` is
    whether requests pass while that cannot be asked; else each port of each pod counts for itself. `dry_run`: none is refused. `index` is
    its position in the policy.
    """

    key: Key
    index: int
    requests: int
    per_s: float
    burst: int
    shared: bool
    keys: tuple[LimitKey, ...]
    when: Term
    status: int
    headers: tuple[tuple[str, str], ...]
    fail_open: bool
    dry_run: bool
    origin: Origin

    @property
    def name(self) -> str:
        """`namespace/policy[index]`, the same for as long as the limit is."""
        return f"{self.key.namespace}/{self.key.name}[{self.index}]"


@dataclass(frozen=True, slots=True)
class WorkloadPolicy:
    """Everything that is asked of a request before it reaches the application. `id` hashes the rest, origins left out.

    `authorizers` are those that CUSTOM policies name; one that is not to be had denies what the policy matches.
    """

    id: str
    policies: tuple[AuthorizationPolicy, ...] = ()
    authorizers: tuple[ExternalAuthorizer, ...] = ()
    tokens: tuple[TokenRule, ...] = ()
    limits: tuple[RateLimit, ...] = ()


OPEN = WorkloadPolicy("open")
"""Nothing is asked."""
