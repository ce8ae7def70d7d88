"""Keys of token issuers behind URLs: fetched as soon as a rule names them, again every twenty minutes, and the last good ones kept.

Kept in a file, too, so that a control plane that starts anew takes no keys away from what serves. Until a rule's keys were fetched once, no
token of it verifies (see `plans/envoy/filters/tokens.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from seaway.app.state import write_atomically
from seaway.core.codes.authorization import KEYS_UNREACHABLE
from seaway.core.errors import DriverError
from seaway.core.finding import Findings, finding
from seaway.drivers.jwks.interface import Fetcher, Vantage
from seaway.frontends.istio.request_authentication.keys import read_keys
from seaway.model.authorization import FetchedKeys, TokenRule
from seaway.model.index import Model
from seaway.model.names import pod_netns, service_host

REFRESH_S = 1200.0
"""Upstream's interval."""
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
_KEPT = "The keys that were fetched before stay"
_NONE = "No token of this issuer verifies: all are refused with 401"


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of namespace files, and the network around the cluster: its file, None where it is the process' own."""

    netns_folder: Path
    outside: Path | None


class TokenKeeper:
    """`changed` is called when the keys have changed. `follow` must be told of each model; tasks run on the loop that it is called from."""

    def __init__(self, file: Path, places: Places, fetcher: Fetcher, changed: Callable[[], None]) -> None:
        self._file, self._places, self._fetcher, self._changed = file, places, fetcher, changed
        self._texts: dict[FetchedKeys, str] = dict(_read(file))
        self._problems: dict[FetchedKeys, str] = {}
        self._tasks: dict[FetchedKeys, asyncio.Task[None]] = {}
        self._rules: tuple[TokenRule, ...] = ()
        self._model: Model | None = None

    @property
    def texts(self) -> Mapping[FetchedKeys, str]:
        """The last good key sets."""
        return dict(self._texts)

    @property
    def findings(self) -> Findings:
        """Rules whose keys could not be fetched the last time."""
        found: Findings = ()
        for rule in self._rules:
            if isinstance(rule.keys, FetchedKeys) and (problem := self._problems.get(rule.keys)) is not None:
                state = _KEPT if rule.keys in self._texts else _NONE
                found += (finding(KEYS_UNREACHABLE, rule.origin, rule.key, url=rule.keys.url, problem=problem, state=state),)
        return found

    def follow(self, model: Model) -> None:
        """Fetches what its rules name, and lets go of what none does any more."""
        self._model = model
        self._rules = tuple({(rule.key, rule.origin): rule for policy in model.mesh.policies for rule in policy.tokens}.values())
        wanted = {rule.keys for rule in self._rules if isinstance(rule.keys, FetchedKeys)}
        for keys in self._tasks.keys() - wanted:
            self._tasks.pop(keys).cancel()
            self._problems.pop(keys, None)
            self._texts.pop(keys, None)
        for keys in wanted - self._tasks.keys():
            self._tasks[keys] = asyncio.create_task(self._keep(keys))

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _keep(self, keys: FetchedKeys) -> None:
        pause = FIRST_RETRY_S
        while True:
            try:
                text = await self._fetch(keys)
            except DriverError as error:
                self._problems[keys] = error.message
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_RETRY_S)
                continue
            self._problems.pop(keys, None)
            if self._texts.get(keys) != text:
                self._texts[keys] = text
                _write(self._file, self._texts)
                self._changed()
            pause = FIRST_RETRY_S
            await asyncio.sleep(REFRESH_S)

    async def _fetch(self, keys: FetchedKeys) -> str:
        url = keys.url
        if keys.discover:
            url = _keys_url(await self._get(url, keys), url)
        text, problem = read_keys(await self._get(url, keys))
        if problem:
            raise DriverError(f"{url}: {problem}")
        return text

    async def _get(self, url: str, keys: FetchedKeys) -> str:
        return await self._fetcher.fetch(url, self._vantage(url, keys), keys.timeout_s)

    def _vantage(self, url: str, keys: FetchedKeys) -> Vantage:
        """A host of the mesh is asked from inside a workload that needs the keys, over its proxy and with its identity."""
        if not keys.inside or self._model is None:
            return Vantage(self._places.outside)
        model = self._model
        policies = {policy.id for policy in model.mesh.policies if any(rule.keys == keys for rule in policy.tokens)}
        pods = [one.pod for one in model.mesh.members if one.policy in policies and one.pod in model.pod]
        address = _address(model, _host(url))
        if not pods or not address:
            raise DriverError(f"{url}: no workload can reach it")
        return Vantage(self._places.netns_folder / pod_netns(pods[0]), address)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError as error:
        raise DriverError(f"{url}: {error}") from error


def _address(model: Model, host: str) -> str:
    """Of a Service, by any spelling of its name; "" where there is none."""
    domain = model.cluster.domain
    spelt = {host, f"{host}.svc.{domain}", f"{host}.{domain}"}
    for service in model.services:
        if service_host(service.id, domain) in spelt:
            return service.cluster_ip or next((one.address for one in service.backends), "")
    return ""


def _keys_url(text: str, url: str) -> str:
    """Where an OpenID configuration says that the keys are."""
    try:
        found = cast(dict[str, Any], msgspec.json.decode(text))["jwks_uri"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise DriverError(f"{url}: no OpenID configuration that names jwks_uri") from error
    return str(found)


def _read(file: Path) -> list[tuple[FetchedKeys, str]]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[tuple[FetchedKeys, str]])
    except (OSError, msgspec.DecodeError):
        return []


def _write(file: Path, texts: Mapping[FetchedKeys, str]) -> None:
    """Where there is no room the next control plane fetches them anew."""
    with suppress(OSError):
        write_atomically(file, msgspec.json.encode(list(texts.items())))
