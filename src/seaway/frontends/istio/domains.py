"""The spellings of a host: all values of a Host header by which it is called."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.frontends.istio.registry import Host


def domains_of(host: Host, namespace: str, domain: str) -> tuple[str, ...]:
    """Full name first. Names in the cluster's domain may be cut short, to the bare name for clients in their own namespace.

    A headless Service's endpoints have names below it; addresses that are ranges are nobody's Host. Ports are left to Envoy, which
    takes them off before it compares.
    """
    names = (host.name, *_shorter(host.name, namespace, domain))
    below = tuple(f"*.{name}" for name in names) if host.headless and host.service else ()
    addresses = tuple(one.removesuffix("/32") for one in host.addresses if one.endswith("/32")) if not host.headless else ()
    return (names[0], f"{names[0]}.", *names[1:], *below, *addresses)


def _shorter(name: str, namespace: str, domain: str) -> Iterator[str]:
    stem = name.removesuffix(f".{domain}").removesuffix(".svc")
    if stem == name or not name.startswith(f"{stem}.svc."):
        return
    bare, _, own = stem.partition(".")
    if own == namespace:
        yield bare
    if own:
        yield from (stem, f"{stem}.svc")
