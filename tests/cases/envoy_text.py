"""An Envoy plan as YAML, short enough to be read: what it says beyond the base's plan, and beyond what all resources of its kind say.

Left out are resources and virtual hosts that the base has too, and fields that equal those of the resource most like it in the base or in
the case `base/whole`, which shows all of them. A filter chain is compared with its listener's default one, a virtual host of HTTPS with
that of plain HTTP. Of secrets and access logs only the name is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import yaml

from seaway.plans.envoy.static import decode_resource
from seaway.protocols.xds_resource import LISTENER, ROUTES, SECRET, XdsResource

Message: TypeAlias = dict[str, Any]
Plan: TypeAlias = Iterable[XdsResource]
SAME_AS_PLAIN = "as over plain HTTP"
AS_IN_EXAMPLE = "as in base/whole"


def render_envoy(plan: Plan, base: Plan, examples: Plan) -> str:
    """`base`: what is not shown at all. `examples`: whose fields are not shown again."""
    former = {(one.type_url, one.name): _decode(one) for one in base}
    known = [(one.type_url, _decode(one)) for one in (*examples, *base)]
    shown: dict[str, dict[str, Any]] = {}
    for resource in plan:
        key = (resource.type_url, resource.name)
        message = _decode(resource)
        if former.get(key) != message:
            rest = _beyond(resource.type_url, message, former.get(key), [one for kind, one in known if kind == resource.type_url])
            shown.setdefault(resource.type_url.rsplit(".", 1)[-1], {})[resource.name] = rest or AS_IN_EXAMPLE
    routes = shown.get("RouteConfiguration", {})
    for name, message in routes.items():
        if name.endswith("/https") and (plain := routes.get(f"{name.removesuffix('https')}http")) is not None:
            _shorten(message, plain)
    return yaml.dump(shown, Dumper=_Dumper, sort_keys=False, width=140, allow_unicode=True, default_flow_style=None) if shown else ""


def _decode(resource: XdsResource) -> Message:
    message = _in_order(decode_resource(resource))
    return {"name": message["name"]} if resource.type_url == SECRET else message


def _in_order(value: Any) -> Any:
    """Metadata by name of its fields: protobuf's maps have no order."""
    match value:
        case {"access_log": [{"typed_config": {"common_config": {"log_name": name}}}]}:
            return _in_order({**value, "access_log": name})
        case {"seaway": dict() as fields}:
            return {"seaway": dict(sorted(fields.items()))}
        case dict():
            return {name: _in_order(one) for name, one in value.items()}
        case list():
            return [_in_order(one) for one in value]
        case _:
            return value


def _beyond(type_url: str, message: Message, same: Message | None, alike: list[Message]) -> Message:
    former = same or max(alike, key=lambda one: sum(one.get(field) == value for field, value in message.items()), default={})
    rest = {field: value for field, value in message.items() if former.get(field) != value}
    if type_url == ROUTES:
        known = [host for one in alike for host in one.get("virtual_hosts", ())]
        common = {field: value for host in known for field, value in host.items() if field == "retry_policy"}
        hosts = [one for one in message.get("virtual_hosts", ()) if one not in former.get("virtual_hosts", ())]
        rest["virtual_hosts"] = [_without(host, common) for host in hosts]
    if type_url == LISTENER and "default_filter_chain" in message:
        rest["filter_chains"] = [_without(chain, message["default_filter_chain"]) for chain in message.get("filter_chains", ())]
    return {field: value for field, value in rest.items() if value != []}


def _without(value: Message, known: Message) -> Message:
    return {field: one for field, one in value.items() if known.get(field) != one}


def _shorten(https: Message, http: Message) -> None:
    plain = http.get("virtual_hosts", [])
    hosts = [{"name": one["name"], "routes": SAME_AS_PLAIN} if one in plain else one for one in https.get("virtual_hosts", ())]
    if hosts:
        https["virtual_hosts"] = hosts


class _Dumper(yaml.SafeDumper):
    """Innermost mappings and lists on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\n" in text else None)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
