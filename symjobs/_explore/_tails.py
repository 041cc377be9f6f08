"""Tail probabilities of the test statistics, with 12 right digits from 1e-300 up to 0.999.

SciPy's special functions are called, not `scipy.stats`, which takes a second to import.
"""

from __future__ import annotations

import math

import scipy  # which loads its special functions when they are first called


def z_two_sided(z: float) -> float:
    """Return P(abs(Z) > abs(z)) for a standard normal Z."""
    return float(2.0 * scipy.special.ndtr(-abs(z)))


def t_two_sided(t: float, df: float) -> float:
    """Return P(abs(T) > abs(t)) for Student's t with `df` degrees of freedom: T^2 follows F(1, df)."""
    return f_upper(t * t, 1.0, df)


def f_upper(f: float, df1: float, df2: float) -> float:
    """Return P(F > f) for an F with `df1` and `df2` degrees of freedom.

    F = f is a beta variable at x = df1 f / (df1 f + df2). The smaller of x and 1 - x is passed on, since the larger
    one has lost what tells it from 1; so the result is right for huge degrees of freedom too.

    References
    ----------
    Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 26.6.2.
    """
    a = df1 * f
    if a > df2:
        return float(scipy.special.betainc(df2 / 2, df1 / 2, df2 / (a + df2)))
    return float(scipy.special.betaincc(df1 / 2, df2 / 2, a / (a + df2)))


def f_lower(f: float, df1: float, df2: float) -> float:
    """Return P(F < f): the reciprocal of an F(df1, df2) follows F(df2, df1)."""
    return f_upper(1.0 / f, df2, df1) if f > 0.0 else 0.0


def f_two_sided(f: float, df1: float, df2: float) -> float:
    """Return twice the smaller tail of an F, at most 1; `df2` may be infinite (a chi-square over its `df1`)."""
    if math.isinf(df2):
        return min(1.0, 2.0 * min(chi2_upper(df1 * f, df1), float(scipy.special.gammainc(df1 / 2, df1 * f / 2))))
    return min(1.0, 2.0 * min(f_upper(f, df1, df2), f_lower(f, df1, df2)))


def chi2_upper(x: float, df: float) -> float:
    """Return P(X > x) for a chi-square with `df` degrees of freedom."""
    return float(scipy.special.gammaincc(df / 2, x / 2))
