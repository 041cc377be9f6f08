"""Regression from sums: NIST's certified values, exact fractions, and what a result says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symkernels import DataError, LeastSquares, Moments, ShapeError, least_squares
from tests.symkernels._backends import put
from tests.symkernels._exact_regression import regression
from tests.symkernels._matrices import SEEDS

# NIST StRD, linear regression, https://www.itl.nist.gov/div898/strd/lls/lls.shtml: the intercept first.
LONGLEY = [-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683, -1.03322686717359]
LONGLEY += [-0.0511041056535807, 1829.15146461355]
LONGLEY_ERRORS = [890420.383607373, 84.9149257747669, 0.0334910077722432, 0.488399681651699, 0.214274163161675]
LONGLEY_ERRORS += [0.226073200069370, 455.478499142212]
FILIP = [-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372, -354.478233703349]
FILIP += [-75.1242017393757, -10.8753180355343, -1.06221498588947, -0.0670191154593408, -0.00246781078275479]
FILIP += [-0.0000402962525080404]
WAMPLER_ERRORS = [2152.32624678170, 2363.55173469681, 779.343524331583, 101.475507550350, 5.64566512170752]
WAMPLER_ERRORS += [0.112324854679312]
_SIDE = [759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048]
WAMPLER_DELTA = np.array([*_SIDE, 2048, *reversed(_SIDE)], dtype=float)


def powers(x: np.ndarray, most: int) -> np.ndarray:
    return np.stack([x**k for k in range(1, most + 1)], axis=1)


def fit(X: np.ndarray, y: np.ndarray, xp: Any = np, **options: Any) -> LeastSquares:
    p = X.shape[1]
    return least_squares(Moments(p + 1, **options).learn(put(xp, np.column_stack([X, y]))), range(p), p)


def right_digits(found: LeastSquares, certified: list[float]) -> float:
    values = np.array([found.intercept, *found.coefficients])
    error = np.abs(values - certified) / np.where(np.array(certified) == 0, 1.0, np.abs(certified))
    return float(-np.log10(max(error.max(), 2.0**-53)))


def filip() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.loadtxt(Path(__file__).parent / "nist" / "Filip.txt", unpack=True)
    return powers(x, 10), y


def test_longley(xp, longley):
    path = Path(__file__).parents[2] / "symjobs" / "datasets" / "data" / "longley.csv"
    total = np.loadtxt(path, delimiter=",", skiprows=1, usecols=0)
    found = fit(longley, total, xp)
    assert right_digits(found, LONGLEY) > 14
    # NIST prints 15 digits; the inverse is in float64.
    np.testing.assert_allclose([found.intercept_error, *found.standard_errors], LONGLEY_ERRORS, rtol=1e-12)
    assert found.residual_squares == pytest.approx(836424.055505915, rel=1e-14)
    assert found.r_squared == pytest.approx(0.995479004577296, rel=1e-14)
    assert found.degrees_of_freedom == 9
    assert found.dropped == found.undecided == ()


def test_filip_to_the_ceiling_of_its_float64_columns():
    X, y = filip()
    found = fit(X, y)
    exact, start, _, _ = regression(X, y)
    assert right_digits(found, [start, *exact]) > 15
    assert 7.5 < right_digits(found, FILIP) < 8  # no method gets further from these columns
    assert found.residual_squares == pytest.approx(7.95851382172941e-4, rel=1e-6)
    assert found.condition > 1e9
    # What is said of the digits is true, and not much too little.
    assert 5 < min(found.intercept_digits, *found.digits) < 7.61


@pytest.mark.parametrize(("times", "errors"), [(0, 0), (1, 1), (100, 100), (10_000, 10_000)])
def test_wampler(xp, times, errors):
    """Wampler1, 3, 4 and 5."""
    X = powers(np.arange(21.0), 5)
    found = fit(X, 1 + X.sum(axis=1) + times * WAMPLER_DELTA, xp)
    assert right_digits(found, [1.0] * 6) > 15
    np.testing.assert_allclose(
        [found.intercept_error, *found.standard_errors], errors * np.array(WAMPLER_ERRORS), rtol=1e-11, atol=1e-12
    )
    assert min(found.intercept_digits, *found.digits) > 15  # whole numbers were not rounded


def test_wampler2_to_the_ceiling_of_its_float64_column():
    X = powers(np.arange(21.0), 5)
    y = np.array([sum(10 ** (5 - k) * i**k for k in range(6)) / 1e5 for i in range(21)])
    found = fit(X, y)
    exact, start, _, _ = regression(X, y)
    assert right_digits(found, [start, *exact]) > 15
    assert right_digits(found, [10.0**-k for k in range(6)]) > 13
    assert right_digits(found, [10.0**-k for k in range(6)]) > min(found.intercept_digits, *found.digits)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, p=st.integers(1, 5), closeness=st.integers(0, 12), offset=st.sampled_from([0.0, 1e3, 1e8]))
def test_against_exact_fractions(seed, p, closeness, offset):
    """Inputs that agree in many digits, on an offset: the coefficients are those of the values to the last digit."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((12, 1)) + 10.0**-closeness * rng.standard_normal((12, p)) + offset
    y = X.sum(axis=1) + rng.standard_normal(12)
    found = fit(X, y)
    assume(not found.dropped)  # closer than the rounding of the values
    coefficients, intercept, left, diagonal = regression(X, y)
    np.testing.assert_allclose(found.coefficients, coefficients, rtol=1e-14)
    assert found.intercept == pytest.approx(intercept, rel=1e-14)
    assert found.residual_squares == pytest.approx(left, rel=1e-14)
    if found.degrees_of_freedom > 0:
        errors = np.sqrt(left / found.degrees_of_freedom * np.array(diagonal))
        np.testing.assert_allclose(found.standard_errors, errors, rtol=1e-10)


def test_agrees_with_statsmodels_on_weights(iris):
    import statsmodels.api as sm

    weight = 1.0 + np.arange(150) % 3
    found = least_squares(Moments(4).learn(iris, weight), [3, 1], 0)
    rows = np.repeat(iris, weight.astype(int), axis=0)
    right = sm.OLS(rows[:, 0], sm.add_constant(rows[:, [3, 1]])).fit()
    np.testing.assert_allclose([found.intercept, *found.coefficients], right.params, rtol=1e-10)
    np.testing.assert_allclose([found.intercept_error, *found.standard_errors], right.bse, rtol=1e-10)
    assert found.r_squared == pytest.approx(right.rsquared, rel=1e-10)
    assert found.degrees_of_freedom == right.df_resid
    design = (iris[:, [3, 1]] - iris[:, [3, 1]].mean(axis=0)) / iris[:, [3, 1]].std(axis=0)
    plain = least_squares(Moments(4).learn(iris), [3, 1], 0)
    assert plain.condition == pytest.approx(np.linalg.cond(design), rel=1e-10)


def test_dependent_and_constant_inputs_are_left_out(iris):
    X = np.column_stack([iris[:, :2], iris[:, 0] - 2 * iris[:, 1], np.ones(150), iris[:, 2]])
    found, without = fit(X, iris[:, 3]), fit(iris[:, :3], iris[:, 3])
    assert found.dropped == (2, 3)
    assert found.undecided == ()
    assert found.coefficients[[2, 3]].tolist() == [0.0, 0.0]
    assert np.isnan(found.standard_errors[[2, 3]]).all()
    np.testing.assert_allclose(found.coefficients[[0, 1, 4]], without.coefficients, rtol=1e-12)
    assert found.degrees_of_freedom == without.degrees_of_freedom


def test_sums_in_float64_say_where_their_digits_end():
    """Sums of so many rows are in float64: a difference in the tenth digit is lost in them, one of 1e-3 is not."""
    rng = np.random.default_rng(1)
    x, z, noise = rng.standard_normal((3, 200_000))
    y = x + z + noise
    rest = rng.standard_normal((200_000, 40))
    close = fit(np.column_stack([x, x + 1e-3 * z, rest]), y)
    assert close.dropped == ()
    design = np.column_stack([np.ones(200_000), x, x + 1e-3 * z, rest])
    right = np.linalg.lstsq(design, y, rcond=None)[0]
    error = np.abs(close.coefficients / right[1:] - 1)
    assert (error < 10.0**-close.digits).all()
    assert 3 < close.digits[:2].min() < 12
    closer = fit(np.column_stack([x, x + 1e-10 * z, rest]), y)
    assert closer.dropped == closer.undecided == (1,)
    exact = fit(np.column_stack([x, x + 1e-10 * z, rest]), y, exact=True)
    assert exact.dropped == ()


def test_few_rows_leave_no_standard_errors():
    found = fit(np.array([[1.0], [2.0]]), np.array([3.0, 5.0]))
    assert found.coefficients.tolist() == [2.0]
    assert found.degrees_of_freedom == 0
    assert np.isnan(found.standard_errors).all()
    one = fit(np.array([[1.0]]), np.array([3.0]))
    assert (one.intercept, one.coefficients.tolist(), one.dropped) == (3.0, [0.0], (0,))


def test_a_constant_target():
    found = fit(np.arange(5.0)[:, None], np.full(5, 7.0))
    assert (found.intercept, found.coefficients.tolist(), found.residual_squares) == (7.0, [0.0], 0.0)
    assert np.isnan(found.r_squared)


def test_without_inputs_it_is_the_mean(iris):
    found = least_squares(Moments(4).learn(iris), [], 2)
    assert found.intercept == pytest.approx(iris[:, 2].mean(), rel=1e-15)
    assert found.intercept_error == pytest.approx(iris[:, 2].std(ddof=1) / 150**0.5, rel=1e-14)
    assert found.r_squared == pytest.approx(0.0, abs=1e-15)


def test_rows_that_lack_all_of_the_attributes_do_not_matter(iris):
    X = iris.copy()
    X[::7] = np.nan
    gaps, complete = Moments(4).learn(X), Moments(4).learn(np.delete(iris, range(0, 150, 7), axis=0))
    np.testing.assert_allclose(
        least_squares(gaps, [0, 1], 3).coefficients, least_squares(complete, [0, 1], 3).coefficients, rtol=1e-14
    )


def test_what_is_refused(iris):
    m = Moments(4).learn(iris)
    with pytest.raises(ValueError, match="attribute 1, is one of the inputs"):
        least_squares(m, [0, 1], 1)
    with pytest.raises(ShapeError, match="there is no attribute 9"):
        least_squares(m, [0, 9], 1)
    with pytest.raises(DataError, match="there are no rows"):
        least_squares(Moments(2), [0], 1)
    X = iris.copy()
    X[3, 0] = np.nan
    with pytest.raises(DataError, match='missing="listwise"'):
        least_squares(Moments(4).learn(X), [0, 1], 3)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        least_squares(m, [0, 1], 3, checkpoint=stop)
