"""A case through the whole pipeline, and what each stage says of it beyond what `base.yaml` alone gives.

Pure but for reading the case's files: everything is ready unless the case's settings say otherwise, and leases of the base keep its
addresses where they are.
"""

from __future__ import annotations

import tomllib
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec
from envoy_text import render_envoy
from policy_text import policy_blocks
from reach_text import diff_lines, reach_lines
from show import Block, block, brief, render
from verdict_text import verdict_blocks

from seaway.analysis.explain.text import explain_lines
from seaway.analysis.reach.document import reach_document
from seaway.analysis.reach.drawings import render_json
from seaway.app.explain import explain_of
from seaway.cli.explain import add_flags, asked_of
from seaway.core.finding import Findings, ordered
from seaway.core.names import Key
from seaway.frontends.build import Built, build_model
from seaway.frontends.ingress.certificates import find_expired
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.mesh import Scope
from seaway.model.route import Certificate
from seaway.model.service import Health
from seaway.pipeline import Plans, Presence, plan_all
from seaway.plans.envoy.view import EnvoyView
from seaway.plans.nft.table import NftTable
from seaway.resources.load import join, load_text
from seaway.snapshot import snapshot_of

HERE = Path(__file__).parent
NETNS = "/run/seaway/ns"
TODAY = datetime(2027, 1, 1, tzinfo=UTC)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`settings.toml`. `not_ready` are patterns of NAMESPACE/POD. `whole`: the golden files hold what the base gives too.

    `explain` are command lines of `seaway explain` without paths.
    """

    nodes: int = 1
    not_ready: tuple[str, ...] = ()
    whole: bool = False
    explain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What comes of some manifests."""

    built: Built
    findings: Findings
    health: Health
    plans: Plans


@dataclass(frozen=True)
class Case:
    """One folder of a case."""

    folder: Path
    default: Certificate

    @property
    def name(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @cached_property
    def settings(self) -> Settings:
        path = self.folder / "settings.toml"
        return msgspec.convert(tomllib.loads(path.read_text()) if path.is_file() else {}, Settings)

    @cached_property
    def outcome(self) -> Outcome:
        text = (self.folder / "in.yaml").read_text()
        return run(self.settings, (("in.yaml", text), _base_text()), self.default, self.base.built.leases)

    @cached_property
    def base(self) -> Outcome:
        return _base(self.settings.nodes, self.default)

    def show(self, stage: str) -> str:
        """The text of one golden file."""
        return STAGES[stage](self)


def run(settings: Settings, texts: tuple[tuple[str, str], ...], default: Certificate, leases: Leases) -> Outcome:
    loaded = join(load_text(text, name) for name, text in texts)
    snapshot = snapshot_of(loaded.resources, loaded.findings, loaded.not_modelled)
    built = build_model(snapshot, default_cluster(settings.nodes), leases)
    pods = (pod.id for pod in built.model.pods)
    health = Health(frozenset(pod for pod in pods if not any(fnmatch(str(pod), one) for one in settings.not_ready)))
    views = {node.name: EnvoyView(node.name, NETNS, default, ()) for node in built.model.cluster.nodes}
    findings = ordered((*loaded.findings, *built.findings, *find_expired(built.model, TODAY)))
    return Outcome(built, findings, health, plan_all(built.model, Presence(built.model, frozenset(built.model.member)), health, views))


def _base_text() -> tuple[str, str]:
    return "base.yaml", (HERE / "base.yaml").read_text()


@cache
def _base(nodes: int, default: Certificate) -> Outcome:
    return run(Settings(nodes), (_base_text(),), default, Leases())


def _model(case: Case) -> str:
    return _beyond(case, _model_blocks)


def _model_blocks(one: Outcome) -> Iterator[Block]:
    model = one.built.model
    yield from (block(f"pod {pod.id}", pod, "id") for pod in model.pods)
    yield from (block(f"service {service.id}", service, "id") for service in model.services)
    yield from (block(f"gateway {gateway.name}", gateway, "name") for gateway in model.gateways)
    for scope in model.mesh.scopes:
        yield block(f"scope {scope.id}", scope, "id", "http", "tcp")
        for table in scope.http:
            ruled = (host for host in table.hosts if _is_ruled(host.owners))
            yield from (block(f"scope {scope.id}, port {table.port}, host {host.name}", host, "name") for host in ruled)
        yield f"scope {scope.id}, connections", tuple(brief(route) for route in scope.tcp if _is_ruled(route.owners))


def _is_ruled(owners: tuple[Key, ...]) -> bool:
    """Whether something else than the host itself has a say: hosts that lead to themselves are what no VirtualService changes."""
    return any(owner.kind == "VirtualService" for owner in owners)


def _mesh(case: Case) -> str:
    return _beyond(case, _mesh_blocks)


def _mesh_blocks(one: Outcome) -> Iterator[Block]:
    """Members, what they see, and the upstreams that some object of Istio's shapes."""
    mesh = one.built.model.mesh
    yield from (block(f"member {member.pod}", member, "pod") for member in mesh.members)
    yield from (block(f"outside {outsider.pod}", outsider, "pod") for outsider in mesh.outsiders)
    yield from (block(f"inbound {inbound.pod}", inbound, "pod") for inbound in mesh.inbounds)
    yield from ((f"scope {scope.id}", tuple(_seen(scope))) for scope in mesh.scopes)
    shaped = (one for one in mesh.upstreams if any(key.group.endswith("istio.io") for key in one.owners))
    yield from (block(f"upstream {upstream.id}", upstream, "id") for upstream in shaped)


def _seen(scope: Scope) -> Iterator[str]:
    """What clients of a scope see, one line a host and port."""
    yield f"unknown: {brief(scope.unknown)} ({brief(scope.origin)})" + (f" to {scope.proxy}" if scope.proxy else "")
    for table in scope.http:
        where = f"{table.port}{f' at {table.address}' if table.address else ''}{'' if table.everywhere else ' by address'}"
        for host in table.hosts:
            yield f"http {where}: {host.name} [{', '.join(host.domains[1:])}] {' | '.join(brief(route.action) for route in host.routes)}"
    for route in scope.tcp:
        told = " ".join((*route.addresses, *route.server_names)) or "any address"
        yield f"tcp {route.port}: {told} {brief(route.destinations)}{f', HTTP as {route.http}' if route.http else ''} ({brief(route.origin)})"


def _policies(case: Case) -> str:
    return _beyond(case, lambda one: policy_blocks(one.built.model.mesh))


def _verdicts(case: Case) -> str:
    return _beyond(case, lambda one: verdict_blocks(one.built.model))


def _orders(case: Case) -> str:
    return _beyond(
        case,
        lambda one: (block(f"{node}: pod {pod.namespace}/{pod.name}", pod, "namespace", "name", "node") for node, pod in _all_orders(one)),
    )


def _all_orders(one: Outcome) -> Iterator[tuple[str, Any]]:
    return ((node, pod) for node, plans in one.plans.nodes.items() for pod in plans.orders.pods)


def _network(case: Case) -> str:
    return _beyond(case, _network_blocks)


def _network_blocks(one: Outcome) -> Iterator[Block]:
    plan = one.plans.network
    yield "nodes", tuple(map(brief, plan.nodes))
    yield "pods", tuple(map(brief, plan.pods))
    yield "load balancer addresses", tuple(f"{address} at {node}" for address, node in plan.load_balancers)


def _dns(case: Case) -> str:
    return _beyond(case, _dns_blocks)


def _dns_blocks(one: Outcome) -> Iterator[Block]:
    zone = one.plans.dns
    yield "records", tuple(f"{one.name} {one.ttl} {one.type} {data}" for one in zone.records for data in one.data)
    yield "names without records", zone.empty
    yield "reverse zones", zone.reverse
    if zone.mesh:
        seen = ((one, " ".join(one.exports)) for one in zone.mesh)
        yield "hosts for members", tuple(f"{one.name} {' '.join(one.addresses)} ({one.namespace}, for {exports})" for one, exports in seen)
        yield "members", tuple(f"{address} {namespace}" for address, namespace in zone.members)


def _nft(case: Case) -> str:
    return _beyond(case, lambda one: (each for node, plans in one.plans.nodes.items() for each in _nft_blocks(node, plans.nft)))


def _nft_blocks(node: str, table: NftTable) -> Iterator[Block]:
    for one in table.maps:
        rows = (f"{each.key} : {each.value}".removesuffix(" : ") + _remark(each.comment) for each in one.elements)
        yield f"{node}: {one.keyword} {one.name} {{ {one.header} }}", tuple(rows)
    for chain in table.chains:
        hook = f" {{ {chain.hook} }}" if chain.hook else ""
        yield f"{node}: chain {chain.name}{hook}", tuple(f"{rule.text}{_remark(rule.comment)}" for rule in chain.rules)


def _remark(text: str) -> str:
    return f"  # {text}" if text else ""


def _findings(case: Case) -> str:
    """What each says, where, why it matters and how it is mended; then the kinds that are not modelled."""
    lines: list[str] = []
    known = () if case.settings.whole else case.base.findings
    for one in case.outcome.findings:
        if one not in known:
            where = f"{one.origin.full} {one.origin.field}".rstrip()
            lines += [f"{one.code.id} {one.severity.value}: {one.message}", f"  at {where}", f"  {one.why}", f"  {one.help}"]
    lines += [f"not modelled: {count} {kind}" for kind, count in sorted(case.outcome.built.snapshot.not_modelled.items())]
    return "".join(f"{line}\n" for line in lines)


def _beyond(case: Case, blocks: Callable[[Outcome], Any]) -> str:
    return render(list(blocks(case.outcome)), [] if case.settings.whole else list(blocks(case.base)))


def _envoy(case: Case) -> str:
    if case.settings.whole:
        return "".join(render_envoy(plans.envoy, (), ()) for plans in case.outcome.plans.nodes.values())
    examples = next(iter(Case(HERE / "base" / "whole", case.default).outcome.plans.nodes.values())).envoy
    texts: list[str] = []
    for node, plans in case.outcome.plans.nodes.items():
        text = render_envoy(plans.envoy, case.base.plans.nodes[node].envoy, examples)
        texts.append(f"# {node}\n{text}" if case.settings.nodes > 1 else text)
    return "".join(texts)


def _reach_json(case: Case) -> str:
    """Within the namespace of the base's workloads: the text has the rest."""
    return render_json(reach_document(case.outcome.built.model, by_pod=False, source="shop", target="shop"))


def _explain(case: Case) -> str:
    parser = ArgumentParser()
    add_flags(parser)
    texts: list[str] = []
    for words in case.settings.explain:
        asked = asked_of(parser.parse_args(words.split()))
        document = explain_of(case.outcome.built.model, asked, case.outcome.health if case.settings.not_ready else None)
        texts.append("\n".join(explain_lines(asked.source, asked.target, document, lambda text, _: text)))
    return "\n\n".join(texts) + "\n"


STAGES: dict[str, Callable[[Case], str]] = {
    "model.txt": _model,
    "mesh.txt": _mesh,
    "policies.txt": _policies,
    "verdicts.txt": _verdicts,
    "envoy.yaml": _envoy,
    "nft.txt": _nft,
    "dns.txt": _dns,
    "network.txt": _network,
    "orders.txt": _orders,
    "reach.txt": lambda case: "".join(reach_lines(case.outcome.built.model)),
    "reach.json": _reach_json,
    "explain.txt": _explain,
    "diff.txt": lambda case: "".join(diff_lines(case.base.built.model, case.outcome.built.model)),
    "findings.txt": _findings,
}
"""By name of the golden file. Its presence asks for the stage."""
