"""What the guide's manifests name and do not define: workloads of `production`, and a caller who is not in the mesh."""

from __future__ import annotations

_CALLER = """\
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

_PRODUCT = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: product-service-{version}, namespace: production}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: product-service, version: {version}}}}}
  template:
    metadata: {{labels: {{app: product-service, version: {version}}}}}
    spec:
      containers:
        - name: product-service
          ports: [{{name: http, containerPort: 8080}}, {{name: http-reports, containerPort: 9090}}]
"""

_REST = """\
---
apiVersion: v1
kind: Service
metadata: {name: product-service, namespace: production}
spec:
  selector: {app: product-service}
  ports: [{name: http, port: 8080}, {name: http-reports, port: 9090}]
---
apiVersion: v1
kind: Pod
metadata:
  name: orders-db
  namespace: production
  labels: {app: orders-db, tier: database}
spec: {containers: [{name: orders-db, ports: [{name: tcp-postgres, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: old-db, namespace: legacy}
spec: {containers: [{name: old-db, ports: [{name: tcp-postgres, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: orders-db, namespace: production}
spec:
  selector: {app: orders-db}
  ports: [{name: tcp-postgres, port: 5432}]
"""

_NAMESPACES = """\
apiVersion: v1
kind: Namespace
metadata: {name: production, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: legacy}
"""

WORKLOADS = "".join(
    (
        _NAMESPACES,
        _CALLER.format(name="api-gateway", namespace="production"),
        _CALLER.format(name="web", namespace="production"),
        _CALLER.format(name="outsider", namespace="legacy"),
        _PRODUCT.format(version="v1", replicas=10),
        _PRODUCT.format(version="v2", replicas=1),
        _REST,
    )
)
"""Port 9090 of product-service is the one for which the DestinationRule has no port-level settings.

Ten pods of v1: at most a tenth of a cluster is ejected where no DestinationRule says otherwise, which of fewer is none at all.
"""
