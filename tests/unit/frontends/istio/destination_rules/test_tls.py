"""tls: modes, what is verified, and whose certificates; what cannot be had closes the host."""

from __future__ import annotations

import pytest

from seaway.frontends.istio.clients import Client
from seaway.model.upstream import Fixed, MutualMesh, OriginateTls, Plain

CART = Client("shop", (("app", "cart"),))


def protection(read, client="shop"):
    return read.upstream(client).treatment.protection


def test_without_it_peers_are_called_with_mutual_tls(mesh):
    found = protection(mesh(""))
    assert isinstance(found, MutualMesh)
    assert found.automatic
    assert found.sni == "outbound_.80_._.reviews.shop.svc.cluster.local"
    assert found.identities == ("spiffe://cluster.local/ns/shop/sa/default",)


@pytest.mark.parametrize(
    ("text", "expected", "codes"),
    [
        pytest.param("{mode: DISABLE}", Plain(), [], id="disable"),
        pytest.param("{sni: a}", Plain(), ["NET0581"], id="no-mode"),
        pytest.param("{mode: SIMPLE}", OriginateTls(), ["NET0584"], id="simple"),
        pytest.param("{mode: SIMPLE, sni: a.example}", OriginateTls(sni="a.example", match_host=False), ["NET0583"], id="any-name"),
        pytest.param(
            "{mode: SIMPLE, sni: a.example, subjectAltNames: [a.example]}",
            OriginateTls(sni="a.example", names=("a.example",), match_host=False),
            ["NET0584"],
            id="names",
        ),
        pytest.param(
            "{mode: SIMPLE, caCertificates: /etc/ssl/certs/ca-certificates.crt}", OriginateTls(), [], id="the-systems-own-authorities"
        ),
        pytest.param(
            "{mode: SIMPLE, insecureSkipVerify: true}", OriginateTls(verify=False, match_host=False), ["NET0582"], id="unverified"
        ),
    ],
)
def test_modes(policy, text, expected, codes):
    read = policy(f"tls: {text}")
    assert read.codes == codes
    found = protection(read)
    assert type(found)(**{**{one: getattr(found, one) for one in type(found).__slots__}, "origin": None}) == expected


def test_istio_mutual(policy):
    found = protection(policy("tls: {mode: ISTIO_MUTUAL}"))
    assert isinstance(found, MutualMesh)
    assert not found.automatic
    assert found.identities == ("spiffe://cluster.local/ns/shop/sa/default",)


def test_istio_mutual_with_ones_own(policy):
    found = protection(policy("tls: {mode: ISTIO_MUTUAL, sni: a.example, subjectAltNames: [spiffe://other/ns/a/sa/b]}"))
    assert (found.sni, found.identities) == ("a.example", ("spiffe://other/ns/a/sa/b",))


def test_istio_mutual_passes_files_over(policy):
    read = policy("tls: {mode: ISTIO_MUTUAL, caCertificates: /a}")
    assert read.told == ["NET0571 spec.trafficPolicy.tls.caCertificates"]
    assert isinstance(protection(read), MutualMesh)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("{mode: TLS}", "mode", id="mode"),
        pytest.param("{mode: MUTUAL, privateKey: /k}", "clientCertificate", id="no-chain"),
        pytest.param("{mode: MUTUAL, clientCertificate: /c}", "privateKey", id="no-key"),
        pytest.param("{mode: SIMPLE, credentialName: a, caCertificates: /a}", "caCertificates", id="two-sources"),
        pytest.param("{mode: SIMPLE, credentialName: a, caCrl: /a}", "caCrl", id="two-lists"),
    ],
)
def test_what_upstream_refuses_closes_the_host(policy, text, field):
    read = policy(f"tls: {text}")
    assert f"NET0571 spec.trafficPolicy.tls.{field}" in read.told
    assert read.upstream().endpoints == Fixed(())
    assert isinstance(protection(read), Plain)


@pytest.mark.parametrize("excluded", ["caCertificates: /a", "subjectAltNames: [a]", "credentialName: a"])
def test_insecure_skip_verify_stands_alone(policy, excluded):
    read = policy(f"tls: {{mode: SIMPLE, insecureSkipVerify: true, {excluded}}}")
    assert read.codes == ["NET0571", "NET0582"]
    assert read.upstream().endpoints == Fixed(())


RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews, namespace: shop}}
spec: {{host: reviews, {more} trafficPolicy: {{tls: {tls}}}}}
---
"""
SELECTOR = "workloadSelector: {matchLabels: {app: cart}},"


def secret(name, data, namespace="shop", kind="Secret"):
    values = "\n".join(f"  {key}: |\n" + "\n".join(f"    {line}" for line in value.splitlines()) for key, value in data.items())
    field = "stringData" if kind == "Secret" else "data"
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n{field}:\n{values}\n---\n"


def test_a_secret_for_the_workloads_that_a_rule_picks(mesh, pems):
    text = RULE.format(more=SELECTOR, tls="{mode: MUTUAL, credentialName: client}")
    read = mesh(text + secret("client", {"tls.crt": pems.chain, "tls.key": pems.key, "ca.crt": pems.root}))
    found = protection(read, CART)
    assert isinstance(found, OriginateTls)
    assert found.certificate.chain == pems.chain
    assert found.trust == pems.root
    assert read.identify(CART).variant == "shop/reviews,~shop"
    assert read.check(read.identify(CART)) == []


def test_roots_of_a_secret_of_their_own(mesh, pems):
    text = RULE.format(more=SELECTOR, tls="{mode: SIMPLE, credentialName: client}")
    read = mesh(text + secret("client-cacert", {"cacert": pems.root}))
    assert protection(read, CART).trust == pems.root


def test_a_secret_is_not_for_all(mesh, pems):
    """As upstream has it: without a selector a Secret is for gateways, and others get no TLS at all."""
    text = RULE.format(more="", tls="{mode: SIMPLE, credentialName: client}")
    read = mesh(text + secret("client", {"ca.crt": pems.root}))
    assert isinstance(protection(read, "shop"), Plain)
    assert read.check(read.identify("shop")) == ["NET0585"]
    gateway = Client("shop", gateway="edge")
    assert protection(read, gateway).trust == pems.root
    assert read.check(read.identify(gateway)) == []


@pytest.mark.parametrize(
    ("credential", "data"),
    [
        pytest.param("missing", {"ca.crt": "ROOT"}, id="missing"),
        pytest.param("kubernetes://other/client", {"ca.crt": "ROOT"}, id="another-namespace"),
        pytest.param("a_b", {"ca.crt": "ROOT"}, id="no-name"),
        pytest.param("client", {"tls.crt": "CHAIN"}, id="no-roots"),
        pytest.param("client", {"ca.crt": "rubbish"}, id="no-pem"),
    ],
)
def test_secrets_that_cannot_be_used_close_the_host(mesh, pems, credential, data):
    values = {key: {"ROOT": pems.root, "CHAIN": pems.chain}.get(value, value) for key, value in data.items()}
    text = RULE.format(more=SELECTOR, tls=f"{{mode: SIMPLE, credentialName: '{credential}'}}")
    read = mesh(text + secret("client", values))
    assert read.upstream(CART).endpoints == Fixed(())
    assert read.check(read.identify(CART)) == ["NET0586"]


def test_a_pair_that_does_not_belong_together(mesh, pems):
    text = RULE.format(more=SELECTOR, tls="{mode: MUTUAL, credentialName: client}")
    read = mesh(text + secret("client", {"cert": pems.root, "key": pems.key, "cacert": pems.root}))
    assert read.check(read.identify(CART)) == ["NET0586"]


POD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata:
      labels: {app: cart}
      annotations:
        sidecar.istio.io/userVolume: '{"certs": {"secret": {"secretName": "certs"}}, "roots": {"configMap": {"name": "roots", "items": [{"key": "authority", "path": "ca.pem"}]}}}'
        sidecar.istio.io/userVolumeMount: '{"certs": {"mountPath": "/etc/certs"}, "roots": {"mountPath": "/etc/roots", "readOnly": true}}'
    spec: {containers: [{name: a, image: a}]}
---
"""
FILES = "{mode: MUTUAL, clientCertificate: /etc/certs/chain.pem, privateKey: /etc/certs/key.pem, caCertificates: /etc/roots/ca.pem}"


def test_files_that_callers_mount(mesh, pems):
    objects = secret("certs", {"chain.pem": pems.chain, "key.pem": pems.key}) + secret("roots", {"authority": pems.root}, kind="ConfigMap")
    read = mesh(RULE.format(more="", tls=FILES) + objects + POD)
    found = protection(read)
    assert found.certificate.chain == pems.chain
    assert found.trust == pems.root
    assert read.identify("shop").variant == "~shop"


def test_files_of_one_namespace_are_not_anothers(mesh, pems):
    """A caller without the files is not sent on in plaintext, nor with somebody else's certificate."""
    objects = secret("certs", {"chain.pem": pems.chain, "key.pem": pems.key}) + secret("roots", {"authority": pems.root}, kind="ConfigMap")
    read = mesh(RULE.format(more="", tls=FILES) + objects + POD + "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n")
    assert read.identify("web").variant == "~web"
    for variant in ("~web", ""):
        assert read.rules.build(read.identify("web")._replace(variant=variant)).endpoints == Fixed(())
    (concern,) = read.rules.concerns()
    assert concern.namespaces >= {"shop", "web"}


def test_files_that_nobody_mounts(mesh):
    read = mesh(RULE.format(more="", tls=FILES))
    assert read.upstream("shop").endpoints == Fixed(())
    assert read.check(read.identify("shop")) == ["NET0586"]
    assert "/etc/certs/chain.pem" in read.rules.check([read.identify("shop")])[0].message
