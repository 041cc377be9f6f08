"""The functions that Spark runs on its executors.

Spark pickles them by value, as they are nested: so an executor that lacks this package can say so. What is wrong comes
back in a row, as Spark would try a task that raises again, and it would fail again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

# What the tasks yield, a row a partition: where it is, its rows, those values of it that did not fit and are missing,
# what was learnt from it, and what is wrong.
COLUMNS = ("place", "rows", "bad", "state", "problem")
SCHEMA = "place long, rows long, bad long, state binary, problem string"

Task = Callable[[Iterable[Any]], Iterator[Any]]


def learning_task(plan: bytes, version: str) -> Task:
    """Return a task that learns the rows of a partition into one state, as a `Plan` says."""
    columns = COLUMNS

    def learn(batches: Iterable[Any]) -> Iterator[Any]:
        import os
        import sys

        import pyarrow as pa
        from pyspark import TaskContext

        task: Any = TaskContext.get()
        os.environ.setdefault("SYMKERNELS_NUM_THREADS", str(task.cpus()))
        found: tuple[Any, ...]
        try:
            from symjobs._spark._plan import learn_partition
            from symjobs._version import __version__
        except ImportError as error:
            found = 0, 0, None, f"an executor (Python {sys.version.split()[0]}) cannot import symjobs: {error}"
        else:
            if __version__ == version:
                found = learn_partition(plan, batches)
            else:
                found = 0, 0, None, f"an executor has symjobs {__version__}, and the driver {version}"
        for _ in batches:  # what an error has left
            pass
        yield pa.RecordBatch.from_pylist(
            [dict(zip(columns, (task.partitionId(), *found), strict=True))],
            pa.schema(zip(columns, (pa.int64(), pa.int64(), pa.int64(), pa.binary(), pa.string()), strict=True)),
        )

    return learn


def merging_task(fan: int) -> Task:
    """Return a task that merges what neighbours have learnt, `fan` of them into one; its rows are sorted by place."""

    def merge(batches: Iterable[Any]) -> Iterator[Any]:
        try:
            from symjobs._spark._plan import merged
        except ImportError:  # the rows say so already
            yield from batches
        else:
            yield from merged(batches, fan)

    return merge
