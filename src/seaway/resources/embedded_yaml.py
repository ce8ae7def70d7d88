"""YAML inside a manifest: the text of one of its values as plain data, with places in the manifest's file."""

from __future__ import annotations

from dataclasses import replace

from seaway.core.finding import Findings
from seaway.core.origin import Origin
from seaway.resources.resource import TEXT, Mark
from seaway.resources.yaml_text import Chunk, Document, read


def read_embedded(text: str, file: str, mark: Mark) -> tuple[Document | None, Findings]:
    """The first document of this text, which is the value at the mark; None where it is empty.

    In a literal block (`key: |`) each line of the text is a line of the file, and everything in it has its own place. In any other
    scalar all of it stands where the value does.
    """
    start = mark.children.get(TEXT) if mark.children else None
    documents, findings = read(Chunk(text, start.line if start else 1), file)
    document = documents[0] if documents else None
    if start is None:
        here = Origin(file, mark.line, mark.column)
        return document and Document(document.value, mark), tuple(replace(one, origin=here) for one in findings)
    columns = start.column - 1
    findings = tuple(replace(one, origin=replace(one.origin, column=one.origin.column + columns)) for one in findings)
    return document and Document(document.value, document.mark.moved(0, columns)), findings
