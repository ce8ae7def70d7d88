"""A pod's own server: `upstream_server.py PORT FOLDER [CHAIN KEY [CLIENTS_ROOT]]`, HTTP/1.1, over TLS if a certificate is given.

Answers in JSON who it is and how many requests this connection has carried. /slow answers after a second. While FOLDER/HOSTNAME.failing is
there everything is 503. With a root, callers must show a certificate that leads to it.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = socket.gethostname()
FOLDER = Path(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.carried = 0

    def do_GET(self) -> None:
        self.carried += 1
        if self.path == "/slow":
            time.sleep(1)
        failing = (FOLDER / f"{NAME}.failing").exists()
        shown = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        seen = {"pod": NAME, "peer": self.client_address[0], "carried": self.carried, "certificate": bool(shown)}
        body = json.dumps(seen).encode()
        self.send_response(503 if failing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that breaks off, or whose certificate is not believed, is no matter of the server's."""


server = Server(("0.0.0.0", int(sys.argv[1])), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    if len(sys.argv) > 5:
        context.load_verify_locations(sys.argv[5])
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
