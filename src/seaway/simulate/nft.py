"""Sends the first packet of a flow through a planned nftables table, rule by rule, without a kernel.

It reads the rules and maps of the plan as text, in the few forms that `plans/nft` writes; a form it does not know is an error of ours
(ValueError), never a guess. Where a rule draws a random number, all numbers are followed. ClientIP affinity starts with no memory.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from seaway.plans.nft.table import Element, NftTable


@dataclass(frozen=True, slots=True)
class Packet:
    """`protocol` in lower case, `port` that of the destination; of ICMP the type. `local`: sent by a process in the node's own network."""

    source: str
    destination: str
    protocol: str
    port: int
    local: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Translated:
    """Goes to an endpoint; `source` is what the endpoint sees."""

    address: str
    port: int
    source: str


@dataclass(frozen=True, slots=True, order=True)
class Refused:
    """Answered at once: TCP reset, or ICMP port unreachable."""


@dataclass(frozen=True, slots=True, order=True)
class Dropped:
    """Never answered. `log` is what the rule that did it logs."""

    log: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Passed:
    """No business of the table's: routed as it is."""


Outcome: TypeAlias = Translated | Refused | Dropped | Passed
Fields: TypeAlias = Mapping[str, str]

_FIELD = (
    r"(?:ct original ip daddr|ct original ip saddr|ct original proto-dst|ct reply ip saddr|ct reply proto-src|"
    r"ip saddr|ip daddr|meta l4proto|meta mark|th dport|icmp type)"
)
_KEY = rf"(?P<key>{_FIELD}(?: \. {_FIELD})*)"
_FORMS = {
    "vmap": re.compile(rf"{_KEY} vmap @(?P<map>\w+)"),
    "choice": re.compile(rf"{_KEY} vmap \{{ (?P<elements>[^}}]+) \}}"),
    "dnat": re.compile(rf"dnat ip to {_KEY} map @(?P<map>\w+)"),
    "mark": re.compile(rf"meta mark set {_KEY} map @(?P<map>\w+)"),
    "draw": re.compile(r"meta mark set numgen random mod (?P<count>\d+)"),
    "number": re.compile(r"meta mark set (?P<number>\d+)"),
    "below": re.compile(r"meta mark < (?P<limit>\d+)"),
    "in": re.compile(rf"{_KEY} @(?P<map>\w+)"),
    "out": re.compile(rf"{_KEY} != @(?P<map>\w+)"),
    "one": re.compile(r"meta l4proto (?P<no>!= )?\{ (?P<list>[\w, ]+) \}|meta l4proto (?P<value>\w+)"),
    "range": re.compile(rf"(?P<field>{_FIELD}) (?P<not>!= )?(?P<cidr>[\d.]+/\d+)"),
    "state": re.compile(r"ct (?:state|status) (?P<word>\w+)"),
    "known": re.compile(r"ct mark 0x[0-9a-f]+|ct direction reply"),
    "remember": re.compile(r"ct mark set 0x[0-9a-f]+"),
    "untold": re.compile(r"meta mark != \d+"),
    "tell": re.compile(r"jump accepted"),
    "count": re.compile(r"counter limit rate \d+/second burst \d+ packets"),
    "log": re.compile(r'log prefix "(?P<prefix>[^"]+)" group \d+ snaplen \d+'),
    "accept": re.compile(r"accept"),
    "goto": re.compile(r"goto (?P<chain>\w+)"),
    "drop": re.compile(r"drop"),
    "reject": re.compile(r"reject with (?:tcp reset|icmpx port-unreachable)"),
    "snat": re.compile(r"snat ip to (?P<address>[\d.]+) fully-random"),
    "memory": re.compile(r"(?:update|delete) @affinity \{[^}]*\}"),
}
_ORDER = (
    "vmap",
    "choice",
    "dnat",
    "mark",
    "draw",
    "number",
    "below",
    "memory",
    "out",
    "in",
    "range",
    "one",
    "state",
    "remember",
    "untold",
    "tell",
    "known",
    "count",
    "log",
    "accept",
    "goto",
    "drop",
    "reject",
    "snat",
)


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a packet stands after a rule: its fields, and what ended its way there ("" goes on to the next rule)."""

    fields: Fields
    verdict: str = ""
    ended: bool = False  # the rule did not match: nothing after it in the same rule counts


def simulate_packet(table: NftTable, packet: Packet) -> tuple[Outcome, ...]:
    """All outcomes that the packet may have, in order, each once."""
    return _Simulation(table).send(packet)


@dataclass(frozen=True)
class _Simulation:
    table: NftTable

    @cached_property
    def maps(self) -> Mapping[str, Mapping[str, Element]]:
        return {one.name: {each.key: each for each in one.elements} for one in self.table.maps}

    @cached_property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        return {one.name: tuple(rule.text for rule in one.rules) for one in self.table.chains}

    def send(self, packet: Packet) -> tuple[Outcome, ...]:
        fields = _fields(packet)
        outcomes: set[Outcome] = set()
        for step in self._hook("output" if packet.local else "prerouting", fields):
            outcomes |= self._outcomes(step, packet)
        return tuple(sorted(outcomes, key=lambda one: (type(one).__name__, str(one))))

    def _outcomes(self, step: _Step, packet: Packet) -> set[Outcome]:
        match step.verdict:
            case "drop":
                return {Dropped()}
            case "reject":
                return {Refused()}
            case "dnat":
                to = replace(packet, destination=step.fields["ip daddr"], port=int(step.fields["th dport"]))
                if (stopped := self.forward(to)) != Passed():
                    return {stopped}
                ends = self._hook("postrouting", {**step.fields, "ct": "dnat"})
                return {Translated(one.fields["ip daddr"], int(one.fields["th dport"]), one.fields["ip saddr"]) for one in ends}
            case _:
                return {Passed() if self._to_node(packet) else self.forward(packet)}

    def _to_node(self, packet: Packet) -> bool:
        """Whether the packet is for the node itself; its address stands where sources become it."""
        return any(rule.startswith(f"snat ip to {packet.destination} ") for rule in self.rules.get("own_address", ()))

    def forward(self, packet: Packet) -> Dropped | Passed:
        """What the forward hook says of a packet that has been translated; it says nothing of what the node sends itself."""
        if packet.local:
            return Passed()
        chain = next((one.name for one in self.table.chains if "hook forward " in one.hook), None)
        if chain is None:
            return Passed()
        (step,) = self._chain(chain, 0, _fields(packet))
        return Dropped(step.fields["log"]) if step.verdict == "drop" else Passed()

    def _hook(self, hook: str, fields: Fields) -> Iterator[_Step]:
        """Through the hook's chain that translates. The others take a DSCP value off packets, and these have none."""
        chain = next(one.name for one in self.table.chains if f"type nat hook {hook} " in one.hook)
        return self._chain(chain, 0, fields)

    def _chain(self, chain: str, start: int, fields: Fields) -> Iterator[_Step]:
        rules = self.rules[chain]
        if start == len(rules):
            yield _Step(fields)
            return
        for step in self._rule(rules[start], fields):
            if step.verdict.startswith("goto "):
                yield from self._chain(step.verdict.removeprefix("goto "), 0, step.fields)
            elif step.verdict:
                yield step
            else:
                yield from self._chain(chain, start + 1, step.fields)

    def _rule(self, text: str, fields: Fields) -> Iterator[_Step]:
        """What a rule does, statement by statement from the left; a random number makes several of one packet."""
        steps = [_Step(fields)]
        while text:
            form, found = next((form, found) for form in _ORDER if (found := _FORMS[form].match(text))) if _known(text) else _unknown(text)
            steps = [after for step in steps for after in ([step] if step.ended else self._statement(form, found, step))]
            text = text[found.end() :].lstrip()
        return iter(steps)

    def _statement(self, form: str, found: re.Match[str], step: _Step) -> list[_Step]:
        words = found.groupdict()
        match form:
            case "goto":
                return [replace(step, verdict=found[0], ended=True)]
            case "drop" | "reject" | "accept":
                return [replace(step, verdict=form, ended=True)]
            case "snat":
                return [_Step({**step.fields, "ip saddr": words["address"]}, "snat", True)]
            case "log":
                return [replace(step, fields={**step.fields, "log": words["prefix"]})]
            case "choice":
                verdict = _chosen(words["elements"], _key(words["key"], step.fields))
                return [replace(step, verdict=verdict, ended=True)]
            case "vmap" | "dnat" | "mark":
                return [self._mapped(form, words["map"], _key(words["key"], step.fields), step)]
            case "draw" | "number":
                numbers = range(int(words["count"])) if form == "draw" else (words["number"],)
                return [replace(step, fields={**step.fields, "meta mark": str(one)}) for one in numbers]
            case "in" | "out":
                matches = self._element(words["map"], _key(words["key"], step.fields)) is not None
                return [step if matches == (form == "in") else replace(step, ended=True)]
            case "memory" | "remember" | "count" | "untold" | "tell":  # nothing becomes of a packet by these
                return [step]
            case "known":  # the first packet of a flow: nothing is known of it, and it is no reply
                return [replace(step, ended=True)]
            case _:
                return [step if _matches(form, words, step.fields) else replace(step, ended=True)]

    def _mapped(self, form: str, name: str, key: str, step: _Step) -> _Step:
        element = self._element(name, key)
        if element is None:
            return replace(step, ended=True)
        if form == "mark":
            return replace(step, fields={**step.fields, "meta mark": element.value})
        if form == "dnat":
            address, _, port = element.value.partition(" . ")
            return _Step({**step.fields, "ip daddr": address, "th dport": port}, "dnat", True)
        return replace(step, verdict=element.value, ended=True)

    def _element(self, name: str, key: str) -> Element | None:
        elements = self.maps[name]
        if key in elements:
            return elements[key]
        return next((one for one in elements.values() if "/" in one.key and _within(key, one.key)), None)


def simulate_forward(table: NftTable, packet: Packet) -> Dropped | Passed:
    """What the table's policies say of a connection's first packet on its way through the node, addressed to a pod's own port."""
    return _Simulation(table).forward(packet)


def _fields(packet: Packet) -> Fields:
    """Conntrack's entry is already what translation makes of it: replies come from where the packet goes to."""
    return {
        "ip saddr": packet.source,
        "ip daddr": packet.destination,
        "meta l4proto": packet.protocol,
        "th dport": str(packet.port),
        "icmp type": str(packet.port),
        "meta mark": "0",
        "ct original ip saddr": packet.source,
        "ct original ip daddr": packet.destination,
        "ct original proto-dst": str(packet.port),
        "ct reply ip saddr": packet.destination,
        "ct reply proto-src": str(packet.port),
        "ct": "new",
        "log": "",
    }


def _chosen(elements: str, value: str) -> str:
    """The verdict for this number in a map that a rule holds itself; "" where it has none."""
    for one in elements.split(", "):
        key, _, verdict = one.partition(" : ")
        first, _, last = key.partition("-")
        if int(first) <= int(value) <= int(last or first):
            return verdict
    return ""


def _known(text: str) -> bool:
    return any(_FORMS[form].match(text) for form in _ORDER)


def _unknown(text: str) -> tuple[str, re.Match[str]]:
    raise ValueError(f"a rule that the simulation does not know: {text}")


def _key(expression: str, fields: Fields) -> str:
    """The key that a packet has under this expression."""
    return " . ".join(fields[one] for one in expression.split(" . "))


def _matches(form: str, words: Mapping[str, str], fields: Fields) -> bool:
    if form == "one":
        inside = fields["meta l4proto"] in ((words["list"] or "").split(", ") if words["list"] else [words["value"]])
        return inside != bool(words["no"])
    if form == "range":
        inside = ipaddress.ip_address(fields[words["field"]]) in ipaddress.ip_network(words["cidr"])
        return inside != bool(words["not"])
    if form == "below":
        return int(fields["meta mark"]) < int(words["limit"])
    return fields["ct"] == words["word"]


def _within(key: str, pattern: str) -> bool:
    """Whether each field of a key lies in that of an interval set's element, where a field may be a range of addresses."""
    pairs = zip(key.split(" . "), pattern.split(" . "), strict=True)
    return all(ipaddress.ip_address(one) in ipaddress.ip_network(other) if "/" in other else one == other for one, other in pairs)
