"""Which root signs, which roots are trusted, and who has them: rotation of roots as a machine without clock and network.

A certificate is accepted where the root that it leads to is known. So a new root is added to the bundle first; it signs once every node
holds that bundle; and the old one stays in it until the last certificate that it signed has ended. A node that is away is waited for, but
not for ever: when it comes back it gets the bundle before anything else. A node that is connected is waited for without end.

Times are seconds of a clock that never jumps. Leaves to others: keys and signatures (`drivers/ca`), how bundles travel (`app`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Root:
    """A root certificate. `id` is its fingerprint."""

    id: str
    pem: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """The roots that are trusted. `version` is the same for the same roots."""

    roots: tuple[Root, ...]

    @property
    def version(self) -> str:
        return blake2b("\0".join(sorted(root.id for root in self.roots)).encode(), digest_size=8).hexdigest()

    @property
    def pem(self) -> str:
        return "".join(root.pem for root in self.roots)

    def __contains__(self, root: str) -> bool:
        return any(one.id == root for one in self.roots)


@dataclass(slots=True)
class _Trusted:
    """`until` is when the last certificate that it signed has ended; None while it signs, or is about to."""

    root: Root
    until: float | None


class Trust:
    """`kept` are roots of an earlier run, each with the time until which it is needed. `patience_s` is how long a node that is away delays
    a new root."""

    def __init__(self, kept: tuple[tuple[Root, float], ...], patience_s: float) -> None:
        self._trusted = {root.id: _Trusted(root, until) for root, until in kept}
        self._patience_s = patience_s
        self._also: tuple[Root, ...] = ()
        self._signer = ""
        self._wanted = ""
        self._since = 0.0
        self._former_until: float | None = None
        self._held: dict[str, str] = {}
        self._bundles: dict[str, Bundle] = {}
        self._note()

    @property
    def bundle(self) -> Bundle:
        """What every node should hold."""
        own = tuple(one.root for one in self._trusted.values())
        return Bundle((*own, *(one for one in self._also if one.id not in self._trusted)))

    @property
    def signer(self) -> str:
        """The id of the root that certificates are signed under; "" while there is none."""
        return self._signer

    @property
    def wanted(self) -> str:
        """The id of a root that is on its way out to the nodes, to sign then; "" where none is."""
        return self._wanted

    def waited_s(self, now: float) -> float:
        """How long the wanted root has been on its way."""
        return now - self._since if self._wanted else 0.0

    def needed_until(self, root: str) -> float | None:
        """When the root goes, if that is known already."""
        return self._trusted[root].until if root in self._trusted else None

    def offer(self, root: Root, now: float) -> None:
        """This root is to sign. One that was offered before and has not come to sign is given up."""
        if root.id == (self._wanted or self._signer):
            return
        if self._wanted:
            self._give_up()
        if root.id == self._signer:
            return
        before = self._trusted.setdefault(root.id, _Trusted(root, None))
        self._wanted, self._since, self._former_until = root.id, now, before.until
        before.until = None
        if len(self._trusted) == 1:
            self._signer, self._wanted = root.id, ""  # nobody trusts anything else, so nobody can lack it
        self._note()

    def _give_up(self) -> None:
        """The wanted root goes, unless it has signed at some time before."""
        if self._former_until is None:
            del self._trusted[self._wanted]
        else:
            self._trusted[self._wanted].until = self._former_until
        self._wanted = ""

    def trust_also(self, roots: tuple[Root, ...]) -> None:
        """These, and no others, are trusted besides those that sign or have signed here."""
        self._also = roots
        self._note()

    def holds(self, node: str, version: str) -> None:
        """The node says that all its Envoys hold this bundle, or nothing."""
        self._held[node] = version

    def has_current(self, node: str) -> bool:
        return self._held.get(node) == self.bundle.version

    def may_sign_for(self, node: str) -> bool:
        """Whether there is a root to sign with that this node knows."""
        if not self._signer:
            return False
        held = self._bundles.get(self._held.get(node, ""))
        return len(self._trusted) == 1 or (held is not None and self._signer in held)

    def lacking(self, nodes: Collection[str]) -> tuple[str, ...]:
        """Those of these nodes that do not have the root that is wanted."""
        return tuple(sorted(node for node in nodes if self._wanted and not self.has_current(node)))

    def advance(self, now: float, nodes: Collection[str], connected: Collection[str], longest_s: float) -> bool:
        """Lets the wanted root sign if it may, and old ones go. `longest_s` is the longest life of a certificate.

        True if something has changed: the bundle is then to be kept before anything is signed, and sent to all nodes.
        """
        changed = False
        if self._wanted and self._may_switch(now, nodes, connected):
            if self._signer:
                self._trusted[self._signer].until = now + longest_s
            self._signer, self._wanted, changed = self._wanted, "", True
        over = [root for root, one in self._trusted.items() if one.until is not None and one.until <= now]
        for root in over:
            del self._trusted[root]
        self._held = {node: version for node, version in self._held.items() if node in nodes}
        self._bundles = {version: one for version, one in self._bundles.items() if version in self._held.values()}
        self._note()
        return changed or bool(over)

    def next_due(self, now: float) -> float | None:
        """Seconds until `advance` has something to do though nothing happens."""
        times = [one.until for one in self._trusted.values() if one.until is not None]
        times += [self._since + self._patience_s] if self._wanted else []
        later = [time - now for time in times if time > now]
        return min(later) if later else None

    def _note(self) -> None:
        """What nodes may say that they hold."""
        bundle = self.bundle
        self._bundles[bundle.version] = bundle

    def _may_switch(self, now: float, nodes: Collection[str], connected: Collection[str]) -> bool:
        lacking = self.lacking(nodes)
        if any(node in connected for node in lacking):
            return False
        return not lacking or now - self._since >= self._patience_s
