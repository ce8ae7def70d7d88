"""Paths of a host: order, conflicts, fallbacks, and what refused paths leave behind."""

from __future__ import annotations

import pytest

H = "shop.example.com"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(H, "/", "Prefix", "web"), (H, "/api", "Prefix", "api")], ["/api api:8080", "/ web:80"], id="longest first"),
        pytest.param(
            [(H, "/a", "Prefix", "web"), (H, "/a", "Exact", "api")], ["=/a api:8080", "/a web:80", "/ 404"], id="exact before prefix"
        ),
        pytest.param([(H, "/a/", "Prefix", "web")], ["/a web:80", "/ 404"], id="prefix ignores the trailing slash"),
        pytest.param([(H, "/a/", "Exact", "web")], ["=/a/ web:80", "/ 404"], id="exact keeps it"),
        pytest.param([(H, "/a", "ImplementationSpecific", "web")], ["/a web:80", "/ 404"], id="implementation specific is prefix"),
        pytest.param([(H, "", "ImplementationSpecific", "web")], ["/ web:80"], id="empty path is all"),
        pytest.param([(H, "/a", "Prefix", "web"), (H, "/a/", "Prefix", "web")], ["/a web:80", "/ 404"], id="same claim, same backend"),
        pytest.param([(H, "/~user/b:c", "Prefix", "web")], ["/~user/b:c web:80", "/ 404"], id="legal characters outside nginx"),
    ],
)
def test_order(build, ingress, rows, expected):
    built = build(ingress(*rows))
    assert built.table(H) == expected
    assert built.codes == []


def test_hosts_are_kept_apart(build, ingress):
    built = build(ingress((H, "/", "Prefix", "web"), ("*.example.com", "/", "Prefix", "api"), ("", "/x", "Exact", "web")))
    assert [one.host for one in built.gateway.hosts] == ["*", "*.example.com", H]
    assert built.table("*.example.com") == ["/ api:8080"]
    assert built.table("*") == ["=/x web:80", "/ 404"]


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("Shop.example.com", "upper-case"),
        ("10.0.0.1", "IP address"),
        ("::1", "IP address"),
        ("*", "wildcard"),
        ("*.*.example.com", "wildcard"),
        ("a.*.com", "wildcard"),
        ("*shop.example.com", "wildcard"),
        ("shop_1.example.com", "not a DNS name"),
        ("shop..example.com", "not a DNS name"),
        ("shop.example.com:8080", "not a DNS name"),
        ("shop.example.com.", "not a DNS name"),
        ("a." * 126 + "com", "not a DNS name"),
    ],
)
def test_refused_host(build, ingress, host, problem):
    built = build(ingress((host, "/", "Prefix", "web"), (H, "/", "Prefix", "web")))
    assert [one.host for one in built.gateway.hosts] == [H]
    (found,) = built.found("NET0320")
    assert problem in found.message
    assert found.origin.field == "spec.rules[0].host"


@pytest.mark.parametrize(
    ("path", "type", "left"),
    [
        pytest.param("a", "Prefix", [], id="no slash"),
        pytest.param("", "Prefix", [], id="empty"),
        pytest.param("/a//b", "Prefix", [], id="empty element"),
        pytest.param("/a/../b", "Exact", [], id="dot elements"),
        pytest.param("/a/..", "Prefix", [], id="dots at the end"),
        pytest.param("/a%2fb", "Prefix", ["/a%2fb 503"], id="escaped slash"),
        pytest.param("/a%2Fb", "Exact", ["=/a%2Fb 503"], id="escaped slash, exact"),
        pytest.param("/a b", "ImplementationSpecific", [], id="blank"),
        pytest.param("/a\tb", "Prefix", [], id="control"),
        pytest.param("/ä", "Prefix", [], id="not ASCII"),
        pytest.param("/" + "a" * 9000, "Prefix", [], id="too long"),
    ],
)
def test_refused_path_leaves_the_rest(build, ingress, path, type, left):
    built = build(ingress((H, path, type, "api"), (H, "/", "Prefix", "web")))
    assert built.table(H) == [*left, "/ web:80"]
    (found,) = built.found("NET0321")
    assert found.origin.field == "spec.rules[0].http.paths[0].path"


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/id/[0-9]+", ["~(?i)/id/.* 503"]),
        ("/(api|web)/x", []),
        ("/items?", ["~(?i)/item.* 503"]),
        ("/file^", ["~(?i)/file.* 503"]),
    ],
)
def test_regex_characters_without_regex_mode(build, ingress, path, left):
    built = build(ingress((H, path, "ImplementationSpecific", "api"), (H, "/", "Prefix", "web")))
    assert built.codes == ["NET0323"]
    assert built.table(H) == [*left, "/ web:80"]


def test_a_head_never_takes_a_neighbours_path(build, ingress):
    built = build(ingress((H, "/id/[0-9]+", "ImplementationSpecific", "api"), (H, "/id/x", "Prefix", "web"), (H, "/id/", "Prefix", "web")))
    assert built.table(H) == ["/id/x web:80", "/id web:80", "~(?i)/id/.* 503", "/ 404"]


def test_conflict_first_wins(build, ingress):
    built = build(
        ingress((H, "/a", "Prefix", "web"), name="aa"), ingress((H, "/a/", "Prefix", "api"), (H, "/b", "Prefix", "api"), name="bb")
    )
    assert built.table(H) == ["/a web:80", "/b api:8080", "/ 404"]
    (found,) = built.found("NET0326")
    assert found.key.name == "bb"
    assert "default/aa at in.yaml:" in found.message


def test_older_ingress_wins(build, ingress):
    old = ingress((H, "/a", "Prefix", "api"), name="zz")
    old["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    older = ingress((H, "/a", "Prefix", "web"), name="yy")
    older["metadata"]["creationTimestamp"] = "2021-01-01T00:00:00Z"
    built = build(ingress((H, "/a", "Prefix", "web"), name="aa"), older, old)
    assert built.table(H) == ["/a api:8080", "/ 404"]
    assert {one.key.name for one in built.found("NET0326")} == {"aa", "yy"}


def test_same_path_of_another_type_is_no_conflict(build, ingress):
    built = build(ingress((H, "/a", "Prefix", "web"), name="aa"), ingress((H, "/a", "Exact", "api"), name="bb"))
    assert built.table(H) == ["=/a api:8080", "/a web:80", "/ 404"]
    assert built.codes == []


WEB = {"service": {"name": "web", "port": {"number": 80}}}
API = {"service": {"name": "api", "port": {"number": 8080}}}


class TestDefaultBackend:
    def test_alone_it_takes_all_hosts(self, build, ingress):
        assert build(ingress(defaultBackend=WEB)).table("*") == ["/ web:80"]

    def test_with_rules_it_fills_in(self, build, ingress):
        built = build(ingress((H, "/a", "Prefix", "api"), defaultBackend=WEB))
        assert built.table(H) == ["/a api:8080", "/ web:80"]
        assert built.table("*") == ["/ web:80"]

    def test_other_ingresses_rule_comes_first(self, build, ingress):
        built = build(ingress((H, "/a", "Prefix", "api"), name="aa", defaultBackend=WEB), ingress((H, "/", "Prefix", "api"), name="bb"))
        assert built.table(H) == ["/a api:8080", "/ api:8080"]

    def test_two_for_all_hosts(self, build, ingress):
        built = build(ingress(name="aa", defaultBackend=WEB), ingress(name="bb", defaultBackend=API))
        assert built.table("*") == ["/ web:80"]
        assert built.codes == ["NET0326"]

    def test_second_filler_is_noted(self, build, ingress):
        built = build(
            ingress((H, "/a", "Prefix", "api"), name="aa", defaultBackend=WEB),
            ingress(("b.example.com", "/a", "Prefix", "api"), name="bb", defaultBackend=API),
        )
        assert built.table("*") == ["/ web:80"]
        assert built.table("b.example.com") == ["/a api:8080", "/ api:8080"]
        (found,) = built.found("NET0329")
        assert found.key.name == "bb"

    def test_rule_without_paths(self, build, ingress):
        built = build(ingress(rules=[{"host": H}], defaultBackend=WEB))
        assert built.table(H) == ["/ web:80"]
        assert built.codes == []
        assert build(ingress(rules=[{"host": H}])).codes == ["NET0327"]

    def test_neither_rules_nor_backend(self, build, ingress):
        assert build(ingress()).codes == ["NET0328"]


def test_every_route_cites_its_line(build):
    built = build(
        """\
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: {name: shop}
        spec:
          ingressClassName: seaway
          rules:
          - host: shop.example.com
            http:
              paths:
              - path: /cart
                pathType: Prefix
                backend: {service: {name: web, port: {number: 80}}}
        """
    )
    cart, rest = built.routes(H)
    assert (cart.origin.full, cart.owner.name) == ("in.yaml:10:9", "shop")
    assert rest.origin.line == 7


def test_many_paths_build_quickly_enough(build, ingress):
    rows = [(H, f"/p{number}", "Prefix", "web") for number in range(3000)]
    assert len(build(ingress(*rows)).routes(H)) == 3001
