"""Where a proxy's routes lead: the weighted destinations of a route, and the endpoints of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seaway.analysis.explain.arrival import explain_arrival
from seaway.analysis.explain.leg import Leg, World
from seaway.analysis.explain.matching import rewritten
from seaway.analysis.explain.mtls import speak
from seaway.analysis.explain.question import Http
from seaway.analysis.explain.services import flip_endpoints, ready_in, told, why_nobody
from seaway.analysis.explain.steps import Choice, Explanation, Layer, Outcome, Step, Verdict, either, note, passes, stopped
from seaway.analysis.reach.because import Line
from seaway.model.policies.language import Transport
from seaway.model.route import Destination, Forward, Redirect, Respond, Route
from seaway.model.service import Endpoint, endpoints
from seaway.model.upstream import Fixed, OfService, Upstream, UpstreamId
from seaway.model.workload import Pod


@dataclass(frozen=True, slots=True)
class Sent:
    """What a proxy in `caller`'s pod sends: a request, or bytes (None); `tls` where the caller wraps them itself."""

    caller: Pod
    http: Http | None
    tls: bool = False


def explain_route(world: World, route: Route, sent: Sent, tls: bool) -> Explanation:
    """What a route does with a request."""
    line = Line(route.owner, route.origin, "route")
    policy = route.policy
    notes: list[Step] = []
    if policy.fault is not None and policy.fault.abort is not None:
        abort = policy.fault.abort
        text = f"a fault is injected on purpose: {abort.percent:g} % are answered {abort.status}"
        if abort.percent >= 100:
            return stopped(Verdict.REFUSED, Step(Layer.ROUTE, Outcome.STOPS, text, (line,)), abort.status)
        notes.append(note(Layer.ROUTE, text, line))
    if policy.fault is not None and policy.fault.delay is not None:
        delay = policy.fault.delay
        notes.append(note(Layer.ROUTE, f"a fault is injected on purpose: {delay.percent:g} % wait for {delay.seconds:g} s", line))
    if route.https_redirect and not tls:
        return answered(308, "plain HTTP is sent to https", line).after(*notes)
    match route.action:
        case Redirect(status=status):
            return answered(status, "the route answers with a redirect", line).after(*notes)
        case Respond(status=status, why=why):
            return answered(status, why or f"the route itself answers {status}", line).after(*notes)
        case Forward(destinations):
            assert sent.http is not None
            places = tuple((one, replace(sent, http=rewritten(route, one, sent.http))) for one in destinations)
            return explain_destinations(world, places, line).after(*notes)


def answered(status: int, text: str, *lines: Line) -> Explanation:
    """By a proxy itself. Below 400 that is what was asked for."""
    if status < 400:
        return Explanation(Verdict.DELIVERED, (passes(Layer.ROUTE, f"{text}: {status}", *lines),), status)
    verdict = Verdict.UNREACHABLE if status in (404, 503) else Verdict.REFUSED
    return stopped(verdict, Step(Layer.ROUTE, Outcome.STOPS, f"{text}: {status}", lines), status)


def explain_destinations(world: World, places: tuple[tuple[Destination, Sent], ...], line: Line) -> Explanation:
    """All places that a route splits over, each by its weight."""
    used = [(one, sent) for one, sent in places if one.weight or len(places) == 1]
    total = sum(one.weight for one, _ in used) or 1
    choices = tuple(
        Choice(_named(one.to), 100 * (one.weight or 1) / total, explain_upstream(world, one.to, sent, line)) for one, sent in used
    )
    shares = ", ".join(f"{one.share:.4g} % to {one.name}" for one in choices) if len(used) != 1 else f"goes to {choices[0].name}"
    return either(Layer.ROUTE, choices).after(passes(Layer.ROUTE, shares, line))


def _named(to: UpstreamId) -> str:
    return f"{to.host}:{to.port}" + (f" subset {to.subset}" if to.subset else "")


def explain_upstream(world: World, to: UpstreamId, sent: Sent, line: Line) -> Explanation:
    """The endpoints of one destination, and the way to each."""
    failure = 503 if sent.http is not None else None
    upstream = world.model.upstream.get(to)
    if upstream is None:
        step = Step(Layer.SERVICE, Outcome.STOPS, f"{_named(to)} does not exist", (line,))
        return stopped(Verdict.UNREACHABLE, step, failure)
    match upstream.endpoints:
        case OfService(service=name, port=port, labels=labels):
            service = world.model.service.get(name)
            found = endpoints(service, port, ready_in(world)) if service is not None else ()
            chosen = tuple(one for one in found if set(labels) <= _labels(world, one))
            if not chosen:
                return _nobody(world, upstream, found, failure)
            lines = _lines(upstream, labels)
            step = passes(Layer.SERVICE, f"{_named(to)} has {told(world, chosen)}", *lines)
            return explain_endpoints(world, upstream, sent, chosen).after(step)
        case Fixed(given):
            fixed = tuple(Endpoint(one.address, one.port, "", one.pod) for one in given)
            ready = tuple(one for one in fixed if one.pod is None or one.pod in ready_in(world).ready)
            if not ready:
                return _nobody(world, upstream, (), failure)
            return explain_endpoints(world, upstream, sent, ready).after(passes(Layer.SERVICE, f"{_named(to)} has {told(world, ready)}"))
        case _:
            step = Step(
                Layer.SERVICE,
                Outcome.UNKNOWN,
                f"{_named(to)} is outside the cluster: what answers there is not known",
                _lines(upstream, ()),
            )
            return stopped(Verdict.UNKNOWN, step)


def _labels(world: World, one: Endpoint) -> set[tuple[str, str]]:
    pod = world.model.pod.get(one.pod) if one.pod is not None else None
    return set(pod.labels) if pod is not None else set()


def _lines(upstream: Upstream, labels: tuple[tuple[str, str], ...]) -> tuple[Line, ...]:
    kind = "DestinationRule" if labels else "Service"
    owner = next((one for one in upstream.owners if one.kind == kind), None) or next(iter(upstream.owners), None)
    return (Line(owner, upstream.origin, "subset" if labels else "host"),) if owner is not None else ()


def _nobody(world: World, upstream: Upstream, found: tuple[Endpoint, ...], failure: int | None) -> Explanation:
    given = upstream.endpoints
    service = world.model.service.get(given.service) if isinstance(given, OfService) else None
    labels = given.labels if isinstance(given, OfService) else ()
    if found:
        told_labels = ", ".join(f"{key}={value}" for key, value in labels)
        why = f"in subset {upstream.id.subset}: none has the labels {told_labels}"
    else:
        why = why_nobody(world, service, given.port) if service is not None and isinstance(given, OfService) else "that is ready"
    step = Step(Layer.SERVICE, Outcome.STOPS, f"{_named(upstream.id)} has no endpoint {why}", _lines(upstream, labels))
    return stopped(Verdict.UNREACHABLE, step, failure, (flip_endpoints(service),) if service is not None and not found else ())


def explain_endpoints(world: World, upstream: Upstream, sent: Sent, found: tuple[Endpoint, ...]) -> Explanation:
    choices: list[Choice] = []
    for one in found:
        pod = world.model.pod.get(one.pod) if one.pod is not None else None
        leg = Leg(sent.caller, sent.caller.ip, pod, one.address, one.port, Transport.TCP, sent.http, tls=sent.tls, proxied=True)
        spoken, steps = speak(world.model, leg, upstream)
        choices.append(Choice(str(one.pod or one.address), 100 / len(found), explain_arrival(world, spoken).after(*steps)))
    return either(Layer.SERVICE, tuple(choices))
