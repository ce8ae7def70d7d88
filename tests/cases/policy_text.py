"""What is asked at a workload, as text: each policy with what its rules come to, over HTTP and on TCP ports, and each issuer of tokens."""

from __future__ import annotations

from collections.abc import Iterator

from show import Block, brief, entries

from seaway.model.authorization import (
    Address,
    AllOf,
    AnyOf,
    AuthorizationPolicy,
    Claim,
    DestinationPort,
    FilterMetadata,
    Header,
    Not,
    Path,
    Principal,
    Rule,
    ServerName,
    Term,
    WorkloadPolicy,
)
from seaway.model.mesh import Mesh
from seaway.model.route import Text


def policy_blocks(mesh: Mesh) -> Iterator[Block]:
    """One a policy, titled with the pods that it holds at."""
    for policy in mesh.policies:
        pods = ", ".join(str(member.pod) for member in mesh.members if member.policy == policy.id)
        yield f"at {pods}", tuple(_asked(policy))


def _asked(policy: WorkloadPolicy) -> Iterator[str]:
    for one in policy.policies:
        yield "\n".join([_head(one), *(f"  {line}" for rule in one.rules for line in _rule(rule))])
    yield from (f"authorizer {brief(one)}" for one in policy.authorizers)
    yield from (f"limit {brief(one)}" for one in policy.limits)
    for one in policy.tokens:
        yield "\n".join(
            [f"tokens of {one.key} ({one.origin})", *(f"  {line}" for line in entries(one) if not line.startswith(("key:", "origin:")))]
        )


def _head(policy: AuthorizationPolicy) -> str:
    notes = f"{f', by {policy.provider}' if policy.provider else ''}{', dry run' if policy.dry_run else ''}"
    return f"{policy.action.value} of {policy.key} ({policy.origin}){notes}{'' if policy.rules else ': nothing'}"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"[{rule.index}] ({rule.origin}) {_logic(rule.http)}"
    if rule.tcp != rule.http:
        yield f"    on TCP: {'no rule' if rule.tcp is None else _logic(rule.tcp)}"


def _logic(term: Term) -> str:
    match term:
        case AnyOf(terms) | AllOf(terms) if len(terms) == 1:
            return _logic(terms[0])
        case AnyOf(terms):
            return f"({' or '.join(map(_logic, terms))})" if terms else "never"
        case AllOf(terms):
            return f"({' and '.join(map(_logic, terms))})" if terms else "always"
        case Not(inner):
            return f"not {_logic(inner)}"
        case Principal(text):
            return f"caller {_text(text)}"
        case Address(of, cidr):
            return f"{of} in {cidr}"
        case DestinationPort(port):
            return f"port {port}"
        case ServerName(text):
            return f"server name {_text(text)}"
        case Header(name, text):
            return f"{name} {_text(text)}"
        case Path(text):
            return f"path {_text(text)}"
        case Claim(path, text):
            return f"claim {'.'.join(path)} {_text(text)}"
        case FilterMetadata(name, key, text):
            return f"{name} {key} {_text(text)}"


def _text(text: Text) -> str:
    return "is there" if text.kind == "present" else f"{text.kind} {text.value}{' (any case)' if text.ignore_case else ''}"
