"""Hosts and ports that a text names: in URLs, as `host:port`, or as the value of something that is called a host.

Only what can be an address counts: the word `web` in a sentence is no Service of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ALONE = r"(?<![\w.:/@-])"
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://([^\s/?#'\"<>`\\]+)", re.IGNORECASE)
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_HOST_AND_PORT = re.compile(rf"{_ALONE}({_NAME.pattern}):(\d{{1,5}})(?![\w.:])", re.IGNORECASE)
_LONG_NAME = re.compile(rf"{_ALONE}((?:{_LABEL}\.){{2,3}}svc(?:\.{_LABEL})*\.?)(?![\w:-])", re.IGNORECASE)
_ASSIGNED = re.compile(r"\s*(?:-\s+)?[\"']?(-{0,2}[\w.-]+)[\"']?\s*(?:[=:]|\s)\s*[\"']?([^\s\"';,]+)[\"']?[;,]?\s*")
_CALLED_A_HOST = re.compile(
    r"(host|hosts|hostname|addr|address|addresses|url|uri|endpoint|endpoints|server|servers|service|upstream|broker|brokers|target|dsn|backend"
    r"|peer|peers|nodes)s?$",
    re.IGNORECASE,
)
_PORTS = {
    "http": 80, "ws": 80, "https": 443, "wss": 443, "grpc": 0, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379,
    "rediss": 6379, "mongodb": 27017, "amqp": 5672, "amqps": 5671, "nats": 4222, "kafka": 9092, "memcached": 11211, "ftp": 21,
    "ldap": 389, "ldaps": 636, "smtp": 25,
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """`port` is 0 where none is told. `url`: it stands in a URL, so that it is a host even if nobody here has that name."""

    host: str
    port: int
    url: bool = False


def find_mentions(text: str, called: str = "") -> tuple[Mention, ...]:
    """All of one line or value, each once; `called` is the name of the variable, flag or key that has the value."""
    found = dict.fromkeys((*_of_urls(text), *_of_words(_URL.sub(" ", text), called)))
    return tuple(found)


def _of_urls(text: str) -> Iterator[Mention]:
    for scheme, authority in _URL.findall(text):
        default = _PORTS.get(scheme.lower().rpartition("+")[0] or scheme.lower(), 0)
        for one in authority.rpartition("@")[2].split(","):
            host, colon, port = one.partition(":")
            if _NAME.fullmatch(host):
                yield Mention(_plain(host), int(port) if colon and port.isdecimal() else default, url=True)


def _of_words(text: str, called: str) -> Iterator[Mention]:
    for host, port in _HOST_AND_PORT.findall(text):
        if 0 < int(port) < 65536 and not host.isdecimal():
            yield Mention(_plain(host), int(port))
    for host in _LONG_NAME.findall(text):
        yield Mention(_plain(host), 0)
    value, name = text.strip(), called
    if (assigned := _ASSIGNED.fullmatch(text)) is not None:  # a line of a file, or `--host=name`
        name, value = assigned[1], assigned[2]
    if _CALLED_A_HOST.search(name):
        for one in value.split(","):
            if _NAME.fullmatch(one.strip()) and not one.strip().isdecimal():
                yield Mention(_plain(one.strip()), 0)


def _plain(host: str) -> str:
    return host.rstrip(".").lower()
