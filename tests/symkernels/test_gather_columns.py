"""Columns written side by side: the same as NumPy's assignment, for every type and both bodies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import ShapeError, _columns, gather_columns

KINDS = ["f8", "f4", "i8", "i4", "i2", "u1", "u8", "?", ">f8", "f2"]


@settings(max_examples=80, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=0, max_size=9),
    n=st.sampled_from([0, 1, 63, 64, 65, 5000]),
    dtype=st.sampled_from([np.float64, np.float32]),
    more=st.integers(0, 2),
    strided=st.booleans(),
    loops=st.booleans(),
    seed=st.integers(0, 100),
)
def test_it_is_an_assignment(
    kinds: list[str], n: int, dtype: type, more: int, strided: bool, loops: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    columns = [(rng.normal(size=2 * n) * 50).astype(kind) for kind in kinds]
    columns = [column[::2] if strided else column[:n] for column in columns]
    positions = rng.permutation(len(kinds) + more)[: len(kinds)].tolist()
    out, right = np.full((2, n, len(kinds) + more), -1.0, dtype)
    for column, position in zip(columns, positions, strict=True):
        right[:, position] = column
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_columns, "_VALUES_PER_THREAD", 100)
        if not loops:
            patch.setattr(_columns, "uses_loops", lambda *_: False)
        gather_columns(columns, positions, out)
    np.testing.assert_array_equal(out, right)


@pytest.mark.parametrize(
    ("columns", "positions", "out", "match"),
    [
        ([np.ones(3)], [0], np.ones((2, 1)), "does not fit"),
        ([np.ones(2)], [1], np.ones((2, 1)), "at position 1 does not fit"),
        ([np.ones(2)], [-1], np.ones((2, 1)), "at position -1 does not fit"),
        ([np.ones((2, 1))], [0], np.ones((2, 1)), "does not fit"),
        ([np.ones(2)], [0], np.ones((2, 1), int), "out must be"),
        ([np.ones(2)], [0], np.ones((2, 2), order="F"), "out must be"),
        ([np.ones(2)], [0], np.ones(2), "out must be"),
    ],
)
def test_what_does_not_fit(columns: list, positions: list[int], out: np.ndarray, match: str) -> None:
    with pytest.raises(ShapeError, match=match):
        gather_columns(columns, positions, out)
