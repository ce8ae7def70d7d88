"""Ranges of addresses, and the first free one in them."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.core.cidr import Cidr, first_free, format_ipv4, in_cidr, parse_cidr, parse_ipv4, refused_endpoint


@given(st.ip_addresses(v=4))
def test_addresses_round_trip(address):
    assert parse_ipv4(str(address)) == int(address)
    assert format_ipv4(int(address)) == str(address)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_ranges_agree_with_ipaddress(address, length):
    span = parse_cidr(f"{address}/{length}")
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    assert span == Cidr(int(network.network_address), int(network.broadcast_address))
    assert span.size == network.num_addresses
    assert int(address) in span


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "::1", "a.b.c.d", "1.2.3.-4", "١.2.3.4"]
)
def test_no_addresses(text):
    assert parse_ipv4(text) is None


@pytest.mark.parametrize("text", ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0/8", "10.0.0.0/-1", "fd00::/8"])
def test_no_ranges(text):
    assert parse_cidr(text) is None
    assert not in_cidr("10.0.0.1", text)


@pytest.mark.parametrize(
    ("start", "taken", "expected"),
    [
        pytest.param(4, set(), 4, id="start-is-free"),
        pytest.param(4, {4, 5}, 6, id="next"),
        pytest.param(6, {6, 7}, 2, id="wraps-around"),
        pytest.param(99, {2}, 3, id="start-outside-begins-at-the-front"),
        pytest.param(2, {2, 3, 4, 5, 6, 7}, None, id="all-taken"),
    ],
)
def test_first_free(start, taken, expected):
    assert first_free(Cidr(2, 7), start, taken) == expected


def test_an_empty_range_has_no_free_address():
    assert first_free(Cidr(3, 2), 3, set()) is None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.53", "loopback"),
        ("169.254.169.254", "link-local"),
        ("0.0.0.0", "unspecified"),
        ("224.0.0.5", "link-local multicast"),
        ("10.0.0.1", ""),
    ],
)
def test_refused_endpoints(address, kind):
    assert refused_endpoint(parse_ipv4(address)) == kind
