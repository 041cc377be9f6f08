"""AWS for tests: moto's server over HTTP, and a server before it that answers for some regions itself."""

from __future__ import annotations

import http.client
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")


@contextmanager
def moto() -> Iterator[str]:
    """Run moto's server with an empty account, and yield its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", b"").close()  # what other tests have left
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(service: str, region: str, endpoint: str) -> Any:
    return boto3.client(
        service, region, endpoint_url=endpoint, aws_access_key_id=KEYS[0], aws_secret_access_key=KEYS[1]
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    server: Front

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key, region, service = _SCOPE.search(self.headers["Authorization"]).groups()
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or body.decode().split("&")[0].split("=")[1]
        self.server.calls.append((key, region, action))
        for place in (action, f"{service} {region}", region, "*"):
            if place in self.server.answers:
                return self._answer(service, self.server.answers[place])
        to = http.client.HTTPConnection(self.server.behind, timeout=60)
        to.request("POST", self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "host"})
        answer = to.getresponse()
        self._send(answer.status, answer.read(), answer.getheader("Content-Type", ""))
        return to.close()

    def _answer(self, service: str, code: str) -> None:
        if code == "hang":
            self.server.released.wait(60)
            self.close_connection = True
            return
        if service == "sqs":
            text = f'{{"__type": "com.amazonaws.sqs#{code}", "message": "about {KEYS[0]}, {KEYS[1]}"}}'
            self._send(403, text.encode(), "application/x-amz-json-1.0")
        else:
            text = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>about {KEYS[0]}, {KEYS[1]}</Message></Error>"
            self._send(403, f"<ErrorResponse>{text}</ErrorResponse>".encode(), "text/xml")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class Front(ThreadingHTTPServer):
    """Passes requests on, or answers with an error of AWS.

    `answers` has codes of errors, or ``hang``, by region, by service and region (``"sqs eu-west-1"``), by the name of
    the call, or for all (``*``). `calls` are those that came: access key, region, name. `released` ends what hangs.
    """

    daemon_threads = False  # the end waits for them, so that every socket is closed
    request_queue_size = 128  # all regions connect at the same time

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = behind.removeprefix("http://")
        self.answers: dict[str, str] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *arguments: object) -> None:
        pass  # clients that leave


@contextmanager
def front(behind: str) -> Iterator[Front]:
    """Run a server before the one at an address."""
    with Front(behind) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
