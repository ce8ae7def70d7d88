"""Suggestions as manifests: YAML that people read and keep, with what each rule is for; and the same as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from seaway.analysis.suggest.policies import NAMESPACE_LABEL, AllowRule, BlockPeer, EveryPod, Labels, Peer, PodsPeer, Suggestion

_HEAD = """\
# Suggested by `seaway policy suggest`. Whatever is not named here is shut in these namespaces.
"""


def render_manifests(suggestions: tuple[Suggestion, ...]) -> str:
    """All of them as one YAML text. Equal suggestions give equal bytes."""
    return "---\n".join((_HEAD, *("\n".join(_policy(one)) + "\n" for one in suggestions)))


def _policy(one: Suggestion) -> Iterator[str]:
    yield f"# {one.about}"
    yield "apiVersion: networking.k8s.io/v1"
    yield "kind: NetworkPolicy"
    yield "metadata:"
    yield f"  name: {_word(one.name)}"
    yield f"  namespace: {_word(one.namespace)}"
    yield "spec:"
    yield from _selector("  podSelector:", one.labels, "    ")
    yield "  policyTypes:"
    for word, rules in (("Ingress", one.ingress), ("Egress", one.egress)):
        if rules is not None:
            yield f"    - {word}"
    for word, side, rules in (("ingress", "from", one.ingress), ("egress", "to", one.egress)):
        if rules:
            yield f"  {word}:"
            for rule in rules:
                yield from _rule(rule, side)


def _rule(rule: AllowRule, side: str) -> Iterator[str]:
    for why in rule.why:
        yield f"    # {_plain(str(why))}"
    if rule.more:
        yield f"    # and {rule.more} more"
    yield f"    - {side}:"
    match rule.peer:
        case BlockPeer(cidr, excluded):
            yield "        - ipBlock:"
            yield f"            cidr: {cidr}"
            if excluded:
                yield "            except:"
                yield from (f"              - {one}" for one in excluded)
        case EveryPod():
            yield "        - namespaceSelector: {}"
        case PodsPeer() as peer:
            dash = "        - "
            if peer.namespace:
                yield from _selector(f"{dash}namespaceSelector:", ((NAMESPACE_LABEL, peer.namespace),), " " * 12)
                dash = " " * 10
            yield from _selector(f"{dash}podSelector:", peer.labels, " " * 12)
    yield "      ports:"
    for protocol, port in rule.ports:
        yield f"        - protocol: {protocol}"
        yield f"          port: {port}"


def _selector(head: str, labels: Labels, indent: str) -> Iterator[str]:
    if not labels:
        yield f"{head} {{}}"
        return
    yield head
    yield f"{indent}matchLabels:"
    for key, value in labels:
        yield f"{indent}  {_word(key)}: {_word(value)}"


def _word(text: str) -> str:
    """In quotes where YAML might take it for something else than text."""
    plain = text and text[0].isalpha() and text.lower() not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    return text if plain else json.dumps(text)


def _plain(text: str) -> str:
    """In one line, whatever it holds."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def policy_document(one: Suggestion) -> dict[str, Any]:
    """The manifest as data."""
    sides = (("ingress", "from", one.ingress), ("egress", "to", one.egress))
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": one.name, "namespace": one.namespace},
        "spec": {
            "podSelector": _selector_document(one.labels),
            "policyTypes": [word.capitalize() for word, _, rules in sides if rules is not None],
            **{word: [_rule_document(rule, side) for rule in rules] for word, side, rules in sides if rules},
        },
    }


def _rule_document(rule: AllowRule, side: str) -> dict[str, Any]:
    return {side: [_peer_document(rule.peer)], "ports": [{"protocol": protocol, "port": port} for protocol, port in rule.ports]}


def _peer_document(peer: Peer) -> dict[str, Any]:
    match peer:
        case BlockPeer(cidr, excluded):
            return {"ipBlock": {"cidr": cidr, **({"except": list(excluded)} if excluded else {})}}
        case EveryPod():
            return {"namespaceSelector": {}}
        case PodsPeer():
            of_namespace = {"namespaceSelector": _selector_document(((NAMESPACE_LABEL, peer.namespace),))} if peer.namespace else {}
            return {**of_namespace, "podSelector": _selector_document(peer.labels)}


def _selector_document(labels: Labels) -> dict[str, Any]:
    return {"matchLabels": dict(labels)} if labels else {}
