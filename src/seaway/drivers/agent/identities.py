"""The agent's part in identity: a key for each identity of the node's pods, made here, and the certificates that Envoy is given.

Requests go to the control plane as reports, and are said again to whoever connects anew, until they are answered. Without a control plane
what was issued is served on. When to renew is `protocols/renewal.py`'s matter. A key is in memory only, and goes to Envoy alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from seaway.core.errors import DriverError
from seaway.drivers.agent.identity import Hearers
from seaway.drivers.agent.messages import (
    CertificateDropped,
    CertificateHeld,
    CertificateSet,
    IdentityReport,
    Notice,
    RefuseRequest,
    RootsHeld,
    SignRequest,
    TakeChain,
    TakeRoots,
)
from seaway.drivers.ca.clock import now
from seaway.drivers.ca.request import Leaf, Request, finish, make_request
from seaway.drivers.sds.interface import SecretServer
from seaway.drivers.sds.secrets import leaf_secret, roots_secret
from seaway.model.names import ROOT_SECRET, client_secret, server_secret
from seaway.protocols.renewal import Instant, Renewals
from seaway.protocols.xds_resource import XdsResource

LINGER_S = 10.0
"""How long a certificate is kept after its last pod has left the orders: Envoy may still have connections of it to make and to take."""


@dataclass(slots=True)
class _Held:
    leaf: Leaf
    root: str
    secrets: tuple[XdsResource, ...] = field(repr=False)

    @property
    def report(self) -> CertificateHeld:
        return CertificateHeld(self.leaf.identity, self.leaf.serial, self.leaf.begins, self.leaf.ends, self.root)


class Identities:
    """`make_server` gets the callback for changes of what Envoys hold. All methods are for one event loop; `close` ends it."""

    def __init__(
        self,
        make_server: Callable[[Callable[[], None]], SecretServer],
        hearers: Hearers,
        renewals: Renewals,
        clock: Callable[[], Instant] = now,
    ) -> None:
        self._server = make_server(self._held_changed)
        self._hearers, self._renewals, self._clock = hearers, renewals, clock
        self._wanted: frozenset[str] = frozenset()
        self._leaving: dict[str, float] = {}
        self._pending: dict[str, Request] = {}
        self._held: dict[str, _Held] = {}
        self._roots: tuple[str, XdsResource] | None = None
        self._confirmed = ""
        self._timer: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Raises DriverError where Envoy could not reach it."""
        await self._server.start()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._server.stop()

    @property
    def standing(self) -> tuple[IdentityReport, ...]:
        """What a new client hears."""
        requests = (SignRequest(one.identity, one.text) for one in self._pending.values())
        return (RootsHeld(self._confirmed), CertificateSet(tuple(one.report for one in self._held.values())), *requests)

    def follow(self, identities: tuple[str, ...]) -> None:
        """Exactly these from now on; those that are gone are kept for a while."""
        steady = self._clock().steady
        self._leaving.update(dict.fromkeys(self._wanted.difference(identities), steady + LINGER_S))
        for one in identities:
            self._leaving.pop(one, None)
        self._wanted = frozenset(identities)
        self._renewals.want(self._wanted)
        self._pending = {one: request for one, request in self._pending.items() if one in self._wanted}
        self._offer()
        self._turn()

    def take(self, notice: Notice) -> None:
        match notice:
            case TakeRoots(version=version, pem=pem):
                self._roots = (version, roots_secret(pem))
                self._offer()
                self._held_changed()
            case TakeChain():
                self._take_chain(notice)
            case RefuseRequest(identity=identity, reason=reason):
                self._pending.pop(identity, None)
                self._renewals.refused(identity, self._clock())
                self._hearers.say(f"no certificate for {identity}: {reason}")
        self._turn()

    def _take_chain(self, notice: TakeChain) -> None:
        request = self._pending.get(notice.identity)
        if request is None:
            return  # an answer to a question that was asked twice
        try:
            leaf = finish(request, notice.chain)
        except DriverError as error:
            self._hearers.say(error.message)
            return
        del self._pending[leaf.identity]
        names = (server_secret(leaf.identity), client_secret(leaf.identity))
        held = _Held(leaf, notice.root, tuple(leaf_secret(name, leaf.chain, leaf.key) for name in names))
        self._held[leaf.identity] = held
        self._renewals.issued(leaf.identity, leaf.begins, leaf.ends, self._clock())
        self._offer()
        self._hearers.report(held.report)

    def _turn(self) -> None:
        """Asks for what is due, forgets what has left, and looks again when there is something to do."""
        at = self._clock()
        for identity in self._renewals.due(at):
            if identity not in self._pending:
                self._pending[identity] = make_request(identity)
            self._hearers.report(SignRequest(identity, self._pending[identity].text))
        over = [one for one, until in self._leaving.items() if until <= at.steady]
        for identity in over:
            del self._leaving[identity]
            if self._held.pop(identity, None) is not None:
                self._hearers.report(CertificateDropped(identity))
        if over:
            self._offer()
        if self._timer is not None:
            self._timer.cancel()
        wait = min([self._renewals.wait_s(at), *(max(0.01, until - at.steady) for until in self._leaving.values())])
        self._timer = asyncio.get_running_loop().call_later(wait, self._turn)

    def _offer(self) -> None:
        secrets = [secret for one in self._held.values() for secret in one.secrets]
        promised = [name for one in self._wanted for name in (server_secret(one), client_secret(one))]
        self._server.offer((*secrets, *((self._roots[1],) if self._roots else ())), (*promised, ROOT_SECRET))

    def _held_changed(self) -> None:
        confirmed = self._roots[0] if self._roots is not None and self._server.all_hold(ROOT_SECRET) else ""
        if confirmed != self._confirmed:
            self._confirmed = confirmed
            self._hearers.report(RootsHeld(confirmed))
