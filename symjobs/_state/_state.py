"""The state of a project: schema, moments, histograms, rolling window and clusters. A snapshot holds one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._state._backend import CPU, Backend
from symjobs._state._clusters import Clusters
from symjobs._state._histograms import Histograms
from symjobs._state._memory import check_memory
from symjobs._state._rows import Rows
from symjobs._state._schema import Schema
from symjobs._state._window import Window
from symjobs._tables._types import SEPARATOR
from symkernels import ForgetError, Moments, QuantileSketch

Checkpoint = Callable[[int, int], None]  # called with rows done and rows to do; what it raises stops the work


@dataclass(slots=True)
class State:
    """Everything that learning changes.

    ``shared`` is set when a snapshot takes the state. From then on nothing changes it: the next write works on a copy.
    """

    schema: Schema
    moments: Moments
    backend: Backend = CPU
    histograms: Histograms | None = None
    window: Window | None = None
    clusters: Clusters | None = None
    shared: bool = False
    _hash: str | None = None

    def copy(self) -> State:
        """Return an independent copy."""
        return State(
            self.schema.copy(),
            self.moments.copy(),
            self.backend,
            None if self.histograms is None else self.histograms.copy(),
            None if self.window is None else self.window.copy(),
            None if self.clusters is None else self.clusters.copy(),
        )

    @property
    def groups(self) -> np.ndarray:
        """(g,) presence groups of the T and L columns, ascending, which is the order in which they came."""
        return np.array([self.schema.fields[name].group for name in self.schema.sparse], dtype=np.intp)

    # New attributes. They change no count.

    def add_dense(self, columns: Sequence[tuple[str, str, bool]]) -> None:
        """Add C and B columns, each a triple of name, letter and whether the type was declared."""
        self.schema.check_free(name for name, _, _ in columns)
        if columns:
            check_memory(columns[0][0], self.moments, dense=len(columns))
        binary = np.array([letter == "B" for _, letter, _ in columns])
        indices = self.moments.extend(len(columns), binary=binary)
        for (name, letter, declared), index in zip(columns, np.asarray(indices).tolist(), strict=True):
            self.schema.add_dense(name, letter, declared, index)
        self._hash = None

    def add_group(self, name: str, letter: str, declared: bool) -> None:
        """Add a T or L column, without members."""
        group, _ = self.moments.extend_sparse(0)
        self.schema.add_group(name, letter, declared, group)
        self._hash = None

    def add_members(self, name: str, members: Sequence[str]) -> None:
        """Add members to a T or L column; they were 0 wherever the column was present."""
        self.schema.check_free(f"{name}{SEPARATOR}{member}" for member in members)
        check_memory(name, self.moments, members=len(members))
        _, indices = self.moments.extend_sparse(len(members), self.schema.fields[name].group)
        for member, index in zip(members, np.asarray(indices).tolist(), strict=True):
            self.schema.add_member(name, member, index)
        self._hash = None

    def widen(self, name: str) -> None:
        """Turn a B column into a C column; its sums stay as they are."""
        self.moments.make_continuous(self.schema.fields[name].index)
        self.schema.widen(name)
        self._hash = None

    # Rows.

    def learns_columns(self, count: int) -> bool:
        """Whether ``count`` columns are learnt in place, as `symkernels.Columns`: moments alone read the rows."""
        alone = self.histograms is None and self.window is None and self.clusters is None
        return alone and self.backend == CPU and not self.schema.sparse and count == len(self.schema.dense)

    def learn(self, rows: Rows, checkpoint: Checkpoint | None = None) -> None:
        """Add rows; all or nothing."""
        host = rows.dense
        rows = Rows(self.backend.put(rows.dense), rows.sparse)
        places = None if self.clusters is None else self.clusters.find(self.schema)
        self._learn(rows, checkpoint)  # first: it refuses bad rows, and then nothing is changed yet
        if self.histograms is not None:
            self.histograms.learn(self.backend.get(host))
        if self.clusters is not None and places is not None:
            self.clusters.learn(
                self._as_clustered(rows),
                places,
                self.backend,
                listwise=self._listwise,
                # Progress stays as it is.
                checkpoint=None if checkpoint is None else lambda *_: checkpoint(rows.n, rows.n),
            )

    def forget(self, rows: Rows, checkpoint: Checkpoint | None = None) -> None:
        """Take rows away; all or nothing."""
        self._forget(rows, checkpoint)
        if self.histograms is not None and rows.n:
            self.histograms.exact = False
        if self.clusters is not None:
            places = self.clusters.find(self.schema)
            self.clusters.forget(self._as_clustered(rows), places, self.backend, listwise=self._listwise)

    def slide(self, rows: Rows, checkpoint: Checkpoint | None = None) -> None:
        """Add rows, and take away the oldest, so that the window does not exceed its size."""
        window = self.window
        if window is None:
            raise RuntimeError("the project has no rolling window")
        p, groups = len(self.schema.dense), self.groups
        if rows.n > window.size:
            rows = rows.part(rows.n - window.size, rows.n)
        self._learn(rows, checkpoint)
        window.push(rows, p, groups)
        gone = window.pop(max(window.n - window.size, 0))
        try:
            for old in gone:
                self._forget(old.padded(p, groups))
        except ForgetError:  # these rows were learnt: the error is rounding that exceeds the sums of the remaining rows
            self._rebuild(window)
        window.rows_until_rebuild -= rows.n
        if window.rows_until_rebuild <= 0 and self.moments.needs_rebuild:
            self._rebuild(window)

    @property
    def _listwise(self) -> bool:
        return self.moments.missing == "listwise"

    def _as_clustered(self, rows: Rows) -> Rows:
        # With listwise, a column that the batch lacks is missing in every row, so that no row counts.
        return rows.padded(len(self.schema.dense), self.groups) if self._listwise else rows

    def work(self, n: int) -> int:
        """Return the approximate number of multiplications that learning n rows takes."""
        return n * len(self.schema.names) ** 2 + (0 if self.clusters is None else self.clusters.work(n))

    def _rebuild(self, window: Window) -> None:
        p, groups = len(self.schema.dense), self.groups
        self.moments = emptied(self.moments)
        for chunk in window.chunks:
            self._learn(chunk.padded(p, groups))
        if self.moments.needs_rebuild:  # too inexact even when rebuilt: try again when all rows have been replaced
            window.rows_until_rebuild = window.n

    def _learn(self, rows: Rows, checkpoint: Checkpoint | None = None) -> None:
        self.moments.learn(self.backend.put(rows.dense), sparse=rows.sparse, checkpoint=checkpoint)
        self._hash = None

    def _forget(self, rows: Rows, checkpoint: Checkpoint | None = None) -> None:
        self.moments.forget(self.backend.put(rows.dense), sparse=rows.sparse, checkpoint=checkpoint)
        self._hash = None

    def sketch(self, position: int) -> QuantileSketch | None:
        """Return the sketch of the dense column at ``position``, None if it is not known. Do not modify."""
        if self.histograms is None:
            return None
        if self.window is None:
            return self.histograms.sketch(position)
        values = self.window.values(position)
        return QuantileSketch().update(values) if len(values) else None

    def quantile(self, position: int, q: float) -> float | None:
        """Return a quantile of the dense column at ``position``, None if it is not known."""
        if self.histograms is None:
            return None
        if self.window is None:
            return self.histograms.quantile(position, q)
        values = self.window.values(position)
        return float(np.quantile(values, q, method="inverted_cdf")) if len(values) else None

    def median(self, position: int) -> float | None:
        """Return the median of the dense column at ``position``, None if it is not known."""
        if self.histograms is None:
            return None
        if self.window is None:
            return self.histograms.median(position)
        values = self.window.values(position)
        return float(np.median(values)) if len(values) else None

    def hash_from(self, moments: Mapping[str, np.ndarray]) -> str:
        """Return the hash, given the arrays of the moments, which take a while to make."""
        if self._hash is None:
            self._hash = _hash_of(self, moments)
        return self._hash

    def remember_hash(self, digest: str) -> None:
        """Keep the hash of an equal state, as computing it takes a while."""
        self._hash = digest

    @property
    def hash(self) -> str:
        """32 hexadecimal digits (BLAKE2b) of the schema, and of every array of moments and clusters; computed once."""
        return self._hash or self.hash_from(self.moments.arrays())


def _hash_of(state: State, moments: Mapping[str, np.ndarray]) -> str:
    names = json.dumps(schema_to_json(state.schema), separators=(",", ":"))
    if state.clusters is None:
        return digest_of(moments, names.encode())
    arrays = {f"clusters.{name}": array for name, array in state.clusters.arrays().items()}
    return digest_of({**moments, **arrays}, names.encode() + state.clusters.text())


def digest_of(arrays: Mapping[str, np.ndarray], text: bytes = b"") -> str:
    """Return the BLAKE2b digest of a text, and of the names, dtypes, shapes and bytes of arrays."""
    digest = hashlib.blake2b(text, digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def emptied(moments: Moments) -> Moments:
    """Return moments with the same attributes and no rows."""
    empty = Moments(0, missing=moments.missing, joint_squares=moments.joint_squares, exact=moments.exact)
    return empty.aligned(moments, [-1] * moments.n_attributes)


def schema_to_json(schema: Schema) -> list[dict[str, Any]]:
    """Return the fields as JSON; the rest of a schema follows from them."""
    return [
        {
            "name": f.name,
            "type": f.type,
            "declared": f.declared,
            "index": f.index,
            "position": f.position,
            "group": f.group,
            "members": f.members,
        }
        for f in schema.fields.values()
    ]
