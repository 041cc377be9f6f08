"""Data sources: a CSV and a Parquet file learnt by a job, a question about a file as a whole process, and memory.

    python benchmarks/bench_sources.py [--quick] [--no-memory] [--json FILE]

The peer of *a CSV file* is Polars that reads the file alone into an array. The floor of *a Parquet file* is the slower
of two halves: pyarrow that reads it alone, batch after batch, and a project that learns the same batches from memory.
The peer of the process is a script with Polars and scikit-learn that prints the same eigenvalues.

Memory is the kernel's high-water mark (VmHWM, set anew by /proc/self/clear_refs once libraries and compiled loops are
there) less what was resident then: files of 4 GB and a budget of 512 MB. Linux only; printed, as it is no time.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import _harness as harness
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from _harness import Case

import symjobs as sj

ROOT = Path(__file__).parents[1]
COLUMNS = [f"x{j}" for j in range(50)]
GB = 10**9

SCRIPT = """
import sys
import polars as pl
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
X = StandardScaler().fit_transform(pl.read_csv(sys.argv[1]).to_numpy())
print(*PCA().fit(X).explained_variance_.tolist())
"""
OURS = """
import sys
from symjobs._cli import main
main(["run", "pca", sys.argv[1], "--json"])
"""
PEAK = """
import os
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
os.write(2, f"peak {peak * 1024}\\n".encode())
"""
MEMORY = """
import gc, sys
import symjobs as sj
from symkernels._numba import compile_now
from symkernels._moments import _backends

path, small, budget = sys.argv[1:]
for kernel in ("delimited", "moments", "exact"):
    compile_now(kernel)
sj.Project("warm").learn(sj.sources.open(small))
usual, _backends._LITTLE_WORK = _backends._LITTLE_WORK, 0.0
sj.Project("warm").learn(sj.sources.open(small))  # as larger files are
_backends._LITTLE_WORK = usual
gc.collect()
open("/proc/self/clear_refs", "w").write("5")
def kilobytes(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))
before = kilobytes("VmRSS")
project = sj.Project("p").learn(sj.sources.open(path, memory_budget=int(budget)))
state = sum(array.nbytes for array in project.snapshot().moments.arrays().values())
print(project.n_rows, (kilobytes("VmHWM") - before) * 1024, state)
"""


def write_csv(path: Path, rows: int, rng: np.random.Generator) -> np.ndarray:
    X = rng.standard_normal((rows, len(COLUMNS)))
    pl.DataFrame(dict(zip(COLUMNS, X.T, strict=True))).write_csv(path)
    return X


def write_parquet(path: Path, rows: int, rng: np.random.Generator, group: int = 200_000) -> None:
    schema = pa.schema([(name, pa.float64()) for name in COLUMNS])
    with pa.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, group):
            block = rng.standard_normal((len(COLUMNS), min(group, rows - start)))
            writer.write_table(pa.table(dict(zip(COLUMNS, block, strict=True))))


def job(path: Path) -> Callable[[], int]:
    """Return the run of a job that learns the file."""

    def run() -> int:
        return manager.submit(sj.DSUpdateJob(sj.Project("p", type="cpu"), path)).result(600).rows

    manager = sj.JobManager(store=None)
    return run


def csv(report: harness.Report, path: Path, X: np.ndarray) -> None:
    """A job that learns a CSV file beside Polars that reads it."""
    ours = job(path)
    harness.require(ours() == len(X), "another number of rows")
    project = sj.Project("p", type="cpu").learn(sj.sources.csv(path))
    harness.require(np.allclose(project.snapshot().moments.mean(), X.mean(axis=0), rtol=1e-9, atol=1e-12), "mean")
    cases = {
        "DSUpdateJob": Case(ours),
        "Polars, read_csv to an array": Case(lambda: pl.read_csv(path).to_numpy()),
        "sources.csv alone": Case(lambda: sum(table.num_rows for table in sj.sources.csv(path).tables())),
        "pyarrow, read_csv": Case(lambda: pa.csv.read_csv(path)),
    }
    title = f"learn a CSV file of {len(X):,} x {len(COLUMNS)}, {path.stat().st_size / 1e6:.0f} MB"
    timings = harness.interleave(cases, repeats=report.options.repeats)
    report.add(title, timings, ours="DSUpdateJob", peer="Polars, read_csv to an array", target="<= 1.3")
    report.finish()


def parquet(report: harness.Report, folder: Path, rows: int, rng: np.random.Generator) -> None:
    """A job that learns a Parquet file beside reading alone and learning alone."""
    path = folder / "d.parquet"
    write_parquet(path, rows, rng)
    ours = job(path)
    harness.require(ours() == rows, "another number of rows")
    batches = list(sj.sources.parquet(path).tables())

    def read() -> int:
        with pa.parquet.ParquetFile(path) as file:
            return sum(batch.num_rows for batch in file.iter_batches(batches[0].num_rows))

    timings = harness.interleave(
        {
            "DSUpdateJob": Case(ours),
            "reading alone, pyarrow": Case(read),
            "learning alone": Case(lambda: sj.Project("p", type="cpu").learn(iter(batches))),
        },
        repeats=report.options.repeats,
    )
    halves = ("reading alone, pyarrow", "learning alone")
    slower = max(halves, key=lambda name: timings[name].median or 0.0)
    title = f"learn a Parquet file of {rows:,} x {len(COLUMNS)}, {path.stat().st_size / 1e6:.0f} MB"
    report.add(title, timings, ours="DSUpdateJob", peer=slower, target="<= 1.3")
    report.finish()
    path.unlink()


def process(report: harness.Report, path: Path) -> None:
    """``symjobs run pca`` of the file beside a script, as whole processes."""
    peaks: dict[str, int] = {}

    def run(name: str, source: str) -> Callable[[], str]:
        def once() -> str:
            env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}
            env.pop("SYMKERNELS_COMPILE", None)
            command = [sys.executable, "-c", source + PEAK, str(path)]
            done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
            peaks[name] = int(done.stderr.rpartition("peak ")[2])
            return done.stdout

        return once

    ours, peer = run("ours", OURS), run("script", SCRIPT)
    found = np.array(sorted(map(float, _eigenvalues(ours())), reverse=True))
    right = np.array([float(text) for text in peer().split()])
    scale = (found @ right) / (right @ right)  # n - 1 and n
    harness.require(abs(scale - 1) < 1e-3 and np.allclose(found, scale * right, rtol=1e-9), "other eigenvalues")
    cases = {"symjobs run pca": Case(ours), "Polars and scikit-learn": Case(peer)}
    timings = harness.interleave(cases, repeats=report.options.repeats)
    title = "PCA of that CSV file, whole process"
    report.add(
        title, timings, ours="symjobs run pca", peer="Polars and scikit-learn", target="<= 0.8", peak_bytes=peaks
    )
    report.finish()
    print(
        f"  peak memory of the process: {peaks['ours'] / 1e6:.0f} MB, of the script {peaks['script'] / 1e6:.0f} MB;",
        end=" ",
    )
    print(f"ratio {peaks['ours'] / peaks['script']:.2f}, target 0.33")


def _eigenvalues(text: str) -> list[str]:
    import json

    return json.loads(text)["values"]["pcaValues"]["data"][0]


def memory(report: harness.Report, folder: Path, rng: np.random.Generator) -> None:
    """Peak memory while a file eight times the budget is learnt."""
    quick = report.options.quick
    size, budget = (GB // 4, 64 * 2**20) if quick else (4 * GB, 512 * 10**6)
    kinds = {"parquet": "d.parquet", "csv": "d.csv", "csv, gzip": "d.csv.gz"}
    for kind, name in kinds.items():
        path, small = folder / name, folder / f"small.{name}"
        for target, much in ((small, 20 * 10**6), (path, size)):
            if kind == "parquet":
                write_parquet(target, much // (8 * len(COLUMNS)), rng)
            else:
                _write_repeated(target, much, rng, packed=kind != "csv")
        arguments = [sys.executable, "-c", MEMORY, str(path), str(small), str(budget)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        rows, peak, state = map(int, done.stdout.split())
        print(
            f"{kind}: {rows:,} rows, {path.stat().st_size / 1e9:.2f} GB on the disk, budget {budget / 1e6:.0f} MB: "
            f"peak {peak / 1e6:.0f} MB, state {state / 1e6:.1f} MB: {'met' if peak <= budget + state else 'MISSED'}"
        )
        path.unlink()


def _write_repeated(path: Path, size: int, rng: np.random.Generator, *, packed: bool) -> None:
    X = rng.standard_normal((20_000, len(COLUMNS)))
    block = pl.DataFrame(X, schema=COLUMNS).write_csv(include_header=False).encode()
    header = (",".join(COLUMNS) + "\n").encode()
    repeats = max(1, size // len(block))
    if packed:  # members of gzip follow each other
        header, block = gzip.compress(header), gzip.compress(block, 1)
    with path.open("wb") as file:
        file.write(header)
        for _ in range(repeats):
            file.write(block)


def main() -> None:
    parser = harness.parser("Data sources")
    parser.add_argument("--no-memory", action="store_true", help="leave out the files of 4 GB")
    options = parser.parse_args()
    report = harness.Report("sources", options)
    rng = np.random.default_rng(options.seed)
    rows, many = (20_000, 100_000) if options.quick else (300_000, 2_000_000)
    with tempfile.TemporaryDirectory() as folder, harness.threads(options.threads):
        path = Path(folder) / "d.csv"
        X = write_csv(path, rows, rng)
        csv(report, path, X)
        process(report, path)
        parquet(report, Path(folder), many, rng)
        if not options.no_memory and sys.platform.startswith("linux"):
            memory(report, Path(folder), rng)


if __name__ == "__main__":
    main()
