"""A plan as one self-contained Envoy configuration, for `envoy --mode validate`, for goldens and for a reader's eyes.

What would come over ADS stands in place: routes and filters in their listeners, endpoints in their clusters, certificates as static
secrets. Envoy itself is never run from it in production; it gets `bootstrap.py` and the resources.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from google.protobuf import json_format, symbol_database

from seaway.plans.envoy.bootstrap import RUNTIME, over_socket, overload_manager
from seaway.plans.envoy.proto import FLOW_LOG, RATE_COUNTER, MessageType
from seaway.protocols.xds_resource import CLUSTER, ENDPOINTS, EXTENSION, LISTENER, ROUTES, SECRET, TYPE_PREFIX, XdsResource

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, Json]


def decode_resource(resource: XdsResource) -> JsonObject:
    """The resource's message with proto field names, what is packed in it unpacked."""
    message_type = cast(MessageType, symbol_database.Default().GetSymbol(resource.type_url.removeprefix(TYPE_PREFIX)))
    message = message_type()
    message.ParseFromString(resource.body)
    return {
        key: _ordered(one) for key, one in cast(JsonObject, json_format.MessageToDict(message, preserving_proto_field_name=True)).items()
    }


def _ordered(value: Json, within: bool = False) -> Json:
    """With the fields of a TypedStruct in the order of their names: they come in none."""
    match value:
        case dict():
            inside = within or "type_url" in value
            return {key: _ordered(value[key], inside) for key in (sorted(value) if inside else value)}
        case list():
            return [_ordered(one, within) for one in value]
        case _:
            return value


def render_static(resources: tuple[XdsResource, ...], admin_socket: str = "") -> str:
    """The plan as JSON; with an admin socket if its path is given. Certificates are in it with their keys: never print it for a user."""
    by_type: dict[str, dict[str, JsonObject]] = {}
    for resource in resources:
        by_type.setdefault(resource.type_url, {})[resource.name] = decode_resource(resource)
    routes, endpoints = by_type.get(ROUTES, {}), by_type.get(ENDPOINTS, {})
    referred = _Referred(routes, by_type.get(EXTENSION, {}))
    static: dict[str, object] = {
        "listeners": [_in_place(one, referred) for one in by_type.get(LISTENER, {}).values()],
        "clusters": [
            *(_in_place(_static_cluster(one, endpoints), referred) for one in by_type.get(CLUSTER, {}).values()),
            over_socket(FLOW_LOG, "/nobody/flows.sock"),
            over_socket(RATE_COUNTER, "/nobody/limits.sock"),
        ],
        "secrets": list(by_type.get(SECRET, {}).values()),
    }
    bootstrap: dict[str, object] = {
        "node": {"id": "static", "cluster": "static"},
        "static_resources": static,
        "layered_runtime": {"layers": [{"name": "seaway", "static_layer": RUNTIME}]},
        "overload_manager": overload_manager(1),
    }
    if admin_socket:
        bootstrap["admin"] = {"address": {"pipe": {"path": admin_socket}}}
    return json.dumps(bootstrap, indent=1)


@dataclass(frozen=True, slots=True)
class _Referred:
    """What resources refer to by name."""

    routes: Mapping[str, JsonObject]
    filters: Mapping[str, JsonObject]


def _in_place(value: Json, referred: _Referred) -> Json:
    """The value with every RDS and ECDS reference replaced by what it names, and every SDS one by a reference to a static secret."""
    match value:
        case {"rds": {"route_config_name": str(name)}, **others}:
            return {**{key: _in_place(one, referred) for key, one in others.items()}, "route_config": referred.routes[name]}
        case {"name": str(name), "config_discovery": {"default_config": idle}}:
            return {"name": name, "typed_config": referred.filters.get(name, {}).get("typed_config", idle)}
        case {"name": name, "sds_config": _}:
            return {"name": name}
        case dict():
            return {key: _in_place(one, referred) for key, one in value.items()}
        case list():
            return [_in_place(one, referred) for one in value]
        case _:
            return value


def _static_cluster(cluster: JsonObject, endpoints: Mapping[str, JsonObject]) -> JsonObject:
    name = str(cluster["name"])
    if cluster.get("type") != "EDS":
        return cluster
    others = {key: value for key, value in cluster.items() if key not in ("type", "eds_cluster_config")}
    return {**others, "type": "STATIC", "load_assignment": endpoints.get(name, {"cluster_name": name})}
