"""The server over HTTP: the status of a job, the rows of a body, the first request.

    python benchmarks/bench_server.py [--quick] [--json FILE]

Each server is a process of its own; the clients are this one. While the status is asked for, two heavy jobs run (or the
same k-means beside the bare endpoint), so that three processes share two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import _harness as harness
import msgspec
import numpy as np
import orjson
from _harness import Case, Timing

import symjobs as sj
from symjobs._tables import JsonRows
from symjobs.server._signature import Message, signed_headers

SECRET = "c2VjcmV0IG9mIGMxLi4uLg=="
CLIENTS = 16
SERVER = """
import sys
import threading
import numpy as np
import symjobs as sj
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from symkernels import kmeans
from symjobs.server._signature import Message, check

kind, store, secret, heavy = sys.argv[1:]
rng = np.random.default_rng(0)
X = rng.standard_normal((300_000, 16))
names = [f"x{j}" for j in range(16)]
sys.setswitchinterval(0.001)  # as `symjobs serve` does
body = b'{"statusCode":"ACCEPTED","statusString":"Job still running","values":{"jobinfo":{"jobId":1}}}'

async def bare(request):
    message = Message("GET", request.path_params["cid"], request.scope["raw_path"].decode(), request.url.query, b"")
    check(message, request.headers, {"c1": secret}.get)
    return Response(body, 202, media_type="application/json")

manager = sj.JobManager(store=None if store == "memory" else store)

def submit():
    while True:
        job = sj.OptimizedKmeansJob((X, names), 2, 40, max_iterations=300, seed=1)
        manager.submit(job, "c1").result()

if kind == "bare":
    app = Starlette(routes=[Route("/symetry/rest/{cid}/jobs/{jobid}", bare)])
else:
    app = sj.server.create_app(manager, {"c1": secret})
if heavy == "heavy":
    for _ in range(2):
        threading.Thread(target=submit, daemon=True).start()
else:
    manager.submit(sj.OptimizedKmeansJob((X[:100], names), 2, 3), "c1").result()
import socket
listening = socket.create_server(("127.0.0.1", 0), backlog=256)
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")).run(sockets=[listening])
"""


@contextmanager
def server(kind: str, store: str, *, heavy: bool) -> Iterator[int]:
    """Run a server in a process of its own, and yield its port."""
    words = [sys.executable, "-c", SERVER, kind, store, SECRET, "heavy" if heavy else "idle"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        time.sleep(1.5 if heavy else 0.2)  # the jobs have begun
        yield port
    finally:
        process.kill()
        process.wait()


def signed(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [
        f"{name}: {value}" for name, value in signed_headers(Message(method, "c1", path, "", body), SECRET).items()
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def clients(port: int, seconds: float) -> list[float]:
    """Ask for the status of job 1 by clients that keep their connections open; return how long each answer took."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = signed("GET", "/symetry/rest/c1/jobs/1")
        while time.perf_counter() < end:
            start = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append(time.perf_counter() - start)
            harness.require(head.split()[1] in (b"200", b"202"), head.decode())
        writer.close()

    await asyncio.gather(*(one() for _ in range(CLIENTS)))
    return taken


def status(report: harness.Report, *, heavy: bool) -> None:
    """Requests a second, and the slowest percent, of the status of a job."""
    options = report.options
    seconds = 0.5 if options.quick else 4.0
    rates: dict[str, list[float]] = {}
    slowest: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        kinds = {"bare Starlette, same signature": ("bare", "memory"), "in memory": ("ours", "memory"),
                 "SQLite": ("ours", f"sqlite:///{folder}/jobs.db")}  # fmt: skip
        for _ in range(min(3, options.repeats)):
            for name, (kind, store) in kinds.items():
                where = store.replace("jobs.db", f"{uuid.uuid4().hex}.db")  # else the jobs of the one before are lost
                with server(kind, where, heavy=heavy) as port:
                    taken = asyncio.run(clients(port, seconds))
                rates.setdefault(name, []).append(seconds / len(taken))
                slowest.setdefault(name, []).append(statistics.quantiles(taken, n=100)[98])
    what = "status of a running job while two heavy jobs run" if heavy else "result of a finished job while none runs"
    protocol = f"{CLIENTS} clients for {seconds:g} s each, servers in turn"
    for title, found in (("a request", rates), ("p99", slowest)):
        timings = {name: Timing(name, tuple(times), None, protocol) for name, times in found.items()}
        if title == "p99":
            timings["20 ms"] = Timing("20 ms", (0.02,))
        peer = "20 ms" if title == "p99" else "bare Starlette, same signature"
        target = "" if not heavy else "<= 1" if title == "p99" else "<= 2"
        for ours in ("SQLite", "in memory"):
            report.add(f"{what}, {title}: {ours}", timings, ours=ours, peer=peer, target=target)


def rows(report: harness.Report, n: int, p: int) -> None:
    """Learn the body of a DataFrame, its JSON decoded, beside decoders alone."""
    X = np.random.default_rng(report.options.seed).standard_normal((n, p))
    names = [f"x{j}" for j in range(p)]
    frame = {"attributeNames": names, "attributeTypes": ["C"] * p}
    bodies = {"text": sj.to_json({**frame, "data": [[repr(x) for x in row] for row in X.tolist()]}),
              "numbers": sj.to_json({**frame, "data": X.tolist()})}  # fmt: skip
    for kind, body in bodies.items():
        found = sj.Project("p", type="cpu").learn(JsonRows(body)).snapshot().moments.covariance()
        harness.require(np.allclose(found, np.cov(X.T, ddof=0), rtol=1e-10, atol=1e-12), kind)
        timings = harness.interleave(
            {
                "learn": lambda body=body: sj.Project("p", type="cpu").learn(JsonRows(body)),
                "msgspec": partial(msgspec.json.decode, body),
                "orjson": partial(orjson.loads, body),
                "DataFrame entity": lambda body=body: sj.Project("p", type="cpu").learn(
                    sj.from_json(body, sj.DataFrame)
                ),
            },
            repeats=report.options.repeats,
        )
        fastest = min(("msgspec", "orjson"), key=lambda name: timings[name].median or 1e9)
        title = f"learn a body of {n:,} x {p} {kind}, {len(body) / 1e6:.1f} MB"
        report.add(title, timings, ours="learn", peer=fastest, target="<= 1.5", n=n, p=p)


def first_request(report: harness.Report) -> None:
    """From the start of `symjobs serve` to the first answer, where nothing is compiled."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "XDG_CONFIG_HOME": folder, "NUMBA_CACHE_DIR": f"{folder}/numba"}
            environment.pop("SYMKERNELS_COMPILE", None)
            process = subprocess.Popen(
                [sys.executable, "-m", "symjobs", "serve", "--port", "0", "--root", folder],
                env=environment, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            try:
                port = int(process.stdout.readline().split("/")[2].rpartition(":")[2])
                asyncio.run(first_answer(port))
            finally:
                process.kill()
                process.wait()

    async def first_answer(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(signed("GET", "/symetry/rest/c1/jobs"))
        head = await reader.readuntil(b"\r\n\r\n")
        harness.require(head.split()[1] == b"401", head.decode())  # checked, and refused: there is no user
        writer.close()

    timings = harness.interleave({"symjobs serve": Case(run)}, repeats=min(3, report.options.repeats))
    timings["3 s"] = Timing("3 s", (3.0,))
    report.add("first request after symjobs serve, nothing compiled", timings, ours="symjobs serve", peer="3 s",
               target="<= 1")  # fmt: skip


def main(options: argparse.Namespace) -> None:
    report = harness.Report("server", options)
    first_request(report)
    report.finish()
    with harness.threads(options.threads):
        rows(report, *((1_000, 20) if options.quick else (10_000, 50)))
        report.finish()
    status(report, heavy=False)
    report.finish()
    status(report, heavy=True)
    report.finish()


if __name__ == "__main__":
    main(harness.arguments("The server over HTTP"))
