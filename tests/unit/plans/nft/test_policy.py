"""The table of a node under network policies: what the rules do with a packet is what the verdict table says, whatever the policies."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.core.labels import equal_to
from seaway.core.names import Key
from seaway.core.origin import GENERATED, Origin
from seaway.model.cluster import Cluster, Node
from seaway.model.index import Model
from seaway.model.policies.language import (
    Action,
    Block,
    Direction,
    NamedPort,
    Peer,
    Pods,
    Policy,
    PortMatch,
    PortRange,
    Rule,
    Section,
    Tier,
    Transport,
)
from seaway.model.policies.verdicts import PortVerdict
from seaway.model.service import Health
from seaway.model.workload import ContainerPort, Pod, PodName, Protocol, ResolvConf, Standin
from seaway.plans.nft.change import can_change, change_commands
from seaway.plans.nft.plan import NftView, plan_nft
from seaway.plans.nft.policy import plan_policies
from seaway.plans.nft.policy_chains import PASS
from seaway.plans.nft.table import NftTable, render_table
from seaway.protocols.policy_log import PolicyVerdict
from seaway.simulate.nft import Dropped, Packet, Passed, simulate_forward

CLUSTER = Cluster((Node("one", "192.168.7.1", "10.244.0.0/24"), Node("two", "192.168.7.2", "10.244.1.0/24")))
NAMESPACES = (("blue", (("kubernetes.io/metadata.name", "blue"),)), ("red", (("kubernetes.io/metadata.name", "red"), ("team", "r"))))
OUTSIDE = ("203.0.113.9", "203.0.113.200", "192.168.7.2")


def pod(name: str, ip: str, app: str, namespace: str = "blue", node: str = "one", port: int = 8080) -> Pod:
    ports = (ContainerPort("http", port, Protocol.TCP, True),)
    return Pod(
        PodName(namespace, name),
        *((("app", app),), (), ip, node, False, name, "", "default", (), ports, ()),
        Standin(),
        ResolvConf((), (), ()),
        *((), False, "r", Key("apps", "Deployment", namespace, app), GENERATED),
    )


WEB, WEB2, API = pod("web-1", "10.244.0.1", "web"), pod("web-2", "10.244.0.2", "web", port=80), pod("api", "10.244.0.3", "api")
RED, FAR = pod("red", "10.244.0.4", "web", "red"), pod("far", "10.244.1.1", "api", "red", "two")
PODS = (WEB, WEB2, API, RED, FAR)


def policy(name: str, subject: Pods, *sections: Section, tier: Tier = Tier.NAMESPACED, audit: bool = False) -> Policy:
    return Policy(Key("networking.k8s.io", "NetworkPolicy", "blue", name), Origin(f"{name}.yaml", 3), tier, 5, subject, sections, audit)


def section(direction: Direction, *rules: tuple[tuple[Peer, ...] | None, tuple[PortMatch, ...] | None]) -> Section:
    return Section(
        direction, True, tuple(Rule(n, Action.ALLOW, peers, ports, Origin("rule.yaml", n + 1)) for n, (peers, ports) in enumerate(rules))
    )


def model(*policies: Policy, pods: tuple[Pod, ...] = PODS) -> Model:
    return Model(CLUSTER, tuple(sorted(pods, key=lambda one: one.id)), (), (), policies=policies, namespaces=NAMESPACES)


def table_of(of: Model, node: str = "one") -> NftTable:
    return plan_nft(of, Health(), node, view=NftView(policies=plan_policies(of)))


APPS = [
    Pods(),
    Pods(equal_to({"app": "web"})),
    Pods(equal_to({"app": "api"}), equal_to({"team": "r"})),
    Pods(namespaces=equal_to({"no": "no"})),
]
BLOCKS = [Block("0.0.0.0/0"), Block("203.0.113.0/24", ("203.0.113.128/25",), False), Block("10.244.0.0/30"), Block("192.168.7.2/32")]
PORTS: list[tuple[PortMatch, ...] | None] = [
    None,
    (PortRange(Transport.TCP, 80, 80),),
    (PortRange(Transport.TCP, 1000, 9000), PortRange(Transport.UDP, 53, 53)),
    (NamedPort(Transport.TCP, "http"),),
    (PortRange(None, 0, 100),),
    (PortRange(Transport.SCTP),),
    (PortRange(Transport.ICMP, 8, 8),),
]


@st.composite
def policies(draw: st.DrawFn) -> tuple[Policy, ...]:
    def rule(number: int) -> Rule:
        actions = [Action.ALLOW, Action.DENY] if tier is not Tier.NAMESPACED else [Action.ALLOW]
        peers = draw(st.one_of(st.none(), st.lists(st.sampled_from([*APPS, *BLOCKS]), min_size=1, max_size=2).map(tuple)))
        return Rule(number, draw(st.sampled_from(actions)), peers, draw(st.sampled_from(PORTS)), Origin("p.yaml", draw(st.integers(1, 9))))

    found: list[Policy] = []
    for number in range(draw(st.integers(1, 3))):
        tier = draw(st.sampled_from(Tier))
        sections = tuple(
            Section(direction, tier is Tier.NAMESPACED, tuple(rule(n) for n in range(draw(st.integers(0, 2)))))
            for direction in draw(st.sampled_from([(Direction.INGRESS,), (Direction.EGRESS,), tuple(Direction)]))
        )
        found.append(policy(f"p{number}", draw(st.sampled_from(APPS)), *sections, tier=tier, audit=draw(st.booleans())))
    return tuple(found)


ASKED = [(Transport.TCP, 80), (Transport.TCP, 8080), (Transport.UDP, 53), (Transport.SCTP, 9), (Transport.ICMP, 8), (Transport.OTHER, 0)]


def said(
    of: Model, table: NftTable, source: str, destination: str, transport: Transport, port: int
) -> tuple[PortVerdict, Dropped | Passed]:
    verdicts = of.verdicts
    wanted = verdicts.verdict(verdicts.identity_at(source), verdicts.identity_at(destination), transport, port)
    protocol = "gre" if transport is Transport.OTHER else transport.value.lower()
    return wanted, simulate_forward(table, Packet(source, destination, protocol, port))


@settings(max_examples=25, deadline=None)
@given(policies())
def test_the_rules_say_what_the_verdict_table_says(found: tuple[Policy, ...]) -> None:
    of = model(*found)
    table = table_of(of)
    addresses = [*(one.ip for one in PODS), *OUTSIDE]
    for source in addresses:
        for destination in addresses:
            here = any(one.startswith("10.244.0.") for one in (source, destination))
            for transport, port in ASKED:
                wanted, got = said(of, table, source, destination, transport, port)
                assert (got == Passed()) == (wanted.allowed or not here), (source, destination, transport, port)


def test_an_audited_policy_lets_pass_and_logs() -> None:
    of = model(policy("soft", Pods(equal_to({"app": "api"})), section(Direction.INGRESS), audit=True))
    table = table_of(of)
    assert simulate_forward(table, Packet(WEB.ip, API.ip, "tcp", 8080)) == Passed()
    (chain,) = (one for one in table.chains if one.name == PolicyVerdict.AUDITED.value)
    assert ("log prefix" in chain.rules[0].text, chain.rules[1].text) == (True, f"goto {PASS}")
    assert [(each.key, each.value) for one in table.maps if one.name.startswith("to_") for each in one.elements] == [
        (one.ip, f"goto {'audited' if one in (API, FAR) else PASS}") for one in PODS
    ]


def test_without_policies_nothing_is_judged() -> None:
    assert [one.text for one in next(one for one in table_of(model()).chains if one.name == "forward").rules] == ["ct state invalid drop"]


CLOSED = policy("closed", Pods(equal_to({"app": "api"})), section(Direction.INGRESS, ((Pods(equal_to({"app": "web"})),), None)))


def test_a_pod_of_a_known_class_is_elements_and_a_new_mark() -> None:
    before, after = table_of(model(CLOSED)), table_of(model(CLOSED, pods=(*PODS, pod("api-2", "10.244.0.9", "api"))))
    assert can_change(before, after)
    commands = change_commands(before, after)
    assert [one.split(" ")[:2] for one in commands] == [["add", "element"], ["add", "element"], ["flush", "chain"], ["flush", "chain"]]
    assert [one.split(" ")[4].strip() for one in commands[2:]] == ["forward\nadd", f"{PASS}\nadd"], "nothing is marked by the former rules"


def test_a_changed_policy_leaves_what_it_does_not_concern() -> None:
    def on_port(port: int) -> NftTable:
        rules = section(Direction.INGRESS, ((Pods(equal_to({"app": "web"})),), (PortRange(Transport.TCP, port, port),)))
        return table_of(model(CLOSED, policy("other", Pods(equal_to({"app": "web"})), rules)))

    before, after = on_port(80), on_port(81)
    assert can_change(before, after)
    assert {one.name for one in before.maps} == {one.name for one in after.maps}
    gone = {one.name.partition("_")[0] for one in before.chains} - {one.name for one in before.chains if one in after.chains}
    assert {one.name.partition("_")[0] for one in before.chains if one not in after.chains} == {"forward", "at", "ports", "let"}, gone


def test_what_decides_is_complete_before_packets_are_led_to_it() -> None:
    """Where a transaction is cut: new maps and chains come first, the forward chain goes over, and the old ones leave after it."""
    other = policy("other", Pods(equal_to({"app": "web"}), equal_to({"team": "r"})), section(Direction.EGRESS))
    before, after = table_of(model(CLOSED)), table_of(model(CLOSED, other))
    commands = [one.splitlines()[0] for one in change_commands(before, after)]
    flip = next(at for at, one in enumerate(commands) if one == "flush chain inet seaway forward")
    assert not any(one.startswith(("add", "create")) for one in commands[flip:])
    assert not any(one.startswith("delete") for one in commands[:flip])
    assert any(one.startswith("delete map inet seaway from_") for one in commands[flip:])


def test_a_line_that_moves_keeps_the_maps() -> None:
    moved = replace(CLOSED, origin=Origin("closed.yaml", 77))
    names = [{one.name for one in table_of(model(each)).maps} for each in (CLOSED, moved)]
    assert names[0] == names[1]


@pytest.mark.skipif(shutil.which("nft") is None or shutil.which("unshare") is None, reason="needs nft and unshare")
def test_the_kernel_accepts_it() -> None:
    ports = (PortRange(Transport.TCP, 80, 80), PortRange(Transport.UDP, 5, 70), PortRange(Transport.ICMP, 8, 8), PortRange(Transport.SCTP))
    rules = section(Direction.INGRESS, (tuple(BLOCKS), ports), ((APPS[1],), PORTS[2]))
    of = model(policy("ports", Pods(), rules), policy("out", Pods(), section(Direction.EGRESS, (None, PORTS[3])), audit=True))
    argv = ["unshare", "--user", "--map-root-user", "--net", "nft", "-f", "-"]
    run = subprocess.run(argv, input=render_table(table_of(of)), text=True, capture_output=True, timeout=60, check=False)
    assert run.stderr == ""


SOFT = policy("soft", Pods(), section(Direction.INGRESS), audit=True)


def telling(*policies: Policy) -> Model:
    return replace(model(*policies), cluster=replace(CLUSTER, tell_accepts=True))


def texts(table: NftTable, name: str) -> list[str]:
    return [rule.text for one in table.chains if one.name == name for rule in one.rules]


@pytest.mark.parametrize("policies", [(), (CLOSED,), (SOFT,)], ids=["none", "closed", "audited"])
def test_what_passes_stays_what_it_was(policies: tuple[Policy, ...]) -> None:
    quiet, telling_table = table_of(model(*policies)), table_of(telling(*policies))
    for source in PODS:
        for target in PODS:
            packet = Packet(source.ip, target.ip, "tcp", 8080)
            assert simulate_forward(quiet, packet) == simulate_forward(telling_table, packet)
    assert "accepted" not in render_table(quiet)


def test_a_connection_is_told_by_the_node_of_its_destination_or_else_of_its_source() -> None:
    for node, pods in (("one", "10.244.0.0/24"), ("two", "10.244.1.0/24")):
        first, second, last = texts(table_of(telling(CLOSED), node), PASS)
        assert first == f"ct state new meta mark != 4294967295 ct reply ip saddr {pods} jump accepted"
        assert second == "ct state new meta mark != 4294967295 ct reply ip saddr != 10.244.0.0/16 jump accepted"
        assert last.startswith("ct mark set ")


def test_what_is_audited_is_told_once() -> None:
    assert texts(table_of(telling(SOFT)), "audited")[1:] == ["meta mark set 4294967295", f"goto {PASS}"]
    assert texts(table_of(model(SOFT)), "audited")[1:] == [f"goto {PASS}"]


@pytest.mark.skipif(shutil.which("nft") is None or shutil.which("unshare") is None, reason="needs nft and unshare")
@pytest.mark.parametrize("policies", [(), (CLOSED, SOFT)], ids=["none", "some"])
def test_the_kernel_takes_it(policies: tuple[Policy, ...]) -> None:
    argv = ["unshare", "--user", "--map-root-user", "--net", "nft", "-f", "-"]
    run = subprocess.run(argv, input=render_table(table_of(telling(*policies))), text=True, capture_output=True, timeout=60, check=False)
    assert run.stderr == ""
