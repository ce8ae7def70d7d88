"""`seaway.toml`: what a folder's network is to be like where the defaults do not fit. Every key is checked; a wrong one is named.

```toml
nodes = 2

[cluster]
domain = "cluster.local"
pod_cidr = "10.244.0.0/16"
service_cidr = "10.96.0.0/12"
dns_address = "10.96.0.10"
load_balancer_cidr = "198.18.255.0/24"
dns_upstreams = ["192.0.2.53"]

[mesh]
leaf_ttl = "24h"
shorter_way = true

[flows]
all = false
accepts = false

[localities]
node-1 = "eu/eu-1"
node-2 = "eu/eu-2/rack-7"

[commands]
"production/Deployment/web" = "python3 -m http.server 8080"
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec

from seaway.core.errors import UsageError
from seaway.core.labels import is_label_value
from seaway.core.names import is_dns_subdomain
from seaway.model.cluster import Cluster
from seaway.model.defaults import LINK_CIDR, NODES_CIDR, default_cluster

FILE_NAME = "seaway.toml"
_LONGEST_LEAF_S = 90 * 86_400


class ClusterTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[cluster]`; an absent key keeps the default."""

    domain: str | None = None
    pod_cidr: str | None = None
    service_cidr: str | None = None
    dns_address: str | None = None
    load_balancer_cidr: str | None = None
    dns_upstreams: tuple[str, ...] = ()


class MeshTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[mesh]`; `leaf_ttl` is how long a workload's certificate lives, as Istio writes durations. Without `shorter_way` calls between pods
    of one node pass Envoy twice, as those between nodes do.
    """

    leaf_ttl: str = "24h"
    shorter_way: bool = True


class FlowsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[flows]`; `all` has every flow told of, or so many percent of those that nothing is wrong with. `accepts` has kernels tell of each
    new connection that they let pass."""

    all: bool | float = False
    accepts: bool = False


class SettingsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `localities` maps a node to where it is, as REGION/ZONE/SUBZONE or the first of these.

    `commands` maps NAMESPACE/KIND/NAME of a workload to the program that runs in its pods.
    """

    nodes: int = 1
    cluster: ClusterTable = ClusterTable()
    mesh: MeshTable = MeshTable()
    flows: FlowsTable = FlowsTable()
    localities: dict[str, str] = {}
    commands: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Wishes:
    """A settings file, checked: the cluster, programs by workload, the life of workloads' certificates in seconds, and how many good flows
    of a million are told of. `shorter_way`: whether calls between pods of one node pass Envoy once.
    """

    cluster: Cluster
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    leaf_s: float = 86_400.0
    flows_per_million: int = 0
    shorter_way: bool = True


def find_settings_file(paths: tuple[str, ...]) -> Path | None:
    """The `seaway.toml` in the first of these folders that has one."""
    found = (Path(path) / FILE_NAME for path in paths if Path(path).is_dir())
    return next((path for path in found if path.is_file()), None)


def read_settings_file(path: Path | None) -> Wishes:
    """The file's wishes; defaults where there is no file. Raises UsageError naming the key that is wrong."""
    if path is None:
        return Wishes(default_cluster())
    try:
        table = msgspec.convert(tomllib.loads(path.read_text()), SettingsTable)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", help="name another file with --settings") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", help="docs/features/commands.md shows every key of a settings file") from error
    leaf_s = _leaf_s(path, table.mesh.leaf_ttl)
    return Wishes(
        _cluster(path, table), _commands(path, table.commands), leaf_s, _per_million(path, table.flows.all), table.mesh.shorter_way
    )


def _cluster(path: Path, table: SettingsTable) -> Cluster:
    if not 1 <= table.nodes <= 100:
        raise UsageError(f"{path}: nodes = {table.nodes}", help="a number from 1 to 100")
    given: dict[str, Any] = {name: value for name, value in msgspec.structs.asdict(table.cluster).items() if value}
    for name in ("pod_cidr", "service_cidr", "load_balancer_cidr"):
        if name in given:
            _network(path, name, given[name])
    if "dns_address" in given or "service_cidr" in given:
        services = _network(path, "service_cidr", given.get("service_cidr", default_cluster().service_cidr))
        given.setdefault("dns_address", str(services[10]))
        _address(path, given["dns_address"], services)
    if "domain" in given and not is_dns_subdomain(given["domain"]):
        raise UsageError(f"{path}: cluster.domain = {given['domain']!r}", help="a lower-case DNS name such as cluster.local")
    check_upstreams(table.cluster.dns_upstreams, f"{path}: cluster.dns_upstreams")
    pods = given.pop("pod_cidr", default_cluster().pod_cidr)
    wished = replace(default_cluster(table.nodes, pods), **given, tell_accepts=table.flows.accepts)
    cluster = _located(path, wished, table.localities)
    _check_apart(path, cluster)
    return cluster


def _located(path: Path, cluster: Cluster, localities: Mapping[str, str]) -> Cluster:
    """The cluster with its nodes where the file says that they are."""
    names = [node.name for node in cluster.nodes]
    for name, locality in localities.items():
        if name not in names:
            raise UsageError(f"{path}: localities.{name}: there is no such node", help=f"the nodes are {', '.join(names)}")
        steps = locality.split("/")
        if len(steps) > 3 or not all(map(is_label_value, steps)) or not all(steps):
            raise UsageError(f"{path}: localities.{name} = {locality!r}", help='write it as "REGION/ZONE/SUBZONE", or the first of these')
    return replace(cluster, nodes=tuple(replace(node, locality=localities.get(node.name, "")) for node in cluster.nodes))


def _check_apart(path: Path, cluster: Cluster) -> None:
    """Raises UsageError where two ranges share addresses."""
    keys = {f"cluster.{name}": str(getattr(cluster, name)) for name in ("pod_cidr", "service_cidr", "load_balancer_cidr")}
    own = {"the nodes' range": NODES_CIDR, "the range of the link to this machine": LINK_CIDR}
    for (one, range_), (other, taken) in combinations((keys | own).items(), 2):
        if IPv4Network(range_).overlaps(IPv4Network(taken)):
            raise UsageError(f"{path}: {one} = {range_!r} overlaps {other}, {taken}", help="choose ranges that share no address")


def check_upstreams(upstreams: tuple[str, ...], where: str = "--dns-upstream") -> None:
    """Raises UsageError, which begins with `where` they were named, unless each is ADDRESS or ADDRESS:PORT."""
    for text in upstreams:
        address, colon, port = text.partition(":")
        try:
            IPv4Address(address)
        except AddressValueError as error:
            raise UsageError(f"{where}: {text!r}: {error}", help="write ADDRESS or ADDRESS:PORT, such as 192.0.2.53:5353") from error
        if colon and not (port.isdigit() and 0 < int(port) < 65536):
            raise UsageError(f"{where}: {text!r}", help="the port is a number from 1 to 65535")


def _network(path: Path, name: str, text: str) -> IPv4Network:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise UsageError(f"{path}: cluster.{name} = {text!r}: {error}", help="write a range such as 10.244.0.0/16") from error
    if network.num_addresses < 16:
        raise UsageError(f"{path}: cluster.{name} = {text!r} is too small", help="a /28 or larger")
    return network


def _address(path: Path, text: str, services: IPv4Network) -> None:
    try:
        inside = IPv4Address(text) in services
    except AddressValueError as error:
        raise UsageError(f"{path}: cluster.dns_address = {text!r}: {error}", help="write an address such as 10.96.0.10") from error
    if not inside:
        raise UsageError(
            f"{path}: cluster.dns_address = {text!r} is not in the service range {services}", help="choose one of its addresses"
        )


def _leaf_s(path: Path, text: str) -> float:
    """Istio's bound is 90 days; one of a second or less would end while it is being renewed."""
    from seaway.core.durations import read_duration  # loads re2, for which no help text should wait

    seconds, problem = read_duration(text)
    if problem or not 2 <= seconds <= _LONGEST_LEAF_S:
        raise UsageError(f"{path}: mesh.leaf_ttl = {text!r}", help="a duration from 2s to 2160h, such as 24h")
    return seconds


def _per_million(path: Path, share: bool | float) -> int:
    if isinstance(share, bool):
        return 1_000_000 if share else 0
    if not 0 <= share <= 100:
        raise UsageError(f"{path}: flows.all = {share:g}", help="true, false, or a percentage from 0 to 100")
    return round(share * 10_000)


def _commands(path: Path, commands: Mapping[str, str]) -> Mapping[str, str]:
    for name in commands:
        if name.count("/") != 2:
            raise UsageError(f"{path}: commands.{name!r} names no workload", help='write it as "NAMESPACE/KIND/NAME"')
    return commands
