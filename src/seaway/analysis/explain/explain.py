"""The whole way, layer by layer: DNS, the caller's proxy, Service, policies, the called pod, and on from there where that is a gateway."""

from __future__ import annotations

from dataclasses import replace

from seaway.analysis.explain.arrival import explain_arrival
from seaway.analysis.explain.gateways import Entry, explain_entry, gateway_of
from seaway.analysis.explain.leg import Leg, World
from seaway.analysis.explain.names import Resolver, explain_name, explain_question_to_dns
from seaway.analysis.explain.outbound import captor_of, explain_outbound
from seaway.analysis.explain.question import Question, ToAddress
from seaway.analysis.explain.services import explain_front, find_front, within
from seaway.analysis.explain.steps import Choice, Explanation, Layer, Outcome, Step, Verdict, either, note, passes, stopped
from seaway.analysis.reach.because import Line
from seaway.model.route import Gateway
from seaway.model.service import Endpoint


def explain(world: World, question: Question) -> Explanation:
    """Why it arrives or does not."""
    source = question.source
    if source is None:
        return _from_outside(world, question)
    if isinstance(question.target, ToAddress):
        return _to_address(world, question, question.target.address)
    denied = explain_question_to_dns(world.model, source)
    if denied is not None:
        return denied
    step, found = explain_name(Resolver(world.model, world.zone, source), question.target.name)
    if found is None or not found.addresses:
        if found is not None:
            unknown = Step(Layer.ENDPOINT, Outcome.UNKNOWN, f"{found.external or found.name} is outside the cluster")
            return stopped(Verdict.UNKNOWN, unknown).after(step)
        return stopped(Verdict.UNREACHABLE, step)
    ways = tuple(Choice(one, 100 / len(found.addresses), _to_address(world, question, one)) for one in found.addresses)
    return either(Layer.DNS, ways).after(step)


def _to_address(world: World, question: Question, address: str) -> Explanation:
    source = question.source
    member = captor_of(world, question, address)
    if member is None or source is None:
        return _by_kernel(world, question, address, proxied=False)
    found = explain_outbound(world, question, source, member, address)
    if isinstance(found, Explanation):
        return found
    return _by_kernel(world, question, address, proxied=True).after(found.step)


def _by_kernel(world: World, question: Question, address: str, proxied: bool) -> Explanation:
    """As the node's table translates it: a Service's address to an endpoint, any other is taken as it is."""
    model, source = world.model, question.source
    assert source is not None
    front = find_front(model, address, question.transport, question.port)
    if front is None and within(address, model.cluster.service_cidr):
        return stopped(Verdict.REFUSED, Step(Layer.SERVICE, Outcome.STOPS, f"{address} is no Service's ClusterIP"))
    if front is None:
        pod = model.pod_at.get(address)
        return _to_endpoint(world, question, Endpoint(address, question.port, pod.node if pod else "", pod.id if pod else None), proxied)
    found = explain_front(world, front, address, question.port, source)
    if isinstance(found, Explanation):
        return replace(found, status=503) if proxied and question.http is not None else found
    step, ends = found
    ways = tuple(Choice(str(one.pod or one.address), 100 / len(ends), _to_endpoint(world, question, one, proxied)) for one in ends)
    return either(Layer.SERVICE, ways).after(step)


def _to_endpoint(world: World, question: Question, end: Endpoint, proxied: bool) -> Explanation:
    model, source = world.model, question.source
    assert source is not None
    pod = model.pod.get(end.pod) if end.pod is not None else None
    leg = Leg(source, source.ip, pod, end.address, end.port, question.transport, question.http, tls=question.tls, proxied=proxied)
    way = explain_arrival(world, leg)
    gateway = gateway_of(model, pod) if pod is not None else None
    if way.verdict is not Verdict.DELIVERED or gateway is None or pod is None:
        return way
    beyond = explain_entry(world, Entry(gateway, pod, end.port, source.ip), question)
    return beyond.after(*way.steps)


def _from_outside(world: World, question: Question) -> Explanation:
    """By a gateway, whatever the name: the first that has an address."""
    gateway = next((one for one in world.model.gateways if one.pods), None)
    if gateway is None:
        return stopped(Verdict.UNREACHABLE, Step(Layer.SERVICE, Outcome.STOPS, "there is no gateway: nothing leads in from outside"))
    ends, step, peer = _doors(world, gateway, question)
    if isinstance(ends, Explanation):
        return ends
    ways: list[Choice] = []
    for one in ends:
        assert one.pod is not None
        pod = world.model.pod[one.pod]
        leg = Leg(None, world.outside, pod, one.address, one.port, question.transport, question.http)
        way = explain_arrival(world, leg)
        if way.verdict is Verdict.DELIVERED:
            way = explain_entry(world, Entry(gateway, pod, one.port, peer), question).after(*way.steps)
        ways.append(Choice(str(one.pod), 100 / len(ends), way))
    return either(Layer.SERVICE, tuple(ways)).after(*step)


def _doors(world: World, gateway: Gateway, question: Question) -> tuple[tuple[Endpoint, ...] | Explanation, tuple[Step, ...], str]:
    """The gateway's pods as the outside reaches them, and the address that they see it by: a node's, unless traffic policy is Local."""
    service = world.model.service.get(gateway.service) if gateway.service is not None else None
    if service is None:
        pods = tuple(world.model.pod[name] for name in gateway.pods if name in world.model.pod)
        text = f"gateway {gateway.name} has no Service: its pods are called themselves"
        line = Line(pods[0].owner, pods[0].origin, "pod")
        return tuple(Endpoint(one.ip, question.port, one.node, one.id) for one in pods), (note(Layer.SERVICE, text, line),), world.outside
    address = service.load_balancer_ip or service.cluster_ip
    front = find_front(world.model, address, question.transport, question.port)
    if front is None:
        step = Step(Layer.SERVICE, Outcome.STOPS, f"Service {service.id} of gateway {gateway.name} has no address")
        return stopped(Verdict.UNREACHABLE, step), (), world.outside
    found = explain_front(world, front, address, question.port, None)
    if isinstance(found, Explanation):
        return found, (), world.outside
    step, ends = found
    peer = world.outside if service.external_local else world.model.cluster.nodes[0].address
    return ends, (passes(Layer.SERVICE, f"from outside by gateway {gateway.name}: {step.text}", *step.because),), peer
