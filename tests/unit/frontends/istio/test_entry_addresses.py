"""Addresses that hosts of ServiceEntries are given: who gets one, and that they stay."""

from __future__ import annotations

import pytest

from seaway.core.cidr import in_cidr
from seaway.core.codes.mesh import ADDRESSES_EXHAUSTED
from seaway.frontends.istio.entry_addresses import RANGE, allocate

TCP = "ports: [{number: 5432, name: tcp, protocol: TCP}]"
HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]"
DB = "hosts: [db.example.com]"


def test_a_host_without_address_gets_one(build, entry):
    (address,) = build(entry(f"{DB}, {TCP}, resolution: DNS")).host("db.example.com").addresses
    assert in_cidr(address.removesuffix("/32"), RANGE)


NONE = {
    "resolution none": f"{DB}, {TCP}",
    "wildcard": f"hosts: ['*.example.com'], {HTTP}, resolution: STATIC",
    "opted out": f"{DB}, {TCP}, resolution: DNS",
}


@pytest.mark.parametrize("name", NONE)
def test_who_gets_none(build, entry, name):
    meta = ", labels: {networking.istio.io/enable-autoallocate-ip: 'False'}" if name == "opted out" else ""
    assert build(entry(NONE[name], meta=meta)).registry.given == {}


def test_dynamic_dns_gets_one_for_its_wildcard(build, entry):
    assert list(build(entry(f"hosts: ['*.example.com'], {HTTP}, resolution: DYNAMIC_DNS")).registry.given) == ["shop/db/*.example.com"]


@pytest.fixture
def entries(build, entry):
    def entries(*names):
        text = "".join(entry(f"hosts: [{name}.example.com], {TCP}, resolution: DNS", name) for name in names)
        return [one for one in build(text).built.snapshot.objects.values() if one.key.kind == "ServiceEntry"]

    return entries


def test_one_more_moves_no_other(entries):
    few, many = allocate(entries("a", "b"), {}), allocate(entries("a", "b", "c"), {})
    assert few.given.items() < many.given.items()
    assert len(set(many.given.values())) == 3


def test_held_addresses_stay_and_foreign_ones_do_not(entries):
    held = {"shop/a/a.example.com": "240.240.7.7", "shop/b/b.example.com": "192.0.2.1", "shop/c/c.example.com": "240.240.7.7"}
    given = allocate(entries("a", "b", "c"), held).given
    assert given["shop/a/a.example.com"] == "240.240.7.7"
    assert all(in_cidr(one, RANGE) for one in given.values())
    assert len(set(given.values())) == 3


def test_an_address_that_somebody_wrote_down_is_not_given(build, entry):
    text = entry(f"{DB}, {TCP}, resolution: DNS") + entry(f"hosts: [x.example.com], {TCP}, addresses: [240.240.7.7]", "x")
    objects = [one for one in build(text).built.snapshot.objects.values() if one.key.kind == "ServiceEntry"]
    assert allocate(objects, {"shop/db/db.example.com": "240.240.7.7"}).given != {"shop/db/db.example.com": "240.240.7.7"}


def test_leases_go_from_build_to_build(build, entry):
    built = build(entry(f"{DB}, {TCP}, resolution: DNS")).built
    assert [name for name, _ in built.leases.hosts] == ["shop/db/db.example.com"]


def test_a_range_that_is_full_is_said_once(entries):
    found = allocate(entries("a", "b", "c", "d"), {}, "240.240.0.0/30")
    assert len(found.given) == 2
    assert [one.code for one in found.findings] == [ADDRESSES_EXHAUSTED]


CAPTURED = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: "true"}}
---
"""


@pytest.mark.parametrize(
    ("spec", "before", "told"),
    [
        pytest.param(f"{DB}, {TCP}, resolution: DNS", "", ["NET0597"], id="given-one-here"),
        pytest.param(f"{DB}, {TCP}, resolution: DNS, addresses: [240.0.0.1]", "", [], id="has-one"),
        pytest.param(f"{DB}, {TCP}, resolution: DNS", CAPTURED, [], id="dns-is-captured"),
        pytest.param(f"{DB}, {HTTP}, resolution: DNS", "", [], id="http-is-told-by-its-host"),
        pytest.param(f"{DB}, {TCP}, resolution: NONE", "", ["NET0509"], id="none-anywhere"),
    ],
)
def test_a_host_that_has_an_address_only_by_dns_is_told(build, entry, spec, before, told):
    assert [one for one in build(f"{before}{entry(spec)}").codes if one in ("NET0509", "NET0597")] == told
