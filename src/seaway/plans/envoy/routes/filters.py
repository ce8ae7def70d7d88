"""The HTTP filters that features of routes need, in the order in which upstream has them; each does nothing where no route asks for it."""

from __future__ import annotations

from seaway.plans.envoy.proto import Cors, Fields, GrpcWeb, HttpFault, extension
from seaway.plans.envoy.routes import cors, faults

ROUTE_FILTERS: tuple[Fields, ...] = (
    extension(faults.FILTER, HttpFault()),  # before anything else of a route, so that delays and aborts cost nobody else
    extension(cors.FILTER, Cors()),  # answers preflights, which no backend need know
)
"""Right before the router, and after all that decides whether a request may pass."""

GRPC_WEB: Fields = extension("envoy.filters.http.grpc_web", GrpcWeb())
"""Before those, on ports that speak gRPC-Web: browsers' requests become gRPC."""


def when_asked_for(filters: tuple[Fields, ...]) -> list[Fields]:
    """The filters, made only for requests whose route has a configuration for them: idle ones cost a request some twentieth of its time.

    Envoy decides it before the first filter. So they stay as they are where a filter may send a request to another route.
    """
    return [{**one, "disabled": True} for one in filters]
