"""The service around the numerics: submitting a job, listing many, and reading a file within a memory budget.

python benchmarks/bench_jobs.py [--quick] [--json FILE]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import _harness as harness
import numpy as np
from _harness import Timing

import symjobs as sj
from symjobs import rest

MIB = 2**20


class _Held(sj.Job):
    """A job that waits until it is let go, so that others queue behind it."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate

    def run(self, context: Any) -> Any:
        self.gate.wait(60)


def latency(report: harness.Report, folder: Path) -> None:
    project = sj.Project("p", type="cpu").learn((np.eye(4), list("abcd")))
    count = 20 if report.options.quick else 200
    for title, store, target in (
        ("store=None", None, "<= 1"),
        ("SQLite", f"sqlite:///{folder / 'jobs.db'}", ""),
    ):
        with sj.JobManager(store=store) as manager:

            def one(manager: sj.JobManager = manager) -> None:
                manager.submit(sj.ProjectInfoJob(project)).result(10)

            times = harness.interleave({"ours": one}, repeats=count, warmup=5, settle=0.0)
        times["1 ms"] = Timing("1 ms", (1e-3,))
        report.add(f"submit to finished, ProjectInfoJob, {title}", times, ours="ours", peer="1 ms", target=target)


def listing(report: harness.Report) -> None:
    queued = 500 if report.options.quick else 10_000
    gate = threading.Event()
    with sj.JobManager(workers=1, queue_size=queued + 1, store=None) as manager:
        for _ in range(queued):
            manager.submit(_Held(gate), owner="c1")
        harness.require(len(manager.list("c1")) == queued, "the list is complete")
        times = harness.interleave(
            {"ours": lambda: manager.list("c1"), "with JSON": lambda: rest.list_jobs(manager, "c1").json},
            repeats=report.options.repeats,
        )
        gate.set()
    times["100 ms"] = Timing("100 ms", (0.1,))
    report.add(f"list {queued:,} queued jobs", times, ours="ours", peer="100 ms", target="<= 1")


_READ = """
import resource, sys
import numpy as np
import symjobs as sj
path, small, budget = sys.argv[1], sys.argv[2], int(sys.argv[3])
open_ = sj.sources.csv if path.endswith("csv") else sj.sources.parquet
sj.Project("warm", type="cpu").learn(open_(small)).learn(open_(small))  # libraries and compiled loops are loaded now
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew, from what is in memory now
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
before = peak()
project = sj.Project("p", type="cpu").learn(open_(path, memory_budget=budget))
print(project.n_rows, peak() - before)
"""


def memory(report: harness.Report, folder: Path, rng: np.random.Generator) -> None:
    """Peak memory over the baseline while a file ten times the budget is learnt. Printed, as it is no time."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    budget = (4 if report.options.quick else 64) * MIB
    n = 10 * budget // (20 * 8)
    table = pa.table({f"x{i}": rng.standard_normal(n) for i in range(20)})
    for size, stem in ((2_000, "small"), (n, "t")):
        pa.csv.write_csv(table.slice(0, size // 2), folder / f"{stem}.csv")  # twice the size in text
        pa.parquet.write_table(table.slice(0, size), folder / f"{stem}.parquet", row_group_size=100_000)
    rows = [("file", "size", "budget", "peak over the start", "")]
    for name in ("t.csv", "t.parquet"):
        path = folder / name
        answer = subprocess.run(
            [sys.executable, "-c", _READ, str(path), str(folder / f"small{path.suffix}"), str(budget)],
            capture_output=True,
            text=True,
            check=True,
        )
        learnt, peak = map(int, answer.stdout.split())
        harness.require(learnt in (n, n // 2), "every row was learnt")
        verdict = "met" if peak <= budget else "MISSED"
        rows.append((name, *(f"{size / MIB:,.0f} MiB" for size in (path.stat().st_size, budget, peak)), verdict))
    print("\nlearn a file about ten times the memory budget")
    print(harness.table(rows))


def main() -> None:
    options = harness.arguments(__doc__.splitlines()[0] if __doc__ else "")
    with tempfile.TemporaryDirectory() as folder:
        report = harness.Report("jobs", options)
        latency(report, Path(folder))
        listing(report)
        memory(report, Path(folder), np.random.default_rng(options.seed))
        report.finish()


if __name__ == "__main__":
    main()
