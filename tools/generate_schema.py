"""Writes src/seaway/resources/schemas/kubernetes.json: the upstream types of all modelled kinds, and the names of all built-in kinds.

    python -m venv /tmp/schema && /tmp/schema/bin/pip install kubernetes
    /tmp/schema/bin/python tools/generate_schema.py

The source is the generated Python client of Kubernetes, which follows the OpenAPI document of one release. Each type becomes a mapping
from field to a type word: `str int bool time any bytes quantity intOrString` or a type's name, `[]` before it for a list, `{}` for a
mapping with free keys, `!` before all for a required field.
"""

from __future__ import annotations

import json
import re
import typing
from importlib import metadata
from pathlib import Path
from typing import Any

from kubernetes import client  # type: ignore[import-not-found]
from kubernetes.client import models  # type: ignore[import-not-found]

OUTPUT = Path(__file__).parent.parent / "src/seaway/resources/schemas/kubernetes.json"
ROOTS = (
    *("Namespace", "Pod", "Service", "Endpoints", "ServiceAccount", "Secret", "ConfigMap", "Deployment", "ReplicaSet", "StatefulSet"),
    *("DaemonSet", "Job", "EndpointSlice", "Ingress", "IngressClass", "NetworkPolicy"),
)
SCALARS = {"str": "str", "int": "int", "bool": "bool", "float": "any", "datetime": "time", "bytes": "bytes", "object": "any"}
QUANTITIES = {
    *(("ResourceRequirements", name) for name in ("limits", "requests")),
    *(("VolumeResourceRequirements", name) for name in ("limits", "requests")),
    *(("EmptyDirVolumeSource", "sizeLimit"), ("ResourceFieldSelector", "divisor"), ("PodSpec", "overhead")),
}
"""Quantities are plain strings in the client; the API takes numbers too."""
ALSO_REQUIRED = {("Pod", "spec"), ("Job", "spec")}
"""What the OpenAPI document leaves open and the API server's validation requires."""


def short(model: str) -> str:
    """`V1Pod` as `Pod`, `CoreV1EndpointPort` as `CoreEndpointPort`."""
    return re.sub(r"V\d+((alpha|beta)\d+)?", "", model, count=1)


def _info(model: Any, attribute: str) -> Any:
    """The pydantic field; the two spell names that Python reserves differently (`_exec`, `var_exec`)."""
    return next(info for name, info in model.model_fields.items() if name in (attribute, f"var_{attribute.strip('_')}"))


def word(model: Any, attribute: str, field: str) -> str:
    text = model.openapi_types[attribute]
    prefix = ""
    while nested := re.fullmatch(r"(List|Dict)\[(?:str, )?(.*)\]", text):
        prefix += "[]" if nested[1] == "List" else "{}"
        text = nested[2]
    if (short(model.__name__), field) in QUANTITIES:
        return prefix + "quantity"
    if text == "object" and _takes_int_and_str(_info(model, attribute).annotation):
        return prefix + "intOrString"
    return prefix + (SCALARS.get(text) or short(text))


def _takes_int_and_str(annotation: Any) -> bool:
    """The client writes int-or-string as a union of the two strict types."""
    found: set[Any] = set()
    pending = [annotation]
    while pending:
        one = pending.pop()
        found.add(one if isinstance(one, type) else None)
        pending += [arg for arg in typing.get_args(one) if isinstance(arg, type) or typing.get_args(arg)]
    return {int, str} <= found


def type_of(model: Any) -> dict[str, str]:
    fields: dict[str, str] = {}
    for attribute, field in sorted(model.attribute_map.items(), key=lambda item: item[1]):
        required = _info(model, attribute).is_required() or (short(model.__name__), field) in ALSO_REQUIRED
        status = field == "status" and "spec" in model.attribute_map.values()
        fields[field] = "any" if status else ("!" if required else "") + word(model, attribute, field)
    return fields


def types() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    pending = [f"V1{kind}" for kind in ROOTS]
    while pending:
        model = getattr(models, pending.pop())
        if short(model.__name__) in found:
            continue
        found[short(model.__name__)] = type_of(model)
        for attribute, text in model.openapi_types.items():
            if attribute != "status" or "spec" not in model.attribute_map:
                pending += re.findall(r"\w*V\d\w+", text)
    return dict(sorted(found.items()))


def builtin_kinds() -> dict[str, list[str]]:
    """All kinds that can be created, by apiVersion."""
    found: dict[str, set[str]] = {}
    for path in sorted((Path(client.__file__).parent / "api").glob("*_api.py")):
        text = path.read_text()
        bodies = dict(re.findall(r"def create_(\w+)\(\s*self,.*?\bbody: (\w+),", text, re.DOTALL))
        for method, url in re.findall(r"def _create_(\w+)_serialize\(.*?resource_path='([^']+)'", text, re.DOTALL):
            resource = re.fullmatch(r"/apis?/((?:[^/]+/)?v\w+)/(?:namespaces/\{namespace\}/)?[a-z]+", url)
            if resource and method in bodies and bodies[method] != "object":
                found.setdefault(resource[1], set()).add(re.sub(r"^\w*?V\d+((alpha|beta)\d+)?", "", bodies[method], count=1))
    return {version: sorted(kinds) for version, kinds in sorted(found.items())}


def main() -> None:
    source = f"PyPI kubernetes {metadata.version('kubernetes')}"
    content = {"source": source, "kinds": builtin_kinds(), "types": types()}
    lines = json.dumps(content, indent=1)
    OUTPUT.write_text(re.sub(r"\n {3,}|\n  (?=[\]}])", " ", lines) + "\n")


if __name__ == "__main__":
    main()
