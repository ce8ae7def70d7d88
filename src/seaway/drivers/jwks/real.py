"""Documents over HTTP and HTTPS, through the network of whoever is to ask."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import time
from contextlib import nullcontext
from urllib.parse import urljoin, urlsplit

from seaway.core.errors import DriverError
from seaway.drivers.jwks.interface import LONGEST, Vantage
from seaway.drivers.process.namespaces import in_netns

MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}


class UrlFetcher:
    """A connection a document. Certificates of HTTPS are verified against the roots of this machine."""

    async def fetch(self, url: str, vantage: Vantage, timeout_s: float) -> str:
        """See `Fetcher`."""
        return await asyncio.to_thread(self._fetch, url, vantage, time.monotonic() + timeout_s)

    def _fetch(self, url: str, vantage: Vantage, until: float) -> str:
        first = url
        for _ in range(MOST_REDIRECTS + 1):
            try:
                at = vantage if urlsplit(url).hostname == urlsplit(first).hostname else Vantage(vantage.netns)
                status, location, body = _get(url, at, until)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise DriverError(f"{url}: {str(error) or type(error).__name__}") from error
            if status in _REDIRECTS and location:
                url = urljoin(url, location)
            elif status != 200:
                raise DriverError(f"{url}: the answer is {status}")
            elif len(body) > LONGEST:
                raise DriverError(f"{url}: the document is longer than {LONGEST} bytes")
            else:
                return body.decode(errors="replace")
        raise DriverError(f"{url}: more than {MOST_REDIRECTS} redirects")


def _get(url: str, vantage: Vantage, until: float) -> tuple[int, str, bytes]:
    """Status, Location and body of one GET."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no http or https URL")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = http.client.HTTPConnection(parts.hostname, port)
    sock = _connect(vantage, vantage.address or parts.hostname, port, until)
    try:
        if parts.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
        connection.sock = sock
        query = f"?{parts.query}" if parts.query else ""
        connection.request("GET", f"{parts.path or '/'}{query}", headers={"Host": parts.netloc.rpartition("@")[2], "Connection": "close"})
        answer = connection.getresponse()
        body = b""
        while len(body) <= LONGEST and (chunk := answer.read1(65536)):
            body += chunk
            sock.settimeout(_left(until))
        return answer.status, answer.getheader("Location") or "", body
    finally:
        sock.close()


def _connect(vantage: Vantage, host: str, port: int, until: float) -> socket.socket:
    with in_netns(vantage.netns) if vantage.netns is not None else nullcontext():
        return socket.create_connection((host, port), timeout=_left(until))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("it takes too long")
    return left
