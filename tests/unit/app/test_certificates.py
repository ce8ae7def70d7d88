"""The control plane's part in identity, against agents that are not there: who gets what, roots that change, clocks that are set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from seaway.app.certificates import Certificates, CertificateSettings
from seaway.app.views.certificates import certificates_document, find_troubles
from seaway.core.errors import SeawayError
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.drivers.agent.fake import FakeLink
from seaway.drivers.agent.messages import CertificateHeld, CertificateSet, RefuseRequest, RootsHeld, SignRequest, TakeChain, TakeRoots
from seaway.drivers.ca.default_certificate import default_certificate
from seaway.drivers.ca.issuer import Issuer, make_issuer
from seaway.drivers.ca.request import make_request
from seaway.model.authority import MADE, BroughtAuthority, UnusableAuthority
from seaway.protocols.renewal import Instant

WEB, API = "spiffe://cluster.local/ns/shop/sa/web", "spiffe://cluster.local/ns/shop/sa/api"
START = 1_800_000_000.0
DAY = 86_400.0


class World:
    """Two nodes' links, a clock that is set by hand, and the certificates between them. `settle` lets everything happen that is due."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wall, self.steady = folder, START, 50.0
        self.said: list[str] = []
        self.links = {node: FakeLink(folder / node, partial(self._hear, node)) for node in ("node-1", "node-2")}
        self.certificates = self.restart()

    def restart(self) -> Certificates:
        """Another control plane over the same folder."""
        settings = CertificateSettings(self.folder / "trust-bundle.pem", DAY, 30)
        self.certificates = Certificates(settings, self.links, self.said.append, lambda: Instant(self.wall, self.steady))
        return self.certificates

    def _hear(self, node: str, report: object) -> None:
        self.certificates.hear(node, report)  # pyright: ignore[reportArgumentType]

    def connect(self, *nodes: str) -> World:
        for node in nodes:
            asyncio.run(self.links[node].open())
        return self

    def away(self, node: str) -> World:
        asyncio.run(self.links[node].close())
        return self

    def after(self, seconds: float) -> World:
        self.wall += seconds
        self.steady += seconds
        return self.settle()

    def sets_clock(self, seconds: float) -> World:
        self.wall += seconds
        return self.settle()

    def settle(self) -> World:
        async def some() -> None:
            task = asyncio.create_task(self.certificates.run())
            for _ in range(20):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(some())
        return self

    def ask(self, node: str, identity: str, text: str = "") -> World:
        self.certificates.hear(node, SignRequest(identity, text or make_request(identity).text))
        return self.settle()

    def told(self, node: str, kind: type) -> list[object]:
        return [one for one in self.links[node].told if isinstance(one, kind)]

    @property
    def roots(self) -> list[str]:
        return [root.id for root in self.certificates.trust.bundle.roots]

    @property
    def signer(self) -> str:
        return self.certificates.trust.signer

    @property
    def codes(self) -> list[str]:
        return [one.code.id for one in find_troubles(self.certificates)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path).connect("node-1", "node-2")
    made.certificates.allow("node-1", (WEB,))
    made.certificates.allow("node-2", (API,))
    made.certificates.follow(MADE)
    return made.settle()


def brought(issuer: Issuer, days: float = 100, **more: object) -> BroughtAuthority:
    key = issuer.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    fields = {"chain": issuer.root.pem, "root": issuer.root.pem, "also": (), "not_before": START - DAY, "not_after": START + days * DAY}
    owner = Key("", "Secret", "istio-system", "cacerts")
    return BroughtAuthority(**fields | {"owner": owner, "origin": Origin("ca.yaml", 3), "key": key} | more)  # pyright: ignore[reportArgumentType]


def issuer_of(chain: str) -> str:
    return x509.load_pem_x509_certificates(chain.encode())[0].issuer.rfc4514_string()


def test_a_node_gets_what_its_pods_are(world: World) -> None:
    world.ask("node-1", WEB)
    (chain,) = world.told("node-1", TakeChain)
    assert isinstance(chain, TakeChain)
    assert (chain.identity, chain.root) == (WEB, world.signer)
    assert world.told("node-2", TakeChain) == []


def test_a_node_gets_nothing_that_its_pods_are_not(world: World) -> None:
    world.ask("node-1", API)
    assert world.told("node-1", TakeChain) == []
    assert world.told("node-1", RefuseRequest) == [RefuseRequest(API, "no pod of this node has that identity")]
    assert world.said == [f"node-1 asked for a certificate of {API} and gets none: no pod of this node has that identity"]


def test_a_request_in_another_s_name_is_refused(world: World) -> None:
    world.ask("node-1", WEB, make_request(API).text)
    (refused,) = world.told("node-1", RefuseRequest)
    assert refused == RefuseRequest(WEB, "the request names another identity")


def test_nobody_is_refused_before_the_first_orders_are_made(world: World) -> None:
    world.restart()
    world.ask("node-1", WEB)
    assert world.told("node-1", RefuseRequest) == []
    world.certificates.allow("node-1", (WEB,))
    world.certificates.follow(MADE)
    world.settle()
    assert len(world.told("node-1", TakeChain)) == 1


def test_roots_go_out_before_certificates(world: World) -> None:
    world.ask("node-1", WEB)
    kinds = [type(one) for one in world.links["node-1"].told]
    assert kinds.index(TakeRoots) < kinds.index(TakeChain)


def test_a_made_key_is_nowhere_on_disk(world: World) -> None:
    world.ask("node-1", WEB)
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["trust-bundle.pem"]
    assert all(b"PRIVATE KEY" not in path.read_bytes() for path in files)


def test_rotation_waits_for_every_node(world: World) -> None:
    world.links["node-2"].slow = True
    first, second = world.signer, world.certificates.rotate()
    world.settle()
    assert (world.signer, world.roots, world.codes) == (first, [first, second], [])
    world.after(5)
    (found,) = find_troubles(world.certificates)
    assert (found.code.id, world.signer) == ("NET0608", first)
    assert "node-2 has not confirmed it" in found.message
    world.after(1000)
    assert world.signer == first
    world.certificates.hear("node-2", RootsHeld(world.certificates.trust.bundle.version))
    world.settle()
    assert (world.signer, world.codes) == (second, [])
    world.after(DAY)
    assert world.roots == [second]


def test_a_node_that_is_away_is_named_and_waited_for_a_while(world: World) -> None:
    world.ask("node-2", API).away("node-2")
    first, second = world.signer, world.certificates.rotate()
    world.after(10)
    (found,) = find_troubles(world.certificates)
    assert "node-2 is away" in found.message
    assert world.signer == first
    world.after(21)
    assert (world.signer, world.codes) == (second, [])
    world.links["node-2"].told.clear()
    world.links["node-2"].slow = True
    world.connect("node-2").ask("node-2", API)
    assert [type(one) for one in world.links["node-2"].told] == [TakeRoots]
    world.certificates.hear("node-2", RootsHeld(world.certificates.trust.bundle.version))
    world.settle()
    assert [type(one) for one in world.links["node-2"].told] == [TakeRoots, TakeChain]


def test_a_control_plane_that_comes_back_rotates(world: World) -> None:
    first = world.signer
    for link in world.links.values():
        link.slow = True
    world.restart()
    world.certificates.allow("node-1", (WEB,))
    world.certificates.follow(MADE)
    world.settle()
    assert (world.signer, world.roots[0]) == ("", first)
    world.ask("node-1", WEB)
    assert world.told("node-1", TakeChain) == []
    for node in world.links:
        world.certificates.hear(node, RootsHeld(world.certificates.trust.bundle.version))
    world.settle()
    assert world.signer == world.roots[1] != first
    assert len(world.told("node-1", TakeChain)) == 1


def test_a_root_is_forgotten_when_its_last_certificate_has_ended(world: World) -> None:
    first = world.signer
    world.certificates.rotate()
    world.settle()
    world.after(DAY - 100)
    world.restart().follow(MADE)
    world.settle()
    assert first in world.roots
    world.after(101)
    assert first not in world.roots


def test_a_brought_ca_signs_and_stays(world: World) -> None:
    made, mine = world.signer, make_issuer(START)
    world.certificates.follow(brought(mine))
    world.settle()
    assert (world.signer, world.roots) == (mine.root.id, [made, mine.root.id])
    world.restart().follow(brought(mine))
    world.certificates.allow("node-1", (WEB,))
    world.settle()
    assert world.signer == mine.root.id
    world.certificates.follow(MADE)
    world.settle()
    assert world.signer not in (made, mine.root.id)


def test_other_roots_that_are_brought_are_trusted(world: World) -> None:
    mine, other = make_issuer(START), make_issuer(START)
    world.certificates.follow(brought(mine, also=(other.root.pem,)))
    world.settle()
    assert (world.signer, other.root.id in world.roots) == (mine.root.id, True)
    world.certificates.follow(brought(mine))
    world.settle()
    assert other.root.id not in world.roots


def test_a_brought_root_is_not_rotated_by_hand(world: World) -> None:
    world.certificates.follow(brought(make_issuer(START)))
    with pytest.raises(SeawayError, match="istio-system/cacerts"):
        world.certificates.rotate()


def test_a_ca_that_cannot_be_used_changes_nothing(world: World) -> None:
    before = world.signer
    world.certificates.follow(UnusableAuthority(Origin("ca.yaml", 3)))
    world.settle()
    assert world.signer == before
    world.restart().follow(UnusableAuthority(Origin("ca.yaml", 3)))
    world.settle()
    assert world.signer not in ("", before)


def test_a_brought_ca_that_has_ended_signs_nothing_and_is_named(world: World) -> None:
    before, mine = world.signer, make_issuer(START - 11 * 365 * DAY)
    world.certificates.follow(brought(mine, days=-1))
    world.settle()
    (found,) = find_troubles(world.certificates)
    assert (found.code.id, found.origin.line, world.signer) == ("NET0606", 3, before)


def test_a_brought_ca_that_ends_soon_is_named(world: World) -> None:
    world.certificates.follow(brought(make_issuer(START), days=10))
    assert world.settle().codes == ["NET0607"]


def test_a_clock_that_is_set_is_told_and_told_no_more_after_an_hour(world: World) -> None:
    before = world.signer
    world.sets_clock(3600)
    (found,) = find_troubles(world.certificates)
    assert (found.code.id, world.signer) == ("NET0610", before)
    assert "set forth by 1 h" in found.message
    assert world.after(3601).codes == []
    assert "back by" in find_troubles(world.sets_clock(-3600).certificates)[0].message


def test_a_made_root_follows_the_clock_into_another_decade(world: World) -> None:
    before = world.signer
    world.sets_clock(400 * DAY)
    assert world.signer == before
    world.sets_clock(9 * 365 * DAY)
    assert world.signer != before
    world.sets_clock(-9 * 365 * DAY)
    world.ask("node-1", WEB)
    (chain,) = world.told("node-1", TakeChain)
    assert isinstance(chain, TakeChain)
    assert chain.root == world.signer


def test_a_certificate_that_nobody_renews_is_named(world: World) -> None:
    held = CertificateHeld(WEB, "aa", START - 100, START + DAY, world.signer)
    world.certificates.hear("node-1", CertificateSet((held,)))
    assert world.settle().codes == []
    (found,) = find_troubles(world.after(DAY * 0.9).certificates)
    assert (found.code.id, "ends at" in found.message) == ("NET0609", True)
    (found,) = find_troubles(world.after(DAY).certificates)
    assert "ended at" in found.message


def test_roots_that_cannot_be_kept_sign_nothing(tmp_path: Path) -> None:
    world = World(tmp_path).connect("node-1")
    (tmp_path / ".trust-bundle.pem.new").mkdir()  # where the file is written first
    world.certificates.allow("node-1", (WEB,))
    world.certificates.follow(MADE)
    world.settle().ask("node-1", WEB)
    assert (world.told("node-1", TakeChain), world.codes) == ([], ["NET0611"])
    (tmp_path / ".trust-bundle.pem.new").rmdir()
    world.after(1)
    assert len(world.told("node-1", TakeChain)) == 1
    assert world.codes == []


def test_the_document_holds_what_is_served_and_no_key(world: World) -> None:
    world.ask("node-1", WEB)
    world.certificates.hear("node-1", CertificateHeld(WEB, "abc", START, START + DAY, world.signer))
    document = certificates_document(world.certificates, None, default_certificate(world.folder / "gateway.pem"))
    (row,) = document["certificates"]
    assert (row["identity"], row["node"], row["serial"], row["root"]) == (WEB, "node-1", "abc", world.signer)
    assert (row["notBefore"], row["daysLeft"]) == (datetime.fromtimestamp(START, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), 1.0)
    (root,) = document["roots"]
    assert (root["fingerprint"], root["state"]) == (world.signer, "signs")
    assert "PRIVATE" not in str(document)


def test_what_a_node_drops_is_gone_and_an_agent_that_comes_back_says_all(world: World) -> None:
    world.certificates.hear("node-1", CertificateHeld(WEB, "abc", START, START + DAY, world.signer))
    world.certificates.hear("node-1", CertificateSet(()))
    assert world.certificates.held["node-1"] == {}
