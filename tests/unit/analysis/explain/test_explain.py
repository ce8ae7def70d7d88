"""What is said of a request or connection: the verdict, the layer that decides, and the change that would flip it."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.analysis.explain.question import Asked, parse_question
from seaway.app.explain import explain_of
from seaway.core.errors import UsageError
from seaway.frontends.build import build_model
from seaway.model.cluster import Leases
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.model.service import Health
from seaway.resources.load import load_text
from seaway.snapshot import snapshot_of

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


def model() -> Model:
    loaded = load_text(WORLD, "world.yaml")
    built = build_model(snapshot_of(loaded.resources, loaded.findings, loaded.not_modelled), default_cluster(), Leases())
    assert {one.code.id for one in built.findings if one.code.severity.value == "error"} == {"NET0579"}  # the subset without pods
    return built.model


MODEL = model()


def asked(words: str, headers: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    source, target, *rest = words.split()
    flags = {one.partition("=")[0]: one.partition("=")[2] for one in rest}
    return explain_of(MODEL, Asked(source, target, **flags, headers=headers))


def last(document: dict[str, Any]) -> tuple[str, str]:
    step = next((one for one in document["steps"] if one["outcome"] in ("stops", "unknown")), document["steps"][-1])
    return step["layer"], step["text"]


@pytest.mark.parametrize(
    ("words", "verdict", "status", "layer"),
    [
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
        pytest.param("town/client http://web.shop/gone", "delivered", 301, "route", id="redirect"),
        pytest.param("town/client http://web.shop/broken", "refused", 418, "route", id="fault"),
        pytest.param("town/client http://web.shop/split", "unknown", None, "route", id="a part has no endpoint"),
        pytest.param("town/client http://web.shop/", "delivered", None, "endpoint", id="route of the mesh"),
        pytest.param("outside http://shop.test/", "delivered", None, "endpoint", id="from outside"),
        pytest.param("outside http://shop.test/api", "denied", 503, "policy-ingress", id="from outside, the gateway may not"),
        pytest.param("outside http://shop.test/nobody", "unreachable", 503, "service", id="from outside, no endpoint"),
        pytest.param("outside http://other.test/", "unreachable", 404, "route", id="from outside, no such host"),
        pytest.param("outside http://shop.test:81/", "refused", None, "service", id="from outside, no such port"),
    ],
)
def test_verdicts(words: str, verdict: str, status: int | None, layer: str) -> None:
    found = asked(words)
    assert (found["verdict"], found["status"], last(found)[0]) == (verdict, status, layer), found["steps"]
    assert (found["destination"] is not None) == ((verdict == "delivered" and status is None) or "split" in words)
    assert found["verified"] is None


def test_a_header_chooses_the_route() -> None:
    found = asked("town/client http://web.shop/", (("x-user", "a"),))
    assert (found["verdict"], found["status"], last(found)[0]) == ("unreachable", 503, "service")


def test_steps_name_their_lines() -> None:
    found = asked("shop/web api")
    [ingress] = [one for one in found["steps"] if one["layer"] == "policy-ingress"]
    rule = next(number for number, line in enumerate(WORLD.splitlines(), 1) if "tier: front}}}], ports" in line)
    assert [(one["kind"], one["name"], one["file"], one["line"]) for one in ingress["because"]] == [
        ("NetworkPolicy", "api", "world.yaml", rule)
    ]


@pytest.mark.parametrize(
    ("words", "change"),
    [
        pytest.param("shop/web api protocol=tcp port=9000", "add port 9000/TCP to the rule", id="port"),
        pytest.param("shop/api shop/pod/api port=9000", "", id="to itself, nothing"),
        pytest.param("guests/guest shop/pod/api port=8080", "let the rule name namespace guests", id="namespace"),
        pytest.param("shop/web http://server.town/", "put shop/web into the mesh", id="mesh"),
        pytest.param("town/client http://server/shut", "add to AuthorizationPolicy town/server a rule", id="authorization"),
        pytest.param("shop/web nobody", "give Service shop/nobody an endpoint", id="endpoint"),
    ],
)
def test_flips(words: str, change: str) -> None:
    flips = asked(words)["flip"]
    assert flips[0]["text"].startswith(change) if change else flips == []


def test_who_is_ready_is_known_while_it_runs() -> None:
    nobody = Health()
    found = explain_of(MODEL, Asked("shop/web", "web"), nobody)
    assert (found["verdict"], last(found)) == ("refused", ("service", "Service shop/web has no endpoint that is ready"))
    assert "who of them is ready is known while it runs" in str(asked("shop/web web"))


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        pytest.param("shop/lost", "api", "no pod is called 'shop/lost'", id="nobody asks"),
        pytest.param("shop/web", "shop/lost", "shop/lost is no pod, Service or workload", id="nobody is asked"),
        pytest.param("shop/web", "ftp://api/", "not a URL: 'ftp://api/'", id="another scheme"),
        pytest.param("shop/web", "192.0.2.1", "which port?", id="no port"),
    ],
)
def test_words_that_mean_nobody(source: str, target: str, told: str) -> None:
    with pytest.raises(UsageError, match=r".*") as caught:
        parse_question(MODEL, Asked(source, target))
    assert caught.value.message == told
