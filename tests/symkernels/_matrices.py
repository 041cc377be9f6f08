"""Matrices and data that several tests of the spectral functions use."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from tests.symkernels._backends import tolerance

EPS = float(np.finfo(np.float64).eps)
SEEDS = st.integers(0, 2**32 - 1)


def mixed(seed: int, n: int, p: int) -> np.ndarray:
    """(n, p) correlated columns, none of them close to collinear."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1))


def correlation(X: np.ndarray) -> np.ndarray:
    """Correlation matrix; 1 for one column, where NumPy gives a scalar."""
    return np.corrcoef(X, rowvar=False).reshape(X.shape[1], X.shape[1])


def covariance(X: np.ndarray) -> np.ndarray:
    """Population covariance matrix. A column that is constant gets exact zeros, as `Moments` gives."""
    C = np.cov(X, rowvar=False, ddof=0).reshape(X.shape[1], X.shape[1])
    constant = (X[0] == X).all(axis=0)
    C[constant, :] = 0
    C[:, constant] = 0
    return C


def vector_tolerance(values: np.ndarray) -> np.ndarray:
    """(p,) how far rounding turns each unit eigenvector: the error of the matrix over the gap to the next eigenvalue.

    Davis & Kahan (1970). The error is p eps of the largest of the eigenvalues ``values``, times 8.
    """
    gaps = np.abs(np.diff(values))
    nearest = np.minimum(np.r_[np.inf, gaps], np.r_[gaps, np.inf])
    return tolerance("float64", len(values)) * np.abs(values).max() / nearest


def rotation(seed: int, p: int) -> np.ndarray:
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((p, p)))[0]


def hilbert_correlation(p: int) -> np.ndarray:
    """The Hilbert matrix 1 / (i + j + 1) scaled to unit diagonal, each entry rounded once: ill-conditioned."""
    root = [Fraction(1, 2 * i + 1) for i in range(p)]
    R = [[float(Fraction(1, i + j + 1) ** 2 / (root[i] * root[j])) ** 0.5 for j in range(p)] for i in range(p)]
    return np.array(R)


def one_hot(labels: np.ndarray, count: int) -> np.ndarray:
    """(n, count) 0/1 columns that sum to 1 in each row."""
    return np.eye(count)[labels]
