"""Which rule is said to have decided, where several could have. What rules match is held in tests/unit/frontends/istio/authorization."""

from __future__ import annotations

from seaway.analysis.authorization import Decision, decide
from seaway.analysis.terms import Call, holds
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.authorization import Action, AllOf, AnyOf, AuthorizationPolicy, Claim, Header, Rule, WorkloadPolicy
from seaway.model.route import Text

CALL = Call("10.0.0.1", "10.0.0.2", 80, headers=(("x-role", "user"), ("x-role", "admin")), claims={"roles": ["ops", 3], "sub": "a"})


def policy(name: str, action: Action, *indices: int) -> AuthorizationPolicy:
    rules = tuple(Rule(index, AllOf(()), AllOf(()), Origin("a.yaml", index)) for index in indices)
    return AuthorizationPolicy(Key("security.istio.io", "AuthorizationPolicy", "shop", name), action, rules, False, "", Origin("a.yaml", 1))


def test_of_several_that_hold_the_first_by_name_is_named_as_envoy_does() -> None:
    verdict = decide(
        WorkloadPolicy("w", (policy("b", Action.DENY, 1), policy("a", Action.DENY, 2, 10), policy("c", Action.ALLOW, 1))), CALL
    )
    assert verdict.decision is Decision.DENIED
    assert verdict.by is not None
    assert (verdict.by.policy.key.name, verdict.by.rule.index, verdict.by.origin.line) == ("a", 10, 10)


def test_nothing_of_nothing() -> None:
    assert holds(AllOf(()), CALL)
    assert not holds(AnyOf(()), CALL)


def test_any_of_several_headers_with_one_name_counts() -> None:
    assert holds(Header("x-role", Text("exact", "admin")), CALL)
    assert not holds(Header("x-role", Text("exact", "user,admin")), CALL)


def test_lists_of_claims() -> None:
    assert holds(Claim(("roles",), Text("exact", "ops")), CALL)
    assert not holds(Claim(("roles",), Text("exact", "ops"), listed=False), CALL)
    assert not holds(Claim(("roles",), Text("exact", "3")), CALL)
