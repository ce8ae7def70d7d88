"""Objects of Istio and policies as rows of `get`: the columns that their definitions give kubectl."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seaway.app.views.kinds import ISTIO_GATEWAY

Spec = Mapping[str, Any]


def cells_of(kind: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """One for each of `COLUMNS[kind]`."""
    spec = data.get("spec")
    make = COLUMNS[kind][1]
    return make(spec if isinstance(spec, dict) else {})  # pyright: ignore[reportUnknownArgumentType]


def _listed(spec: Spec, name: str) -> str:
    values: Any = spec.get(name)
    return ",".join(str(one) for one in values) if isinstance(values, list) and values else "<none>"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _selector(given: Any) -> str:
    labels: Any = given.get("matchLabels") if isinstance(given, dict) else None
    expressions: Any = given.get("matchExpressions") if isinstance(given, dict) else None
    words = [f"{key}={value}" for key, value in (labels or {}).items()]
    for one in expressions or ():
        values = f" ({','.join(one.get('values') or ())})" if one.get("values") else ""
        words.append(f"{one.get('key')} {one.get('operator')}{values}")
    return ",".join(words) or "<none>"


def _mode(spec: Spec) -> str:
    mtls = spec.get("mtls")
    return str(mtls.get("mode", "UNSET")) if isinstance(mtls, dict) else "UNSET"  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


def _limits(spec: Spec) -> str:
    limits: Any = spec.get("limits") or ()
    return ", ".join(f"{one.get('requests')}/{one.get('per')}" for one in limits if isinstance(one, dict)) or "<none>"  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[Spec], tuple[str, ...]]]] = {
    "NetworkPolicy": (("POD-SELECTOR",), lambda spec: (_selector(spec.get("podSelector")),)),
    "AdminNetworkPolicy": (("PRIORITY",), lambda spec: (str(spec.get("priority")),)),
    "ClusterNetworkPolicy": (("TIER", "PRIORITY"), lambda spec: (str(spec.get("tier")), str(spec.get("priority")))),
    "VirtualService": (("GATEWAYS", "HOSTS"), lambda spec: (_listed(spec, "gateways"), _listed(spec, "hosts"))),
    "DestinationRule": (("HOST",), lambda spec: (str(spec.get("host", "")),)),
    ISTIO_GATEWAY: (("SERVERS",), lambda spec: (str(len(spec.get("servers") or ())),)),
    "ServiceEntry": (
        ("HOSTS", "LOCATION", "RESOLUTION"),
        lambda spec: (_listed(spec, "hosts"), str(spec.get("location", "MESH_EXTERNAL")), str(spec.get("resolution", "NONE"))),
    ),
    "WorkloadEntry": (("ADDRESS",), lambda spec: (str(spec.get("address", "<none>")),)),
    "PeerAuthentication": (("MODE",), lambda spec: (_mode(spec),)),
    "AuthorizationPolicy": (("ACTION",), lambda spec: (str(spec.get("action", "ALLOW")),)),
    "RateLimitPolicy": (("LIMITS",), lambda spec: (_limits(spec),)),
}
"""By kind: the headings, and what stands below them. Defaults are said, where kubectl leaves a blank."""
