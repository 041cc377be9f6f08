"""Numbers in three parts: unevaluated sums of three float64, high to low, with about 47 digits.

Each part is at most half a unit in the last place of the part before it. So the first one is the number in float64.

The functions take numbers or arrays of any library. They are the error-free sum of Knuth (1998, "The Art of Computer
Programming", volume 2, section 4.2.2, theorem B), the error-free product of Dekker (1971, "A floating-point technique
for extending the available precision"), and the sums and products of Hida, Li & Bailey (2001, "Algorithms for
quad-double precision floating point arithmetic"), cut to three parts.
"""

from __future__ import annotations

from typing import Any

PARTS = 3
UNIT = 2.0**-154  # bounds the rounding error of each function below, relative to a sum's operands or to a product

_SPLITTER = 134217729.0  # 2^27 + 1

Three = tuple[Any, Any, Any]


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the rounded sum and its rounding error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def quick_two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """Return what `two_sum` returns, for numbers of which the first is larger or 0."""
    s = a + b
    return s, b - (s - a)


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the rounded product and its rounding error."""
    p = a * b
    c, d = _SPLITTER * a, _SPLITTER * b
    high_a, high_b = c - (c - a), d - (d - b)
    low_a, low_b = a - high_a, b - high_b
    return p, low_a * low_b - (((p - high_a * high_b) - low_a * high_b) - high_a * low_b)


def normalized(a: Any, b: Any, c: Any, d: Any) -> Three:
    """Return four numbers of falling size, which may overlap, as three that do not."""
    c, d = two_sum(c, d)
    b, c = two_sum(b, c)
    a, b = two_sum(a, b)
    c, d = quick_two_sum(c, d)
    b, c = quick_two_sum(b, c)
    a, b = quick_two_sum(a, b)
    b, c = quick_two_sum(b, c)
    return a, b, c + d


def add(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any) -> Three:
    """Return a + b."""
    s0, t0 = two_sum(a0, b0)
    s1, t1 = two_sum(a1, b1)
    s2, t2 = two_sum(a2, b2)
    s1, t0 = two_sum(s1, t0)
    s2, t1 = two_sum(s2, t1)
    s2, t0 = two_sum(s2, t0)
    return normalized(s0, s1, s2, t2 + t1 + t0)


def add_number(a0: Any, a1: Any, a2: Any, b: Any) -> Three:
    """Return a + b for a float64 b."""
    s0, t = two_sum(a0, b)
    s1, t = two_sum(a1, t)
    s2, t = two_sum(a2, t)
    return normalized(s0, s1, s2, t)


def multiply(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any) -> Three:
    """Return a b."""
    p, e = two_product(a0, b0)
    q, f = two_product(a0, b1)
    r, g = two_product(a1, b0)
    q, t = two_sum(q, r)
    e, u = two_sum(e, q)
    return normalized(p, e, (f + g) + (t + u) + (a0 * b2 + a1 * b1 + a2 * b0), 0.0 * p)


def multiply_number(a0: Any, a1: Any, a2: Any, b: Any) -> Three:
    """Return a b for a float64 b."""
    p, e = two_product(a0, b)
    q, f = two_product(a1, b)
    e, t = two_sum(e, q)
    return normalized(p, e, (t + f) + a2 * b, 0.0 * p)


def divide(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any) -> Three:
    """Return a / b, by long division."""
    q0 = a0 / b0
    p0, p1, p2 = multiply_number(b0, b1, b2, -q0)
    r0, r1, r2 = add(a0, a1, a2, p0, p1, p2)
    q1 = r0 / b0
    p0, p1, p2 = multiply_number(b0, b1, b2, -q1)
    r0, r1, r2 = add(r0, r1, r2, p0, p1, p2)
    q2 = r0 / b0
    return normalized(q0, q1, q2, 0.0 * q0)


def rounded(a0: Any, a1: Any, a2: Any) -> Three:
    """Return the sum in float64, the float64 next to it on the side of its error, and whether that one is nearer.

    It is where the two upper parts lie in the middle, and the lowest decides.
    """
    t, e = quick_two_sum(a1, a2)
    s, f = quick_two_sum(a0, t)
    other = s + 2.0 * f
    same_side = (f > 0.0) & (e > 0.0) | (f < 0.0) & (e < 0.0)
    return s, other, same_side & (other - s == 2.0 * f)


# And `two_product`.
FUNCTIONS = (two_sum, quick_two_sum, normalized, add, add_number, multiply, multiply_number, divide, rounded)
