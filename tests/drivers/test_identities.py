"""The agent's identities: keys and requests on one side, secrets for Envoy on the other. A control plane's CA is played by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from seaway.drivers.agent import identities
from seaway.drivers.agent.identities import Identities
from seaway.drivers.agent.identity import Hearers, NodeIdentity
from seaway.drivers.agent.messages import (
    CertificateDropped,
    CertificateHeld,
    CertificateSet,
    IdentityReport,
    RefuseRequest,
    RootsHeld,
    SignRequest,
    TakeChain,
    TakeRoots,
)
from seaway.drivers.ca.issuer import make_issuer, sign
from seaway.drivers.sds import streams
from seaway.drivers.sds.fake import FakeHolder, FakeSdsServer
from seaway.model.names import ROOT_SECRET, client_secret, server_secret
from seaway.protocols.renewal import Instant, Renewals

WEB, API = "spiffe://cluster.local/ns/shop/sa/web", "spiffe://cluster.local/ns/shop/sa/api"
START, DAY = 1_800_000_000.0, 86_400.0
ISSUER = make_issuer(START)


class World:
    """A node's identities, with a clock that is set by hand. Timers run on the loop's own time: what is due is asked for by `turn`."""

    def __init__(self) -> None:
        self.reports: list[IdentityReport] = []
        self.said: list[str] = []
        self.wall, self.steady = START, 5.0
        self.server: FakeSdsServer | None = None
        self.envoy = FakeHolder("node-1@1")
        self.node = NodeIdentity(self._make, Hearers(self.reports.append, self.said.append))

    def _make(self, hearers: Hearers) -> Identities:
        def make_server(changed: Callable[[], None]) -> FakeSdsServer:
            self.server = FakeSdsServer(changed)
            return self.server

        return Identities(make_server, hearers, Renewals(lambda: 0.5), lambda: Instant(self.wall, self.steady))

    def after(self, seconds: float) -> World:
        self.wall += seconds
        self.steady += seconds
        return self

    def of(self, kind: type) -> list[IdentityReport]:
        return [one for one in self.reports if isinstance(one, kind)]

    def requests(self) -> dict[str, str]:
        return {one.identity: one.request for one in self.reports if isinstance(one, SignRequest)}

    def answer(self, *asked: str) -> World:
        for one in asked:
            self.node.take(TakeChain(one, sign(ISSUER, self.requests()[one], one, self.wall, DAY), ISSUER.root.id))
        return self

    def ask(self, *names: str) -> World:
        assert self.server is not None
        for name in names:
            self.server.ask(self.envoy, name)
        return self

    def pair(self, name: str) -> Secret:
        return Secret.FromString(self.envoy.holds[name].body)

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.005)


Body = Callable[[World], Coroutine[None, None, None]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Body], None]:
    monkeypatch.setattr(streams, "RETURN_S", 0.1)

    def inside(body: Body) -> None:
        async def whole() -> None:
            world = World()
            try:
                await body(world)
            finally:
                await world.node.close()

        asyncio.run(whole())

    return inside


def test_each_identity_is_asked_for_and_served_under_both_names(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((API, WEB))
        assert set(world.requests()) == {API, WEB}
        world.ask(server_secret(WEB), client_secret(WEB))
        assert world.envoy.holds == {}
        world.answer(WEB)
        served, called = world.pair(server_secret(WEB)), world.pair(client_secret(WEB))
        assert served.tls_certificate == called.tls_certificate
        assert "PRIVATE KEY" in served.tls_certificate.private_key.inline_string
        assert [one.identity for one in world.of(CertificateHeld) if isinstance(one, CertificateHeld)] == [WEB]

    run(body)


def test_reports_hold_no_key(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((WEB,))
        world.answer(WEB)
        assert "PRIVATE" not in repr(world.reports) + repr(world.node.standing) + repr(vars(world.node))

    run(body)


def test_renewal_is_with_another_key_and_the_old_one_serves_until_then(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((WEB,))
        world.answer(WEB).ask(server_secret(WEB))
        before = world.pair(server_secret(WEB))
        world.reports.clear()
        world.after(DAY / 2)
        await world.node.follow((WEB,))
        assert set(world.requests()) == {WEB}
        assert world.pair(server_secret(WEB)) == before
        world.answer(WEB)
        after = world.pair(server_secret(WEB))
        assert before.tls_certificate.private_key != after.tls_certificate.private_key
        assert before.tls_certificate.certificate_chain != after.tls_certificate.certificate_chain

    run(body)


def test_what_is_not_answered_is_said_to_whoever_connects(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((API, WEB))
        world.answer(API)
        roots, held, *asked = world.node.standing
        assert roots == RootsHeld("")
        assert isinstance(held, CertificateSet)
        assert [one.identity for one in held.held] == [API]
        assert asked == [SignRequest(WEB, world.requests()[WEB])]

    run(body)


def test_a_chain_for_another_key_is_not_served(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((API, WEB))
        world.node.take(TakeChain(WEB, sign(ISSUER, world.requests()[API], API, START, DAY), ISSUER.root.id))
        assert world.of(CertificateHeld) == []
        assert "another key" in world.said[0]
        world.answer(WEB)
        assert len(world.of(CertificateHeld)) == 1

    run(body)


def test_a_second_answer_changes_nothing(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((WEB,))
        world.answer(WEB).answer(WEB)
        assert len(world.of(CertificateHeld)) == 1
        assert world.said == []

    run(body)


def test_a_refusal_is_said_and_tried_again(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((WEB,))
        world.node.take(RefuseRequest(WEB, "no pod of this node has that identity"))
        assert world.said == [f"no certificate for {WEB}: no pod of this node has that identity"]
        world.reports.clear()
        await world.node.follow((WEB,))
        assert set(world.requests()) == {WEB}

    run(body)


def test_roots_count_once_every_envoy_has_them(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        world.node.take(TakeRoots("v1", "pem 1"))
        assert world.reports == [RootsHeld("v1")]  # no Envoy was ever given any
        await world.node.follow((WEB,))
        world.ask(ROOT_SECRET)
        assert world.node.standing[0] == RootsHeld("v1")
        assert world.server is not None
        world.server.silent.add(world.envoy.envoy)
        world.node.take(TakeRoots("v2", "pem 2"))
        assert world.node.standing[0] == RootsHeld("")
        world.server.silent.clear()
        world.server.pump()
        assert world.node.standing[0] == RootsHeld("v2")
        assert world.reports[-1] == RootsHeld("v2")

    run(body)


def test_an_agent_that_has_just_started_claims_nothing_for_an_envoy_that_may_come(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow((WEB,))
        world.node.take(TakeRoots("v1", "pem"))
        assert world.node.standing[0] == RootsHeld("")
        await world.until(lambda: RootsHeld("v1") in world.reports)

    run(body)


def test_an_identity_that_leaves_is_kept_for_a_while(run: Callable[[Body], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "LINGER_S", 1.0)

    async def body(world: World) -> None:
        await world.node.follow((API, WEB))
        world.answer(WEB, API).ask(server_secret(WEB))
        await world.node.follow((API,))
        assert server_secret(WEB) in world.envoy.holds
        world.after(0.5)
        await world.node.follow((API, WEB))
        await world.node.follow((API,))
        world.after(0.9)
        await world.node.follow((API,))
        assert server_secret(WEB) in world.envoy.holds
        world.after(0.2)
        await world.node.follow((API,))
        assert server_secret(WEB) not in world.envoy.holds
        assert world.of(CertificateDropped) == [CertificateDropped(WEB)]

    run(body)


def test_a_node_without_identities_loads_nothing_and_takes_roots(run: Callable[[Body], None]) -> None:
    async def body(world: World) -> None:
        await world.node.follow(())
        assert world.node.standing == (RootsHeld(""), CertificateSet(()))
        world.node.take(TakeRoots("v1", "pem"))
        world.node.take(RefuseRequest(WEB, "nobody asked"))
        assert world.server is None
        assert world.node.standing[0] == RootsHeld("v1")

    run(body)
