"""The annotation `proxy.istio.io/config` of members: what of it would change traffic, and does not here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seaway.core.finding import Findings
from seaway.frontends.istio.unused_settings import unused_proxy_settings
from seaway.model.mesh import Member
from seaway.model.workload import Pod, PodName
from seaway.resources.core_v1 import Pod as PodResource
from seaway.resources.istio.proxy_config import ANNOTATION, parse_proxy_config
from seaway.snapshot import Snapshot


def check_proxy_annotations(snapshot: Snapshot, members: Iterable[Member], pods: Mapping[PodName, Pod]) -> Findings:
    """What is wrong with each, once an object."""
    texts = {pod.owner: text for one in members if (text := dict((pod := pods[one.pod]).annotations).get(ANNOTATION))}
    found: Findings = ()
    for owner, text in texts.items():
        resource = snapshot.objects.get(owner)
        if resource is None:
            continue
        above = () if isinstance(resource.body, PodResource) else ("spec", "template")
        config, problems = parse_proxy_config(resource, text, *above, "metadata", "annotations", ANNOTATION)
        found += (*problems, *unused_proxy_settings(config))
    return found
