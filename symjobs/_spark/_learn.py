"""Learn a DataFrame of Spark: a state a partition, merged in a tree. Rows never reach the driver."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from symjobs._errors import InputError
from symjobs._project import Project
from symjobs._spark._errors import spark_errors
from symjobs._spark._frames import SparkFrame
from symjobs._spark._plan import Merge
from symjobs._spark._tasks import SCHEMA, learning_task, merging_task
from symjobs._spark._watch import is_connect, watch_of
from symjobs._version import __version__

_FAN = 16  # states that a task of the tree merges
_LEVELS = 2  # of a tree whose leaves are not known, with Spark Connect
_DRIVER_BYTES = 2**28  # of states that the driver gets; if they may be more, one task merges them before


def learn_frame(
    frame: SparkFrame, project: Project, progress: Callable[[int, int], object]
) -> tuple[Project | None, int, int]:
    """Learn the rows of a DataFrame as a project does that has learnt nothing.

    Parameters
    ----------
    frame : SparkFrame
    project : Project
        Its parameters count, and the types of its columns. It does not change.
    progress : callable
        Called with the tasks done and the tasks known, some times a second; what it raises stops Spark.

    Returns
    -------
    learnt : Project or None
        None if there was no row.
    rows : int
    bad : int
        Values that did not fit their columns, and are missing.

    Raises
    ------
    InputError
        If Spark cannot read the data, rows cannot be learnt, or an executor lacks this package.
    """
    kind = "pyspark.sql.connect" if is_connect(frame.session) else "pyspark.sql"
    functions = import_module(f"{kind}.functions")  # of its own kind, as there may be sessions of both
    Observation = import_module(f"{kind}.observation").Observation

    plan = frame.plan(project)
    watch = watch_of(frame.session)
    counted = Observation("symjobs")
    rows = frame.frame.observe(counted, functions.count(functions.lit(1)).alias("rows"))
    states = rows.mapInArrow(learning_task(plan.to_bytes(), __version__), SCHEMA)
    for fan in _tree(frame):
        states = (
            states.withColumn("group", functions.floor(functions.col("place") / fan))
            .repartition(functions.col("group"))
            .drop("group")
            .sortWithinPartitions("place")
            .mapInArrow(merging_task(fan), SCHEMA)
        )

    def action() -> list[Any]:
        return sorted(states.collect(), key=lambda row: row["place"])

    with spark_errors(frame.name):
        found = watch.run(action, progress)
        expected = int(counted.get["rows"])
    total = Merge()
    for row in found:
        total.add(row.asDict())
    learnt = total.project
    if total.problem:
        raise InputError(total.problem if total.problem.startswith(frame.name) else f"{frame.name}: {total.problem}")
    if total.rows != expected:  # the observation may count rows of tasks that ran twice
        with spark_errors(frame.name):
            expected = watch_of(frame.session).run(frame.frame.count, lambda done, known: progress(0, 1))
        if total.rows != expected:
            raise InputError(
                f"{frame.name}: Spark counts {expected} rows, and {total.rows} were learnt: the data changes while it "
                "is read; nothing is kept"
            )
    return learnt, total.rows, total.bad


def _tree(frame: SparkFrame) -> list[int]:
    """Return how many states each level of the tree merges into one, from the leaves."""
    state_bytes = 32 * max(1, len(frame.names)) ** 2
    if is_connect(frame.session):
        levels, leaves = _LEVELS, _FAN
    else:
        leaves, levels = frame.frame.rdd.getNumPartitions(), 0
        while leaves > _FAN:
            leaves, levels = -(-leaves // _FAN), levels + 1
    fans = [_FAN] * levels
    return [*fans, 2**40] if leaves * state_bytes > _DRIVER_BYTES else fans
