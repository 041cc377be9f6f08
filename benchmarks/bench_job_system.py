"""The job system: latency, kills, processes, shared projects, memory.

python benchmarks/bench_job_system.py [--quick] [--json FILE]

RQ runs beside it, for orientation, if it is installed (pip install rq) and there is a redis-server.
"""

from __future__ import annotations

import contextlib
import queue
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import _harness as harness
import numpy as np
from _harness import Timing

import symjobs as sj

MIB = 2**20
_WHERE = {"thread": 0.25, "thread, outside LAPACK": 0.25, "process": 0.1}  # seconds that a kill may take
_KILL_SECONDS = 75.0  # for the kills of one job type, if there were ten of them
_MATRIX_JOBS = ("PCAJob", "SVDJob", "SVDFeatureSelectionJob", "ExploreVIFJob", "BuildJob")


def names(p: int) -> list[str]:
    return [f"x{i}" for i in range(p)]


def learnt(p: int, n: int, seed: int = 0) -> sj.Project:
    rng = np.random.default_rng(seed)
    project = sj.Project("p", type="cpu")
    for start in range(0, n, 1000):
        project.learn((rng.standard_normal((min(1000, n - start), p)), names(p)))
    return project


# --- submit to finished -----------------------------------------------------------------------------------------------


def latency(report: harness.Report, folder: Path) -> None:
    project = learnt(4, 10)
    count = 50 if report.options.quick else 500
    for title, store, limit in (("store=None", None, 0.2), ("SQLite", f"sqlite:///{folder / 'latency.db'}", 3.0)):
        with sj.JobManager(store=store) as manager:

            def ours(manager: sj.JobManager = manager) -> None:
                manager.submit(sj.ProjectInfoJob(project)).result(10)

            with _handover() as hand_over:
                cases = {"ours": ours, "floor: two threads hand over": hand_over}
                if store is not None:
                    cases["floor: three transactions"] = _transactions(folder / "floor.db")
                times = harness.interleave(cases, repeats=count, warmup=5, settle=0.0)
        with _rq() as rq:  # after ours: its worker is busy even between two jobs
            if rq is not None:
                times |= harness.interleave({"RQ, local Redis": rq}, repeats=count // 5, warmup=5, settle=0.0)
        times[f"{limit:g} ms"] = Timing(f"{limit:g} ms", (limit * 1e-3,))
        title = f"submit to finished, ProjectInfoJob, {title}"
        report.add(title, times, ours="ours", peer=f"{limit:g} ms", target="<= 1")


@contextlib.contextmanager
def _handover() -> Iterator[Callable[[], object]]:
    """What any worker thread costs: it is woken, and wakes the caller."""
    there: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    back: queue.SimpleQueue[int] = queue.SimpleQueue()

    def work() -> None:
        while (item := there.get()) is not None:
            back.put(item)

    thread = threading.Thread(target=work)
    thread.start()

    def one() -> None:
        there.put(1)
        back.get()

    yield one
    there.put(None)
    thread.join()


def _transactions(path: Path) -> Callable[[], object]:
    """What the store writes of a job, without SQLAlchemy: added, started, done with its result."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT, details TEXT)")
    connection.execute("CREATE TABLE results (id INTEGER PRIMARY KEY, entities BLOB)")

    def one() -> None:
        connection.execute("BEGIN IMMEDIATE")
        job = connection.execute("INSERT INTO jobs (state, details) VALUES ('queued', '{}')").lastrowid
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE jobs SET state = 'running' WHERE id = ?", (job,))
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE jobs SET state = 'done' WHERE id = ?", (job,))
        connection.execute("INSERT INTO results VALUES (?, ?)", (job, b"{}"))
        connection.execute("COMMIT")

    return one


@contextlib.contextmanager
def _rq() -> Iterator[Callable[[], object] | None]:
    server = shutil.which("redis-server")
    if server is None or find_spec("rq") is None:
        yield None
        return
    import redis
    import rq

    port = random.randrange(20000, 32000)
    process = subprocess.Popen([server, "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
    connection = redis.Redis(port=port)
    while True:
        try:
            connection.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    worker = subprocess.Popen(
        [sys.executable, "-m", "rq.cli", "worker", "--url", f"redis://127.0.0.1:{port}", "--worker-class",
         "rq.worker.SimpleWorker"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    queue = rq.Queue(connection=connection)

    def one() -> None:
        job = queue.enqueue(len, "abc")
        while not job.is_finished:
            time.sleep(0.0001)

    try:
        yield one
    finally:
        for child in (worker, process):
            child.terminate()
            child.wait()


# --- kills ------------------------------------------------------------------------------------------------------------


def jobs_to_kill(quick: bool) -> dict[str, Callable[[], sj.Job]]:
    """Each job type at its largest benchmark size."""
    p, n, k_rows = (300, 20_000, 20_000) if quick else (4000, 1_000_000, 500_000)
    rng = np.random.default_rng(0)
    wide = learnt(p, 2 * p)
    rows = (rng.standard_normal((n, 50)), names(50))
    narrow = sj.Project("narrow", type="cpu").learn(rows)
    narrow.build("m", "oospca")
    points = (rng.standard_normal((k_rows, 10)), names(10))
    pairs = [[a, b] for a in names(50) for b in names(50)]
    return {
        "PCAJob": lambda: sj.PCAJob(wide),
        "SVDJob": lambda: sj.SVDJob(wide),
        "SVDFeatureSelectionJob": lambda: sj.SVDFeatureSelectionJob(wide),
        "ExploreVIFJob": lambda: sj.ExploreVIFJob(wide),
        "ExploreJob": lambda: sj.ExploreJob(narrow, "ttest", pairs),
        "OptimizedKmeansJob": lambda: sj.OptimizedKmeansJob(points, 2, 5, n_init=3, seed=0),
        "DSPredictDataFrameJob": lambda: sj.DSPredictDataFrameJob(narrow, "m", rows),
        "LearnJob": lambda: sj.LearnJob(sj.Project("q", type="cpu"), rows),
        "BuildJob": lambda: sj.BuildJob(wide, "m", "oospca"),
    }


def kills(report: harness.Report) -> list[tuple[str, ...]]:
    """From the kill to the end of the job. Printed as percentiles, which the report does not have."""
    count = 2 if report.options.quick else 30
    rows = [("job type", "where", "kills", "median", "p99", "largest", "target", "")]
    for name, make in jobs_to_kill(report.options.quick).items():
        if report.options.type not in (None, name):
            continue
        for where, limit in _WHERE.items():
            if report.options.where not in (None, where):
                continue
            if where == "process" and not sj.JOB_TYPES[name].isolable:
                continue
            if where == "thread, outside LAPACK" and name not in _MATRIX_JOBS:
                continue
            seconds = _kills_of(make, where, count)
            if not seconds:
                rows.append((name, where, "0", "", "", "", "", "ends too soon to be killed"))
                continue
            p99 = float(np.quantile(seconds, 0.99))
            rows.append(
                (
                    name,
                    where,
                    str(len(seconds)),
                    *(f"{1e3 * value:,.1f} ms" for value in (statistics.median(seconds), p99, max(seconds))),
                    f"<= {1e3 * limit:.0f} ms",
                    "met" if p99 <= limit else "MISSED",
                )
            )
            print("  ".join(rows[-1]), flush=True)
    return rows


def _in_lapack() -> bool:
    """Whether any thread is in a function of numpy.linalg."""
    return any(Path(frame.f_code.co_filename).parent.name == "linalg" for frame in sys._current_frames().values())


def _kills_of(make: Callable[[], sj.Job], where: str, count: int) -> list[float]:
    rng = random.Random(0)
    seconds = []
    isolate, outside = where == "process", where == "thread, outside LAPACK"
    with sj.JobManager(workers=1, grace=600) as manager:
        manager.submit(make(), isolate=isolate).result(600)  # everything is loaded, and the process is warm
        begin = time.perf_counter()
        manager.submit(make(), isolate=isolate).result(600)
        lasts = time.perf_counter() - begin
        end = time.monotonic() + _KILL_SECONDS
        for i in range(count):
            if i >= 10 and time.monotonic() > end:
                break
            handle = manager.submit(make(), isolate=isolate)
            while not handle.info().isStarted:
                time.sleep(0.0005)
            time.sleep(0.9 * lasts * rng.random())
            while outside and _in_lapack() and not handle.done():
                time.sleep(0.0001)
            begin = time.perf_counter()
            if handle.kill():
                seconds.append(time.perf_counter() - begin)
            if isolate:  # a process that was killed is replaced now, outside of the clock
                manager.submit(sj.ProjectInfoJob(sj.Project("q")), isolate=True).result(600)
    return seconds


# --- a process of its own ---------------------------------------------------------------------------------------------


def processes(report: harness.Report) -> None:
    p = 200 if report.options.quick else 1000
    project, small = learnt(p, 2 * p), learnt(4, 10)
    with sj.JobManager(workers=1) as manager:

        def run(what: sj.Project, isolate: bool) -> Callable[[], object]:
            return lambda: manager.submit(sj.ProjectInfoJob(what), isolate=isolate).result(60)

        def fresh() -> object:
            project.learn((np.zeros((1, p)), names(p)))  # so that nothing of it is known from the last time
            return None

        times = harness.interleave(
            {
                "ours": harness.Case(lambda _: run(project, True)(), setup=fresh),
                "the same in a thread": harness.Case(lambda _: run(project, False)(), setup=fresh),
                "4 attributes, in a process": run(small, True),
            },
            repeats=report.options.repeats,
            warmup=2,
            settle=0.0,
        )
    times["50 ms"] = Timing("50 ms", (0.05,))
    report.add(f"a job in a warm process, project of p = {p:,} handed over", times, ours="ours", peer="50 ms",
               target="<= 1")  # fmt: skip

    def cold() -> None:
        with sj.JobManager(workers=1) as manager:
            manager.submit(sj.ProjectInfoJob(project), isolate=True).result(60)

    times = harness.interleave({"ours": cold}, repeats=report.options.repeats, warmup=1, settle=0.0)
    times["1 s"] = Timing("1 s", (1.0,))
    report.add(f"the same with the start of the process, p = {p:,}", times, ours="ours", peer="1 s", target="")


# --- shared projects --------------------------------------------------------------------------------------------------

_LEARN = """
import sys, numpy as np, symjobs as sj
url, batches, rows, p, seed = sys.argv[1], *map(int, sys.argv[2:])
project = sj.JobManager(store=url).projects.get("c", "p")
table = (np.random.default_rng(seed).standard_normal((rows, p)), [f"x{i}" for i in range(p)])
sj.Project("warm", type="cpu").learn(table).learn(table)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(batches):
    project.learn(table)
print("done", flush=True)
"""


def shared(report: harness.Report, folder: Path) -> None:
    batches, rows, p = (50 if report.options.quick else 1000), 100, 20

    def learn(shares: tuple[int, ...]) -> float:
        url = f"sqlite:///{Path(tempfile.mkdtemp(dir=folder)) / 'jobs.db'}"
        with sj.JobManager(store=url) as manager:
            manager.projects.add("c", project := sj.Project("p", type="cpu"))
            children = [
                subprocess.Popen(
                    [sys.executable, "-c", _LEARN, url, *map(str, (share, rows, p, seed))],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                )
                for seed, share in enumerate(shares)
            ]  # fmt: skip
            for child in children:
                child.stdout.readline()
            begin = time.perf_counter()
            for child in children:
                child.stdin.write("go\n")
            for child in children:
                child.stdout.readline()
            seconds = time.perf_counter() - begin
            for child in children:
                child.communicate()
            harness.require(project.n_rows == sum(shares) * rows, "no row was lost")
        return seconds

    cases: dict[str, list[float]] = {"ours": [], "one process learns both": []}
    for _ in range(3 if report.options.quick else report.options.repeats):
        cases["ours"].append(learn((batches, batches)))
        cases["one process learns both"].append(learn((2 * batches,)))
    times = {name: Timing(name, tuple(seconds)) for name, seconds in cases.items()}
    report.add(f"two processes, {batches:,} batches of {rows} x {p} each into one shared project", times, ours="ours",
               peer="one process learns both", target="<= 1.3", rows=rows, p=p)  # fmt: skip


# --- memory -----------------------------------------------------------------------------------------------------------

_FINISHED = """
import sys
import symjobs as sj
url, count = sys.argv[1], int(sys.argv[2])
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) * 1024
manager = sj.JobManager(store=url, queue_size=1000, expire_after=None)
project = sj.Project("p", type="cpu")
def run(n):
    for _ in range(n // 100):
        for handle in [manager.submit(sj.ProjectInfoJob(project), owner="c") for _ in range(100)]:
            handle.result()
run(500)
before = resident()
run(count)
print(resident() - before)
"""


def memory(report: harness.Report, folder: Path) -> list[tuple[str, ...]]:
    count = 2_000 if report.options.quick else 100_000
    url = f"sqlite:///{folder / 'many.db'}"
    answer = subprocess.run(
        [sys.executable, "-c", _FINISHED, url, str(count)], capture_output=True, text=True, check=True
    )
    grown = int(answer.stdout)
    verdict = "met" if grown <= 50 * MIB else "MISSED"
    return [("finished jobs in the store", "growth of the process", "target", ""),
            (f"{count:,}", f"{grown / MIB:,.1f} MiB", "<= 50 MB", verdict)]  # fmt: skip


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", choices=("latency", "times", "kills", "memory"), help="one part of it")
    parser.add_argument("--type", help="kill jobs of this type only")
    parser.add_argument("--where", choices=_WHERE, help="kill them there only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = harness.Report("job_system", options)
        if options.only in (None, "latency"):
            latency(report, Path(folder))
        if options.only in (None, "times"):
            processes(report)
            shared(report, Path(folder))
        report.finish()
        if options.only in (None, "memory"):
            print(harness.table(memory(report, Path(folder))))
        if options.only in (None, "kills"):
            print("\nfrom a kill to the end of the job, at a random moment")
            print(harness.table(kills(report)))


if __name__ == "__main__":
    main()
