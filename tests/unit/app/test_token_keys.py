"""Keys behind URLs: when they are fetched, which stay, and what is said of those that cannot be had."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from seaway.app import token_keys
from seaway.app.token_keys import Places, TokenKeeper
from seaway.core.codes.authorization import KEYS_UNREACHABLE
from seaway.drivers.jwks.fake import FakeFetcher
from seaway.drivers.jwks.interface import Vantage
from seaway.frontends.build import build_model
from seaway.model.authorization import FetchedKeys
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.index import Model
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

URL = "https://issuer.test/keys"
X, Y = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
KEYS, OTHER = (json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": kid}]}) for kid in ("one", "two"))
SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: web, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: keys, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


def model(*rules: str) -> Model:
    text = textwrap.dedent(f"""\
        ---
        apiVersion: security.istio.io/v1
        kind: RequestAuthentication
        metadata: {{name: tokens, namespace: shop}}
        spec: {{jwtRules: [{", ".join(rules)}]}}
    """)
    resources = [one for source in (SHOP, text if rules else "") for one in load_text(source, "shop.yaml").resources]
    cluster = Cluster(nodes=(Node("node-1", "172.18.0.2", "10.244.0.0/24"),))
    return build_model(snapshot_of(resources), cluster, Leases()).model


BY_URL = f"{{issuer: 'https://issuer.test', jwksUri: '{URL}'}}"


class World:
    def __init__(self, folder: Path, documents: dict[str, str]) -> None:
        self.fetcher = FakeFetcher(documents)
        self.changes = 0
        self.keeper = TokenKeeper(folder / "token-keys.json", Places(Path("/ns"), Path("/ns/outside")), self.fetcher, self._change)

    def _change(self) -> None:
        self.changes += 1

    @property
    def held(self) -> dict[str, str]:
        return {keys.url: text for keys, text in self.keeper.texts.items()}

    @property
    def whys(self) -> list[str]:
        return [one.why for one in self.keeper.findings]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REFRESH_S", "FIRST_RETRY_S", "LAST_RETRY_S"):
        monkeypatch.setattr(token_keys, name, 0.01)


def run(world: World, body: Callable[[], Coroutine[None, None, None]]) -> None:
    async def inside() -> None:
        try:
            await body()
        finally:
            await world.keeper.stop()

    asyncio.run(inside())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


def test_keys_are_fetched_once_a_rule_names_them(tmp_path: Path) -> None:
    world = World(tmp_path, {URL: KEYS})

    async def body() -> None:
        world.keeper.follow(model())
        await asyncio.sleep(0.02)
        assert (world.fetcher.asked, world.held) == ([], {})
        for _ in range(2):
            world.keeper.follow(model(BY_URL))
            await until(lambda: world.changes == 1)
        assert world.fetcher.asked == [(URL, Vantage(Path("/ns/outside")))]
        assert world.whys == []
        world.keeper.follow(model())
        assert world.held == {}

    run(world, body)


@pytest.mark.usefixtures("at_once")
def test_new_keys_replace_old_ones_and_the_last_good_stay(tmp_path: Path) -> None:
    world = World(tmp_path, {URL: KEYS})

    async def body() -> None:
        world.keeper.follow(model(BY_URL))
        await until(lambda: world.changes == 1)
        first = world.held[URL]
        world.fetcher.documents[URL] = OTHER
        await until(lambda: world.changes == 2)
        second = world.held[URL]
        assert first != second
        for bad in ("no json", '{"keys": []}', "[]"):
            world.fetcher.documents[URL] = bad
            asked = len(world.fetcher.asked)
            await until(lambda: len(world.fetcher.asked) > asked + 2)  # noqa: B023 - it is awaited at once
            assert world.held[URL] == second
            assert world.whys[0].startswith("The keys that were fetched before stay. It is tried again. ")
        world.fetcher.documents[URL] = OTHER
        await until(lambda: not world.whys)
        assert world.changes == 2

    run(world, body)


@pytest.mark.usefixtures("at_once")
def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    world = World(tmp_path, {})

    async def body() -> None:
        world.keeper.follow(model(BY_URL))
        await until(lambda: len(world.fetcher.asked) > 3)
        (found,) = world.keeper.findings
        assert (found.code, found.message) == (KEYS_UNREACHABLE, f"no keys from {URL}")
        assert found.why.startswith("No token of this issuer verifies: all are refused with 401. It is tried again. ")
        assert found.origin.file == "shop.yaml"
        assert world.held == {}

    run(world, body)


def test_another_control_plane_has_them_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, {URL: KEYS})

    async def body() -> None:
        world.keeper.follow(model(BY_URL))
        await until(lambda: world.changes == 1)

    run(world, body)
    assert World(tmp_path, {}).held == world.held
    (tmp_path / "token-keys.json").write_text("torn")
    assert World(tmp_path, {}).held == {}


def test_an_issuer_says_where_its_keys_are(tmp_path: Path) -> None:
    well_known = "https://issuer.test/.well-known/openid-configuration"
    world = World(tmp_path, {well_known: json.dumps({"jwks_uri": URL}), URL: KEYS})

    async def body() -> None:
        world.keeper.follow(model("{issuer: 'https://issuer.test'}"))
        await until(lambda: world.changes == 1)
        assert [url for url, _ in world.fetcher.asked] == [well_known, URL]

    run(world, body)


def test_a_host_of_the_mesh_is_asked_by_a_workload(tmp_path: Path) -> None:
    world = World(tmp_path, {"http://keys.shop/": KEYS})
    inside = model("{issuer: a, jwksUri: 'http://keys.shop/'}")

    async def body() -> None:
        world.keeper.follow(inside)
        await until(lambda: world.changes == 1)
        ((_, vantage),) = world.fetcher.asked
        (service,) = [one for one in inside.services if one.id.name == "keys"]
        assert vantage == Vantage(Path("/ns/shop_web"), service.cluster_ip)

    run(world, body)


def test_a_rule_that_is_gone_is_fetched_no_more(tmp_path: Path) -> None:
    world = World(tmp_path, {})

    async def body() -> None:
        world.keeper.follow(model(BY_URL))
        await until(lambda: bool(world.whys))
        world.keeper.follow(model())
        assert world.whys == []
        assert all(isinstance(keys, FetchedKeys) for keys in world.keeper.texts)

    run(world, body)
