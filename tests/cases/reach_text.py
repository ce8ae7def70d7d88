"""Who can talk to whom in a case, and what its manifests change beside those of the base: as rows of text, and as documents."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.analysis.reach.diff import diff_document
from seaway.analysis.reach.document import reach_document
from seaway.analysis.reach.tables import change_rows, connection_rows, entry_rows
from seaway.model.index import Model


def reach_lines(model: Model) -> Iterator[str]:
    document = reach_document(model)
    for row in (*connection_rows(document), *entry_rows(document)):
        yield " | ".join(row) + "\n"


def diff_lines(before: Model, after: Model) -> Iterator[str]:
    document = diff_document(before, after, by_pod=False, source=None, target=None)
    for sign, word in (("+", "opened"), ("-", "closed")):
        yield from (f"{sign} {row}\n" for row in change_rows(document, word))
