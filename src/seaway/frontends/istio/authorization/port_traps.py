"""Ports: what HTTP fields mean on TCP ports, and whose port numbers count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seaway.core.codes import authorization as codes
from seaway.core.finding import Finding
from seaway.frontends.istio.authorization.fields import Field
from seaway.frontends.istio.authorization.policies import Read
from seaway.frontends.istio.authorization.rules import WrittenRule
from seaway.frontends.istio.authorization.scene import Port, Scene
from seaway.model.authorization import Action
from seaway.model.upstream import AppProtocol

_PORT_FIELDS = ("ports", "destination.port")


def check_tcp(read: Read, scene: Scene) -> Iterator[Finding]:
    """Rules with HTTP fields at pods with TCP ports."""
    if read.policy.dry_run or read.policy.action not in (Action.ALLOW, Action.DENY):
        return
    members = scene.members(read.selection)
    opaque = {port.number for port in scene.ports_of(members) if _is_bytes(port)}
    for rule in read.rules:
        fields = [field.name for field in rule.fields if field.kind.http]
        ports = sorted(port for port in opaque if _may_hold(rule, port))
        if not fields or not ports or rule.problems:
            continue
        told = {"ports": ", ".join(map(str, ports)), "fields": " and ".join(dict.fromkeys(fields))}
        if read.policy.action is Action.DENY:
            yield rule.place.find(codes.TCP_DENIES_MORE, **told, left=_left(rule))
        elif closed := [port for port in ports if not _opened(port, members, scene)]:
            yield rule.place.find(codes.TCP_NEVER_ALLOWS, **{**told, "ports": ", ".join(map(str, closed))})


def _is_bytes(port: Port) -> bool:
    return not port.protocol.http and port.protocol is not AppProtocol.DETECT


def _may_hold(rule: WrittenRule, port: int) -> bool:
    """Whether the rule's own conditions on ports leave this one."""
    groups = rule.operations
    return _fits(rule.conditions, port) and (groups is None or any(_fits(group, port) for group in groups))


def _fits(fields: Iterable[Field], port: int) -> bool:
    asking = (field for field in fields if field.name in _PORT_FIELDS)
    return all((not field.values or str(port) in field.values) and str(port) not in field.excluded for field in asking)


def _opened(port: int, members: Iterable[object], scene: Scene) -> bool:
    """Whether some rule lets connections to this port in, at all pods that have it."""
    for pod in scene.workloads.members:
        if pod in members and port in {one.number for one in scene.ports.get(pod.id, ())}:
            rules = (pair for one in scene.allowing(pod) for pair in zip(one.rules, one.policy.rules, strict=True))
            if not any(built.tcp is not None and _may_hold(written, port) for written, built in rules):
                return False
    return True


def _left(rule: WrittenRule) -> str:
    rest = [field.name for field in rule.fields if not field.kind.http]
    return f"every connection that fits {' and '.join(dict.fromkeys(rest))}" if rest else "every connection"


def check_service_ports(read: Read, scene: Scene) -> Iterator[Finding]:
    """Port numbers of Services where those of pods count."""
    ports = scene.ports_of(scene.members(read.selection))
    own = {str(port.number) for port in ports}
    for field in (field for rule in read.rules for field in rule.fields if field.name in _PORT_FIELDS):
        for value in (*field.values, *field.excluded):
            targets = sorted({port.number for port in ports if str(port.called) == value})
            if value not in own and targets:
                yield field.place.find(codes.SERVICE_PORT, port=value, target=" and ".join(map(str, targets)))
