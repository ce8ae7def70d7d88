"""The end of a way: policies between caller and pod, mutual TLS, authorization, and whether anybody takes it there."""

from __future__ import annotations

from dataclasses import replace

from seaway.analysis.explain.authorization import explain_authorization
from seaway.analysis.explain.leg import Leg, World
from seaway.analysis.explain.mtls import explain_inbound
from seaway.analysis.explain.policies import explain_policies
from seaway.analysis.explain.steps import Explanation, Flip, Layer, Outcome, Step, Verdict, note, passes, stopped
from seaway.analysis.reach.because import Line
from seaway.model.policies.language import Transport
from seaway.model.workload import Command, DnsServer, Pod, Standin

_DNS_PORT = 53


def explain_arrival(world: World, leg: Leg) -> Explanation:
    """From the caller's network to the application. A gateway's pod is an application like any other here."""
    policed, denied = explain_policies(world.model, leg)
    if denied is not None:
        return _denied_twice(world, leg, denied).after(*policed)
    pod = leg.pod
    if pod is None:
        return _foreign(leg).after(*policed)
    taken = () if leg.itself else explain_inbound(world.model, leg)
    if isinstance(taken, Explanation):
        return taken.after(*policed)
    allowed = () if leg.itself else explain_authorization(world.model, leg)
    if isinstance(allowed, Explanation):
        return allowed.after(*policed, *taken)
    return _application(world, leg, pod).after(*policed, *taken, *allowed)


def _denied_twice(world: World, leg: Leg, denied: Explanation) -> Explanation:
    """What else would deny it, so that each flip is enough. Between members on one node authorization is judged before a packet leaves."""
    if leg.pod is None or leg.itself:
        return denied
    later = explain_inbound(world.model, leg)
    if not isinstance(later, Explanation):
        later = explain_authorization(world.model, leg)
    if not isinstance(later, Explanation) or later.verdict is not Verdict.DENIED:
        return denied
    first, *_ = denied.flips
    flips = tuple(Flip(f"{first.text}; and {one.text}", first.key, first.origin) for one in later.flips)
    near = leg.principal is not None and leg.source is not None and leg.source.node == leg.pod.node
    return replace(denied, steps=later.steps, flips=flips, status=later.status if near else denied.status)


def _foreign(leg: Leg) -> Explanation:
    step = Step(Layer.ENDPOINT, Outcome.UNKNOWN, f"{leg.address} is no pod here: whether anybody answers at {leg.port} is not known")
    return stopped(Verdict.UNKNOWN, step)


def _application(world: World, leg: Leg, pod: Pod) -> Explanation:
    line = Line(pod.owner, pod.origin, "pod")
    ready = () if world.health is None or pod.id in world.health.ready else (note(Layer.ENDPOINT, f"{pod.id} is not ready now", line),)
    declared = any(one.port == leg.port and one.protocol.value == leg.transport.value for one in pod.ports)
    match pod.runs:
        case Standin() if not declared:
            step = Step(Layer.ENDPOINT, Outcome.STOPS, f"nobody listens at {leg.place}: no container declares it", (line,))
            return stopped(Verdict.REFUSED, step, leg.failure).after(*ready)
        case DnsServer() if leg.port != _DNS_PORT or leg.transport is Transport.SCTP:
            step = Step(Layer.ENDPOINT, Outcome.STOPS, f"nobody listens at {leg.place}: DNS is at port {_DNS_PORT}", (line,))
            return stopped(Verdict.REFUSED, step, leg.failure).after(*ready)
        case Command():
            step = passes(Layer.ENDPOINT, f"{leg.place} is a program of its own: it gets this if it listens there", line)
        case _:
            step = passes(Layer.ENDPOINT, f"{leg.place} takes it", line)
    return Explanation(Verdict.DELIVERED, (*ready, step), None, (pod.id,))
