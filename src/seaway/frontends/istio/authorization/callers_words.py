"""Conditions on what the caller writes itself: headers that let it in, hosts that it can spell otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.core.codes import authorization as codes
from seaway.core.finding import Finding
from seaway.frontends.istio.authorization.fields import Field
from seaway.frontends.istio.authorization.policies import Read
from seaway.frontends.istio.authorization.rules import WrittenRule
from seaway.frontends.istio.authorization.scene import Scene
from seaway.frontends.istio.request_authentication.build import ReadTokens
from seaway.model.authorization import Action
from seaway.model.workload import Pod

_ADDRESSES = {"ipBlocks", "remoteIpBlocks", "source.ip", "remote.ip"}
_HEADERS = ("request.headers[", "request.experimental.inline.headers[")


def check_headers(read: Read, scene: Scene) -> Iterator[Finding]:
    """A header decides, and nothing else vouches for the caller: no identity, no token, no address."""
    members = scene.members(read.selection)
    for rule in read.rules:
        if _vouched(rule):
            continue
        for field in rule.conditions:
            if field.name.startswith(_HEADERS) and _lets_in(field, read.policy.action):
                name = field.name.partition("[")[2][:-1].lower()
                if not members or not all(_set_by_token(name, pod, scene.tokens) for pod in members):
                    yield field.place.find(codes.HEADER_OF_CALLER, key=field.name)


def _lets_in(field: Field, action: Action) -> bool:
    """What an ALLOW rule asks for, or what saves from a DENY rule."""
    return (action is Action.ALLOW and bool(field.values)) or (action is Action.DENY and bool(field.excluded) and not field.values)


def _vouched(rule: WrittenRule) -> bool:
    """Every way into the rule asks who it is."""
    groups = rule.sources or ()
    return any(_proves(one) for one in rule.conditions) or (bool(groups) and all(any(map(_proves, group)) for group in groups))


def _proves(field: Field) -> bool:
    return bool(field.values) and (field.kind.identity or field.kind.claims or field.name in _ADDRESSES)


def _set_by_token(header: str, pod: Pod, tokens: tuple[ReadTokens, ...]) -> bool:
    """Whether the proxy itself sets the header from a verified token; it strips what the caller sends in its place."""
    rules = (rule for one in tokens if one.selection.takes(pod) for rule in one.rules)
    return any(header == rule.payload_header or header in dict(rule.claim_headers) for rule in rules)


def check_hosts(read: Read, scene: Scene) -> Iterator[Finding]:
    """Hosts that are denied, without the same host and any port."""
    ports = sorted({port.called for port in scene.ports_of(scene.members(read.selection))}) or [80]
    for rule in read.rules:
        for field in rule.fields:
            closing = {Action.DENY: field.values, Action.ALLOW: field.excluded}.get(read.policy.action, ())
            if field.name != "hosts" or not closing:
                continue
            bare = [host for host in closing if "*" not in host and ":" not in host and not _covered(host, closing)]
            if bare:
                yield field.place.find(codes.HOST_WITHOUT_PORT, host=bare[0], port=ports[0])


def _covered(host: str, values: tuple[str, ...]) -> bool:
    """Whether another value takes the host with any port."""
    return any(value.endswith("*") and f"{host}:".startswith(value[:-1]) for value in values)
