"""Settings of the mesh and of proxies that nothing here reads: each is said, so that nobody takes silence for effect."""

from __future__ import annotations

from typing import Any

from seaway.core.codes import mesh as codes
from seaway.core.finding import Findings, finding
from seaway.resources.istio.mesh_config import MeshConfig
from seaway.resources.resource import Resource, Step, field_path

_TELEMETRY = "It is about telemetry, which changes no request on its way."
_PROCESS = "It shapes a proxy's process and ports; here one Envoy a node serves all pods, and Seaway chooses both."
_CONTROL_PLANE = "It is about Istio's own control plane, or other clusters, and there are none here."
_INGRESS = "Which gateway serves an Ingress is decided by the classes and controllers that the manifests hold."

_UNUSED = {
    "proxyListenPort": _PROCESS,
    "proxyInboundListenPort": _PROCESS,
    "hboneIdleTimeout": "It is about tunnels of the ambient mode; members are reached without.",
    "ingressClass": _INGRESS,
    "ingressService": _INGRESS,
    "ingressControllerMode": _INGRESS,
    "ingressSelector": _INGRESS,
    "enableTracing": _TELEMETRY,
    "accessLogFile": _TELEMETRY,
    "accessLogFormat": _TELEMETRY,
    "accessLogEncoding": _TELEMETRY,
    "enableEnvoyAccessLogService": _TELEMETRY,
    "disableEnvoyListenerLog": _TELEMETRY,
    "inboundClusterStatName": _TELEMETRY,
    "outboundClusterStatName": _TELEMETRY,
    "enablePrometheusMerge": _TELEMETRY,
    "defaultProviders": _TELEMETRY,
    "configSources": _CONTROL_PLANE,
    "certificates": _CONTROL_PLANE,
    "serviceSettings": _CONTROL_PLANE,
    "serviceScopeConfigs": _CONTROL_PLANE,
    "ca": _CONTROL_PLANE,
}

_DIFFERING = {
    ("proxyHttpPort",): ("No proxy for CONNECT requests is opened in pods.", "Call services by their names; their traffic is captured."),
    ("caCertificates",): ("Peers are verified against the mesh's own root alone.", "Bring the root as the Secret cacerts."),
    ("verifyCertificateAtClient",): (
        "Servers' certificates are always verified, unless a DestinationRule says insecureSkipVerify.",
        "Say so in the DestinationRule.",
    ),
    ("meshMTLS",): ("Between members, TLS has Envoy's own versions and ciphers, TLS 1.2 and later.", "Take it out, or live with it."),
    ("tlsDefaults",): ("TLS has Envoy's own versions and ciphers, TLS 1.2 and later.", "Take it out, or live with it."),
    ("outboundTrafficPolicy", "tls"): ("Connections to unknown hosts go on as they come.", "Name the host in a ServiceEntry."),
}

_PROXY_DIFFERING = {
    "proxyHeaders": ("Proxies set the headers that they set by default.", "Set or remove headers in a VirtualService."),
    "gatewayTopology": (
        "X-Forwarded-For of callers is not trusted, and client certificates are forwarded as by default.",
        "Do not rely on the caller's address behind another proxy.",
    ),
    "caCertificatesPem": ("Peers are verified against the mesh's own root alone.", "Bring the root as the Secret cacerts."),
}


def unused_settings(written: Resource[MeshConfig]) -> Findings:
    """One finding for each setting that is given and not read."""
    found: Findings = ()
    for name, reason in _UNUSED.items():
        if name in written.raw:
            found += (finding(codes.SETTING_UNUSED, written.at(name), written.key, field=name, reason=reason),)
    for path, (reason, advice) in _DIFFERING.items():
        if _given(written.raw, path):
            words = {"field": field_path(*path), "reason": reason, "advice": advice}
            found += (finding(codes.SETTING_DIFFERS, written.at(*path), written.key, **words),)
    policy = written.body.outbound_traffic_policy
    if policy is not None and policy.mode == "ALLOW_ANY_DYNAMIC_DNS":
        reason = "Connections to unknown hosts go to the address that the caller chose, as with ALLOW_ANY."
        words = {"field": "outboundTrafficPolicy.mode", "reason": reason, "advice": "Write ALLOW_ANY."}
        found += (finding(codes.SETTING_DIFFERS, written.at("outboundTrafficPolicy", "mode"), written.key, **words),)
    inbound = written.body.inbound_traffic_policy
    if inbound is not None and inbound.mode == "LOCALHOST":
        reason = "Applications are called at their pod's own address, not at 127.0.0.1."
        words = {"field": "inboundTrafficPolicy.mode", "reason": reason, "advice": "Have them listen at all addresses."}
        found += (finding(codes.SETTING_DIFFERS, written.at("inboundTrafficPolicy", "mode"), written.key, **words),)
    return (*found, *unused_proxy_settings(written, "defaultConfig"))


def unused_proxy_settings(written: Resource[Any], *path: Step) -> Findings:
    """The same for a ProxyConfig that stands at a path. Most of it is about processes and telemetry and is passed over without a word;
    an application is always held until its network is there.
    """
    config: Any = written.raw
    for step in path:
        config = config.get(step, {})
    found: Findings = ()
    for name, (reason, advice) in _PROXY_DIFFERING.items():
        if name in config:
            words = {"field": field_path(*path, name), "reason": reason, "advice": advice}
            found += (finding(codes.SETTING_DIFFERS, written.at(*path, name), written.key, **words),)
    mode = config.get("interceptionMode")
    if mode not in (None, "REDIRECT"):
        words = {
            "field": field_path(*path, "interceptionMode"),
            "reason": f"Members' connections are redirected, whatever the way of {mode} would be.",
            "advice": "Leave members out by traffic.sidecar.istio.io annotations or the label sidecar.istio.io/inject.",
        }
        found += (finding(codes.SETTING_DIFFERS, written.at(*path, "interceptionMode"), written.key, **words),)
    return found


def _given(raw: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(raw, dict) or step not in raw:
            return False
        raw = raw[step]
    return True
