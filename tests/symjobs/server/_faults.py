"""What a server is put through: killed at any moment, asked by many clients at the same time."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.symjobs.server._client import WAIT, Client
from tests.symjobs.server._served import Served

N = 10  # rows of a batch


def batch(number: int) -> bytes:
    """Rows that tell in the project which batch they were."""
    values = np.random.default_rng(number).standard_normal((N, 2))
    rows = [[repr(x), repr(y), f"b{number}"] for x, y in values.tolist()]
    return json.dumps({"attributeNames": ["x", "y", "batch"], "attributeTypes": ["C", "C", "T"], "data": rows}).encode()


def learnt(client: Client) -> dict[int, int]:
    """How many rows of each batch the project has."""
    names = [n for n in client.get("/projects/p/info").values["smlInfo"]["attributeNames"] if n.startswith("batch$")]
    if not names:
        return {}
    contexts = {"values": [{"inputAttributeNames": [name]} for name in names]}
    answer = client.post("/projects/p/explore", contexts, "metric=uni&returnProjectInfo=false")
    assert answer.status == 200, answer.raw
    maps = answer.values["KSVDMap"]["values"]
    return {
        int(name.removeprefix("batch$b")): round(one["mean"] * one["count"])
        for name, one in zip(names, maps, strict=True)
    }


def crash(root: Path, rounds: Iterable[np.random.Generator]) -> None:
    """Kill a server at any moment, and check that accepted jobs have a true state, finished results are whole, and no
    project is half-learnt."""
    secret, next_number = None, 0
    certain: set[int] = set()  # batches that were answered as learnt
    possible: set[int] = set()  # batches that were sent, and not answered, or whose job is failed
    outcomes = {"done": 0, "failed": 0}
    for rng in rounds:
        accepted: dict[str, tuple[str, int]] = {}
        with Served(root, secret=secret) as server:
            if secret is None:
                with server.client() as client:
                    assert client.post("/projects", query="pid=p").status == 201
                    assert client.post("/projects/p/learn", batch(0)).status == 200
                certain.add(0)
            secret = server.secret
            end = threading.Event()
            lock = threading.Lock()
            starts = [next_number + 1 + 1000 * k for k in range(3)]
            next_number += 3000

            def work(
                number: int, *, server=server, end=end, lock=lock, accepted=accepted, certain=certain, possible=possible
            ) -> None:
                with server.client() as client:
                    while not end.is_set():
                        kind = ("learn", "vif", "async")[number % 3]
                        try:
                            if kind == "vif":
                                answer = client.post("/projects/p/vif", {"inputAttributeNames": ["x", "y"]})
                            else:
                                with lock:
                                    possible.add(number)
                                query = "async=true" if kind == "async" else ""
                                answer = client.post("/projects/p/learn", batch(number), query)
                        except (OSError, http.client.HTTPException):
                            return
                        with lock:
                            if kind == "learn":
                                assert answer.status == 200, answer.raw
                                certain.add(number)
                            else:
                                assert answer.status == 202, answer.raw
                                accepted[answer.headers["sym-job-id"]] = (kind, number)
                        number += 1

            threads = [threading.Thread(target=work, args=(start,)) for start in starts]
            for thread in threads:
                thread.start()
            time.sleep(0.05 + 0.6 * rng.random())
            server.kill()
            end.set()
            for thread in threads:
                thread.join(WAIT)
        with Served(root, secret=secret) as server, server.client() as client:
            for number, (kind, which) in accepted.items():
                deadline = time.monotonic() + WAIT
                while (answer := client.get(f"/jobs/{number}", "wait=5")).status == 202:
                    assert time.monotonic() < deadline, answer.raw
                assert answer.status in (200, 500), answer.raw
                outcomes["done" if answer.status == 200 else "failed"] += 1
                if answer.status == 500:
                    assert answer.values["jobinfo"]["isDone"] is True
                elif kind == "vif":
                    assert set(answer.values["KSVSMap"]["values"][0]) == {"x", "y"}
                else:
                    certain.add(which)
            counts = learnt(client)
        assert set(counts.values()) == {N}, "a batch was learnt by half"
        assert certain <= set(counts), "a batch was lost"
        assert set(counts) <= certain | possible
        certain |= set(counts)
    assert outcomes["done"] > 0


def ask_many(root: Path, jobs: int, clients: int) -> None:
    """Ask for many jobs, and check that each is answered exactly once."""
    with Served(root) as server:
        with server.client() as client:
            client.post("/projects", query="pid=p")
            client.post("/projects/p/learn", batch(0))
        seen: dict[str, int] = {}
        refused = 0
        lock = threading.Lock()

        def ask(k: int) -> None:
            nonlocal refused
            with server.client() as client:
                for _ in range(jobs // clients):
                    inputs = ["x", "y"][: 1 + k % 2]
                    while True:
                        answer = client.post("/projects/p/exploresvd", {"inputAttributeNames": inputs})
                        if answer.status == 202:
                            break
                        assert answer.text == "Job execution was refused by server.", answer.raw
                        assert answer.headers["retry-after"] == "1"
                        with lock:
                            refused += 1
                        time.sleep(0.02)
                    found = client.result(answer)
                    assert len(found.values["KSVSMap"]["values"][0]) == len(inputs)
                    with lock:
                        number = answer.headers["sym-job-id"]
                        seen[number] = seen.get(number, 0) + 1

        threads = [threading.Thread(target=ask, args=(k,)) for k in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == jobs
        assert set(seen.values()) == {1}
        with server.client() as client:
            assert len(client.get("/jobs").values["jobinfoList"]["values"]) == jobs
