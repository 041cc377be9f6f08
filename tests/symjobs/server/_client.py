"""A client of the server over real HTTP, and a real server in a thread of this process."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import uvicorn
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

import symjobs as sj
from symjobs.server._signature import Message, signed_headers

SECRET = "c2VjcmV0IG9mIGMxLi4uLg=="
OTHER = "c2VjcmV0IG9mIGMyLi4uLg=="
USERS = {"c1": SECRET, "c2": OTHER}
FRAME = sj.DataFrame(["a", "b"], ["C", "C"], [["1", "2"], ["2", "3.5"], ["3", "5.5"], ["4", "9"]])
ROWS = sj.to_json(FRAME)
VECTOR = "LzM5QUtXZXWHm7HJ4wAePg=="
WAIT = 60.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.raw)

    @property
    def text(self) -> str:
        return self.json["statusString"]

    @property
    def values(self) -> dict:
        return self.json["values"]


class Client:
    """Signs and sends requests of a customer; each thread has a connection that is kept open."""

    def __init__(self, port: int, cid: str = "c1", secret: str = SECRET) -> None:
        self.port, self.cid, self.secret = port, cid, secret
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | dict = b"",
        query: str = "",
        *,
        headers: dict[str, str] | None = None,
        sent: bytes | None = None,
    ) -> Answer:
        """Send a request; ``sent`` is the body on the wire if it is another one than is signed."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        path = f"/symetry/rest/{quote(self.cid, safe='')}{path}"
        signed = signed_headers(Message(method, self.cid, path, query, body), self.secret)
        return self.send(method, path + (f"?{query}" if query else ""), sent or body, {**signed, **(headers or {})})

    def send(self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
            self._connections.append(connection)
        try:
            connection.request(method, url, body or None, headers or {})
            answer = connection.getresponse()
            raw = answer.read()
        except BaseException:
            connection.close()
            self._local.connection = None
            raise
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, raw)

    def get(self, path: str, query: str = "", **more) -> Answer:
        return self.request("GET", path, b"", query, **more)

    def post(self, path: str, body: bytes | dict = b"", query: str = "", **more) -> Answer:
        return self.request("POST", path, body, query, **more)

    def delete(self, path: str, **more) -> Answer:
        return self.request("DELETE", path, **more)

    def result(self, created: Answer) -> Answer:
        """Return the answer for a job that was created, once it has ended."""
        assert (created.status, created.text) == (202, "Job Created"), created.raw
        job_id = created.headers["sym-job-id"]
        assert created.headers["location"] == f"/symetry/rest/{quote(self.cid, safe='')}/jobs/{job_id}"
        deadline = time.monotonic() + WAIT
        while (answer := self.get(f"/jobs/{job_id}", "wait=10")).status == 202:
            assert time.monotonic() < deadline, answer.raw
        return answer


def encrypted(body: dict, secret: str = SECRET) -> bytes:
    """The body as clients of the contract send it; computed with another library than the server's own functions."""
    padder = PKCS7(128).padder()
    data = padder.update(json.dumps(body).encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(base64.b64decode(secret)), modes.CBC(base64.b64decode(VECTOR))).encryptor()
    return base64.b64encode(encryptor.update(data) + encryptor.finalize())


@contextlib.contextmanager
def serving(app) -> Iterator[int]:
    """Serve an ASGI application on a free port of this machine, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", timeout_graceful_shutdown=2, timeout_keep_alive=600
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(WAIT)
            assert not thread.is_alive()
