"""Mutual TLS: what a caller's proxy speaks, and what the called pod's proxy takes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seaway.analysis.explain.leg import Leg
from seaway.analysis.explain.steps import Explanation, Flip, Layer, Outcome, Step, Verdict, passes, stopped
from seaway.analysis.reach.because import Line
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.model.index import Model
from seaway.model.mesh import Inbound, InboundPort, Mtls
from seaway.model.policies.language import Transport
from seaway.model.upstream import AppProtocol, MutualMesh, OriginateTls, Plain, Upstream
from seaway.model.workload import GatewayProxy, Pod


@dataclass(frozen=True, slots=True)
class Taken:
    """What a member accepts at a port, and the line that says so."""

    mode: Mtls
    protocol: AppProtocol
    because: tuple[Line, ...]
    owner: Key | None
    origin: Origin


def taken_at(model: Model, pod: Pod, port: int) -> Taken | None:
    """None where the pod's connections to this port pass no proxy of its own."""
    inbound, member = model.inbound.get(pod.id), model.member.get(pod.id)
    if inbound is None or member is None or isinstance(pod.runs, GatewayProxy):
        return None
    capture = member.capture
    if port in capture.inbound_excluded or (capture.inbound is not None and port not in capture.inbound):
        return None
    one = _port(inbound, port)
    because = (Line(one.owner, one.origin, f"mode {one.mtls.value}"),) if one.owner is not None else ()
    return Taken(one.mtls, one.protocol, because, one.owner, one.origin)


def _port(inbound: Inbound, port: int) -> InboundPort:
    rest = InboundPort(port, AppProtocol.DETECT, inbound.other, inbound.other_origin, inbound.other_owner)
    return next((one for one in inbound.ports if one.port == port), rest)


def speak(model: Model, leg: Leg, upstream: Upstream) -> tuple[Leg, tuple[Step, ...]]:
    """The leg as the caller's proxy makes it: with its identity, in plaintext, or with TLS to a server of the world."""
    protection = upstream.treatment.protection
    takes = leg.pod is not None and model.takes_mtls(leg.pod.id, leg.port)
    lines = _lines(upstream, protection.origin)
    member = model.member.get(leg.source.id) if leg.source is not None else None
    match protection:
        case MutualMesh(automatic=automatic) if member is not None and (takes or not automatic) and not leg.itself:
            how = "automatic" if automatic else "as the DestinationRule says"
            text = f"the caller's proxy speaks mutual TLS as {member.spiffe} ({how})"
            return replace(leg, principal=member.spiffe, sni=protection.sni), (passes(Layer.MTLS, text, *(() if automatic else lines)),)
        case MutualMesh():
            return leg, (passes(Layer.MTLS, "plaintext: the endpoint is not told to take mutual TLS", *lines),)
        case OriginateTls():
            return replace(leg, tls=True), (passes(Layer.MTLS, "the caller's proxy speaks TLS to it", *lines),)
        case Plain():
            return leg, (passes(Layer.MTLS, "the caller's proxy speaks plaintext", *lines),)


def _lines(upstream: Upstream, origin: Origin | None) -> tuple[Line, ...]:
    rule = next((one for one in upstream.owners if one.kind == "DestinationRule"), None)
    return (Line(rule, origin, "tls"),) if rule is not None and origin is not None else ()


def explain_inbound(model: Model, leg: Leg) -> tuple[Step, ...] | Explanation:
    """What the called pod's proxy says to the way in which it is spoken to; nothing where it has none and is spoken to in plaintext."""
    assert leg.pod is not None
    taken = taken_at(model, leg.pod, leg.port) if leg.transport is Transport.TCP else None
    if taken is None:
        if leg.principal is None:
            return ()
        step = Step(Layer.MTLS, Outcome.STOPS, f"{leg.called} has no proxy for this port: the handshake fails")
        return stopped(Verdict.UNREACHABLE, step, leg.failure)
    if leg.principal is not None:
        if taken.mode is Mtls.DISABLE:
            step = Step(Layer.MTLS, Outcome.STOPS, f"{leg.called} takes plaintext only: the handshake fails", taken.because)
            return stopped(Verdict.UNREACHABLE, step, leg.failure)
        return (passes(Layer.MTLS, f"{leg.called} takes it ({taken.mode.value})", *taken.because),)
    if taken.mode is not Mtls.STRICT:
        return (passes(Layer.MTLS, f"{leg.called} takes plaintext ({taken.mode.value}); the caller is nobody to it", *taken.because),)
    what = "TLS without a certificate of the mesh" if leg.tls else "plaintext"
    text = f"{leg.called} takes mutual TLS only (STRICT), and this is {what}"
    return stopped(Verdict.DENIED, Step(Layer.MTLS, Outcome.STOPS, text, taken.because), leg.failure, _flips(model, leg, taken))


def _flips(model: Model, leg: Leg, taken: Taken) -> tuple[Flip, ...]:
    wider = Flip(f"let {leg.called} take plaintext, too (mode PERMISSIVE)", taken.owner, taken.origin)
    if leg.source is None or leg.source.id in model.member:
        return (wider,)
    outsider = next((one for one in model.mesh.outsiders if one.pod == leg.source.id), None)
    joins = Flip(
        f"put {leg.caller} into the mesh (it is not: {outsider.why if outsider else 'unknown'})", leg.source.owner, leg.source.origin
    )
    return (joins, wider)
