"""Linear regression in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

Matrix = list[list[Fraction]]


def products(columns: np.ndarray) -> Matrix:
    """Sums of products of deviations from the means, for (n, p) columns."""
    exact = [[Fraction(x) for x in column] for column in columns.T.tolist()]
    moved = [[x - sum(column, Fraction(0)) / len(column) for x in column] for column in exact]
    return [[sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0)) for b in moved] for a in moved]


def inverse(matrix: Matrix) -> Matrix:
    """By Gauss and Jordan. The matrix is not singular."""
    p = len(matrix)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(p))] for i, row in enumerate(matrix)]
    for i in range(p):
        pivot = next(k for k in range(i, p) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(p):
            if k != i and rows[k][i]:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return [row[p:] for row in rows]


def inflation(columns: np.ndarray) -> list[float]:
    """Variance inflation factors of columns that are independent."""
    A = products(columns)
    B = inverse(A)
    return [float(A[i][i] * B[i][i]) for i in range(len(A))]


def regression(columns: np.ndarray, target: np.ndarray) -> tuple[list[float], float, float, list[float]]:
    """Coefficients, intercept, residual sum of squares and the diagonal of the inverse."""
    A = products(np.column_stack([columns, target]))
    p = len(A) - 1
    B = inverse([row[:p] for row in A[:p]])
    beta = [sum((b * A[j][p] for j, b in enumerate(row)), Fraction(0)) for row in B]
    left = A[p][p] - sum((b * A[j][p] for j, b in enumerate(beta)), Fraction(0))
    means = [sum(map(Fraction, column), Fraction(0)) / len(column) for column in columns.T.tolist()]
    start = sum(map(Fraction, target.tolist()), Fraction(0)) / len(target)
    start -= sum((b * m for b, m in zip(beta, means, strict=True)), Fraction(0))
    return [float(b) for b in beta], float(start), float(left), [float(B[i][i]) for i in range(p)]
