"""Singular values of a covariance matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import pca, svd
from tests.symkernels._backends import assert_same, get, put, tolerance
from tests.symkernels._matrices import SEEDS, covariance, mixed, rotation


@settings(deadline=None, max_examples=50)
@given(seed=SEEDS, p=st.integers(1, 12))
def test_are_those_of_numpy(xp, seed, p):
    C = covariance(mixed(seed, 40, p))
    result = svd(put(xp, C))
    assert_same(result.values, np.linalg.svd(C, compute_uv=False), put(xp, C), operations=p)
    assert result.rank == p
    # The smallest value is right to p eps of the largest.
    assert result.condition == pytest.approx(np.linalg.cond(C), rel=tolerance("float64", p * np.linalg.cond(C)))


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, p=st.integers(2, 12))
def test_are_magnitudes_whatever_the_signs_of_the_eigenvalues(xp, seed, p):
    rng = np.random.default_rng(seed)
    magnitudes = np.sort(rng.uniform(0.5, 2, p))[::-1]
    Q = rotation(seed, p)
    C = (Q * (magnitudes * rng.choice([-1, 1], p))) @ Q.T
    values = get(svd(put(xp, (C + C.T) / 2)).values)
    np.testing.assert_allclose(values, magnitudes, rtol=0, atol=tolerance("float64", p) * 2)  # of the largest one


def test_of_a_covariance_matrix_are_its_principal_variances(xp, longley):
    C = np.cov(longley, rowvar=False, ddof=0)
    assert_same(svd(put(xp, C)).values, pca(C).values, put(xp, C), operations=6)


def test_constants_and_duplicates_have_no_singular_value(xp):
    X = mixed(2, 60, 3)
    result = svd(put(xp, covariance(np.c_[X, X[:, 1], np.full(60, 0.1)])))
    assert result.rank == 3
    assert result.condition == np.inf
    assert (get(result.values) >= 0).all()
    assert svd(put(xp, np.zeros((2, 2)))).rank == 0
