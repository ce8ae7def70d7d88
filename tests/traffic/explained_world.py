"""A network with something in every layer, and what becomes of requests in it: asked of files, and with real packets."""

from __future__ import annotations

import pytest

POD = """---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {space}, labels: {{app: {name}, tier: {tier}}}}}
spec:
  serviceAccountName: {name}
  containers: [{{name: c, image: c, ports: [{{name: http, containerPort: 8080}}, {{name: tcp-raw, containerPort: 9000}}, {{containerPort: 53, protocol: UDP}}]}}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {space}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {space}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: http}}, {{name: tcp-raw, port: 9000}}]}}
"""
PODS = "".join(
    POD.format(name=name, space=space, tier=tier)
    for name, space, tier in (
        ("web", "shop", "front"),
        ("api", "shop", "back"),
        ("client", "town", "front"),
        ("server", "town", "back"),
        ("vault", "town", "back"),
        ("guest", "guests", "front"),
    )
)
WORLD = (
    """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: town, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: guests, labels: {team: guests}}
"""
    + PODS
    + """---
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: shop}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: api.shop.svc.cluster.local}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  ingress:
  - {from: [{podSelector: {matchLabels: {tier: front}}}], ports: [{port: http}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: mute, namespace: guests}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 8080}]}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: town}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: server, namespace: town}
spec:
  selector: {matchLabels: {app: server}}
  rules: [{from: [{source: {principals: [cluster.local/ns/town/sa/client]}}], to: [{operation: {methods: [GET], paths: [/open*]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: vault, namespace: town}
spec: {selector: {matchLabels: {app: vault}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: vault, namespace: town}
spec: {podSelector: {matchLabels: {app: vault}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - {match: [{uri: {prefix: /gone}}], redirect: {uri: /}}
  - {match: [{uri: {prefix: /broken}}], fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, route: [{destination: {host: web}}]}
  - {match: [{uri: {prefix: /split}}], route: [{destination: {host: web}, weight: 90}, {destination: {host: nobody}, weight: 10}]}
  - {match: [{headers: {x-user: {exact: a}}}], route: [{destination: {host: web, subset: none}}]}
  - {match: [{uri: {prefix: /}}], route: [{destination: {host: web}}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec: {host: web, subsets: [{name: none, labels: {version: none}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  rules:
  - host: shop.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /api, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}
      - {path: /nobody, pathType: Prefix, backend: {service: {name: nobody, port: {number: 80}}}}
"""
)

VERDICTS = [
    pytest.param("shop/web shop/api", "delivered", None, "endpoint", id="a Service, allowed"),
    pytest.param("shop/web api", "delivered", None, "endpoint", id="short name"),
    pytest.param("shop/web api.shop", "delivered", None, "endpoint", id="name with namespace"),
    pytest.param("shop/web http://api.shop.svc.cluster.local./", "delivered", None, "endpoint", id="full name with dot"),
    pytest.param("shop/web alias port=80", "delivered", None, "endpoint", id="alias of a Service"),
    pytest.param("shop/web shop/pod/api", "delivered", None, "endpoint", id="a pod"),
    pytest.param("shop/web api protocol=tcp port=9000", "denied", None, "policy-ingress", id="port of no rule"),
    pytest.param("town/client http://api.shop/", "denied", 503, "policy-ingress", id="another namespace, through a proxy"),
    pytest.param("guests/guest http://web.shop/", "denied", None, "dns", id="may not ask DNS"),
    pytest.param("guests/guest shop/pod/web port=8080", "delivered", None, "endpoint", id="by address, on the allowed port"),
    pytest.param("guests/guest shop/pod/web port=9000", "denied", None, "policy-egress", id="by address, on another"),
    pytest.param("shop/web nobody", "refused", None, "service", id="no endpoint"),
    pytest.param("town/client http://nobody.shop/", "unreachable", 503, "service", id="no endpoint, through a proxy"),
    pytest.param("shop/web web port=81 protocol=tcp", "refused", None, "service", id="no such port"),
    pytest.param("shop/web shop/pod/web port=81", "refused", None, "endpoint", id="nobody listens, to itself"),
    pytest.param("shop/web guests/pod/guest port=81", "refused", None, "endpoint", id="nobody listens"),
    pytest.param("shop/web guests/pod/guest port=53 protocol=udp", "delivered", None, "endpoint", id="udp"),
    pytest.param("shop/web http://lost.shop/", "unreachable", None, "dns", id="no such name"),
    pytest.param("shop/web 10.96.255.254 port=80", "refused", None, "service", id="no such ClusterIP"),
    pytest.param("shop/web 192.0.2.1 port=80", "unknown", None, "endpoint", id="the world"),
    pytest.param("shop/web http://server.town/", "denied", None, "mtls", id="plaintext to STRICT"),
    pytest.param("town/client http://server/open", "delivered", None, "endpoint", id="authorized"),
    pytest.param("town/client http://server/shut", "denied", 403, "authz", id="another path"),
    pytest.param("town/client http://server/shut/../open", "delivered", None, "endpoint", id="a path that cleaned is that one"),
    pytest.param("town/client http://server/open method=POST", "denied", 403, "authz", id="another method"),
    pytest.param("town/client server port=9000 protocol=tcp", "denied", None, "authz", id="bytes match no rule of HTTP"),
    pytest.param("town/client http://vault/", "denied", 403, "policy-ingress", id="two policies, on one node"),
    pytest.param("town/client http://web.shop/gone", "delivered", 301, "route", id="redirect"),
    pytest.param("town/client http://web.shop/broken", "refused", 418, "route", id="fault"),
    pytest.param("town/client http://web.shop/split", "unknown", None, "route", id="a part has no endpoint"),
    pytest.param("town/client http://web.shop/", "delivered", None, "endpoint", id="route of the mesh"),
    pytest.param("outside http://shop.test/", "delivered", None, "endpoint", id="from outside"),
    pytest.param("outside http://shop.test/api", "denied", 503, "policy-ingress", id="from outside, the gateway may not"),
    pytest.param("outside http://shop.test/nobody", "unreachable", 503, "service", id="from outside, no endpoint"),
    pytest.param("outside http://other.test/", "unreachable", 404, "route", id="from outside, no such host"),
    pytest.param("outside http://shop.test:81/", "refused", None, "service", id="from outside, no such port"),
]
"""FROM, TO and flags; then the verdict, the status that a proxy answers by itself, and the layer that decides."""

_GUIDE_POD = """---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {space}, labels: {{{labels}}}}}
spec: {{containers: [{{name: c, image: c, ports: [{{name: p, containerPort: {port}}}]}}]}}
"""
GUIDE_WORKLOADS = """
apiVersion: v1
kind: Namespace
metadata: {name: production}
---
apiVersion: v1
kind: Namespace
metadata: {name: ingress-nginx}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: production}
spec: {selector: {tier: api}, ports: [{port: 8080}]}
""" + "".join(
    _GUIDE_POD.format(name=name, space=space, labels=labels, port=port)
    for name, space, labels, port in (
        ("web-tier", "production", "tier: web", 8080),
        ("api-tier", "production", "tier: api", 8080),
        ("database-tier", "production", "tier: database", 5432),
        ("product", "production", "app: product-service", 8080),
        ("pretender", "production", "app: nginx-ingress", 8080),
        ("controller", "ingress-nginx", "app: nginx-ingress", 8080),
        ("scraper", "guests", "app: prometheus", 8080),
    )
)

GUIDE_TRAPS = [
    pytest.param(
        "ingress-nginx/controller production/pod/web-tier",
        "denied",
        "label name=ingress-nginx of namespace ingress-nginx (it has no name)",
        id="nothing gives a namespace the label name",
    ),
    pytest.param("production/pretender production/pod/web-tier", "delivered", "ingress rule 1", id="two items are either, not both"),
    pytest.param(
        "production/web-tier http://api:8080/",
        "denied",
        "label name=kube-system of namespace kube-system (it has no name)",
        id="DNS is lost with the same label",
    ),
    pytest.param("production/web-tier production/pod/api-tier", "delivered", "egress rule 1", id="by address it arrives"),
    pytest.param("production/api-tier kube-system/kube-dns protocol=tcp port=53", "denied", "(asked is 53/TCP)", id="DNS over UDP alone"),
    pytest.param("production/api-tier http://api:8080/", "delivered", "a pod to itself", id="DNS of the api tier"),
    pytest.param("production/api-tier 192.0.2.1 port=443", "unknown", "egress rule 2", id="anybody in the world"),
    pytest.param("production/product production/pod/database-tier", "delivered", "no policy restricts ingress", id="the database is open"),
    pytest.param(
        "production/pretender production/pod/product", "delivered", "no policy restricts ingress", id="pods without a tier are open"
    ),
    pytest.param(
        "guests/scraper production/pod/web-tier", "denied", "default deny of NetworkPolicy production/web-tier-policy", id="a scraper"
    ),
]
"""Traps of the guide's network-policies.yaml: FROM, TO and flags; the verdict, and what one of the steps says."""
