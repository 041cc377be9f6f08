"""The elbow of a falling curve."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np


def elbow(ks: Sequence[float], wssse: Sequence[float]) -> int | None:
    """Kneedle: the rising ``ks`` at which a falling curve bends most, or None where it has no bend.

    Satopaa, Albrecht, Irwin & Raghavan, "Finding a 'kneedle' in a haystack" (2011), with sensitivity 1. Both axes are
    scaled to 0..1. Candidates are the local maxima of the distance of the curve below the straight line between its
    ends. A candidate is a knee where that distance falls by the mean step of k before the next candidate. The paper's
    smoothing spline is left out, as WSSSE is no noisy sample. Of several knees the most pronounced one is returned.
    """
    if len(ks) < 3 or not wssse[0] > wssse[-1]:
        return None
    x, y = np.asarray(ks, dtype=np.float64), np.asarray(wssse, dtype=np.float64)
    x, y = (x - x[0]) / (x[-1] - x[0]), (y.max() - y) / (y.max() - y.min())
    below = y - x
    inner = range(1, len(x) - 1)
    peaks = [i for i in inner if below[i] > below[i - 1] and below[i] >= below[i + 1]]
    step = float(np.mean(np.diff(x)))
    knees = [
        i
        for i, following in itertools.pairwise([*peaks, len(x)])
        if below[i] > 0 and below[i + 1 : following].min() < below[i] - step
    ]
    return int(ks[max(knees, key=lambda i: below[i])]) if knees else None
