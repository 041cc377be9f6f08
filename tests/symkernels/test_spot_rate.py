"""False alarms of `Spot` on one sample of one law; tests/soak/test_spot_calibration.py has eight laws, many samples."""

from __future__ import annotations

import numpy as np

from symkernels import Spot


def test_false_alarms_are_about_as_many_as_asked_for() -> None:
    n, warmup, alpha = 1_000_000, 10_000, 1e-3
    x = np.random.default_rng([0, 0]).standard_normal(n)
    flags = Spot(alpha, warmup=warmup).update(x).flags.sum()
    assert 1 / 1.4 < flags / (alpha * (n - warmup)) < 1.4
