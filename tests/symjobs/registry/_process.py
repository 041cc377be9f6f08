"""A process with a manager: python -m tests.symjobs.registry._process STORE_URL FOLDER.

It evaluates the Python expressions that it reads, one a line, and answers each with a line of JSON: the value, or an
error. `project` is the project "p" of the owner "c1".
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import symjobs as sj

ROOT = Path(__file__).parents[3]
NAMES = ["a", "b", "c"]


def rows(seed: int, n: int = 10) -> tuple[np.ndarray, list[str]]:
    """Return a batch whose sums are exact, so that the order of learning has no effect."""
    return np.random.default_rng(seed).integers(-50, 50, (n, 3)).astype(float), NAMES


class Other:
    """The process, from outside."""

    def __init__(self, url: str, folder: Path | str) -> None:
        command = [sys.executable, "-m", __name__, url, str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1
        )

    def begin(self, expression: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(expression + "\n")

    def answer(self) -> Any:
        assert self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def say(self, expression: str) -> Any:
        self.begin(expression)
        return self.answer()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def main(url: str, folder: str) -> None:
    manager = sj.JobManager(workers=2, store=url, folder=folder)
    for line in sys.stdin:
        try:
            names = {"sj": sj, "manager": manager, "rows": rows, "np": np, "time": time}
            if "project" in line.replace("projects", ""):
                names["project"] = manager.projects.get("c1", "p")
            value = eval(line, names)
            answer = {"value": value if isinstance(value, str | int | float | list | None) else repr(value)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reads it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
