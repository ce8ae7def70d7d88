"""Which certificate answers which server name, and which hosts have TLS at all.

As ingress-nginx: of the Ingresses of a host, the first that has `tls` decides. The entry that lists the host names the Secret; else any of
its Secrets whose certificate is for the host; else the default certificate, and the host has TLS all the same. Beyond it, a name that `tls`
lists without a rule of its own is served its certificate where a rule of the same Ingress takes requests for it (one for all hosts or a
wildcard). It never is where another Ingress has the host: nobody may bring a certificate for a neighbour's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from seaway.core.codes import ingress as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.memo import Memo
from seaway.core.origin import Origin
from seaway.frontends.ingress.certificates import find_certificate
from seaway.frontends.ingress.host_names import ANY, covers, host_problem
from seaway.frontends.ingress.quoting import plain, shown
from seaway.frontends.ingress.rules import IngressRules
from seaway.model.certificate import Certificate
from seaway.model.route import TlsHost
from seaway.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Tls:
    """`hosts` for Envoy, by name; `redirecting` names all hosts that have TLS, `*` too, under their rule's name."""

    hosts: tuple[TlsHost, ...]
    redirecting: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of `spec.tls`: its valid names with their places, and its Secret's name and certificate."""

    names: tuple[tuple[str, Origin], ...]
    secret: str
    certificate: Certificate | None


@dataclass(slots=True)
class _Decided:
    """Decisions while they are made."""

    by: dict[str, IngressRules] = field(default_factory=dict[str, IngressRules])
    hosts: dict[str, TlsHost] = field(default_factory=dict[str, TlsHost])


def build_tls(snapshot: Snapshot, ingresses: tuple[IngressRules, ...], memo: Memo) -> tuple[Tls, Findings]:
    """The TLS of a gateway. `ingresses` in order of precedence."""
    findings: list[Finding] = []
    read: list[tuple[IngressRules, tuple[_Entry, ...]]] = []
    for rules in ingresses:
        if rules.ingress.body.spec.tls:
            entries, more = _entries(snapshot, rules, memo)
            read.append((rules, entries))
            findings += more
    decided = _Decided()
    for rules, entries in read:
        for host, at in rules.hosts:
            findings += _decide(decided, rules, entries, host, at)
    ruled = frozenset(host for rules in ingresses for host, _ in rules.hosts)
    for rules, entries in read:
        findings += _listed_only(decided, ruled, rules, entries)
    hosts = tuple(decided.hosts[name] for name in sorted(decided.hosts) if name != ANY)
    return Tls(hosts, frozenset(decided.by)), tuple(findings)


def _entries(snapshot: Snapshot, rules: IngressRules, memo: Memo) -> tuple[tuple[_Entry, ...], Findings]:
    ingress = rules.ingress
    entries: list[_Entry] = []
    findings: list[Finding] = []
    for index, entry in enumerate(ingress.body.spec.tls):
        names: list[tuple[str, Origin]] = []
        for position, host in enumerate(entry.hosts):
            at = ingress.at("spec", "tls", index, "hosts", position)
            problem = host_problem(host)
            if problem:
                findings.append(finding(codes.TLS_HOST_INVALID, at, ingress.key, host=shown(host), problem=problem))
            else:
                names.append((host, at))
        certificate: Certificate | None = None
        if entry.secret_name:
            at = ingress.at("spec", "tls", index, "secretName")
            certificate, more = find_certificate(snapshot, f"{ingress.key.namespace}/{entry.secret_name}", at, ingress.key, memo)
            findings += more
        entries.append(_Entry(tuple(names), entry.secret_name, certificate))
    return tuple(entries), tuple(findings)


def _decide(decided: _Decided, rules: IngressRules, entries: tuple[_Entry, ...], host: str, at: Origin) -> Iterable[Finding]:
    """Decides one host of an Ingress' rules, unless an earlier Ingress has."""
    listing, place = _listing(entries, host)
    earlier = decided.by.get(host)
    if earlier is not None:
        other = decided.hosts[host].certificate
        if earlier is not rules and listing is not None and listing.certificate is not None and listing.certificate != other:
            words = {"host": host, "winner": earlier.key, "place": decided.hosts[host].origin}
            yield finding(codes.TLS_CONFLICT, place or at, rules.key, **words)
        return
    certificate: Certificate | None = None
    if listing is not None:
        certificate = listing.certificate
        if certificate is not None and not _is_for(certificate, host):
            yield _wrong_host(rules, listing, certificate, host, place or at)
            certificate = None
    else:
        certificate = next((one.certificate for one in entries if one.certificate and _is_for(one.certificate, host)), None)
        if certificate is None and host != ANY:
            yield finding(codes.TLS_HOST_UNLISTED, at, rules.key, host=host)
    decided.by[host] = rules
    decided.hosts[host] = TlsHost(host, certificate, place or at)


def _listed_only(decided: _Decided, ruled: frozenset[str], rules: IngressRules, entries: tuple[_Entry, ...]) -> Iterable[Finding]:
    """Names of `tls` that no rule of the Ingress has."""
    own = {host for host, _ in rules.hosts}
    taking = ANY in own or rules.fallback is not None
    for entry in entries:
        for host, at in entry.names:
            if host in own:
                continue
            if host in ruled or not (taking or any(covers(one, host) for one in own)):
                yield finding(codes.TLS_HOST_WITHOUT_RULE, at, rules.key, host=host)
            elif host not in decided.hosts:
                certificate = entry.certificate
                if certificate is not None and not _is_for(certificate, host):
                    yield _wrong_host(rules, entry, certificate, host, at)
                    certificate = None
                decided.hosts[host] = TlsHost(host, certificate, at)


def _listing(entries: tuple[_Entry, ...], host: str) -> tuple[_Entry | None, Origin | None]:
    for entry in entries:
        for name, at in entry.names:
            if name == host:
                return entry, at
    return None, None


def _is_for(certificate: Certificate, host: str) -> bool:
    return any(covers(name, host) for name in certificate.names)


def _wrong_host(rules: IngressRules, entry: _Entry, certificate: Certificate, host: str, at: Origin) -> Finding:
    names = ", ".join(plain(name) for name in certificate.names[:5]) or "no name"
    secret = f"{rules.key.namespace}/{entry.secret}"
    return finding(codes.CERTIFICATE_HOST, at, rules.key, secret=secret, host=host, names=names)
