"""The last-good rule: a text that cannot be read, or an object in it that is refused, keeps its last good version until it is mended.

Pure: what changed and when is left to `files.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from seaway.core.codes import reading as codes
from seaway.core.finding import Finding, Findings, finding
from seaway.core.names import Key
from seaway.core.origin import Origin
from seaway.resources.load import Loaded, join
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot, snapshot_of


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of one text: of a file, of what a kustomization renders, or of standard input.

    `stamp` tells whether the text has changed since. `kept` are the last good versions of objects of which the present text, `loaded`,
    has no good version. `notices` are about getting at the text.
    """

    name: str
    stamp: object
    loaded: Loaded
    kept: tuple[Resource[Any], ...] = ()
    notices: Findings = ()


def updated(former: Held | None, name: str, stamp: object, loaded: Loaded) -> Held:
    """The text as it is now, with what has to be kept of its former version."""
    if former is None:
        return Held(name, stamp, loaded)
    present = {one.key for one in loaded.resources}
    refused = set(loaded.refused)
    good = former.loaded.resources + former.kept
    return Held(name, stamp, loaded, tuple(one for one in good if one.key not in present and (loaded.broken or one.key in refused)))


def unreadable(former: Held | None, name: str, stamp: object, problem: Finding) -> Held:
    """The text cannot be had at all: all of its former version is kept."""
    return updated(former, name, stamp, Loaded(findings=(problem,), broken=True))


def passed_over(former: Held | None, name: str, stamp: object) -> Held:
    """The text is being written: nothing changes until it is complete."""
    state = "it is read when it is complete" if former is None else "its last good version stays until it is complete"
    notice = finding(codes.HALF_WRITTEN, Origin(name), state=state, file=name)
    return replace(former or Held(name, stamp, Loaded()), stamp=stamp, notices=(notice,))


def gather(texts: Iterable[Held], findings: Iterable[Finding] = ()) -> Snapshot:
    """All texts as one snapshot. What is good in one text wins over what is kept of another."""
    held = tuple(texts)
    joined = join(one.loaded for one in held)
    keys = {one.key for one in joined.resources}
    resources = list(joined.resources)
    found = [*findings, *joined.findings]
    for text in held:
        kept = [one for one in text.kept if one.key not in keys]
        keys.update(one.key for one in kept)
        resources += kept
        found += [*text.notices, *_said(text, kept)]
    return snapshot_of(resources, tuple(found), joined.not_modelled)


def _said(text: Held, kept: list[Resource[Any]]) -> list[Finding]:
    """That last good versions run: one finding for each refused object, and one for all others of the text."""
    said: list[Finding] = []
    others: list[Key] = []
    for one in kept:
        if one.key in text.loaded.refused:
            origin = next((problem.origin for problem in text.loaded.findings if problem.key == one.key), Origin(text.name))
            said.append(finding(codes.KEPT_OBJECT, replace(origin, field=""), one.key, key=one.key))
        else:
            others.append(one.key)
    if others:
        origin = next((problem.origin for problem in text.loaded.findings if problem.key is None), Origin(text.name))
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        objects = ", ".join(str(key) for key in others[:3]) + more
        said.append(finding(codes.KEPT_FILE, replace(origin, field=""), objects=objects))
    return said
