"""Variables that tell a program where the Services of its namespace are: `WEB_SERVICE_HOST`, and Docker's `WEB_PORT_80_TCP_ADDR`.

Source: FromServices in https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/envvars/envvars.go
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from seaway.model.service import Service


def service_links(services: Iterable[Service]) -> Mapping[str, Mapping[str, str]]:
    """The variables by namespace. Services without a cluster address have none."""
    links: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for service in services:
        if service.cluster_ip:
            links[service.id.namespace].update(_variables(service))
    return dict(links)


def _variables(service: Service) -> Iterator[tuple[str, str]]:
    prefix, address = _upper(service.id.name), service.cluster_ip
    yield f"{prefix}_SERVICE_HOST", address
    yield f"{prefix}_SERVICE_PORT", str(service.ports[0].port)
    for index, port in enumerate(service.ports):
        if port.name:
            yield f"{prefix}_SERVICE_PORT_{_upper(port.name)}", str(port.port)
        protocol = port.protocol.value
        url = f"{protocol.lower()}://{address}:{port.port}"
        if index == 0:
            yield f"{prefix}_PORT", url
        link = f"{prefix}_PORT_{port.port}_{protocol}"
        yield link, url
        yield f"{link}_PROTO", protocol.lower()
        yield f"{link}_PORT", str(port.port)
        yield f"{link}_ADDR", address


def _upper(name: str) -> str:
    return name.replace("-", "_").upper()
