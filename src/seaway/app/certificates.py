"""The mesh's certificates: what signs, who gets what, and what is wrong with any of it.

Wires together what decides (`protocols/trust.py`), what signs (`drivers/ca`) and who asks (the nodes' agents). A made root's key is in this
process only, so that each start of the control plane rotates it; that of a brought one is the user's to keep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seaway.app.trust_file import KeptRoot, read_roots, write_roots
from seaway.core.errors import DriverError, SeawayError
from seaway.drivers.agent.link import Link
from seaway.drivers.agent.messages import (
    CertificateDropped,
    CertificateHeld,
    CertificateSet,
    RefuseRequest,
    Report,
    RootsHeld,
    SignRequest,
    TakeChain,
    TakeRoots,
)
from seaway.drivers.ca.clock import now
from seaway.drivers.ca.issuer import Issuer, brought_issuer, make_issuer, read_root, sign
from seaway.model.authority import Authority, BroughtAuthority, MadeAuthority, UnusableAuthority
from seaway.protocols.renewal import Instant
from seaway.protocols.trust import Trust

LEAF_S = 86_400.0
PATIENCE_S = 30.0
"""How long a node that is away delays a new root. One that is connected delays it until it has it."""

GLANCE_S = 1.0
CLOCK_SLACK_S = 30.0
JUMP_SHOWN_S = 3600.0
LAST_PART = 0.2
"""A made root is replaced when this part of its life is left."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CertificateSettings:
    """`roots` is the file that keeps the roots; `leaf_s` is how long a workload's certificate lives."""

    roots: Path
    leaf_s: float = LEAF_S
    patience_s: float = PATIENCE_S


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The wall clock was set by so many seconds."""

    by_s: float
    at: Instant


class Certificates:
    """`links` are the nodes' agents, by node; `say` tells people. `run` must be running for anything to happen."""

    def __init__(
        self, settings: CertificateSettings, links: Mapping[str, Link], say: Callable[[str], None], clock: Callable[[], Instant] = now
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.held: dict[str, dict[str, CertificateHeld]] = {}
        self.jump: ClockJump | None = None
        self.not_kept = ""
        self.wish: Authority | None = None
        self.brought: Issuer | None = None
        self._own = ""
        at = clock()
        kept = read_roots(settings.roots, at.wall)
        self.trust = Trust(tuple((root, at.steady + left) for root, left in kept), settings.patience_s)
        self._links, self._say = links, say
        self._issuers: dict[str, Issuer] = {}
        self._allowed: dict[str, frozenset[str]] = {}
        self._asked: dict[tuple[str, str], str] = {}
        self._told = ""
        self._written: tuple[KeptRoot, ...] | None = None
        self._before = at
        self._wake = asyncio.Event()

    @property
    def issuer(self) -> Issuer | None:
        """What signs now."""
        return self._issuers.get(self.trust.signer)

    @property
    def lacking(self) -> tuple[str, ...]:
        """The nodes that the wanted root waits for."""
        return self.trust.lacking(self._links)

    def connected(self, node: str) -> bool:
        return self._links[node].connected

    def allow(self, node: str, identities: tuple[str, ...]) -> None:
        """What this node may have certificates for; to be said before its agent hears of it."""
        self._allowed[node] = frozenset(identities)
        self._wake.set()

    def follow(self, wish: Authority) -> None:
        """What is to sign, as the manifests say."""
        if wish != self.wish:
            self.wish = wish
            if isinstance(wish, BroughtAuthority):
                self.brought = brought_issuer(wish.chain, wish.key, wish.root)
            if not isinstance(wish, UnusableAuthority):
                self.trust.trust_also(tuple(map(read_root, wish.also)) if isinstance(wish, BroughtAuthority) else ())
            self._wake.set()

    def rotate(self) -> str:
        """Has a new root made, to sign as soon as every node has it; returns its fingerprint. Raises SeawayError where it is not ours."""
        if isinstance(self.wish, BroughtAuthority):
            raise SeawayError(
                f"the root is brought by Secret {self.wish.owner.namespace}/{self.wish.owner.name}",
                help="put another CA into it; the new root is given to all nodes before anything is signed by it",
            )
        self._make(self.clock())
        return self._own

    def hear(self, node: str, report: Report) -> None:
        """What a node's agent says."""
        match report:
            case SignRequest(identity=identity, request=request):
                self._asked[node, identity] = request
            case RootsHeld(version=version):
                self.trust.holds(node, version)
                if self.trust.bundle.roots and not self.trust.has_current(node):
                    self._links[node].tell(self._roots())
            case CertificateSet(held=held):
                self.held[node] = {one.identity: one for one in held}
            case CertificateHeld(identity=identity):
                self.held.setdefault(node, {})[identity] = report
            case CertificateDropped(identity=identity):
                self.held.get(node, {}).pop(identity, None)
            case _:
                return
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            try:
                self.turn()
                while self._sign_next():
                    await asyncio.sleep(0)
            except Exception:  # our own mistake: the next turn comes all the same
                _log.exception("certificates")
            due = self.trust.next_due(self.clock().steady)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(GLANCE_S, max(0.01, due)) if due is not None else GLANCE_S)

    def turn(self) -> None:
        """Sees to the clock and the roots."""
        at = self.clock()
        self._see_clock(at)
        self._choose(at)
        self.trust.advance(at.steady, self._links, [node for node in self._links if self.connected(node)], self.settings.leaf_s)
        needed = (self.trust.signer, self.trust.wanted)
        self._issuers = {root: one for root, one in self._issuers.items() if root in needed}  # other keys are not kept
        self._keep(at)
        bundle = self.trust.bundle
        if bundle.version != self._told and bundle.roots:
            self._told = bundle.version
            for link in self._links.values():
                link.tell(self._roots())

    def _choose(self, at: Instant) -> None:
        """Which root is to sign. One that is brought and not valid, or cannot be used, leaves things as they are."""
        goal = self.trust.wanted or self.trust.signer
        match self.wish:
            case None:
                pass  # the manifests are not read yet
            case BroughtAuthority() if self.brought is not None and self.brought.is_valid(at.wall):
                if self._issuers.get(goal) is not self.brought:
                    self._offer(self.brought, at)
            case MadeAuthority():
                if not goal or goal != self._own or _ends_soon(self._issuers[goal], at.wall):
                    self._make(at)
            case _:
                if not goal:
                    self._make(at)

    def _make(self, at: Instant) -> None:
        issuer = make_issuer(at.wall)
        self._own = issuer.root.id
        self._offer(issuer, at)

    def _offer(self, issuer: Issuer, at: Instant) -> None:
        self._issuers[issuer.root.id] = issuer
        self.trust.offer(issuer.root, at.steady)
        self._wake.set()

    def _roots(self) -> TakeRoots:
        bundle = self.trust.bundle
        return TakeRoots(bundle.version, bundle.pem)

    def _sign_next(self) -> bool:
        """Answers one request that can be answered; False where there is none."""
        for (node, identity), request in self._asked.items():
            if node not in self._allowed:
                continue  # its orders are not made yet, so nobody knows
            if identity not in self._allowed[node]:
                self._refuse(node, identity, "no pod of this node has that identity")
            elif self.trust.may_sign_for(node) and not self.not_kept and self.issuer is not None:
                try:
                    chain = sign(self.issuer, request, identity, self.clock().wall, self.settings.leaf_s)
                    self._links[node].tell(TakeChain(identity, chain, self.trust.signer))
                except DriverError as error:
                    self._refuse(node, identity, error.message)
            else:
                continue
            del self._asked[node, identity]
            return True
        return False

    def _refuse(self, node: str, identity: str, reason: str) -> None:
        self._say(f"{node} asked for a certificate of {identity} and gets none: {reason}")
        self._links[node].tell(RefuseRequest(identity, reason))

    def _keep(self, at: Instant) -> None:
        """Writes the roots down before anything is signed by a new one. One that waits has signed nothing, so it need not be known."""
        roots: list[KeptRoot] = []
        for root in self.trust.bundle.roots:
            until = self.trust.needed_until(root.id)
            if root.id == self.trust.signer or until is not None:
                roots.append(KeptRoot(root, None if until is None else round(at.wall + until - at.steady), self.settings.leaf_s))
        if self._written is None or _differ(tuple(roots), self._written):
            try:
                write_roots(self.settings.roots, tuple(roots))
                self._written, self.not_kept = tuple(roots), ""
            except OSError as error:
                self.not_kept = error.strerror or str(error)

    def _see_clock(self, at: Instant) -> None:
        by = (at.wall - self._before.wall) - (at.steady - self._before.steady)
        if abs(by) > CLOCK_SLACK_S:
            self.jump = ClockJump(by, at)
            self._say(f"the clock was set by {by:+.0f} s")
        elif self.jump is not None and at.steady - self.jump.at.steady > JUMP_SHOWN_S:
            self.jump = None
        self._before = at


def _ends_soon(issuer: Issuer, wall: float) -> bool:
    begins, ends = issuer.begins.timestamp(), issuer.ends.timestamp()
    return not begins <= wall < ends - LAST_PART * (ends - begins)


def _differ(one: tuple[KeptRoot, ...], other: tuple[KeptRoot, ...]) -> bool:
    """Whether they are other roots or in another state: times move with the wall clock and need no new file."""
    return [(kept.root.id, kept.until is None) for kept in one] != [(kept.root.id, kept.until is None) for kept in other]
