"""Authorization at the called pod, as `analysis/authorization.py` decides it; tokens and limits are told, since they depend on more."""

from __future__ import annotations

from seaway.analysis.authorization import Decision, Match, decide
from seaway.analysis.authorization import Verdict as Decided
from seaway.analysis.explain.leg import Leg
from seaway.analysis.explain.mtls import taken_at
from seaway.analysis.explain.question import Http
from seaway.analysis.explain.steps import Explanation, Flip, Layer, Outcome, Step, Verdict, note, passes, stopped
from seaway.analysis.reach.because import Line
from seaway.analysis.terms import Call
from seaway.core.paths import clean_path
from seaway.model.authorization import Action, WorkloadPolicy
from seaway.model.index import Model
from seaway.model.policies.language import Transport
from seaway.model.upstream import AppProtocol

_FORBIDDEN, _UNAUTHORIZED = 403, 401


def explain_authorization(model: Model, leg: Leg) -> tuple[Step, ...] | Explanation:
    """The steps, or the end. Only a pod with a proxy of its own has any, and only TCP passes it."""
    assert leg.pod is not None
    member = model.member.get(leg.pod.id)
    taken = taken_at(model, leg.pod, leg.port)
    if member is None or taken is None or leg.transport is not Transport.TCP:
        return ()
    policy = model.policy.get(member.policy)
    if policy is None:
        return ()
    seen = leg.http if taken.protocol.http or taken.protocol is AppProtocol.DETECT else None
    if leg.tls and leg.principal is None:
        seen = None
    call = call_of(leg, seen)
    return judge(policy, call, seen, note_limits(policy) if seen is not None else ())


def call_of(leg: Leg, http: Http | None) -> Call:
    """What policies at the called pod look at."""
    headers = ((":method", http.method), (":authority", http.host), *http.headers) if http is not None else ()
    return Call(
        peer=leg.source_address,
        destination=leg.address,
        port=leg.port,
        principal=leg.principal or "",
        server_name=leg.sni,
        http=http is not None,
        path=clean_path(http.path.partition("?")[0]) if http is not None else "",
        headers=headers,
    )


def judge(policy: WorkloadPolicy, call: Call, http: Http | None, limits: tuple[Step, ...]) -> tuple[Step, ...] | Explanation:
    """Tokens, then AuthorizationPolicies, then limits, as the filters stand."""
    if http is not None and policy.tokens and any(name == "authorization" for name, _ in http.headers):
        lines = [Line(one.key, one.origin, f"tokens of {one.issuer or 'any issuer'}") for one in policy.tokens]
        text = f"whether its token is valid is not known: one that is not is answered {_UNAUTHORIZED}"
        return stopped(Verdict.UNKNOWN, Step(Layer.AUTHORIZATION, Outcome.UNKNOWN, text, tuple(lines)))
    if not policy.policies:
        return limits
    decided = decide(policy, call)
    beside = tuple(
        note(Layer.AUTHORIZATION, f"{_name(one)} would deny it, and only reports (dry run)", _line(one)) for one in decided.dry_run
    )
    match decided.decision:
        case Decision.ALLOWED:
            return (*beside, _allowed(decided), *limits)
        case Decision.DENIED:
            return _denied(decided, call).after(*beside)
        case Decision.ASKED:
            assert decided.by is not None
            text = f"{_name(decided.by)} asks {decided.by.policy.provider}: what that says is not known"
            return stopped(Verdict.UNKNOWN, Step(Layer.AUTHORIZATION, Outcome.UNKNOWN, text, (_line(decided.by),))).after(*beside)


def note_limits(policy: WorkloadPolicy) -> tuple[Step, ...]:
    """Limits that may refuse it: how many were before is not known."""
    return tuple(
        note(
            Layer.LIMITS,
            f"{one.requests} requests in {one.per_s:g} s: beyond that it answers {one.status}",
            Line(one.key, one.origin, "limit"),
        )
        for one in policy.limits
        if not one.dry_run
    )


def _allowed(decided: Decided) -> Step:
    if decided.by is not None:
        return passes(Layer.AUTHORIZATION, f"{_name(decided.by)} allows it", _line(decided.by))
    return passes(Layer.AUTHORIZATION, "no AuthorizationPolicy is against it")


def _denied(decided: Decided, call: Call) -> Explanation:
    status = _FORBIDDEN if call.http else None
    if decided.by is not None:
        step = Step(Layer.AUTHORIZATION, Outcome.STOPS, f"{_name(decided.by)} denies it", (_line(decided.by),))
        flip = Flip(f"narrow or remove {_name(decided.by)}", decided.by.policy.key, decided.by.origin)
        return stopped(Verdict.DENIED, step, status, (flip,))
    lines = tuple(Line(one.key, one.origin, "ALLOW") for one in decided.missed)
    whose = call.principal or "a caller without identity (plaintext)"
    text = f"no rule of {', '.join(str(one.key) for one in decided.missed)} is for {whose}{_request(call)}"
    first = decided.missed[0]
    flip = Flip(f"add to {first.key} a rule for {whose}{_request(call)}", first.key, first.origin)
    return stopped(Verdict.DENIED, Step(Layer.AUTHORIZATION, Outcome.STOPS, text, lines), status, (flip,))


def _request(call: Call) -> str:
    method = dict(call.headers).get(":method", "")
    return f": {method} {call.path} at port {call.port}" if call.http else f" at port {call.port}"


def _name(match: Match) -> str:
    word = "DENY rule" if match.policy.action is Action.DENY else "rule"
    return f"{word} {match.rule.index + 1} of {match.policy.key}"


def _line(match: Match) -> Line:
    return Line(match.policy.key, match.origin, f"{match.policy.action.value} rule {match.rule.index + 1}")
