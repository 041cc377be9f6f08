"""A process that submits jobs until it is killed: python -m tests.symjobs.engine._crash STORE_URL FOLDER FIRST.

It prints a line for each job that was accepted: its id, its kind, and a number that tells its answer.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time

import numpy as np
import pandas as pd

import symjobs as sj
from symjobs._engine._store._files import LARGE
from tests.symjobs.engine._jobs import Tell

ROWS = 10
KINDS = ("small", "large", "learn", "slow", "build")


class Slow(Tell):
    """Takes a while."""

    def run(self, context):
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            context.checkpoint()
            time.sleep(0.001)
        return super().run(context)


def answer(kind: str, number: int) -> str:
    """Return the text that a job of this kind answers with."""
    return str(number) * (LARGE // len(str(number)) + 1 if kind == "large" else 1)


def batch(number: int) -> pd.DataFrame:
    """Return rows that tell in the project which batch they were."""
    values = np.random.default_rng(number).standard_normal(ROWS)
    return pd.DataFrame({"x": values, "y": values**2, "batch": pd.Categorical([f"b{number}"] * ROWS)})


def main(url: str, folder: str, first: int) -> None:
    manager = sj.JobManager(workers=2, queue_size=50, store=url, folder=folder)
    project = manager.projects.get("c1", "p")
    sj.Project("warm").learn(batch(first)).learn(batch(first + 1))  # everything is loaded now
    numbers = itertools.count(first)
    lock = threading.Lock()

    def submit() -> None:
        while True:
            number = next(numbers)
            kind = KINDS[number % len(KINDS)]
            job: sj.Job
            if kind == "learn":
                job = sj.LearnJob(project, batch(number))
            elif kind == "build":
                job = sj.BuildJob(project, f"m{number % 3}", "mahalanobis", ["x", "y"])
            elif kind == "slow":
                job = Slow(a=answer(kind, number))
            else:
                job = Tell(a=answer(kind, number))
            try:
                handle = manager.submit(job, owner="c1")
            except sj.QueueFull:
                continue
            with lock:
                print(handle.id, kind, number, flush=True)
            if number % 7 == 0:
                handle.kill()

    for _ in range(3):
        threading.Thread(target=submit, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
