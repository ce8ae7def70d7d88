"""Reading HTTP/1.1 without sockets: what the short path takes, h11 would have read alike; durations."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.drivers.standin import http1
from seaway.drivers.standin.answer import parse_duration
from seaway.drivers.standin.http1 import plain_request

GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", id="other method"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", id="framing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", id="connection"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", id="space before colon"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\r\n\r\n", id="bare newline"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", id="nul"),
        pytest.param((GET % b"/") * 2, id="two requests"),
        pytest.param(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", id="absolute form"),
    ],
)
def test_anything_odd_goes_through_h11(request_bytes):
    assert plain_request(request_bytes) is None


PIECES = (
    b"GET ",
    b"HEAD ",
    b"/",
    b" HTTP/1.1",
    b"\r\n",
    b"Host: a",
    b"X:",
    b"  z  ",
    b"\t",
    b":",
    b"\xe9",
    b"\0",
    b"\r",
    b"\n",
    b"Te: a",
    b"\x7f",
)
EDITS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3), st.sampled_from((b"", *PIECES))), min_size=1, max_size=4)


@settings(max_examples=1500, deadline=None)
@given(edits=EDITS)
def test_what_the_short_path_accepts_h11_reads_alike(edits):
    """A request with some bytes cut out and some put in: where the short path takes it, h11 takes it too, and for the same."""
    data = b"GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\nUser-Agent: k\r\n\r\n"
    for place, cut, put in edits:
        data = data[:place] + put + data[place + cut :]
    request = plain_request(data)
    if request is not None:
        reader = h11.Connection(h11.SERVER)
        reader.receive_data(data)
        assert http1._as_request(reader.next_event(), 0) == request
        assert isinstance(reader.next_event(), h11.EndOfMessage)
        assert reader.trailing_data[0] == b""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("200ms", 0.2),
        ("1m30s", 90),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("0", 0),
        ("100us", 1e-4),
        ("100µs", 1e-4),
        ("", None),
        ("5", None),
        ("-1s", None),
        ("1h", None),
    ],
)
def test_durations(text, seconds):
    if seconds is None:
        with pytest.raises(ValueError, match="delay"):
            parse_duration(text)
    else:
        assert parse_duration(text) == pytest.approx(seconds)
