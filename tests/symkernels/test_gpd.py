"""Generalized Pareto fits: published values, SciPy, direct search, laws."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto

from symkernels import GPDFit, fit_gpd
from symkernels._gpd import _estimates, _generic, _loops
from symkernels._gpd._fit import _without_ties_in_rows
from symkernels._gpd._methods import METHODS
from tests.symkernels._backends import assert_kind, put
from tests.symkernels._rain import ABOVE, LEVEL

NONE = np.empty(0)

# Two bodies and two libraries add up logarithms in different orders: a log-likelihood of n terms is right to n eps of
# their sizes, and 1e-9 leaves room. The search ends where the slope is rounding error: the shape is right to that error
# over the curvature, which is small for short samples.


@pytest.mark.parametrize(("shape", "survival"), [(0.0, math.exp(-1)), (0.5, 1.5**-2), (-0.5, 0.25), (-1.0, 0.0)])
def test_the_survival_of_a_law(shape, survival):
    law = GPDFit(shape, 2.0, loglik=0.0, method="likelihood", converged=True, n=100)
    np.testing.assert_allclose(law.sf(np.array([-1.0, 0.0, 2.0])), [1.0, 1.0, survival], atol=1e-15)  # one rounding
    assert GPDFit(-0.5, 2.0, 0.0, "likelihood", True, 100).sf(np.array([4.0, 5.0])).tolist() == [0.0, 0.0]


def test_rainfall_of_coles():
    # Coles (2001), section 4.4.1: shape 0.184, scale 7.44, maximized log-likelihood -485.1.
    tail = fit_gpd(ABOVE - LEVEL)
    assert tail.n == 152
    assert tail.method == "likelihood"
    assert tail.converged
    assert tail.shape == pytest.approx(0.184, abs=6e-4)
    assert tail.scale == pytest.approx(7.44, abs=6e-3)
    assert tail.loglik == pytest.approx(-485.1, abs=0.06)


def _samples(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        shape, n = rng.uniform(-0.5, 1.0), int(10 ** rng.uniform(1, 4))
        yield genpareto.rvs(shape, scale=10 ** rng.uniform(-3, 3), size=n, random_state=rng)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_likelihood_is_at_least_scipys(effort):
    judged, samples = 0, 200 * effort
    for x in _samples(samples, 4):
        shape, _, scale = genpareto.fit(x, floc=0)
        tail = fit_gpd(x)
        assert tail.converged
        if shape > -0.9:
            judged += 1
            assert tail.loglik >= genpareto.logpdf(x, shape, 0, scale).sum() - 1e-6
        if tail.shape > -1:  # and it is the likelihood of what is returned
            assert tail.loglik == pytest.approx(
                genpareto.logpdf(x, tail.shape, 0, tail.scale).sum(), rel=1e-9, abs=1e-6
            )
    assert judged > 0.9 * samples


def _direct(x, c):
    """The largest likelihood on a fine grid of theta, with the shape between its bounds."""
    top = max(x.max(), c.max() if len(c) else 0.0)
    theta = np.expm1(np.concatenate([np.linspace(-14, -1e-4, 1500), np.linspace(1e-4, 20, 1500)])) / top
    logs = np.log1p(theta[:, None] * x).sum(axis=1)
    both = logs + np.log1p(theta[:, None] * c).sum(axis=1)
    n = len(x)
    shape = np.clip(both / n, -1.0, 10.0)
    best = (-n * np.log(shape / theta) - logs - both / shape).max()
    return best if len(c) else max(best, -n * np.log(top))


_KINDS = {
    "pareto": lambda rng, n: rng.pareto(1 / rng.uniform(0.1, 3), n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "beta": lambda rng, n: rng.beta(1, rng.uniform(0.3, 5), n),
    "whole": lambda rng, n: np.ceil(rng.exponential(3, n)),
    "powers": lambda rng, n: rng.exponential(size=n) ** rng.uniform(0.2, 5),
    "two": lambda rng, n: np.concatenate([rng.exponential(size=n), 100 + rng.exponential(size=max(1, n // 5))]),
    "far": lambda rng, n: 10 + np.abs(rng.normal(size=n)),
}


@pytest.mark.parametrize("kind", list(_KINDS))
@pytest.mark.parametrize("censoring", [False, True])
def test_no_point_of_a_fine_grid_is_likelier(kind, censoring):
    rng = np.random.default_rng(1)
    for _ in range(25):
        x = _KINDS[kind](rng, int(10 ** rng.uniform(0.8, 2.3)))
        c = rng.choice(x, size=max(1, len(x) // 4)) * rng.uniform(0.2, 1.5) if censoring else NONE
        shape, _, loglik, code, converged, theta = _loops.fit(x, c, 0.0)
        if METHODS[code] == "empirical":
            continue
        assert converged
        assert -1.0 <= shape <= 10.0
        found = _direct(x, c)
        assert loglik >= found - 1e-7 * (1 + abs(found))
        # A search that starts nearby does not end lower.
        warm = _loops.fit(x, c, theta * rng.uniform(0.7, 1.4))[2]
        assert warm >= loglik - 1e-9 * (1 + abs(loglik))


def test_censored_values_are_exponential_survival_times():
    # At shape 0 the estimate is total time over number of deaths; with many values the shape is near 0.
    rng = np.random.default_rng(3)
    life, end = rng.exponential(2.0, 20_000), rng.exponential(3.0, 20_000)
    seen, lost = life[life <= end], end[life > end]
    tail = fit_gpd(seen, lost)
    assert tail.n == len(seen)
    assert abs(tail.shape) < 0.05
    assert tail.scale == pytest.approx((seen.sum() + lost.sum()) / len(seen), rel=0.05)
    assert abs(fit_gpd(seen).scale / tail.scale - 0.6) < 0.1  # without them the tail is too thin


@settings(max_examples=60)
@given(
    exponent=st.integers(-40, 40),
    factor=st.floats(1e-12, 1e12),
    shape=st.floats(-0.9, 3.0),
    n=st.integers(5, 300),
    seed=st.integers(0, 2**20),
)
def test_unit_does_not_matter(exponent, factor, shape, n, seed):
    x = genpareto.rvs(shape, size=n, random_state=seed)
    tail = fit_gpd(x)
    exact = fit_gpd(x * 2.0**exponent)  # the fit scales by powers of two, too
    assert exact.shape == tail.shape
    assert exact.scale == tail.scale * 2.0**exponent
    scaled = fit_gpd(x * factor)
    # Any other factor rounds each value.
    assert scaled.shape == pytest.approx(tail.shape, abs=1e-6)
    assert scaled.scale == pytest.approx(tail.scale * factor, rel=1e-6)
    assert scaled.loglik == pytest.approx(tail.loglik - n * np.log(factor), rel=1e-9, abs=1e-7)


@settings(max_examples=200)
@given(
    st.lists(st.floats(0, 1e300, allow_subnormal=True), max_size=30),
    st.lists(st.floats(0, 1e300, allow_subnormal=True), max_size=5),
)
def test_any_finite_input_is_fitted(x, c):
    tail = fit_gpd(np.array(x), np.array(c))
    assert tail.n <= np.count_nonzero(x)
    assert -1.0 <= tail.shape <= 10.0
    assert 0.0 <= tail.scale < np.inf
    assert not np.isnan(tail.loglik)
    assert tail.method in METHODS
    assert not np.isnan(tail.isf(1e-6))


@pytest.mark.parametrize(
    ("x", "scale"), [([], 0.0), ([0.0] * 9, 0.0), ([3.0] * 9, 3.0), ([1.0, 2.0, 6.0], 3.0), ([np.nan, 2.0], 2.0)]
)
def test_few_or_equal_excesses_are_named_empirical(xp, x, scale):
    tail = fit_gpd(put(xp, x))
    assert tail.method == "empirical"
    assert not tail.converged
    assert (tail.shape, tail.scale) == (0.0, pytest.approx(scale))
    assert tail.n == np.isfinite(x).sum() - list(x).count(0.0)


def _ragged(rows, width, seed):
    rng = np.random.default_rng(seed)
    X = genpareto.rvs(rng.uniform(-0.5, 1, size=(rows, 1)), size=(rows, width), random_state=rng)
    X *= 10 ** rng.uniform(-12, 12, size=(rows, 1))
    X[np.arange(width) >= rng.integers(0, width + 1, size=rows)[:, None]] = np.nan
    X[1], X[2] = 3.0, 0.0
    C = np.where(rng.random((rows, 5)) < 0.3, X[:, :5] * rng.uniform(0.3, 1.5, size=(rows, 5)), np.nan)
    return X, C


@pytest.mark.parametrize("censoring", [False, True])
def test_batch_is_its_rows(xp, censoring):
    X, C = _ragged(60, 40, 5)
    C = C if censoring else None
    x = put(xp, X)
    batch = fit_gpd(x, None if C is None else put(xp, C))
    for values in (batch.shape, batch.scale, batch.loglik):
        assert_kind(values, x)
    assert (batch.backend, batch.dtype) == (xp.__name__.rpartition(".")[2], "float64")
    for i, row in enumerate(X):
        one = fit_gpd(row, None if C is None else C[i])
        assert (batch.method[i], bool(batch.converged[i]), int(batch.n[i])) == (one.method, one.converged, one.n)
        assert float(batch.loglik[i]) == pytest.approx(one.loglik, rel=1e-9, abs=1e-9)
        assert float(batch.shape[i]) == pytest.approx(one.shape, abs=1e-5)
        assert float(batch.scale[i]) == pytest.approx(one.scale, rel=1e-5)


def test_threads_take_the_same_rows():
    X, _ = _ragged(3_000, 30, 6)
    batch = fit_gpd(X)
    with np.errstate(all="ignore"):
        generic = _generic.fit_rows(_without_ties_in_rows(X[:500]), None)
    finite = np.isfinite(batch.loglik[:500])
    np.testing.assert_allclose(batch.loglik[:500][finite], generic.loglik[finite], rtol=1e-10, atol=1e-10)
    for i in range(0, 3_000, 501):
        assert batch.shape[i] == pytest.approx(fit_gpd(X[i]).shape, abs=1e-9)


def test_other_estimators_against_their_formulas():
    # Hosking and Wallis (1987): k = (mean^2 / variance - 1) / 2; k = a0 / (a0 - 2 a1) - 2.
    x = ABOVE - LEVEL  # 152 values: n eps is 3e-14
    ratio = x.mean() ** 2 / x.var(ddof=1)
    np.testing.assert_allclose(_estimates.by_moments(x), (0.5 * (1 - ratio), 0.5 * x.mean() * (ratio + 1)), rtol=1e-12)
    ordered, n = np.sort(x), len(x)
    a0, a1 = x.mean(), np.mean((1 - (np.arange(1, n + 1) - 0.35) / n) * ordered)
    expected = 2 - a0 / (a0 - 2 * a1), 2 * a0 * a1 / (a0 - 2 * a1)
    np.testing.assert_allclose(_estimates.by_weighted_moments(x), expected, rtol=1e-12)
    for shape, scale in (_estimates.by_moments(x), _estimates.by_weighted_moments(x)):
        loglik = genpareto.logpdf(x, shape, 0, scale).sum()
        assert _estimates.log_likelihood(x, NONE, shape, scale) == pytest.approx(loglik, rel=1e-12)
        assert loglik < fit_gpd(x).loglik


@pytest.mark.parametrize("shape", [-0.4, 0.0, 0.3])
def test_survival_is_scipys(shape):
    tail = fit_gpd(genpareto.rvs(shape, scale=3.0, size=200, random_state=0))
    law = genpareto(tail.shape, scale=tail.scale)
    x = np.array([-1.0, 0.0, 0.5, 3.0, 100.0])
    np.testing.assert_allclose(tail.sf(x), law.sf(x), rtol=1e-9, atol=1e-300)
    assert tail.sf(2.0) == pytest.approx(law.sf(2.0))
    for p in (1.0, 0.5, 1e-6):
        assert tail.isf(p) == pytest.approx(law.isf(p), rel=1e-9, abs=1e-12)
    batch = fit_gpd(genpareto.rvs(shape, size=(3, 50), random_state=1))
    np.testing.assert_allclose(batch.sf(batch.isf(0.01)), 0.01)
    with np.errstate(invalid="raise"):
        np.testing.assert_array_equal(tail.sf([np.nan, np.inf, -np.inf]), [np.nan, 0.0, 1.0])


def test_without_numba_the_same_comes_out():
    code = (
        "import sys, warnings; sys.modules['numba'] = None; warnings.simplefilter('ignore')\n"
        "import numpy as np; from symkernels import GPDFit, fit_gpd, pot_threshold\n"
        "x = np.random.default_rng(0).normal(size=5000)\n"
        "t = fit_gpd(x[x > 1] - 1, x[x > 2]); p = pot_threshold(x, 1e-3)\n"
        "print(t.shape, t.scale, t.loglik, p.threshold, *p.interval)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    from symkernels import pot_threshold

    x = np.random.default_rng(0).normal(size=5000)
    t, p = fit_gpd(x[x > 1] - 1, x[x > 2]), pot_threshold(x, 1e-3)
    expected = [t.shape, t.scale, t.loglik, p.threshold, *p.interval]
    np.testing.assert_allclose([float(each) for each in out.split()], expected, rtol=1e-6)


def _off_the_lattice(x, step):
    """The same values, spread over the intervals that were rounded to one number."""
    return x + np.random.default_rng(1).uniform(-0.5, 0.5, len(x)) * step


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("step", "shape_error", "scale_error"), [(1.0, 0.01, 0.01), (0.1, 1e-3, 1e-3), (0.01, 1e-3, 1e-3)]
)
def test_rounded_excesses_are_fitted_as_those_off_the_lattice(xp, step, shape_error, scale_error, dtype):
    """Those that are 0 are values at the level. The error is that of the rounding itself, some step^2 / 24 scale^2."""
    values = np.random.default_rng(0).exponential(2.0, 2_000)
    x = np.round(values / step) * step
    tail = fit_gpd(put(xp, x, dtype))
    above = x[x > 0]
    right, _, scale = genpareto.fit(_off_the_lattice(above, step), floc=0)
    assert tail.n == len(above)
    assert tail.shape == pytest.approx(right, abs=shape_error)
    assert tail.scale == pytest.approx(scale, rel=scale_error)


def test_the_likelihood_of_ties_has_no_bound(xp):
    """The report: a shape of 10 and a scale of 1e-129."""
    x = np.round(np.random.default_rng(0).exponential(0.4, 400), 1)
    tail = fit_gpd(put(xp, x))
    right, _, scale = genpareto.fit(_off_the_lattice(x[x > 0], 0.1), floc=0)
    assert tail.shape == pytest.approx(right, abs=0.02)
    assert tail.scale == pytest.approx(scale, rel=0.02)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("noise", [0.0, 1e-16, 1e-12])
@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4, 2.0])
def test_ties_at_the_level_are_left_out(xp, share, noise, shape):
    rng = np.random.default_rng(3)
    x = genpareto.rvs(shape, size=1_000, random_state=rng)
    ties = noise * rng.random(round(1_000 * share / (1 - share)))
    both = rng.permutation(np.concatenate([x, ties]))
    tail, clean = fit_gpd(put(xp, both)), fit_gpd(put(xp, x))
    assert tail.n == 1_000
    assert tail.shape == pytest.approx(clean.shape, abs=1e-6)
    assert tail.scale == pytest.approx(clean.scale, rel=1e-6)


def test_small_excesses_of_a_heavy_tail_are_not_ties():
    x = genpareto.rvs(9.0, size=2_000, random_state=4)
    assert fit_gpd(x).n == 2_000
    assert x.min() < 1e-20 * x.max()


def test_ties_in_the_rows_of_a_batch(xp):
    X, _ = _ragged(40, 30, 5)
    X[:, ::4] = np.where(np.isnan(X[:, ::4]), np.nan, 0.0)
    batch = fit_gpd(put(xp, X))
    for i in range(40):
        one = fit_gpd(X[i])
        assert int(batch.n[i]) == one.n
        assert float(batch.loglik[i]) == pytest.approx(one.loglik, rel=1e-9, abs=1e-9)
