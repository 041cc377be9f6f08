"""Estimate the memory that attributes or clusters need, and refuse what does not fit."""

from __future__ import annotations

import os

from symjobs._errors import InputError
from symkernels import Moments

# A state and its next version, in three parts, and the sums of two threads: for each pair of dense attributes; for each
# member of a category and a dense attribute; for each member and a column.
_BYTES = 64
_BYTES_OF_MEMBER = 200
_BYTES_OF_PRESENCE = 72
_MATRIX_BYTES = 320  # for each pair of attributes: their correlations, while they are computed
_CENTROID_BYTES = 24  # for each pair of micro-clusters, while the cheapest mergers are computed
_SHARE = 0.8  # of the machine's memory


def physical_memory() -> int | None:
    """Return the bytes of memory that this machine has; None if the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def check_memory(column: str, moments: Moments, *, dense: int = 0, members: int = 0) -> None:
    """Raise InputError if attributes that a column brings to a state need more memory than the machine has."""
    memory = physical_memory()
    d = len(moments.dense) + dense
    m = moments.n_attributes - len(moments.dense) + members
    needed = _BYTES * d**2 + m * (_BYTES_OF_MEMBER * d + _BYTES_OF_PRESENCE * moments.n_groups)
    if memory is not None and needed > _SHARE * memory:
        raise InputError(
            f"column {column!r} brings {dense + members:,} attributes: a state of {d + m:,} takes about "
            f"{needed / 2**30:,.0f} GiB while it learns, and this machine has {memory / 2**30:,.0f}; "
            "declare the column S (carried) or X (ignored), or join its rare values first"
        )


def check_memory_for_matrix(what: str, rows: int, columns: int) -> None:
    """Raise InputError if a matrix of so many attributes needs more memory than the machine has."""
    memory = physical_memory()
    needed = _MATRIX_BYTES * rows * columns
    if memory is not None and needed > _SHARE * memory:
        raise InputError(
            f"{what} of {rows:,} by {columns:,} attributes takes about {needed / 2**30:,.0f} GiB, and this machine has "
            f"{memory / 2**30:,.0f}; name fewer inputs, or join rare values of a category first"
        )


def check_memory_for_clusters(n_centroids: int) -> None:
    """Raise InputError if so many micro-clusters need more memory than the machine has."""
    memory = physical_memory()
    needed = _CENTROID_BYTES * n_centroids**2
    if memory is not None and needed > _SHARE * memory:
        raise InputError(
            f"cluster_num_centroids is {n_centroids:,}: so many take about {needed / 2**30:,.0f} GiB, and this machine "
            f"has {memory / 2**30:,.0f}; give fewer"
        )
