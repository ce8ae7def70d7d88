"""Fields of sources and operations: the terms that their values stand for, and what upstream's validation says of them.

validation.go and pilot/pkg/security/authz/model of https://github.com/istio/istio
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from seaway.frontends.istio.authorization import values as forms
from seaway.frontends.istio.places import Place
from seaway.model.authorization import (
    Address,
    AllOf,
    AnyOf,
    Claim,
    DestinationPort,
    Header,
    Not,
    Path,
    Principal,
    Term,
)
from seaway.model.route import Text
from seaway.resources.istio.authorization_policy import Operation, Source

MAX_ACCOUNTS = 16
_ACCOUNT = re.compile(r"(?:[^*/]+/)?[^*/]+")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a policy's values depend on: its namespace, and the trust domains that count as one (the mesh's own first)."""

    namespace: str
    trust_domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A field or a condition's key. `http`: TCP has no such thing. `late`: it is not known yet when an external authorizer is asked."""

    terms: Callable[[str, Surroundings], tuple[Term, ...]]
    problem: Callable[[tuple[str, ...]], str]
    http: bool = False
    late: bool = False
    identity: bool = False
    claims: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its values; `excluded` are those of its negation. `name` is what the user wrote."""

    name: str
    kind: Kind
    place: Place
    values: tuple[str, ...]
    excluded: tuple[str, ...]

    @property
    def problem(self) -> str:
        """Why upstream refuses it, "" where it does not."""
        for name, given in ((self.name, self.values), (_negated(self.name), self.excluded)):
            if "" in given:
                return f"{name} holds an empty value"
            if problem := self.kind.problem(given):
                return f"{name}: {problem}"
        return ""

    def term(self, around: Surroundings) -> Term:
        parts: tuple[Term, ...] = ()
        if self.values:
            parts += (AnyOf(self._terms(self.values, around)),)
        if self.excluded:
            parts += (Not(AnyOf(self._terms(self.excluded, around))),)
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def _terms(self, given: tuple[str, ...], around: Surroundings) -> tuple[Term, ...]:
        return tuple(dict.fromkeys(term for value in given for term in self.kind.terms(value, around)))


def _negated(name: str) -> str:
    return "notValues" if "." in name else f"not{name[:1].upper()}{name[1:]}"


# What values mean


def _principals(value: str, around: Surroundings) -> tuple[Term, ...]:
    return tuple(Principal(forms.principal(one)) for one in spelt_by_domains(value, around.trust_domains))


def spelt_by_domains(principal: str, domains: tuple[str, ...]) -> tuple[str, ...]:
    """The principal as each trust domain of the mesh would have it, if it is in one of them.

    `cluster.local` always means the mesh's own. What has no trust domain, any, or another one stays as it is.
    """
    domain, *rest = principal.split("/")
    if len(rest) != 4 or domain == "*" or not (domain == "cluster.local" or any(_alike(domain, one) for one in domains)):
        return (principal,)
    spelt = (principal if domain.startswith("*") and one.endswith(domain[1:]) else "/".join((one, *rest)) for one in domains)
    return tuple(dict.fromkeys(spelt))


def _alike(written: str, domain: str) -> bool:
    return written == domain or (written.startswith("*") and domain.endswith(written[1:])) or _starts(written, domain)


def _starts(written: str, domain: str) -> bool:
    return written.endswith("*") and domain.startswith(written[:-1])


def _trust_domains(value: str, around: Surroundings) -> tuple[Term, ...]:
    domains = around.trust_domains if value in around.trust_domains else (value,)
    return tuple(Principal(forms.trust_domain(one)) for one in domains)


def _request_principal(value: str, _: Surroundings) -> tuple[Term, ...]:
    """`issuer/subject`, apart at the last slash; a star may stand for either, or at either's outer end."""
    issuer, slash, subject = value.rpartition("/")
    if value == "*":
        wanted = Text("present"), Text("present")
    elif slash:
        wanted = forms.text_of(issuer) if value.startswith("*") else Text("exact", issuer), _subject(value, subject)
    elif value.startswith("*"):
        wanted = Text("present"), Text("suffix", value[1:])
    elif value.endswith("*"):
        wanted = Text("prefix", value[:-1]), Text("present")
    else:
        wanted = Text("exact", value), Text("exact", "")
    return (AllOf((Claim(("iss",), wanted[0], listed=False), Claim(("sub",), wanted[1], listed=False))),)


def _subject(value: str, subject: str) -> Text:
    if value.startswith("*") or not value.endswith("*"):
        return Text("exact", subject)
    return forms.text_of(subject)


def _address(of: str) -> Callable[[str, Surroundings], tuple[Term, ...]]:
    return lambda value, _: (Address(of, forms.cidr_of(value) or "0.0.0.0/32"),)


# What validation says


def anything(_: tuple[str, ...]) -> str:
    return ""


def _addresses(given: tuple[str, ...]) -> str:
    return next((f"{value} is neither an IP address nor a range of them" for value in given if forms.cidr_of(value) is None), "")


def _ports(given: tuple[str, ...]) -> str:
    return next((f"{value} is no port" for value in given if forms.port_of(value) is None), "")


def _accounts(given: tuple[str, ...]) -> str:
    if len(given) > MAX_ACCOUNTS:
        return f"more than {MAX_ACCOUNTS} values"
    return next((f"{value} is neither `account` nor `namespace/account`" for value in given if not _is_account(value)), "")


def _is_account(value: str) -> bool:
    return len(value) <= 320 and _ACCOUNT.fullmatch(value) is not None


def _paths(given: tuple[str, ...]) -> str:
    return next((f"{value}: {problem}" for value in given if (problem := forms.path_problem(value))), "")


PRINCIPALS = Kind(_principals, anything, late=True, identity=True)
NAMESPACES = Kind(lambda value, _: (Principal(forms.namespace(value)),), anything, late=True, identity=True)
ACCOUNTS = Kind(lambda value, around: (Principal(forms.service_account(value, around.namespace)),), _accounts, late=True, identity=True)
TRUST_DOMAINS = Kind(_trust_domains, anything, late=True, identity=True)
REQUEST_PRINCIPALS = Kind(_request_principal, anything, http=True, late=True, claims=True)
PEERS = Kind(_address("peer"), _addresses)
CLIENTS = Kind(_address("client"), _addresses)
DESTINATIONS = Kind(_address("destination"), _addresses)
PORTS = Kind(lambda value, _: (DestinationPort(forms.port_of(value) or 0),), _ports)
HOSTS = Kind(lambda value, _: (Header(":authority", forms.text_of(value, ignore_case=True)),), anything, http=True)
METHODS = Kind(lambda value, _: (Header(":method", forms.text_of(value)),), anything, http=True)
PATHS = Kind(lambda value, _: (Path(forms.path_of(value)),), _paths, http=True)


# Where fields stand


def source_fields(source: Source, place: Place) -> Iterator[Field]:
    rows = (
        ("principals", PRINCIPALS, source.principals, source.not_principals),
        ("requestPrincipals", REQUEST_PRINCIPALS, source.request_principals, source.not_request_principals),
        ("namespaces", NAMESPACES, source.namespaces, source.not_namespaces),
        ("serviceAccounts", ACCOUNTS, source.service_accounts, source.not_service_accounts),
        ("trustDomains", TRUST_DOMAINS, source.trust_domains, source.not_trust_domains),
        ("ipBlocks", PEERS, source.ip_blocks, source.not_ip_blocks),
        ("remoteIpBlocks", CLIENTS, source.remote_ip_blocks, source.not_remote_ip_blocks),
    )
    yield from _given(rows, place)


def operation_fields(operation: Operation, place: Place) -> Iterator[Field]:
    rows = (
        ("hosts", HOSTS, operation.hosts, operation.not_hosts),
        ("methods", METHODS, operation.methods, operation.not_methods),
        ("paths", PATHS, operation.paths, operation.not_paths),
        ("ports", PORTS, operation.ports, operation.not_ports),
    )
    yield from _given(rows, place)


def _given(rows: tuple[tuple[str, Kind, tuple[str, ...], tuple[str, ...]], ...], place: Place) -> Iterator[Field]:
    for name, kind, values, excluded in rows:
        if values or excluded:
            yield Field(name, kind, place.of(name if values else _negated(name)), values, excluded)
