"""The ports that a pod answers on, and whether a stand-in speaks HTTP there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seaway.frontends.kubernetes.draft import Template, running_containers
from seaway.model.workload import ContainerPort, HttpGet, Probe, Protocol, TcpConnect

HTTP_PROTOCOLS = frozenset({"http", "http2", "h2c", "grpc", "grpc-web", "ws", "kubernetes.io/h2c", "kubernetes.io/ws"})

# What Istio takes from a port's name ("tcp-admin", "mongo"), and protocols that people name ports after, none of them HTTP.
_OTHER_PROTOCOLS = frozenset(
    word
    for line in (
        "tcp udp tls https wss mongo mongodb mysql mariadb mssql redis postgres postgresql pg pgsql oracle cassandra cql memcached",
        "kafka amqp amqps rabbitmq mqtt mqtts nats stomp zookeeper zk thrift dubbo smtp smtps imap pop3 ldap ldaps ssh sftp ftp dns ntp",
        "sip rtsp rtmp syslog statsd gossip raft socks socks5 vnc rdp telnet",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Target:
    """A port of a Service that leads to the pod: a port number or name of its containers, and what the Service says about it."""

    port: int | str
    protocol: str
    name: str
    app_protocol: str


def speaks_http(name: str) -> bool:
    """Whether a port of this name is HTTP: the part before the first hyphen decides, and unknown words count as HTTP."""
    return name.partition("-")[0].lower() not in _OTHER_PROTOCOLS


def build_ports(template: Template, targets: Iterable[Target], probes: Iterable[Probe], stands_in: bool) -> tuple[ContainerPort, ...]:
    """The declared ports, each once; a stand-in also listens where Services and probes lead, since declaring ports is optional.

    Whether a TCP port is HTTP is decided, in this order, by: an HTTP probe of it, the appProtocol of a Service that leads to it, its name,
    the name of the Service's port, and else it is.
    """
    declared: dict[tuple[int, str], str] = {}
    for container, _ in running_containers(template.spec):
        for port in container.ports:
            place = (port.container_port, port.protocol)
            declared[place] = declared.get(place) or port.name or ""
    hints: dict[tuple[int, str], Target] = {}
    for target in targets:
        number = target.port if isinstance(target.port, int) else template.named_ports.get((target.port, target.protocol))
        if number is not None:
            known = hints.setdefault((number, target.protocol), target)
            if target.app_protocol and not known.app_protocol:
                hints[number, target.protocol] = target
    probed = {
        (one.action.port, isinstance(one.action, HttpGet))
        for one in probes
        if isinstance(one.action, HttpGet | TcpConnect) and not one.action.host
    }
    if stands_in:
        for place in (*hints, *((port, "TCP") for port, _ in sorted(probed))):
            declared.setdefault(place, "")
    return tuple(
        ContainerPort(name, place[0], Protocol(place[1]), _is_http(place, name, hints.get(place), (place[0], True) in probed))
        for place, name in declared.items()
    )


def _is_http(place: tuple[int, str], name: str, hint: Target | None, probed: bool) -> bool:
    if place[1] != "TCP":
        return False
    if probed:
        return True
    if hint is not None and hint.app_protocol:
        return hint.app_protocol.lower() in HTTP_PROTOCOLS
    return speaks_http(name or (hint.name if hint else ""))
