"""The environment of a real program, put together as the kubelet does.

Order and precedence: envFrom, then env, each over the one before; variables of Services fill what is left.
Source: makeEnvironmentVariables in https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/kubelet_pods.go
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seaway.core.codes.workloads import CONFIG_MISSING, CONFIG_NOT_TEXT, ENV_NOT_MODELLED, FIELD_REF_UNKNOWN
from seaway.core.finding import Code, Finding, finding
from seaway.core.origin import Origin
from seaway.frontends.kubernetes.commands import Program
from seaway.frontends.kubernetes.config import Config, Values
from seaway.frontends.kubernetes.draft import Template, running_containers
from seaway.frontends.kubernetes.placement import Placed
from seaway.frontends.kubernetes.replicas import INDEX_LABEL
from seaway.resources.core_v1 import Container, EnvVarSource
from seaway.resources.resource import Step

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What a program's environment is made from. `links` are the variables of the Services of its namespace."""

    placed: Placed
    config: Config
    links: Mapping[str, str]


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` replaced; `$$` is a dollar sign; a reference to nothing stays as it is."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else values.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def build_env(program: Program, around: Surroundings, findings: list[Finding]) -> dict[str, str]:
    """All variables, by name. What is missing or wrong is appended to `findings`: with an error there, the program must not start."""
    template, container = around.placed.draft.template, program.container
    env: dict[str, str] = {}
    for index, source in enumerate(container.env_from):
        for kind, reference in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
            values = _whole(kind, reference.name, around) if reference else {}
            origin = template.at(*program.path, "envFrom", index)
            if reference and values is None and not reference.optional:
                findings.append(_missing(CONFIG_MISSING, around, origin, f"{kind} {reference.name}"))
            for key, value in sorted((values or {}).items()):
                if "=" not in key and (text := _text(value)) is not None:
                    env[source.prefix + key] = text
    for index, variable in enumerate(container.env):
        origin = template.at(*program.path, "env", index)
        if variable.value_from is None:
            env[variable.name] = expand(variable.value or "", {**around.links, **env})
        elif (text := _referenced(variable.name, variable.value_from, around, origin, findings)) is not None:
            env[variable.name] = text
    if INDEX_LABEL in around.placed.draft.annotations:
        env.setdefault("JOB_COMPLETION_INDEX", around.placed.draft.annotations[INDEX_LABEL])
    return {**around.links, **env}


def missing_references(container: Container, config: Config, namespace: str) -> Iterator[tuple[tuple[Step, ...], str]]:
    """What a container's environment needs but the manifests lack: the path below the container, and the reference in words."""
    for index, source in enumerate(container.env_from):
        for kind, reference in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
            if reference and not reference.optional and _values(kind, namespace, reference.name, config) is None:
                yield ("envFrom", index), f"{kind} {reference.name}"
    for index, variable in enumerate(container.env):
        source = variable.value_from or EnvVarSource()
        for kind, reference in (("ConfigMap", source.config_map_key_ref), ("Secret", source.secret_key_ref)):
            if reference and not reference.optional:
                values = _values(kind, namespace, reference.name, config)
                if values is None or reference.key not in values:
                    missing = f"{kind} {reference.name}" if values is None else f"key {reference.key} of {kind} {reference.name}"
                    yield ("env", index), missing


def references(template: Template) -> Iterator[tuple[str, str]]:
    """The ConfigMaps and Secrets that the environments of a template's containers name: kind and name."""
    for container, _ in running_containers(template.spec):
        for source in container.env_from:
            yield from (("ConfigMap", one.name) for one in (source.config_map_ref,) if one)
            yield from (("Secret", one.name) for one in (source.secret_ref,) if one)
        for source in (variable.value_from for variable in container.env if variable.value_from):
            yield from (("ConfigMap", one.name) for one in (source.config_map_key_ref,) if one)
            yield from (("Secret", one.name) for one in (source.secret_key_ref,) if one)


def _values(kind: str, namespace: str, name: str, config: Config) -> Values | None:
    return (config.config_maps if kind == "ConfigMap" else config.secrets).get((namespace, name))


def _whole(kind: str, name: str, around: Surroundings) -> Values | None:
    return _values(kind, around.placed.draft.id.namespace, name, around.config)


def _referenced(name: str, source: EnvVarSource, around: Surroundings, origin: Origin, findings: list[Finding]) -> str | None:
    """The value of a `valueFrom`; None where the variable is left out."""
    if source.field_ref is not None:
        return _field(source.field_ref.field_path, around, origin, findings)
    for kind, reference in (("ConfigMap", source.config_map_key_ref), ("Secret", source.secret_key_ref)):
        if reference is None:
            continue
        values = _whole(kind, reference.name, around)
        value = values.get(reference.key) if values is not None else None
        words = f"key {reference.key} of {kind} {reference.name}" if values is not None else f"{kind} {reference.name}"
        if value is None:
            if not reference.optional:
                findings.append(_missing(CONFIG_MISSING, around, origin, words))
            return None
        text = _text(value)
        if text is None:
            findings.append(_missing(CONFIG_NOT_TEXT, around, origin, words))
        return text
    findings.append(finding(ENV_NOT_MODELLED, origin, around.placed.draft.template.resource.key, name=name))
    return None


def _missing(code: Code, around: Surroundings, origin: Origin, reference: str) -> Finding:
    return finding(code, origin, around.placed.draft.template.resource.key, reference=reference)


def _text(value: bytes) -> str | None:
    """A value as a variable can hold it; None where it is not UTF-8 or holds a NUL byte."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _field(path: str, around: Surroundings, origin: Origin, findings: list[Finding]) -> str | None:
    """The downward API. https://kubernetes.io/docs/concepts/workloads/pods/downward-api/"""
    placed, draft = around.placed, around.placed.draft
    if keyed := _KEYED.fullmatch(path):
        labels = draft.labels if keyed[1] == "labels" else draft.annotations
        return labels.get(keyed[2], "")
    fields = {
        "metadata.name": draft.id.name,
        "metadata.namespace": draft.id.namespace,
        "metadata.uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"pod/{draft.id}")),
        "spec.nodeName": placed.node.name,
        "spec.serviceAccountName": draft.template.service_account,
        "status.podIP": placed.ip,
        "status.podIPs": placed.ip,
        "status.hostIP": placed.node.address,
        "status.hostIPs": placed.node.address,
    }
    if path not in fields:
        findings.append(finding(FIELD_REF_UNKNOWN, origin, draft.template.resource.key, path=path))
    return fields.get(path)
