"""What a rule looks at in its callers beside their namespace: the certificates that they hold, and labels of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from seaway.frontends.istio.destination_rules.blocks import Blocks, Locality, Policy, Tls, TlsMode
from seaway.frontends.istio.destination_rules.credentials import SYSTEM_ROOTS
from seaway.frontends.istio.destination_rules.merging import Merged
from seaway.model.locality import TOPOLOGY_LABELS
from seaway.model.upstream import Treatment

ORIGINATING = (TlsMode.SIMPLE, TlsMode.MUTUAL)


def names_files(tls: Tls) -> bool:
    """Whether connections need something that callers hold: a Secret, or a file that they mount."""
    own = (tls.chain, tls.key, tls.crl, tls.credential, "" if tls.trust in SYSTEM_ROOTS else tls.trust)
    return tls.mode in ORIGINATING and not tls.broken and any(own)


def all_tls(merged: Merged) -> Iterator[Tls]:
    """Every tls block of a rule, whichever layer it stands in."""
    return (blocks.tls for blocks in _layers(merged) if blocks.tls is not None)


def compared_labels(merged: Merged) -> frozenset[str]:
    """The callers' labels that some failoverPriority of a rule holds against the endpoints'."""
    balancers = (blocks.balancer for blocks in _layers(merged) if blocks.balancer is not None)
    return frozenset(key for one in balancers for key in own_labels(one.locality))


def own_labels(locality: Locality | None) -> frozenset[str]:
    """Those of a failoverPriority whose value is the caller's own, and not its node's."""
    written = locality.priority_labels if locality is not None and locality.enabled else ()
    return frozenset(key for key in written if "=" not in key and key not in TOPOLOGY_LABELS)


def with_labels(treatment: Treatment, labels: tuple[tuple[str, str], ...]) -> Treatment:
    """The treatment with the callers' own values in the place of bare names."""
    known = dict(labels)
    priority = tuple(f"{key}={known[key]}" if key in known else key for key in treatment.locality.priority_labels)
    return replace(treatment, locality=replace(treatment.locality, priority_labels=priority)) if known else treatment


def _layers(merged: Merged) -> Iterator[Blocks]:
    policies = (merged.policy, *(subset.policy for subset in merged.subsets))
    return (blocks for policy in policies if policy is not None for blocks in _blocks(policy))


def _blocks(policy: Policy) -> Iterator[Blocks]:
    yield policy.blocks
    yield from (blocks for _, blocks in policy.ports)
