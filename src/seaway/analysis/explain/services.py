"""Services: which one an address and port is a front of, and which endpoints there are."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.analysis.explain.leg import World
from seaway.analysis.explain.question import addresses_of
from seaway.analysis.explain.steps import Explanation, Flip, Layer, Outcome, Step, Verdict, passes, stopped
from seaway.analysis.reach.because import Line
from seaway.core.cidr import parse_cidr
from seaway.model.index import Model
from seaway.model.policies.addresses import address_of
from seaway.model.policies.language import Transport
from seaway.model.service import Endpoint, Health, Service, endpoints
from seaway.model.workload import Pod


@dataclass(frozen=True, slots=True)
class Front:
    """A port of a Service (by its position, None where it has no such port) at one of its addresses, or at a node's (`node`)."""

    service: Service
    port: int | None
    node: str = ""


def find_front(model: Model, address: str, transport: Transport, port: int) -> Front | None:
    """The Service that answers at an address; None where none does."""
    for service in model.services:
        if address in addresses_of(service):
            wanted = (port, transport.value)
            at = next((at for at, one in enumerate(service.ports) if (one.port, one.protocol.value) == wanted), None)
            return Front(service, at)
    node = next((one.name for one in model.cluster.nodes if one.address == address), "")
    for service in model.services if node else ():
        for at, one in enumerate(service.ports):
            if (one.node_port, one.protocol.value) == (port, transport.value):
                return Front(service, at, node)
    return None


def ready_in(world: World) -> Health:
    """Those that are ready; all where nothing runs."""
    return world.health if world.health is not None else Health(frozenset(pod.id for pod in world.model.pods))


def explain_front(
    world: World, front: Front, address: str, port: int, source: Pod | None
) -> tuple[Step, tuple[Endpoint, ...]] | Explanation:
    """The step and the endpoints, or the end where there are none."""
    service = front.service
    called = f"Service {service.id}"
    if front.port is None:
        ports = ", ".join(f"{one.port}/{one.protocol.value}" for one in service.ports) or "none"
        line = Line(service.owner, service.origin, "ports")
        return stopped(Verdict.REFUSED, Step(Layer.SERVICE, Outcome.STOPS, f"{called} has no port {port}: its ports are {ports}", (line,)))
    line = Line(service.owner, service.ports[front.port].origin, "port")
    if (shut := _shut_out(world, front, address, source)) is not None:
        return stopped(Verdict.DENIED, Step(Layer.SERVICE, Outcome.STOPS, shut, (line,)))
    found = endpoints(service, front.port, ready_in(world))
    local = _local(world, front, address, source, found)
    if not local:
        why = "of the caller's own node (its traffic policy is Local)" if found else why_nobody(world, service, front.port)
        step = Step(Layer.SERVICE, Outcome.STOPS, f"{called} has no endpoint {why}", (line,))
        return stopped(Verdict.REFUSED, step, None, (flip_endpoints(service),))
    return passes(Layer.SERVICE, f"{called} leads to {told(world, local)}", line), local


def within(address: str, *cidrs: str) -> bool:
    """Whether an address is in one of these ranges."""
    number = address_of(address)
    ranges = (one for one in map(parse_cidr, cidrs) if one is not None)
    return number is not None and any(one.first <= number <= one.last for one in ranges)


def _shut_out(world: World, front: Front, address: str, source: Pod | None) -> str | None:
    service = front.service
    if address != service.load_balancer_ip or not service.source_ranges:
        return None
    if within(source.ip if source is not None else world.outside, *service.source_ranges):
        return None
    return f"loadBalancerSourceRanges of Service {service.id} leave the caller out: {', '.join(service.source_ranges)}"


def _local(world: World, front: Front, address: str, source: Pod | None, found: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Pods are served as from inside, by all endpoints, unless the internal traffic policy is Local."""
    if source is not None and front.service.internal_local and address == front.service.cluster_ip:
        return tuple(one for one in found if one.node == source.node)
    if source is None and front.service.external_local and front.node:
        return tuple(one for one in found if one.node == front.node)
    return found


def why_nobody(world: World, service: Service, port: int) -> str:
    """Why nobody serves a port: nothing selected, a port that no pod has, or nobody ready."""
    if not service.backends:
        return "at all: no pod has the labels that it selects" if service.selects_pods else "at all: it selects no pods"
    if not any(one.ports[port] for one in service.backends):
        return "with this port: no pod declares the target port's name"
    return "that is ready" if world.health is not None else "that is ready by its manifest"


def flip_endpoints(service: Service) -> Flip:
    return Flip(
        f"give Service {service.id} an endpoint: a selector that pods' labels match, or pods that become ready",
        service.owner,
        service.origin,
    )


def told(world: World, found: tuple[Endpoint, ...]) -> str:
    names = [f"{one.pod or one.address} {one.port}" for one in found]
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    unknown = "" if world.health is not None else " (who of them is ready is known while it runs)"
    return ", ".join(names[:3]) + rest + unknown
