"""A pod's own program: `program.py PORT [FOLDER]`. Answers in JSON who it is, who asked and what its environment holds.

/healthz is 503 while FOLDER/HOSTNAME.sick is there. /slow answers after a second. Prints one line at its start and one a request.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = socket.gethostname()
FOLDER = Path(sys.argv[2] if len(sys.argv) > 2 else "/nonexistent")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/healthz":
            sick = (FOLDER / f"{NAME}.sick").exists()
            return self.answer(503 if sick else 200, {})
        if self.path == "/slow":
            time.sleep(1)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = {
            "pod": NAME,
            "pid": os.getpid(),
            "peer": self.client_address[0],
            "path": self.path,
            "headers": headers,
            "env": dict(os.environ),
        }
        return self.answer(200, seen)

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        if self.path != "/healthz":
            print(f"{self.path} for {self.client_address[0]}", flush=True)


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


print(f"{NAME} serves with {os.environ.get('GREETING', 'no greeting')}", flush=True)
Server(("", int(sys.argv[1])), Handler).serve_forever()
