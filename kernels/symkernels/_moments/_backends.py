"""Which body sums up rows: the fast path for CuPy, then that for NumPy, else the one for every array library."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeGuard

import numpy as np

from .._arrays import Array, is_cupy, is_numpy
from .._columns import Columns
from .._numba import compile_mode, uses_loops
from . import _answers, _exact, _generic
from ._layout import Layout
from ._limits import MOST_EXACTLY
from ._members import with_members
from ._parts import UNIT
from ._rows import Incidence
from ._settings import Settings
from ._state import State
from ._sums import Sums

# A batch of at most this many rows is cheaper in one pass over S than with buffers of its own.
_SMALL_BATCH = 8
_LITTLE_WORK = 2e8  # multiplications
_FEW = 1e7  # multiplications for which three levels cost little
_BLOCK_BYTES = 2**22  # of a temporary array on a CPU: it stays in the cache
_GPU_BLOCK_BYTES = 2**28  # of a temporary array on a GPU, where large blocks are faster and memory is limited


def is_little_work(state: State, n: int) -> bool:
    """Whether a state has learnt so little, n further rows included, that it sums without rounding errors.

    While the loops for that are being compiled, the generic body would take a second for what they take 20 ms for.
    """
    layout = state.layout
    products = (layout.n_dense + 1) * layout.size
    if (state.rows_processed + n) * products > _LITTLE_WORK:
        return False
    if n * products <= _FEW or not is_numpy(state.sums.S) or compile_mode() != "auto":
        return True
    return uses_loops("exact", n * layout.n_dense * _seconds(layout.n_dense, exact=True))


def uses_cuda(X: Array) -> bool:
    """Whether CUDA kernels take the rows: CuPy arrays. Weights and gaps send a block on to the generic body."""
    return is_cupy(X)


def uses_compiled(X: Array, weight: Array | None, joint: bool, *, exact: bool, seconds: float | None = None) -> bool:
    """Whether compiled loops take the rows: NumPy arrays without weights or joint squares, once the loops are compiled.

    Weights and joint squares need other matrix products. Both are rare, and the generic body has them. ``seconds``: how
    long that takes, where a call is counted.
    """
    return is_numpy(X) and weight is None and not joint and uses_loops("exact" if exact else "moments", seconds)


def uses_blocks(X: Array, weight: Array | None, sparse: Incidence | None, layout: Layout, joint: bool) -> bool:
    """Whether rows that are to be summed exactly may be summed in two levels instead of three: if they are many.

    That takes a fifth of the time. Without a fused multiply-add it would take more.
    """
    few = X.shape[0] * layout.n_dense**2 <= _FEW
    if few or not uses_compiled(X, weight, joint, exact=True) or not _has_all_groups(sparse):
        return False
    from .._vectors import FUSED

    return FUSED


def _has_all_groups(sparse: Incidence | None) -> bool:
    """Whether no sparse group is missing in any row: the exact loops know gaps of dense attributes only."""
    return sparse is None or not bool(sparse.missing.any())


def uses_compiled_covariance(sums: Sums) -> bool:
    """Whether a compiled loop computes the covariances of complete rows: NumPy sums, where Numba works.

    It fills both triangles in blocks that stay in the cache. The generic body needs several arrays of the size of S.
    """
    return is_numpy(sums.S) and sums.S.flags.c_contiguous and uses_loops("moments")


def uses_fast_path(state: State, X: Any, joint: bool) -> bool:
    """Whether compiled loops may add the rows straight to a state, without a state of the batch in between.

    The rows must need no conversion and no check but those of the loops: dense NumPy rows of the right width. The state
    must have a shift for every attribute, so some rows, and neither sparse attributes nor joint squares.
    """
    sums, layout = state.sums, state.layout
    rows_fit = (
        (type(X) is np.ndarray and X.ndim == 2 and X.dtype in (np.float64, np.float32))
        or (isinstance(X, Columns) and X.compiled)
    ) and X.shape[1] == layout.n_dense > 0 < X.shape[0]
    return (
        rows_fit
        and not joint
        and not layout.sparse_groups.size
        and sums.weight >= _SMALL_BATCH
        and is_numpy(sums.S)
        and sums.S.flags.c_contiguous
        and uses_loops("moments")
        and (sums.N is None or bool((sums.N[0].diagonal() > 0).all()))
    )


def takes_columns(state: State, X: Columns, settings: Settings) -> bool:
    """Whether compiled loops read the first rows of a state where their columns lie."""
    plain = settings.missing == "pairwise" and not settings.exact and not settings.joint_squares
    fits = X.compiled and X.shape[1] == state.layout.n_dense and not state.layout.sparse_groups.size
    return plain and fits and is_numpy(state.sums.S) and uses_loops("moments")


def is_small_batch(X: np.ndarray | Columns) -> TypeGuard[np.ndarray]:
    """Whether rows on the fast path are few enough for one pass over S; the loop reads C-ordered float64."""
    if isinstance(X, Columns) or X.shape[0] > _SMALL_BATCH:
        return False
    return X.dtype == np.float64 and X.flags.c_contiguous and uses_loops("exact")


def sum_rows(
    X: Array,
    weight: Array | None,
    sparse: Incidence | None,
    layout: Layout,
    shift: Array,
    *,
    joint: bool,
    exact: bool,
    in_blocks: bool = False,
    checkpoint: Callable[[int, int], None] | None = None,
) -> Sums:
    """Return the sums of the rows of X about ``shift``.

    ``exact`` asks for sums without rounding errors of products, ``in_blocks`` for those of two levels where they do.
    """
    if sparse is not None and layout.n_sparse:
        n, bare = X.shape[0], layout.without_members()
        sums = sum_rows(
            X, weight, sparse, bare, shift, joint=joint, exact=exact, in_blocks=in_blocks, checkpoint=checkpoint
        )
        between = None if checkpoint is None else partial(checkpoint, n, n)
        return with_members(sums, X, weight, sparse, layout, between)
    n = X.shape[0]
    seconds = n * X.shape[1] * _seconds(X.shape[1], exact)
    if uses_compiled(X, weight, joint, exact=exact, seconds=seconds):
        from . import _fast

        if not exact:
            sums = _fast.sum_rows(X, sparse, layout, shift, checkpoint)
            sums.note_errors(layout, rounding(_fast.depth(n, X.shape[1])), of_all_rows=True)
            return sums
        if _has_all_groups(sparse):
            from . import _exactly

            if in_blocks:
                sums, rows = _exactly.sum_blocks(X, layout, shift, checkpoint)
                if len(rows):
                    rest = None if sparse is None else sparse.keep(np.isin(np.arange(n), rows))
                    left = sum_rows(X[rows], None, rest, layout, shift, joint=joint, exact=True)
                    sums.add(left, 1, layout)
                return sums
            if layout.size <= MOST_EXACTLY:
                return _exactly.sum_rows(X, layout, shift, checkpoint)
    block_sums: Callable[..., Sums] = partial(_generic.block_sums, layout=layout, shift=shift, joint=joint)
    block_bytes = _BLOCK_BYTES
    if uses_cuda(X):
        from . import _cuda

        block_sums, block_bytes = partial(_cuda.block_sums, layout=layout, shift=shift, joint=joint), _GPU_BLOCK_BYTES
    step = max(64, block_bytes // (8 * max(layout.size, layout.n_groups, 1)))
    unit = rounding(min(step, n))
    if exact:
        block_sums, step = partial(_exact.exact_sums, layout=layout, joint=joint), _exact.ROWS
        unit = UNIT * (2 + n / step)
    total = Sums.zeros(layout, shift, missing=False, joint=joint)
    for start in range(0, n, step):
        stop = min(start + step, n)
        block = block_sums(
            X[start:stop, :],
            None if weight is None else weight[start:stop],
            None if sparse is None else sparse.part(start, stop),
        )
        block.note_errors(layout, unit, of_all_rows=False)
        block.move_shift(shift, layout)
        total.add(block, 1, layout)
        if checkpoint is not None:
            checkpoint(stop, n)
        if stop < n and uses_compiled(X, weight, joint, exact=exact):  # meanwhile they have been compiled
            rest = None if sparse is None else sparse.part(stop, n)
            after = None if checkpoint is None else lambda done, _, stop=stop: checkpoint(stop + done, n)
            left = sum_rows(X[stop:, :], None, rest, layout, shift, joint=joint, exact=exact, checkpoint=after)
            left.move_shift(shift, layout)
            total.add(left, 1, layout)
            break
    return total


def _seconds(p: int, exact: bool) -> float:
    """Return about how long the generic body takes for a value of a row of p."""
    return 3.5e-7 if exact else 1.5e-8 + 1e-10 * p


def rounding(depth: float) -> float:
    """Bound the relative rounding error of a variance whose sums went through ``depth`` additions in a row.

    Each addition errs by at most one unit (Higham 2002, section 4.2). Equal rows all err in the same direction, so the
    bound grows with the depth, not with its square root. The factor 4 also covers the square of the sum that the
    variance subtracts.
    """
    return 4 * _answers.UNIT * depth
