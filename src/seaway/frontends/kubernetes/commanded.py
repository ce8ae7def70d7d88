"""Programs named in the settings, written onto the workloads as the annotation that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec

from seaway.frontends.kubernetes.commands import COMMAND_ANNOTATION
from seaway.resources.resource import Resource
from seaway.snapshot import Snapshot, snapshot_of


def with_commands(snapshot: Snapshot, commands: Mapping[str, str]) -> Snapshot:
    """The snapshot with `seaway.dev/command` on each workload that `commands` names by NAMESPACE/KIND/NAME."""
    if not commands:
        return snapshot
    resources = [_commanded(one, commands.get(f"{key.namespace}/{key.kind}/{key.name}")) for key, one in snapshot.objects.items()]
    return snapshot_of(resources, snapshot.findings, snapshot.not_modelled)


def _commanded(resource: Resource[Any], command: str | None) -> Resource[Any]:
    if command is None:
        return resource
    meta = msgspec.structs.replace(resource.meta, annotations={**resource.meta.annotations, COMMAND_ANNOTATION: command})
    digest = blake2b(f"{resource.digest}\0{command}".encode(), digest_size=8).hexdigest()
    return replace(resource, meta=meta, body=msgspec.structs.replace(resource.body, metadata=meta), digest=digest)
