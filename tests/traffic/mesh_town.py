"""A namespace in the mesh with a shop in two versions, callers in it and one outside, and all of them asking at once."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

from network import Load, Network
from streams import Streams

NAMESPACES = """\
apiVersion: v1
kind: Namespace
metadata: {name: town, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: hamlet}
"""

CALLER = """\
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {namespace}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: {namespace}
  labels: {{app: {name}}}
  annotations: {{seaway.dev/command: sleep 86400}}
spec:
  serviceAccountName: {name}
  containers: [{{name: {name}}}]
"""

WORKLOAD = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}-{version}, namespace: {namespace}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}, version: {version}}}}}
  template:
    metadata: {{labels: {{app: {name}, version: {version}}}}}
    spec:
      containers:
        - name: {name}
          image: {name}:{image}
          ports: [{{name: http, containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 1}}
"""

SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: {port}, port: 80, targetPort: http}}]
"""


def workload(name: str, namespace: str, version: str = "v1", image: str = "1") -> str:
    return WORKLOAD.format(name=name, namespace=namespace, version=version, image=image)


def service(name: str, namespace: str, port: str = "http") -> str:
    return SERVICE.format(name=name, namespace=namespace, port=port)


def caller(name: str, namespace: str) -> str:
    return CALLER.format(name=name, namespace=namespace)


def rule(*versions: str, policy: str = "{}") -> str:
    subsets = ", ".join(f"{{name: {one}, labels: {{version: {one}}}}}" for one in versions)
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: shop, namespace: town}}
spec:
  host: shop
  trafficPolicy: {policy}
  subsets: [{subsets}]
"""


def route(version: str) -> str:
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop, namespace: town}}
spec:
  hosts: [shop]
  http: [{{route: [{{destination: {{host: shop, subset: {version}}}}}]}}]
"""


def allow(*callers: str) -> str:
    principals = ", ".join(f"cluster.local/ns/town/sa/{one}" for one in callers)
    return f"""\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: shop, namespace: town}}
spec:
  selector: {{matchLabels: {{app: shop}}}}
  rules: [{{from: [{{source: {{principals: [{principals}]}}}}]}}]
"""


def mutual(mode: str) -> str:
    return f"""\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: town}}
spec: {{mtls: {{mode: {mode}}}}}
"""


FILES = {
    "namespaces.yaml": NAMESPACES,
    "callers.yaml": caller("anna", "town") + caller("bert", "town") + caller("stranger", "hamlet"),
    "shop-v1.yaml": workload("shop", "town"),
    "shop-v2.yaml": workload("shop", "town", "v2"),
    "shop.yaml": service("shop", "town"),
    "inn.yaml": workload("inn", "hamlet") + service("inn", "hamlet"),
    "traffic.yaml": (rule("v1") + route("v1")).removeprefix("---\n"),
    "security.yaml": mutual("PERMISSIVE").removeprefix("---\n"),
}


class Traffic:
    """Callers of one Service, from `with` to its end: each with new connections, and `holder` with HTTP/1, HTTP/2 and WebSockets that it keeps."""

    def __init__(self, network: Network, to: tuple[str, str], callers: tuple[str, ...], holder: str = "", sockets: int = 2) -> None:
        namespace, name = to
        address, host = network.cluster_ip(namespace, name), f"{name}.{namespace}"
        self._stack = ExitStack()
        self.loads = {one: self._load(network, one, address, host) for one in callers}
        self.streams: Streams | None = None
        if holder:
            pod = network.inside(holder)
            self.streams = Streams(lambda: pod.connect(address, 80), None, host, http1=2, http2=2, websockets=sockets)
            self._stack.enter_context(self.streams)

    def _load(self, network: Network, pod: str, address: str, host: str) -> Load:
        inside = network.inside(pod)
        return self._stack.enter_context(Load(lambda: inside.get(address, 80, "/", host)))

    def __enter__(self) -> Traffic:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def lost(self) -> Counter[str]:
        """What did not come back as 200, of whatever kind of caller."""
        lost = Counter[str]()
        for name, load in self.loads.items():
            lost.update({f"{name}: {word}": count for word, count in load.failed.items()})
        if self.streams is not None:
            for kind in ("http1", "http2", "websockets"):
                lost.update({f"{kind}: {word}": count for word, count in getattr(self.streams, kind).lost.items()})
        return lost

    @property
    def streams_ended(self) -> int:
        return len(self.streams.websockets.ended) if self.streams is not None else 0
