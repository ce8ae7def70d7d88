"""What is kept from pass to pass of pods that leave the mesh."""

from __future__ import annotations

from seaway.app.loop import Timing
from seaway.app.rollover import Rollover
from seaway.frontends.build import build_model
from seaway.model.cluster import Cluster, Leases, Node
from seaway.model.index import Model
from seaway.model.workload import PodName
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

CLUSTER = Cluster(nodes=(Node("node-1", "172.18.0.2", "10.244.0.0/24"),))
WEB = PodName("shop", "web")
SHOP = """
apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{istio-injection: {injection}}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop}}
spec: {{containers: [{{name: web, ports: [{{name: http, containerPort: 8080}}]}}]}}
"""


def model(injection: str) -> Model:
    loaded = load_text(SHOP.format(injection=injection), "shop.yaml")
    return build_model(snapshot_of(loaded.resources, loaded.findings), CLUSTER, Leases()).model


def test_a_proxy_takes_no_more_connections_before_it_goes() -> None:
    inside, outside, timing = model("enabled"), model("disabled"), Timing(drain_s=2, linger_s=60)
    rollover = Rollover()
    seen: list[tuple[bool | None, float | None]] = []
    for former, now in ((inside, 0.0), (outside, 1.0), (outside, 2.5), (outside, 61.0)):
        member = rollover.present(former, outside, now, timing).member.get(WEB)
        seen.append((member.closing if member is not None else None, rollover.next_end()))
    assert seen == [(False, 2.0), (False, 2.0), (True, 60.0), (None, None)]


def test_a_pod_that_comes_back_is_a_member_like_any_other() -> None:
    inside, outside, timing = model("enabled"), model("disabled"), Timing(drain_s=2, linger_s=60)
    rollover = Rollover()
    rollover.present(inside, outside, 0.0, timing)
    assert rollover.present(outside, outside, 3.0, timing).member[WEB].closing
    assert not rollover.present(outside, inside, 4.0, timing).member[WEB].closing
    assert rollover.next_end() is None
