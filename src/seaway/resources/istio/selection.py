"""What several of Istio's kinds select by: text, ports, workloads, objects.

Sources: networking/v1alpha3 and type/v1beta1 of https://github.com/istio/api
"""

from __future__ import annotations

from seaway.resources.meta import Struct


class StringMatch(Struct, frozen=True, kw_only=True):
    """At most one of the three; none at all asks for presence where a map of names holds it."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


class Percent(Struct, frozen=True, kw_only=True):
    """From 0 to 100; an empty `{}` is 0, as in protobuf."""

    value: float = 0.0


class PortSelector(Struct, frozen=True, kw_only=True):
    number: int | None = None


class WorkloadSelector(Struct, frozen=True, kw_only=True):
    """Of DestinationRule and the security and telemetry APIs: pods that have all of these labels."""

    match_labels: dict[str, str] = {}


class LabelsSelector(Struct, frozen=True, kw_only=True):
    """Of Sidecar and ServiceEntry, whose API has a message of its own (also named WorkloadSelector) with another field."""

    labels: dict[str, str] = {}


class PolicyTargetReference(Struct, frozen=True, kw_only=True):
    """The object that a policy is attached to; `group` is empty for the core group."""

    group: str = ""
    kind: str
    name: str
    namespace: str | None = None


class ProviderRef(Struct, frozen=True, kw_only=True):
    """Name of one of MeshConfig's `extensionProviders`."""

    name: str
