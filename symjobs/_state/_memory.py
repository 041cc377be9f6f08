"""Estimate the memory that attributes or clusters need, and refuse what does not fit."""

from __future__ import annotations

import os

from symjobs._errors import InputError

_BYTES = 64  # for each pair of attributes: the state and its next version, in three parts, and the sums of two threads
_CENTROID_BYTES = 24  # for each pair of micro-clusters, while the cheapest mergers are computed
_SHARE = 0.8  # of the machine's memory


def physical_memory() -> int | None:
    """Return the bytes of memory that this machine has; None if the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def check_memory(column: str, added: int, before: int) -> None:
    """Raise InputError if ``added`` attributes that a column brings need more memory than the machine has."""
    memory = physical_memory()
    after = before + added
    if memory is not None and _BYTES * after**2 > _SHARE * memory:
        raise InputError(
            f"column {column!r} brings {added:,} attributes: a state of {after:,} takes about "
            f"{_BYTES * after**2 / 2**30:,.0f} GiB while it learns, and this machine has {memory / 2**30:,.0f}; "
            "declare the column S (carried) or X (ignored), or join its rare values first"
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
