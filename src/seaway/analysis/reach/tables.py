"""The documents of `seaway reach` as rows of text: many sources of a namespace are one row where the same holds for them."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
ALL_PORTS = "1-65535"


def connection_rows(document: Document) -> list[tuple[str, str, str, str]]:
    """FROM, TO, PORTS, BECAUSE."""
    peers = {one["id"]: one for one in document["peers"]}
    services = _services(document)
    pairs: dict[tuple[str, str], dict[str, list[Document]]] = {}
    for one in document["connections"]:
        pairs.setdefault((one["from"], one["to"]), {}).setdefault(reason_of(one), []).append(one)
    found: dict[tuple[str, str, str], set[str]] = {}
    for (source, target), reasons in pairs.items():
        for reason, some in reasons.items():
            found.setdefault((target, _ports(some, services.get(target, {})), reason), set()).add(source)
    sending = _Spaces(peers, {one["from"] for one in document["connections"]})
    taking = _Spaces(peers, {one["to"] for one in document["connections"]})
    rows: dict[tuple[str, str, str], set[str]] = {}
    for (target, ports, reason), sources in found.items():
        rows.setdefault((sending.folded(sources, target), ports, reason), set()).add(target)
    return [(sources, taking.folded(targets), ports, reason) for (sources, ports, reason), targets in rows.items()]


def reason_of(connection: Document) -> str:
    if connection.get("ownNode"):
        return "the pod's own node"
    return because_text(connection["because"], connection.get("audited", False))


def space_of(peer: Document) -> str:
    """Its namespace; nodes and addresses outside are spaces of their own."""
    return peer["namespace"] or {"cidr": "outside", "entity": "nodes"}[peer["type"]]


class _Spaces:
    """Those among the peers that take part, by space, so that many of them are said in few words."""

    def __init__(self, peers: dict[str, Document], among: set[str]) -> None:
        self._peers = peers
        self._order = {one: at for at, one in enumerate(peers)}
        self._size: dict[str, int] = {}
        for one in peers:
            if one in among:
                self._size[self._of(one)] = self._size.get(self._of(one), 0) + 1

    def _of(self, one: str) -> str:
        return space_of(self._peers[one])

    def folded(self, here: set[str], target: str | None = None) -> str:
        """Everyone, whole namespaces, or names. The `target` itself is no pair where it is not `here`, and not missed."""
        found: dict[str, list[str]] = {}
        for one in sorted(here, key=self._order.__getitem__):
            found.setdefault(self._of(one), []).append(one)
        size = self._size
        if target is not None and target not in here and self._of(target) in size:
            size = {**size, self._of(target): size[self._of(target)] - 1}
        missing = [space for space, count in size.items() if count and len(found.get(space, ())) < count]
        if len(here) > 1 and len(size) > 1 and not missing:
            return "anyone"
        if len(size) - len(missing) > 1 and len(missing) <= _FEW and found.keys().isdisjoint(missing):
            return f"anyone but {' and '.join(map(_whole, missing))}"
        words = ([_whole(space)] if len(some) > 1 and space not in missing else self._names(some) for space, some in found.items())
        return ", ".join(word for some in words for word in some)

    def _names(self, some: list[str]) -> list[str]:
        return [called(self._peers[one]) for one in some]


def _whole(space: str) -> str:
    return space if space in ("outside", "nodes") else f"{space}/*"


_FEW = 2


def called(peer: Document) -> str:
    return f"{peer['namespace']}/{peer['name']}" if peer["namespace"] else peer["name"]


def _services(document: Document) -> dict[str, dict[tuple[str, int], str]]:
    """By peer, then by protocol and port: the Service that leads there."""
    found: dict[str, dict[tuple[str, int], str]] = {}
    for one in document["services"]:
        for end in one["to"]:
            names = found.setdefault(end["peer"], {})
            key = (one["protocol"], end["port"])
            names[key] = f"{names[key]}, {one['name']}:{one['port']}" if key in names else f"{one['name']}:{one['port']}"
    return found


def _ports(connections: list[Document], services: dict[tuple[str, int], str]) -> str:
    whole = [one["protocol"] for one in connections if one["ports"] == ALL_PORTS]
    if len(whole) == 3:
        return "all"
    found: list[str] = []
    for one in connections:
        for port in one["ports"].split(","):
            first, _, _ = port.partition("-")
            leads = "" if "-" in port else services.get((one["protocol"], int(first)), "")
            found.append(f"{'all' if port == ALL_PORTS else port}/{one['protocol']}" + (f" ({leads})" if leads else ""))
    return ", ".join(found)


def because_text(because: list[Document], audited: bool = False) -> str:
    if not because:
        return "no policy"
    lines = (
        f"{one['kind']} {_place(one)} {one['text']} ({one['file']}:{one['line']})" + (f", only {one['only']}" if "only" in one else "")
        for one in because
    )
    return ("would be dropped, is only reported: " if audited else "") + "; ".join(lines)


def _place(one: Document) -> str:
    return f"{one['namespace']}/{one['name']}" if one["namespace"] else one["name"]


def entry_rows(document: Document) -> list[tuple[str, str, str, str]]:
    """ENTRY, LEADS TO, MAY, BECAUSE."""
    peers = {one["id"]: one for one in document["peers"]}
    rows: list[tuple[str, str, str, str]] = []
    for one in document["entries"]:
        may = ("some of the gateway's pods" if one.get("partly") else "yes") if one["allowed"] else "no"
        route = one["route"]
        why = f"{route['kind']} {route['name']} ({route['file']}:{route['line']}); {because_text(one['because'])}"
        leads = f"{one['service']} -> {called(peers[one['to']])} {one['port']}/TCP"
        rows.append((f"{one['host']} {one['path']}", leads, may, why))
    return rows


def change_rows(document: Document, word: str) -> list[str]:
    """One line a set of pairs: who, where, which ports, why now and why before. `word` is opened or closed."""
    peers = {one["id"]: one for one in document["peers"]}
    pairs: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for one in document[word]:
        key = (one["from"], one["to"], _reasons(one, document))
        pairs.setdefault(key, {}).setdefault(one["ports"], []).append(one["protocol"])
    found: dict[tuple[str, str, str], set[str]] = {}
    for (source, target, reasons), ports in pairs.items():
        found.setdefault((target, _changed(ports), reasons), set()).add(source)
    spaces = _Spaces(peers, set(peers))
    rows: dict[tuple[str, str, str], set[str]] = {}
    for (target, ports, reasons), sources in found.items():
        rows.setdefault((spaces.folded(sources, target), ports, reasons), set()).add(target)
    return [f"{sources} -> {spaces.folded(targets)} {ports}: {why}" for (sources, ports, why), targets in rows.items()]


def set_rows(document: Document, word: str) -> list[str]:
    """The same of changes without reasons (`changed.py`): one line a set of pairs."""
    peers = {one["id"]: one for one in document["peers"]}
    spaces = _Spaces(peers, set(peers))
    ports: dict[tuple[str, tuple[str, ...]], dict[str, list[str]]] = {}
    for one in document[word]:
        ports.setdefault((one["to"], tuple(one["from"])), {}).setdefault(one["ports"], []).append(one["protocol"])
    rows: dict[tuple[str, str], set[str]] = {}
    for (target, sources), some in ports.items():
        rows.setdefault((spaces.folded(set(sources), target), _changed(some)), set()).add(target)
    return [f"{sources} -> {spaces.folded(targets)} {words}" for (sources, words), targets in rows.items()]


def _changed(ports: dict[str, list[str]]) -> str:
    if len(ports.get(ALL_PORTS, ())) == 3:
        return "all ports"
    return ", ".join(f"{port}/{protocol}" for port, protocols in ports.items() for protocol in protocols)


def _reasons(one: Document, document: Document) -> str:
    if one["from"] in document["added"] or one["to"] in document["added"]:
        return f"new; {because_text(one['because'])}"
    if one["from"] in document["removed"] or one["to"] in document["removed"]:
        return "gone"
    return f"{because_text(one['because'])}; was {because_text(one['was'])}"
