"""What an executor does with the rows of a partition, and with states."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from symjobs._errors import InputError
from symjobs._project import Project
from symjobs.sources._arrow_columns import ArrowColumns
from symjobs.sources._cells import BadText, Cells
from symjobs.sources._dialect import Columns, Dialect
from symjobs.sources._hints import bad_cell

_AT_ONCE = 16  # states that are merged in one go


@dataclass(frozen=True)
class TypedColumns:
    """Columns that have types in Spark."""

    name: str
    types: Mapping[str, str] = field(default_factory=dict)
    dates: Sequence[str] | bool = ()

    def reader(self) -> TypedReader:
        """Return what converts them on an executor."""
        return TypedReader(self)


@dataclass(frozen=True)
class TextColumns:
    """The columns of CSV files, which Spark reads as text."""

    name: str
    columns: Columns
    dialect: Dialect

    def reader(self) -> TextReader:
        """Return what converts them on an executor."""
        return TextReader(self)


class TypedReader:
    """Converts record batches whose columns have types."""

    bad = 0

    def __init__(self, told: TypedColumns) -> None:
        self._told = told
        self._columns: ArrowColumns | None = None

    def converted(self, batch: Any) -> Any:
        """Return a batch with categories and dates as they are learnt."""
        told = self._told
        if self._columns is None:
            self._columns = ArrowColumns(batch.schema, told.types, told.dates, told.name, strict=False)
        return self._columns.converted(batch)


class TextReader:
    """Converts record batches of text."""

    def __init__(self, told: TextColumns) -> None:
        self._told = told
        self._cells = Cells(told.dialect)
        self.bad = 0  # values that did not fit their columns, and are missing

    def converted(self, batch: Any) -> Any:
        """Return a batch whose text is converted; InputError for a value that does not fit, unless that is allowed."""
        import pyarrow as pa
        import pyarrow.compute as pc

        told, arrays = self._told, []
        for j in told.columns.learnt:
            bad: list[BadText] = []
            texts = pc.fill_null(batch.column(batch.schema.get_field_index(told.columns.names[j])), "")
            arrays.append(self._cells.converted(texts.cast(pa.string()), told.columns.kinds[j], bad))
            if bad and told.dialect.errors == "raise":
                words = bad_cell(told.columns.names[j], told.columns.kinds[j], bad[0], told.dialect, {})
                raise InputError(told.name + words)
            self.bad += len(bad)
        return pa.record_batch(arrays, names=[told.columns.names[j] for j in told.columns.learnt])


@dataclass(frozen=True)
class Plan:
    """How the rows of a partition become a state."""

    params: Mapping[str, Any]
    histogram: bool
    types: Mapping[str, str]
    columns: TypedColumns | TextColumns

    def to_bytes(self) -> bytes:
        """Return the plan for the executors."""
        return pickle.dumps(self)

    def project(self) -> Project:
        """Return an empty project, of the kind into which each partition learns."""
        return Project("partition", type="cpu", histogram=self.histogram, params=self.params)


def learn_partition(plan: bytes, batches: Iterable[Any]) -> tuple[int, int, bytes | None, str]:
    """Return the rows of a partition, its values that are missing as they did not fit, its state, and what is wrong."""
    told: Plan = pickle.loads(plan)
    reader = told.columns.reader()
    rows = 0

    def tables() -> Iterator[Any]:
        nonlocal rows
        for batch in batches:
            if batch.num_rows:
                yield reader.converted(batch)
                rows += batch.num_rows

    try:
        project = told.project().learn_part(tables(), types=told.types)
    except InputError as error:
        return rows, reader.bad, None, str(error)
    return rows, reader.bad, project.state() if rows else None, ""


def merged(batches: Iterable[Any], fan: int) -> Iterator[Any]:
    """Merge the states of each `fan` neighbours, and yield a record batch for them."""
    import pyarrow as pa

    schema = None

    def found() -> Iterator[dict[str, Any]]:
        nonlocal schema
        for batch in batches:
            schema = batch.schema
            for i in range(batch.num_rows):
                yield batch.slice(i, 1).to_pylist()[0]

    for place, group in groupby(found(), key=lambda row: row["place"] // fan):
        merge = Merge()
        for row in group:
            merge.add(row)
        yield pa.RecordBatch.from_pylist([{"place": place, **merge.row()}], schema)


class Merge:
    """What partitions have learnt, together."""

    def __init__(self) -> None:
        self.rows = self.bad = 0
        self.problem = ""
        self._project: Project | None = None
        self._waiting: list[bytes] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of what a task has yielded."""
        self.rows += row["rows"]
        self.bad += row["bad"]
        self.problem = self.problem or row["problem"]
        state = row["state"]
        if state is None or self.problem:
            return
        if self._project is None:
            self._project = Project.from_state(bytes(state), type="cpu")
            return
        self._waiting.append(bytes(state))
        if len(self._waiting) == _AT_ONCE:
            self._merge()

    def _merge(self) -> None:
        if self._project is None or not self._waiting:
            return
        try:
            self._project.merge(*self._waiting)
        except InputError as error:
            self.problem = str(error)
        self._waiting = []

    @property
    def project(self) -> Project | None:
        """What was learnt, None if there was no row."""
        self._merge()
        return None if self.problem else self._project

    def row(self) -> dict[str, Any]:
        """Return a row for the next merge."""
        project = self.project
        state = None if project is None else project.state()
        return {"rows": self.rows, "bad": self.bad, "state": state, "problem": self.problem}
