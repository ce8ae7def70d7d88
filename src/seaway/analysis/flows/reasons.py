"""Why a request or connection ended as it did: the verdict, one sentence, and the lines that decided.

Response flags and details: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from seaway.analysis.flows.lines import Cited, Line, line_of, listed_lines, read_citation, rule_line
from seaway.protocols.flow_entry import FlowEntry, Reporter, Tag

BLACK_HOLE = "BlackHoleCluster"
PASSTHROUGH = "PassthroughCluster"
BLOCKED_ROUTE = "block_all"


class Verdict(Enum):
    """What became of it. `DENIED`: a policy said no. `AUDITED`: it passed, and a policy that only reports would have said no. `REFUSED`: a
    limit, or what was sent could not be taken. `UNREACHABLE`: nobody there to take it. `FAILED`: it was on its way. `DELIVERED`: whoever
    was called answered, be it with an error. `ACCEPTED`: policies let it pass; whether anybody answers is not known.
    """

    DELIVERED = "delivered"
    DENIED = "denied"
    AUDITED = "audited"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Reason:
    verdict: Verdict
    text: str
    because: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class _Facts:
    """An entry, and what its metadata cite."""

    entry: FlowEntry
    route: Cited
    host: Cited
    cluster: Cited
    listener: Cited
    chain: Cited

    @property
    def way(self) -> tuple[Line, ...]:
        """The line of the route that was taken; of the host where there is no route, or of the chain on TCP."""
        return line_of(self.route) or line_of(self.host) or line_of(self.chain)

    @property
    def details(self) -> str:
        return self.entry.details or self.entry.termination


def explain_entry(entry: FlowEntry) -> Reason:
    """The first reason that fits."""
    cited = {tag: read_citation(entry.tags.get(tag, "")) for tag in (Tag.ROUTE, Tag.HOST, Tag.CLUSTER, Tag.LISTENER, Tag.CHAIN)}
    facts = _Facts(entry, *cited.values())
    return next(reason for rule in _RULES if (reason := rule(facts)) is not None)


def _authorization(facts: _Facts) -> Reason | None:
    if not facts.details.startswith("rbac_access_denied"):
        return None
    name = facts.entry.denied_by or facts.details.partition("[")[2].rpartition("]")[0]
    if line := rule_line("AuthorizationPolicy", name):
        return Reason(Verdict.DENIED, f"AuthorizationPolicy {line[0].namespace}/{line[0].name} denies it", line)
    places = (facts.host, facts.chain, facts.cluster)  # of the route, of the listener, or by the shorter way
    allowing = next((found for one in places if (found := listed_lines("AuthorizationPolicy", one, "allow"))), ())
    return Reason(Verdict.DENIED, "no rule of an ALLOW policy of this workload allows it", allowing)


def _authorizer(facts: _Facts) -> Reason | None:
    if "UAEX" not in facts.entry.flags and not facts.details.startswith("ext_authz_"):
        return None
    text = "the external authorizer denies it" if facts.details != "ext_authz_error" else "the external authorizer could not be asked"
    return Reason(Verdict.DENIED, text, rule_line("AuthorizationPolicy", facts.entry.asked_by))


def _token(facts: _Facts) -> Reason | None:
    if not facts.details.startswith("jwt_authn_access_denied"):
        return None
    why = facts.details.partition("{")[2].rpartition("}")[0].replace("_", " ")
    return Reason(Verdict.DENIED, f"its token is not accepted: {why}", listed_lines("RequestAuthentication", facts.host, "tokens"))


def _no_chain(facts: _Facts) -> Reason | None:
    """Plaintext finds no chain at a STRICT port; nothing else does not either, but by a mistake."""
    if facts.entry.http or facts.details != "filter_chain_not_found":
        return None
    port = facts.entry.called.rpartition(":")[2]
    strict = listed_lines("PeerAuthentication", facts.listener, f"strict {port}") or listed_lines(
        "PeerAuthentication", facts.listener, "strict"
    )
    if strict:
        return Reason(Verdict.DENIED, f"plaintext to port {port}, which takes mutual TLS only (STRICT)", strict)
    return Reason(Verdict.REFUSED, f"nothing at port {port} takes this kind of connection", line_of(facts.listener))


def _handshake(facts: _Facts) -> Reason | None:
    if not facts.entry.handshake_failure:
        return None
    return Reason(
        Verdict.DENIED, f"the TLS handshake with the caller failed: {_plain(facts.entry.handshake_failure)}", line_of(facts.chain)
    )


def _rate_limit(facts: _Facts) -> Reason | None:
    if "RL" not in facts.entry.flags and "rate_limited" not in facts.details:
        return None
    if line := rule_line("RateLimitPolicy", facts.entry.limited_by):
        return Reason(Verdict.REFUSED, f"more requests than RateLimitPolicy {line[0].namespace}/{line[0].name} allows", line)
    return Reason(Verdict.REFUSED, "more requests than the rate limit allows", facts.way)


def _fault(facts: _Facts) -> Reason | None:
    if "FI" not in facts.entry.flags and facts.details != "fault_filter_abort":
        return None
    return Reason(Verdict.FAILED, "a fault was injected on purpose", line_of(facts.route, "fault") or facts.way)


def _unknown_host(facts: _Facts) -> Reason | None:
    if facts.entry.route_name != BLOCKED_ROUTE and facts.entry.tags.get(Tag.CLUSTER_NAME) != BLACK_HOLE:
        return None
    if facts.entry.route_name != BLOCKED_ROUTE and not facts.chain:
        return Reason(Verdict.REFUSED, "the proxy's own port is no way to anybody")
    name = facts.entry.host or facts.entry.server_name or facts.entry.called
    return Reason(Verdict.UNREACHABLE, f"{name} is no host of the mesh, and REGISTRY_ONLY lets nothing else out", facts.way)


def _no_route(facts: _Facts) -> Reason | None:
    if "NR" not in facts.entry.flags and facts.details != "route_not_found":
        return None
    if facts.host:
        lines = (*line_of(facts.host, "routes", "VirtualService"), *line_of(facts.host))
        return Reason(Verdict.UNREACHABLE, f"no route of {facts.entry.host} matches {facts.entry.path}", lines)
    return Reason(Verdict.UNREACHABLE, f"no route for host {facts.entry.host}", line_of(facts.chain) or line_of(facts.listener))


def _no_cluster(facts: _Facts) -> Reason | None:
    if "NC" not in facts.entry.flags:
        return None
    return Reason(Verdict.UNREACHABLE, "the destination of its route does not exist", facts.way)


def _overflow(facts: _Facts) -> Reason | None:
    if "UO" not in facts.entry.flags:
        return None
    pool = line_of(facts.cluster, "pool", "DestinationRule") or line_of(facts.cluster)
    return Reason(Verdict.REFUSED, f"{_destination(facts)} has as many connections and requests as its connection pool allows", pool)


def _no_endpoint(facts: _Facts) -> Reason | None:
    if "UH" not in facts.entry.flags:
        return None
    ejecting = line_of(facts.cluster, "ejection", "DestinationRule")
    text = f"{_destination(facts)} has no endpoint that is ready" + (", or all are ejected" if ejecting else "")
    return Reason(Verdict.UNREACHABLE, text, (*line_of(facts.cluster, "subset", "DestinationRule"), *line_of(facts.cluster), *ejecting))


def _no_connection(facts: _Facts) -> Reason | None:
    if not set(facts.entry.flags) & {"UF", "DF"}:
        return None
    why = _plain(facts.entry.upstream_failure) or ("its name has no address" if "DF" in facts.entry.flags else "no answer in time")
    if "TLS" in why or "CERTIFICATE" in why.upper():
        protection = line_of(facts.cluster, "tls", "DestinationRule") or line_of(facts.cluster)
        return Reason(Verdict.UNREACHABLE, f"the TLS handshake with {_destination(facts)} failed: {why}", protection)
    return Reason(Verdict.UNREACHABLE, f"no connection to {_destination(facts)}: {why}", line_of(facts.cluster) or facts.way)


def _timeout(facts: _Facts) -> Reason | None:
    flags = set(facts.entry.flags)
    if flags & {"UT", "UMSDR", "DT"}:
        text = f"no answer of {_destination(facts)} within the route's timeout"
        return Reason(Verdict.FAILED, text, line_of(facts.route, "timeout") or facts.way)
    if "SI" in flags:
        return Reason(Verdict.FAILED, "nothing was said for longer than a stream may be idle", facts.way)
    return None


def _broken(facts: _Facts) -> Reason | None:
    if not set(facts.entry.flags) & {"UC", "UR", "UPE", "LR"}:
        return None
    attempts = f", {facts.entry.attempts} times" if facts.entry.attempts > 1 else ""
    return Reason(Verdict.FAILED, f"{_destination(facts)} broke the connection off before it had answered{attempts}", facts.way)


def _sender(facts: _Facts) -> Reason | None:
    flags = set(facts.entry.flags)
    if flags & {"DPE", "IH"}:
        return Reason(Verdict.REFUSED, f"what the caller sent is no valid request: {_plain(facts.details) or 'broken'}")
    if flags & {"DC", "DR"} or facts.details.startswith(("downstream_remote_disconnect", "http2.remote_reset")):
        return Reason(Verdict.FAILED, "the caller went away before it had the answer", facts.way)
    if flags & {"OM", "NFCF"}:
        return Reason(Verdict.REFUSED, "the proxy takes no more for now" if "OM" in flags else "the proxy waits for its configuration")
    return None


def _own_answer(facts: _Facts) -> Reason | None:
    if facts.details == "direct_response" or facts.entry.route_name == "direct_response":
        return Reason(Verdict.DELIVERED, f"the route itself answers {facts.entry.status}", facts.way)
    return None


def _answered(facts: _Facts) -> Reason:
    if not facts.entry.http:
        return Reason(Verdict.DELIVERED, f"carried to {_destination(facts)}", facts.way)
    if facts.details in ("via_upstream", ""):
        status = f"{facts.entry.status}" + (
            f", gRPC status {grpc}" if (grpc := facts.entry.tags.get(Tag.GRPC)) not in (None, "", "0") else ""
        )
        return Reason(Verdict.DELIVERED, f"{_destination(facts)} answered {status}", facts.way)
    return Reason(Verdict.REFUSED, _plain(facts.details), facts.way)


_RULES: tuple[Callable[[_Facts], Reason | None], ...] = (
    _authorization,  # filters speak before the router does, and in its place
    _authorizer,
    _token,
    _rate_limit,
    _fault,
    _no_chain,  # before what is wrong with its bytes: those of a plaintext caller look like a broken handshake
    _handshake,
    _unknown_host,  # before what its cluster, which has no endpoints, is found to lack
    _no_route,
    _no_cluster,
    _overflow,  # before a failed connection: with retries the last of several flags says what came first
    _no_endpoint,
    _no_connection,
    _timeout,
    _broken,
    _sender,  # the caller may have gone because of any of those above
    _own_answer,
    _answered,
)


def _destination(facts: _Facts) -> str:
    if facts.entry.reporter is Reporter.DESTINATION:
        return "the application"
    name = facts.entry.tags.get(Tag.CLUSTER_NAME, "")
    parts = name.split("|")
    if len(parts) < 4 or parts[0] != "outbound":
        return facts.entry.upstream or "the destination"
    return f"{parts[3]}:{parts[1]}" + (f" ({parts[2]})" if parts[2] else "")


def _plain(words: str) -> str:
    """Envoy's words without the marks of where one ends."""
    return words.removesuffix(":TLS_error_end").replace("_", " ").replace("|", " ").strip(" :")
