"""`exportTo`: which namespaces see an object. `.` is its own, `*` all of them, `~` (ServiceEntry alone) nobody."""

from __future__ import annotations

from seaway.frontends.istio.host_names import is_label

EVERYBODY, OWN, NOBODY = "*", ".", "~"


def read_exports(written: tuple[str, ...], namespace: str, default: frozenset[str], nobody: bool = False) -> tuple[frozenset[str], str]:
    """The namespaces (`*` for all, none for nobody), and why upstream refuses the list ("" where it does not).

    `default` is for objects that say nothing; `.` in it is the object's own namespace too. `nobody`: `~` is taken.
    """
    names = [namespace if one == OWN else one for one in written]
    if len(set(names)) < len(names):
        return frozenset(names), "it names a namespace twice"
    for name in names:
        if name == NOBODY and not nobody:
            return frozenset(names), "~ (nobody) is for ServiceEntry alone"
        if name not in (EVERYBODY, NOBODY) and not is_label(name):
            return frozenset(names), f"{name} is no namespace"
    if len(names) > 1 and {EVERYBODY, NOBODY} & set(names):
        return frozenset(names), "* and ~ stand alone"
    if not names:
        return frozenset(namespace if one == OWN else one for one in default), ""
    return frozenset(names) - {NOBODY}, ""


def exported_to(exports: frozenset[str], namespace: str) -> bool:
    """Whether a namespace is among them."""
    return EVERYBODY in exports or namespace in exports
