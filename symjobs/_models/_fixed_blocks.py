"""A table as blocks of a fixed number of rows, however its rows come."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from symjobs._models._blocks import Blocks

_BLOCK_VALUES = 1 << 18  # 2 MiB


class FixedSizeBlocks(Blocks):
    """`Blocks` that hold the same rows, in whatever batches they come: all but the last have as many.

    A matrix product may round a row differently when other rows stand around it. From these blocks a model answers
    the same to the bit, whether a table comes whole or in many tables.

    Parameters
    ----------
    data, inputs, fill, checkpoint
        As `Blocks` takes them.

    Attributes
    ----------
    n_rows, n_missing, n_imputed : int
        As in `Blocks`: of the rows read so far, of which some may wait for their block to be full.
    """

    def __iter__(self) -> Iterator[np.ndarray]:
        full = max(256, _BLOCK_VALUES // len(self._inputs))
        waiting = np.empty((len(self._inputs), full)).T  # by columns, as blocks are
        n = 0
        for block in super().__iter__():
            start = 0
            while start < len(block):
                taken = min(full - n, len(block) - start)
                waiting[n : n + taken] = block[start : start + taken]
                n, start = n + taken, start + taken
                if n == full:
                    yield waiting
                    waiting, n = np.empty_like(waiting), 0  # a model may keep what it was given
        if n:
            yield np.asfortranarray(waiting[:n])
