"""How the loops of this folder are compiled."""

from __future__ import annotations

from functools import partial

from .._numba import compiled_where_possible

# x / 0 gives infinity or NaN, so that no loop has to look for it.
compiled = partial(compiled_where_possible, error_model="numpy")

# Sums whose terms may be added in any order, so in vectors. NaN and infinity keep their meaning.
reassociated = partial(compiled, fastmath={"reassoc", "contract", "nsz"})
