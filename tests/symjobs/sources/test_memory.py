"""Learning a file ten times larger than the memory budget: the peak stays within the budget plus the state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

BUDGET = 32 * 2**20
COLUMNS = [f"c{j}" for j in range(20)]

# A process of its own: learns a small file first, so that libraries and compiled code are there, then resets the
# peak that the kernel keeps (clear_refs 5) and learns the large file.
SCRIPT = """
import gc, sys
from symjobs import Project, sources
from symkernels._moments import _backends

kind, small, large, budget = sys.argv[1:]

def learn(path):
    project = Project("memory")
    return project.learn(getattr(sources, kind)(path, memory_budget=int(budget)))

def kilobytes(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))

learn(small)  # without rounding errors
usual, _backends._LITTLE_WORK = _backends._LITTLE_WORK, 0.0
learn(small)  # as larger files are
_backends._LITTLE_WORK = usual
gc.collect()
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = kilobytes("VmRSS")
project = learn(large)
state = sum(array.nbytes for array in project.snapshot().moments.arrays().values())
print(project.n_rows, (kilobytes("VmHWM") - before) * 1024, state)
"""


def _csv(path: Path, size: int) -> int:
    X = np.random.default_rng(0).normal(size=(5000, len(COLUMNS)))
    block = ("\n".join(",".join(f"{v:.6f}" for v in row) for row in X) + "\n").encode()
    repeats = -(-size // len(block))
    with path.open("wb") as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        for _ in range(repeats):
            file.write(block)
    return repeats * len(X)


def _parquet(path: Path, size: int) -> int:
    rng = np.random.default_rng(0)
    rows = 100_000
    table = pa.table({name: rng.normal(size=rows) for name in COLUMNS})
    with pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=False) as writer:
        repeats = -(-size // table.nbytes)
        for _ in range(repeats):
            writer.write_table(table)
    return repeats * rows


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak can be reset on Linux only")
@pytest.mark.parametrize(("kind", "write"), [("csv", _csv), ("parquet", _parquet)])
def test_peak_memory_stays_within_the_budget(tmp_path, kind, write):
    small, large = tmp_path / f"small.{kind}", tmp_path / f"large.{kind}"
    write(small, 4 * 2**20)
    rows = write(large, 10 * BUDGET)
    assert large.stat().st_size >= 10 * BUDGET
    command = [sys.executable, "-c", SCRIPT, kind, str(small), str(large), str(BUDGET)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    large.unlink()
    assert done.returncode == 0, done.stderr
    learnt, peak, state = map(int, done.stdout.split())
    assert learnt == rows
    assert peak <= BUDGET + state
