"""The spellings of a host: all values of a Host header by which it is called."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.frontends.istio.registry import Host


def domains_of(host: Host, namespace: str, domain: str) -> tuple[str, ...]:
    """Full name first. Names in the cluster's domain may be cut short, to the bare name for clients in their own namespace. An alias is as
    good as a name.

    A headless Service's endpoints have names below it; addresses that are ranges are nobody's Host. Ports are left to Envoy, which
    takes them off before it compares.
    """
    names = tuple(name for one in (host.name, *host.aliases) for name in (one, f"{one}.", *_shorter(one, namespace, domain)))
    below = tuple(f"*.{name}" for name in names) if host.headless and host.service else ()
    addresses = tuple(one.removesuffix("/32") for one in host.addresses if one.endswith("/32")) if not host.headless else ()
    return (*names, *below, *addresses)


def homes_of(host: Host, domain: str) -> tuple[str, ...]:
    """The namespaces whose clients may call it, or an alias of it, by a bare name."""
    return tuple(home for one in (host.name, *host.aliases) if (home := _split(one, domain)[1]))


def _shorter(name: str, namespace: str, domain: str) -> Iterator[str]:
    bare, home = _split(name, domain)
    if home:
        if home == namespace:
            yield bare
        yield from (f"{bare}.{home}", f"{bare}.{home}.svc")


def _split(name: str, domain: str) -> tuple[str, str]:
    """The bare name and the namespace of a name as Services have it; nothing for others."""
    stem = name.removesuffix(f".svc.{domain}")
    bare, _, home = stem.partition(".")
    return (bare, home) if stem != name and home and "*" not in bare else ("", "")
