"""Which loop sums up rows: one place that chooses, and says why."""

from __future__ import annotations

from collections.abc import Callable

from .._arrays import Array, is_cupy, is_numpy, namespace
from .._numba import numba_works
from ._generic import block_sums
from ._layout import Layout
from ._rows import Incidence
from ._sums import Sums

_BLOCK_BYTES = 2**22  # per temporary of the generic body on a CPU: stays in the cache
_GPU_BLOCK_BYTES = 2**28  # a GPU wants large blocks; this bounds what they take of its memory


def sum_rows(
    X: Array,
    weight: Array | None,
    sparse: Incidence | None,
    layout: Layout,
    shift: Array,
    *,
    joint: bool,
    checkpoint: Callable[[int, int], None] | None = None,
) -> tuple[Sums, float]:
    """The sums of the rows of X about ``shift``, and how many additions in a row they went through."""
    # The compiled loops know neither weights nor joint squares: both need other products, and are rare.
    if is_numpy(X) and weight is None and not joint and numba_works():
        from ._fast import depth
        from ._fast import sum_rows as fast

        return fast(X, sparse, layout, shift, checkpoint), depth(X.shape[0])
    if is_cupy(X):
        from ._cuda import block_sums_cuda as body

        block_bytes = _GPU_BLOCK_BYTES
    else:
        body, block_bytes = block_sums, _BLOCK_BYTES
    n = X.shape[0]
    step = max(64, block_bytes // (8 * max(layout.size, layout.n_groups, 1)))
    xp = namespace(X)
    total = Sums.zeros(layout, shift, missing=False, joint=joint)
    total.low, total.high = xp.asarray(total.low, copy=True), xp.asarray(total.high, copy=True)
    for start in range(0, n, step):
        stop = min(start + step, n)
        total.add(
            body(
                X[start:stop, :],
                None if weight is None else weight[start:stop],
                None if sparse is None else sparse.part(start, stop),
                layout,
                shift,
                joint=joint,
            ),
            1,
            layout,
        )
        if checkpoint is not None:
            checkpoint(stop, n)
    return total, float(n)
