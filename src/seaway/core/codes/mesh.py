"""Settings of the mesh, and mistakes in its hosts: ServiceEntries, WorkloadEntries, Sidecars (NET0501 to NET0529)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

MESH_SETTING_INVALID = Code(
    "NET0501",
    Severity.ERROR,
    "{field} of the mesh's settings cannot be used: {problem}",
    "Istio refuses such a setting; here it is passed over, and {default}.",
    "{advice}",
)
SETTING_UNUSED = Code(
    "NET0502",
    Severity.NOTE,
    "the setting {field} does nothing here",
    "{reason}",
    "Nothing needs to be done if the result does not depend on it.",
)
SETTING_DIFFERS = Code(
    "NET0503",
    Severity.WARNING,
    "the setting {field} is not honoured",
    "{reason}",
    "{advice}",
)
PROXY_ANNOTATION_INVALID = Code(
    "NET0504",
    Severity.WARNING,
    "the annotation proxy.istio.io/config is not a ProxyConfig: {problem}",
    "Istio does not take over what it cannot read; where it can read none of it, it refuses the pods. Here they run without it.",
    "{advice}",
)
