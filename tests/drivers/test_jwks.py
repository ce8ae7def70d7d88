"""Documents by URL: one contract for sockets and for the fetcher in memory; then what only sockets can show."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from conftest import Namespaces

from seaway.core.errors import DriverError
from seaway.drivers.jwks.fake import FakeFetcher
from seaway.drivers.jwks.interface import LONGEST, Fetcher, Vantage
from seaway.drivers.jwks.real import UrlFetcher
from seaway.drivers.process.namespaces import in_netns

DOCUMENTS = {"/keys": '{"keys": []}', "/long": "x" * (LONGEST + 1), "/longest": "x" * LONGEST, "/unlike": "ü"}

HERE = Vantage()


class Publisher(BaseHTTPRequestHandler):
    """Documents by path; `/to/N` redirects N times, then to `/keys`; `/drip` never ends."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Host"]))
        if self.path.startswith("/to/"):
            left = int(self.path.removeprefix("/to/"))
            self.send_response(302)
            self.send_header("Location", f"/to/{left - 1}" if left > 1 else "/keys")
            self.end_headers()
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            except OSError:
                return
        elif (text := DOCUMENTS.get(self.path.partition("?")[0])) is not None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def publisher(netns: Path | None = None) -> Generator[str]:
    def make() -> ThreadingHTTPServer:
        return ThreadingHTTPServer(("127.0.0.1", 0), Publisher)

    if netns is None:
        server = make()
    else:
        with in_netns(netns):
            server = make()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def base() -> Iterator[str]:
    Publisher.seen = []
    with publisher() as url:
        yield url


def get(fetcher: Fetcher, url: str, vantage: Vantage = HERE, timeout_s: float = 5) -> str:
    return asyncio.run(fetcher.fetch(url, vantage, timeout_s))


@pytest.fixture(params=["real", "fake"])
def fetcher(request: pytest.FixtureRequest, base: str) -> Fetcher:
    return UrlFetcher() if request.param == "real" else FakeFetcher({base + path: text for path, text in DOCUMENTS.items()})


@pytest.mark.parametrize("path", ["/keys", "/longest", "/unlike"])
def test_a_document(fetcher: Fetcher, base: str, path: str) -> None:
    assert get(fetcher, base + path) == DOCUMENTS[path]


@pytest.mark.parametrize(("path", "problem"), [("/none", "404"), ("/long", "longer than")])
def test_no_document(fetcher: Fetcher, base: str, path: str, problem: str) -> None:
    with pytest.raises(DriverError, match=problem):
        get(fetcher, base + path)


def test_redirects_end(base: str) -> None:
    assert get(UrlFetcher(), f"{base}/to/5") == DOCUMENTS["/keys"]
    with pytest.raises(DriverError, match="more than 5 redirects"):
        get(UrlFetcher(), f"{base}/to/6")


def test_the_whole_url_is_asked_for(base: str) -> None:
    get(UrlFetcher(), f"{base}/keys?version=2")
    assert Publisher.seen == [("/keys?version=2", base.removeprefix("http://"))]


def test_a_host_whose_address_is_known(base: str) -> None:
    port = base.rpartition(":")[2]
    assert get(UrlFetcher(), f"http://issuer.test:{port}/keys", Vantage(address="127.0.0.1")) == DOCUMENTS["/keys"]
    assert Publisher.seen == [("/keys", f"issuer.test:{port}")]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/keys", "https://127.0.0.1:1/keys", "file:///etc/passwd", "http://:80/keys", "http://[", "x"]
)
def test_what_cannot_be_asked(url: str) -> None:
    with pytest.raises(DriverError):
        get(UrlFetcher(), url)


def test_one_that_never_ends(base: str) -> None:
    begun = time.monotonic()
    with pytest.raises(DriverError):
        get(UrlFetcher(), f"{base}/drip", timeout_s=0.3)
    assert time.monotonic() - begun < 3


def test_from_another_network(namespaces: Namespaces) -> None:
    there = namespaces.make("there")
    with publisher(there) as url:
        assert get(UrlFetcher(), f"{url}/keys", Vantage(there)) == DOCUMENTS["/keys"]
        with pytest.raises(DriverError):
            get(UrlFetcher(), f"{url}/keys")
