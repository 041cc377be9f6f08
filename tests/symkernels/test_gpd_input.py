"""What fit_gpd takes and refuses."""

from __future__ import annotations

import numpy as np
import pytest

from symkernels import BackendError, DataError, ShapeError, fit_gpd
from tests.symkernels._backends import get, put


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([1.0, -2.0], r"excesses\[1\] is -2.0"),
        ([np.inf, 2.0], r"excesses\[0\] is inf"),
        ([[1.0, 2.0], [np.nan, -np.inf]], r"excesses\[1, 1\] is -inf"),
    ],
)
def test_negative_and_infinite_excesses_are_refused(xp, x, words):
    with pytest.raises(DataError, match=words):
        fit_gpd(put(xp, x))


def test_censored_values_are_checked_too(xp):
    with pytest.raises(DataError, match=r"censored\[0\] is -1.0"):
        fit_gpd(put(xp, [1.0, 2.0]), put(xp, [-1.0]))
    with pytest.raises(ShapeError, match="censored must have 2"):
        fit_gpd(put(xp, [[1.0, 2.0]]), put(xp, [1.0]))
    with pytest.raises(ShapeError, match="the same rows"):
        fit_gpd(put(xp, [[1.0, 2.0]]), put(xp, [[1.0], [2.0]]))


@pytest.mark.parametrize("x", [3.0, [[[1.0]]], [[1.0], [1.0, 2.0]], ["a"], [1j], None])
def test_other_shapes_and_kinds_are_refused(x):
    with pytest.raises(ShapeError, match="excesses"):
        fit_gpd(x)


def test_libraries_are_not_mixed():
    import array_api_strict

    with pytest.raises(BackendError):
        fit_gpd(np.ones(5), array_api_strict.asarray([1.0]))


@pytest.mark.parametrize(
    "convert", [list, lambda x: x.astype(np.float32), lambda x: np.repeat(x, 2)[::2], np.asfortranarray]
)
def test_other_forms_of_the_same_numbers(convert):
    x = np.arange(1.0, 40.0)
    for values in (x, x.reshape(3, 13)):
        np.testing.assert_array_equal(
            fit_gpd(convert(values) if values.ndim == 1 or convert is not list else values.tolist()).scale,
            fit_gpd(values).scale,
        ) if values.ndim == 1 or convert in (list, np.asfortranarray) else None


def test_arrays_are_left_alone():
    x = np.random.default_rng(0).exponential(size=(4, 30))
    x[0, 3] = np.nan
    x.setflags(write=False)
    before = x.copy()
    fit_gpd(x, x[:, :2])
    fit_gpd(x[0])
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_empty_batches(xp, shape):
    batch = fit_gpd(put(xp, np.empty(shape)))
    assert get(batch.shape).shape == (shape[0],)
    assert list(batch.method) == ["empirical"] * shape[0]


@pytest.mark.parametrize("p", [0.0, -1.0, 1.5, float("nan")])
def test_probabilities_are_checked(p):
    with pytest.raises(ValueError, match="p must be a probability"):
        fit_gpd(np.arange(1.0, 9.0)).isf(p)
