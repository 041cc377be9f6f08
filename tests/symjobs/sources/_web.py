"""A web server for tests: files of a folder, and everything that can go wrong on the way."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.requests.append((path, query, dict(self.headers)))
        name = path.lstrip("/")
        match name:
            case "hangs.csv":
                self.server.released.wait(30)
                return self.close()
            case "hangs-later.csv":
                self._head(200, {"Content-Length": "1000000"})
                self.wfile.write(b"x\n" + b"1\n" * 100_000)
                self.wfile.flush()
                self.server.released.wait(30)
                return self.close()
            case "cut.csv":
                self._head(200, {"Content-Length": "10000000"})
                self.wfile.write(b"x\n" + b"1\n" * 500_000)
                return self.close()
            case "changes.csv":
                return self._send(b"x\n1\n", {"ETag": f'"{len(self.server.requests)}"'})
            case "moved.csv":
                return self._send(b"", {"Location": "/d.csv"}, 302)
            case "away.csv":
                return self._send(b"", {"Location": query}, 302)
            case "secret.csv":
                given = self.headers.get("Authorization", "")
                if given != f"Basic {base64.b64encode('u:pä:ss'.encode()).decode()}":
                    return self._send(b"", {}, 401)
                return self._send(b"x\n1\n2\n")
            case "endless.csv":
                self._head(200, {"Transfer-Encoding": "chunked"})
                for part in (b"x\n1\n", b"2\n3\n", b"4\n"):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                return self.wfile.write(b"0\r\n\r\n")
            case "cut-chunk.csv":
                self._head(200, {"Transfer-Encoding": "chunked"})
                self.wfile.write(b"100000\r\nx\n1\n2\n")
                return self.close()
        file = self.server.folder / name
        if not file.is_file():
            return self._send(b"", {}, 404)
        return self._send(file.read_bytes())

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def _send(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self._head(status, {"Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def close(self) -> None:
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


class WebServer(ThreadingHTTPServer):
    """Serves a folder; `requests` are those that came, `released` ends the ones that hang."""

    daemon_threads = False  # the end waits for them, so that every socket is closed

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *arguments: object) -> None:
        pass  # clients that leave


@contextmanager
def serving(folder: Path) -> Iterator[WebServer]:
    with WebServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
