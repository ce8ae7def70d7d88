"""Tokens: conditions on what nobody verifies, and verification that nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import authorization as codes
from seaway.core.finding import Finding
from seaway.frontends.istio.authorization.fields import Field
from seaway.frontends.istio.authorization.policies import Read
from seaway.frontends.istio.authorization.scene import Scene, names
from seaway.frontends.istio.request_authentication.build import ReadTokens
from seaway.model.authorization import Action


def check_unverified_tokens(read: Read, scene: Scene) -> Iterator[Finding]:
    """Claims at pods where no token is verified; said once a policy."""
    bare = [pod for pod in scene.members(read.selection) if not any(one.rules and one.selection.takes(pod) for one in scene.tokens)]
    asking = [field for rule in read.rules for field in rule.fields if field.kind.claims]
    if bare and asking:
        field = asking[0]
        yield field.place.find(codes.TOKENS_UNVERIFIED, field=field.name, pods=names(bare), effect=_effect(field, read.policy.action))


def _effect(field: Field, action: Action) -> str:
    nobody = bool(field.values)
    if action is Action.ALLOW:
        return "the rule allows nobody" if nobody else "the rule allows whatever token a caller shows"
    return "the rule denies nobody" if nobody else "the rule denies everybody"


def check_optional_tokens(one: ReadTokens, scene: Scene) -> Iterator[Finding]:
    """Pods that verify tokens, and let in whoever has none."""
    asked = [read for read in scene.read if not read.policy.dry_run and _asks_for_claims(read)]
    open_to_all = [pod for pod in scene.members(one.selection) if not any(read.selection.takes(pod) for read in asked)]
    if one.rules and open_to_all:
        yield one.place.find(codes.TOKENS_OPTIONAL, pods=names(open_to_all))


def _asks_for_claims(read: Read) -> bool:
    return any(field.kind.claims for rule in read.rules for field in rule.fields)
