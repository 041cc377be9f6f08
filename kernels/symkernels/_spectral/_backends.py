"""Which matrices take a faster way through a spectral function."""

from __future__ import annotations

from .._arrays import Array, is_cupy, is_numpy


def uses_cache_blocks(x: Array) -> bool:
    """Whether a matrix is processed in blocks that stay in a core's cache: NumPy arrays.

    NumPy then reuses its temporary arrays, instead of getting new pages from the system. That halves the time for
    checks and signs of a 1,000 x 1,000 matrix. On a GPU one block is fastest.
    """
    return is_numpy(x)


def uses_cholesky(x: Array) -> bool:
    """Whether a matrix may be inverted from its Cholesky factor: NumPy and CuPy arrays.

    Both raise an error if the matrix is not positive definite. The array API standard leaves that undefined.
    """
    return is_numpy(x) or is_cupy(x)


def cache_blocks(x: Array, length: int) -> list[slice]:
    """Return slices of the rows (or columns) of ``x``, each of ``length`` entries: see `uses_cache_blocks`."""
    count = x.size // length
    width = max(1, 65536 // length) if uses_cache_blocks(x) else count
    return [slice(start, min(start + width, count)) for start in range(0, count, width)]
