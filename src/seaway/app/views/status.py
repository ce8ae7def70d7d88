"""The `status` document."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from seaway.app.loop import Current, Loop
from seaway.app.views.findings import finding_document, severity_counts
from seaway.core.codes.engines import OF_THE_NETWORK
from seaway.core.codes.identity import OF_IDENTITY
from seaway.model.index import Model
from seaway.model.route import Gateway
from seaway.model.service import Health
from seaway.model.workload import Command, DnsServer, GatewayProxy, Pod, Standin


def status_document(loop: Loop, running: Mapping[str, bool]) -> dict[str, Any]:
    """What runs now; `running` says it of each process (`envoy-NODE`, `agent-NODE`).

    `configAge_s` counts from when the engines last took a new configuration. `trouble` are findings about the network itself.
    """
    current, findings = loop.current, loop.findings
    return {
        "controlPlane": "running",
        "nodes": [
            {
                "name": node.name,
                "address": node.address,
                "envoy": _word(running.get(f"envoy-{node.name}", False)),
                "agent": _word(running.get(f"agent-{node.name}", False)),
                "pods": len(current.model.pods_on(node.name)) if current else 0,
            }
            for node in loop.cluster.nodes
        ],
        **(_contents(current, loop.health) if current else _NOTHING_YET),
        "findings": severity_counts(findings),
        "trouble": [finding_document(one, {}) for one in findings if one.code in (*OF_THE_NETWORK, *OF_IDENTITY)],
    }


def _word(running: bool) -> str:
    return "running" if running else "down"


_NOTHING_YET: dict[str, Any] = {
    "pods": [],
    "services": [],
    "gateways": [],
    "certificates": [],
    "version": "",
    "configAge_s": 0.0,
    "dashboard": None,
}


def _contents(current: Current, health: Health) -> dict[str, Any]:
    model = current.model
    return {
        "pods": [_pod(pod, model, health) for pod in model.pods],
        "services": [
            {
                "namespace": service.id.namespace,
                "name": service.id.name,
                "type": service.type.value,
                "clusterIP": service.cluster_ip or None,
                "endpoints": sum(1 for one in service.backends if one.pod in health.ready or (one.pod is None and one.ready)),
            }
            for service in model.services
        ],
        "gateways": [_gateway(gateway, model) for gateway in model.gateways],
        "certificates": [
            {"gateway": gateway.name, "host": tls.host, "certificate": tls.certificate.id, "notAfter": tls.certificate.not_after}
            for gateway in model.gateways
            for tls in gateway.tls
            if tls.certificate is not None
        ],
        "version": current.snapshot.version,
        "configAge_s": round(time.time() - current.since, 1),
        "dashboard": None,
    }


def _pod(pod: Pod, model: Model, health: Health) -> dict[str, Any]:
    return {
        "namespace": pod.id.namespace,
        "name": pod.id.name,
        "ip": pod.ip,
        "node": pod.node,
        "inMesh": pod.id in model.member,
        "ready": pod.id in health.ready,
        "runs": runs_word(pod),
    }


def runs_word(pod: Pod) -> str:
    """What runs in the pod, in a word or two."""
    match pod.runs:
        case Standin():
            return "stand-in"
        case Command(argv=argv):
            return argv[0]
        case GatewayProxy():
            return "gateway"
        case DnsServer():
            return "dns"


def _gateway(gateway: Gateway, model: Model) -> dict[str, Any]:
    return {"name": gateway.name, "addresses": gateway_addresses(gateway, model), "ports": gateway_ports(gateway, model)}


def gateway_addresses(gateway: Gateway, model: Model) -> list[str]:
    """Where clients outside reach it: its load balancer address, else its nodes' (NodePort), else its pods'."""
    service = model.service.get(gateway.service) if gateway.service else None
    if service is not None and service.load_balancer_ip:
        return [service.load_balancer_ip]
    return [model.pod[name].ip for name in gateway.pods if name in model.pod]


def gateway_ports(gateway: Gateway, model: Model) -> list[int]:
    service = model.service.get(gateway.service) if gateway.service else None
    if service is not None and service.load_balancer_ip:
        return [port.port for port in service.ports]
    return sorted({*gateway.http_ports, *gateway.https_ports, *(edge.number for edge in gateway.edges)})
