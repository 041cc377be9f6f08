"""Reading CSV in bounded memory: this package's source beside pyarrow, Polars and pandas.

python benchmarks/bench_csv.py [--quick] [--json FILE]
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import _harness as harness
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
from _harness import Case

import symjobs as sj

NUMBERS = [f"x{i}" for i in range(20)]
BLOCK = 2**20


def write(path: Path, rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, len(NUMBERS))), columns=NUMBERS)
    frame["t"] = rng.choice(["alpha", "beta", "gamma"], rows)
    frame.to_csv(path, index=False)
    return frame


def readers(path: Path) -> dict[str, Callable[[], int]]:
    """Return for each library a function that reads the file in blocks and returns the number of rows."""
    text = pa.dictionary(pa.int32(), pa.string())
    convert = pyarrow.csv.ConvertOptions(column_types={**dict.fromkeys(NUMBERS, pa.float64()), "t": text})
    schema = {**dict.fromkeys(NUMBERS, pl.Float64), "t": pl.String}

    def ours() -> int:
        return sum(table.num_rows for table in sj.sources.csv(path, types={"t": "T"}))

    def arrow() -> int:
        read = pyarrow.csv.ReadOptions(block_size=BLOCK)
        with pyarrow.csv.open_csv(path, read, convert_options=convert) as reader:
            return sum(batch.num_rows for batch in reader)

    def polars() -> int:
        batches = pl.scan_csv(path, schema=schema).collect_batches(maintain_order=True, chunk_size=20_000, lazy=True)
        return sum(batch.height for batch in batches)

    def pandas() -> int:
        return sum(len(part) for part in pd.read_csv(path, chunksize=20_000))

    return {
        "ours": ours,
        "pyarrow.open_csv": arrow,
        "polars.scan_csv": polars,
        "pandas.read_csv": pandas,
    }


def main() -> None:
    options = harness.arguments("CSV")
    report = harness.Report("csv", options)
    rows = 20_000 if options.quick else 400_000
    with tempfile.TemporaryDirectory() as folder, harness.threads(options.threads):
        path = Path(folder) / "data.csv"
        frame = write(path, rows)
        project = sj.Project("csv").learn(sj.sources.csv(path, types={"t": "S"}))
        mean = project.snapshot().moments.mean()
        harness.require(np.allclose(mean, frame[NUMBERS].mean(), rtol=1e-9, atol=1e-12), "another mean")
        cases = readers(path)
        for name, read in cases.items():
            harness.require(read() == rows, f"{name}: another number of rows")
        timings = harness.interleave({name: Case(read) for name, read in cases.items()}, repeats=options.repeats)
        report.add(
            f"{rows:,} rows of 20 numbers and a category, {path.stat().st_size / 1e6:.0f} MB",
            timings,
            ours="ours",
            peer="polars.scan_csv",
        )
    report.finish()


if __name__ == "__main__":
    main()
