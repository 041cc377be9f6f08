"""NumPy's fast path: one tail on the calling thread, many in the threads of `_parallel`."""

from __future__ import annotations

from functools import partial

import numpy as np

from .. import _parallel
from ._generic import Fits

_VALUES_PER_THREAD = 20_000  # values from which on a further thread saves time


def fit_rows(X: np.ndarray, C: np.ndarray | None) -> Fits:
    """Fit each row of X (m, n), with the censored values in that of C (m, k); float64, NaN where there is none."""
    from . import _loops

    m = X.shape[0]
    if C is None:
        C = np.empty((m, 0))
    numbers, codes = np.empty((3, m)), np.empty(m, dtype=np.int64)
    reached, counts = np.empty(m, dtype=np.bool_), np.empty(m, dtype=np.int64)
    threads = max(1, min(_parallel.thread_count(), (X.size + C.size) // _VALUES_PER_THREAD))
    if m == 0:
        return Fits(numbers[0], numbers[1], numbers[2], codes, reached, counts)
    _parallel.run_all(
        [
            partial(_loops.fit_rows, X, C, start, stop, numbers, codes, reached, counts)
            for start, stop in _parallel.split(m, threads)
        ]
    )
    return Fits(numbers[0], numbers[1], numbers[2], codes, reached, counts)
