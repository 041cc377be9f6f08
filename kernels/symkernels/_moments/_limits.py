"""When sums in float64 are good enough."""

from __future__ import annotations

# Rounding errors are a fraction of squares. These may be so many times the squared deviations that an answer needs: it
# keeps 12 digits then. And so many times those of the rows before, which may be all that is left later.
LOSS = 2.0**9
LOSS_OF_OLD = 2.0**19

# A variance whose relative error may be larger is lost.
LOST = 1e-6

# Sums of squares up to here may be lost because products underflow, if there are enough rows.
TINY = 2.0**-960

# Columns that compiled loops sum without rounding errors. More would leave the cache, and slices are faster.
MOST_EXACTLY = 512
