"""A table as blocks of a fixed number of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from symjobs._models._blocks import Blocks

_BLOCK_VALUES = 1 << 18  # 2 MiB


class FixedSizeBlocks(Blocks):
    """`Blocks` that all have the same number of rows, except the last.

    A matrix product may round a row differently in another block. With these blocks the answer of a model is the same
    to the last bit, in whatever batches the rows come.

    Parameters
    ----------
    data, inputs, fill, checkpoint
        As `Blocks` takes them.

    Attributes
    ----------
    n_rows, n_missing, n_imputed : int
        As in `Blocks`. Some of these rows may wait until their block is full.
    """

    def __iter__(self) -> Iterator[np.ndarray]:
        full = max(256, _BLOCK_VALUES // len(self._inputs))
        waiting = np.empty((full, len(self._inputs)))
        n = 0
        for block in super().__iter__():
            start = 0
            while start < len(block):
                taken = min(full - n, len(block) - start)
                waiting[n : n + taken] = block[start : start + taken]
                n, start = n + taken, start + taken
                if n == full:
                    yield waiting
                    waiting, n = np.empty_like(waiting), 0  # a new one, as a model may keep the block
        if n:
            yield waiting[:n]
