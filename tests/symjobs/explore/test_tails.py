"""Tail probabilities against mpmath with 40 digits, far into the tails."""

from __future__ import annotations

import math

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjobs._explore import _tails


def beta_tail(a: float, b: float, x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.betainc(mpmath.mpf(a), mpmath.mpf(b), 0, x, regularized=True)


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(40):
        yield


@pytest.mark.parametrize("z", [0.0, 1e-8, 1.0, -2.5, 10.0, 37.0])
def test_z(z):
    assert _tails.z_two_sided(z) == pytest.approx(float(mpmath.erfc(abs(z) / mpmath.sqrt(2))), rel=2e-13)


@pytest.mark.parametrize("df", [1.0, 2.5, 10.0, 148.0, 1e4, 1e6, 1e12])
@pytest.mark.parametrize("t", [1e-3, 0.3, -2.0, 8.0, 36.0])
def test_t(t, df):
    exact = float(beta_tail(df / 2, 0.5, df / (df + mpmath.mpf(t) ** 2)))
    assert _tails.t_two_sided(t, df) == pytest.approx(exact, rel=2e-13)


@pytest.mark.parametrize(("df1", "df2"), [(1.0, 1.0), (2.0, 147.0), (49.0, 49.0), (3.5, 1e4), (500.0, 1e5)])
@pytest.mark.parametrize("f", [0.01, 0.5, 0.99, 1.0, 2.0, 20.0, 300.0])
def test_f(f, df1, df2):
    x = df1 * mpmath.mpf(f)
    for ours, exact in (
        (_tails.f_upper(f, df1, df2), beta_tail(df2 / 2, df1 / 2, df2 / (df2 + x))),
        (_tails.f_lower(f, df1, df2), beta_tail(df1 / 2, df2 / 2, x / (df2 + x))),
    ):
        if exact > 1e-307:
            assert ours == pytest.approx(float(exact), rel=1e-12)
        else:
            assert ours < 1e-306


@pytest.mark.parametrize("df", [1.0, 4.0, 99.0, 1e4])
@pytest.mark.parametrize("x", [0.0, 1e-9, 3.0, 99.0, 1400.0])
def test_chi2(x, df):
    exact = float(mpmath.gammainc(df / 2, mpmath.mpf(x) / 2, mpmath.inf, regularized=True))
    assert _tails.chi2_upper(x, df) == pytest.approx(exact, rel=2e-13)


def test_f_with_infinite_degrees_is_a_chi_square():
    assert _tails.f_two_sided(1.7, 20.0, math.inf) == pytest.approx(_tails.f_two_sided(1.7, 20.0, 1e13), rel=1e-9)


degrees = st.floats(0.5, 1e9)


@given(f=st.floats(1e-12, 1e12), df1=degrees, df2=degrees)
def test_the_two_sided_f_does_not_depend_on_which_variance_comes_first(f, df1, df2):
    ours = _tails.f_two_sided(f, df1, df2)
    assert 0.0 <= ours <= 1.0
    assert _tails.f_two_sided(1 / f, df2, df1) == pytest.approx(ours, rel=1e-6, abs=1e-300)


@given(t=st.floats(-1e6, 1e6), df=degrees)
def test_p_values_fall_as_the_statistic_grows(t, df):
    assert _tails.t_two_sided(2 * t, df) <= _tails.t_two_sided(t, df) <= 1.0
    assert _tails.t_two_sided(-t, df) == _tails.t_two_sided(t, df)


def test_statistics_beyond_the_float_range_have_no_tail():
    assert _tails.t_two_sided(1e200, 30.0) == 0.0
    assert _tails.f_lower(0.0, 3.0, 5.0) == 0.0
    assert _tails.f_upper(0.0, 3.0, 5.0) == 1.0
