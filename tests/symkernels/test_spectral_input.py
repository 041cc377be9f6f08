"""Bad input to functions of a matrix: the error names the input, the allowed values and the remedy."""

from __future__ import annotations

import numpy as np
import pytest

from symkernels import DataError, ShapeError, nearest_correlation, pca, psd_report, svd, svd_select, vif
from tests.symkernels._backends import put

STRICT = [pca, svd, psd_report, nearest_correlation]  # a NaN is refused
LENIENT = [vif, svd_select]  # a NaN row is a constant attribute
every = pytest.mark.parametrize("function", STRICT + LENIENT, ids=lambda f: f.__name__)


@every
@pytest.mark.parametrize("shape", [(2, 3), (0, 3)])
def test_not_square(function, shape, xp):
    with pytest.raises(ShapeError, match=r"must be a square .* got shape \(\d, 3\).*Moments"):
        function(put(xp, np.zeros(shape)))


@every
def test_wrong_number_of_dimensions(function, xp):
    for x in (np.zeros(3), np.zeros((2, 2, 2)), np.array(1.0)):
        with pytest.raises(ShapeError, match="dimension"):
            function(put(xp, x))


@every
def test_empty(function, xp):
    with pytest.raises(ShapeError, match="at least one attribute"):
        function(put(xp, np.zeros((0, 0))))


@every
def test_complex_text_and_ragged(function):
    for x in (np.eye(2) * 1j, np.array([["a", "b"], ["c", "d"]]), [[1.0, 0.0], [0.0]], [[object()]]):
        with pytest.raises(ShapeError):
            function(x)


@every
def test_not_symmetric(function, xp):
    with pytest.raises(DataError, match=r"must be symmetric, but \w\[2, 0\] = 0.3 and \w\[0, 2\] = 0.2") as caught:
        function(put(xp, [[1, 0.1, 0.2], [0.1, 1, 0], [0.3, 0, 1]]))
    assert caught.value.indices == (2, 0)


@every
def test_asymmetry_of_rounding_is_fine(function, xp):
    R = np.eye(3)
    R[0, 1], R[1, 0] = 0.5, 0.5 * (1 + 4e-16)
    function(put(xp, R))
    function(put(xp, R.astype("float32"), "float32"))


@every
def test_infinite(function, xp):
    for value in (np.inf, -np.inf):
        R = np.eye(3)
        R[0, 1] = R[1, 0] = value
        with pytest.raises(DataError, match="infinite entries in the rows of attributes 0, 1") as caught:
            function(put(xp, R))
        assert caught.value.indices == (0, 1)


@every
def test_entries_whose_sum_overflows_are_finite_all_the_same(function, xp):
    function(put(xp, np.full((4, 4), 1e100) if function is nearest_correlation else np.full((2, 2), 6e307)))


@every
def test_nan_between_two_attributes_that_vary(function, xp):
    R = np.eye(4)
    R[1, 3] = R[3, 1] = np.nan
    with pytest.raises(DataError, match=r"NaN between attribute 1 and 3.*leave one of each pair out") as caught:
        function(put(xp, R))
    assert caught.value.indices == (1, 3)


@pytest.mark.parametrize("function", STRICT, ids=lambda f: f.__name__)
def test_constant_attributes_are_named(function, xp):
    R = np.eye(12)
    R[2:12, :] = R[:, 2:12] = np.nan
    with pytest.raises(
        DataError, match=r"2, 3, 4, 5, 6, 7, 8, 9, ... \(10 in all\).*constant.*leave them out"
    ) as caught:
        function(put(xp, R))
    assert caught.value.indices == tuple(range(2, 12))


@pytest.mark.parametrize("function", LENIENT, ids=lambda f: f.__name__)
def test_negative_variance(function, xp):
    with pytest.raises(DataError, match="negative variances on the diagonal, at attributes 1") as caught:
        function(put(xp, np.diag([1.0, -2.0])))
    assert caught.value.indices == (1,)


@pytest.mark.parametrize("function", LENIENT, ids=lambda f: f.__name__)
@pytest.mark.parametrize("tol", [-1e-9, 1.0, float("nan")])
def test_tol_out_of_range(function, tol):
    with pytest.raises(ValueError, match=r"tol must be in \[0, 1\).*got"):
        function(np.eye(2), tol=tol)


@pytest.mark.parametrize("explained", [0, -0.1, 1.0001, float("nan"), float("inf")])
def test_explained_out_of_range(explained):
    with pytest.raises(ValueError, match=r"explained must be in \(0, 1\].*got"):
        pca(np.eye(2), explained=explained)


@pytest.mark.parametrize("count", [0, -3, 2.5, "two"])
def test_number_of_components_out_of_range(count):
    with pytest.raises(ValueError, match=r"n_components must be .*got"):
        pca(np.eye(2), n_components=count)


@every
def test_takes_lists_integers_and_booleans(function):
    function([[2, 1], [1, 2]])
    function(np.array([[2, 1], [1, 2]]))
    function(np.eye(2, dtype=bool))
