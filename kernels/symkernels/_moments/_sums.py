"""The sums that a state holds, and their algebra: shift, add, remove, rearrange.

With u = x - c the shifted value (c is 0 for 0/1 attributes), w a row's weight, and sums over the rows where the
attributes concerned are present:

    S[i, j] = sum w u_i u_j        upper triangle only; entries below the diagonal are undefined
    T[i, g] = sum w u_i            over rows where presence group g is present, too
    Q[i, g] = sum w u_i^2          over the same rows as T
    N[g, h] = sum w                over rows where both groups are present
    V[i, b] = sum w u_i^2 x_b      b the 0/1 attributes, i the dense ones
    D[i, j] = sum w u_i^2 u_j,  F[i, j] = sum w u_i^2 u_j^2     only when a state keeps joint squares
    M3[i], M4[i] = sum w u_i^3, sum w u_i^4                     dense attributes

As long as no value is missing, N and Q are None, as they would repeat the weight and the diagonal of S, and T has one
dimension.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from ._layout import Layout


@dataclass
class Sums:
    """The sums of some rows. The module's docstring defines each."""

    xp: Any
    n_rows: int
    weight: float
    shift: Array  # (dense,)
    S: Array  # (P, P)
    T: Array  # (P,) or (P, G)
    V: Array  # (dense, binaries)
    M3: Array  # (dense,)
    M4: Array  # (dense,)
    low: Array  # (dense,) smallest value seen, +inf before any
    high: Array  # (dense,) largest value seen, -inf before any
    N: Array | None = None  # (G, G)
    Q: Array | None = None  # (P, G)
    D: Array | None = None  # (P, P)
    F: Array | None = None  # (P, P)

    @classmethod
    def zeros(cls, layout: Layout, shift: Array, *, missing: bool, joint: bool) -> Sums:
        xp = namespace(shift)
        device = compat.device(shift)
        P, G, d = layout.size, layout.n_groups, layout.n_dense

        def zeros(*shape: int) -> Array:
            return xp.zeros(shape, dtype=xp.float64, device=device)

        return cls(
            xp=xp,
            n_rows=0,
            weight=0.0,
            shift=shift,
            S=zeros(P, P),
            T=zeros(P, G) if missing else zeros(P),
            V=zeros(d, len(layout.binaries)),
            M3=zeros(d),
            M4=zeros(d),
            low=xp.full((d,), xp.inf, dtype=xp.float64, device=device),
            high=xp.full((d,), -xp.inf, dtype=xp.float64, device=device),
            N=zeros(G, G) if missing else None,
            Q=zeros(P, G) if missing else None,
            D=zeros(P, P) if joint else None,
            F=zeros(P, P) if joint else None,
        )

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by name, without those that are None."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("xp", "n_rows", "weight") and getattr(self, f.name) is not None
        }

    def copy(self) -> Sums:
        copies = {name: self.xp.asarray(array, copy=True) for name, array in self.arrays().items()}
        return Sums(self.xp, self.n_rows, self.weight, **copies)

    def index(self, positions: np.ndarray) -> Array:
        """Return NumPy positions as an index array in the library and on the device of the sums."""
        return self.xp.asarray(positions, device=compat.device(self.S))

    # Sums of single attributes and of pairs, whether or not values are missing.

    def own_counts(self, layout: Layout) -> Array:
        """Return (P,): the weight of the rows where each attribute is present."""
        if self.N is None:
            return self.xp.full((layout.size,), self.weight, dtype=self.xp.float64, device=compat.device(self.S))
        return self.xp.take(self.xp.linalg.diagonal(self.N), self.index(layout.group))

    def own_sums(self, layout: Layout) -> Array:
        """Return (P,): the sum of each attribute's shifted values."""
        if self.N is None:
            return self.T
        flat = self.xp.reshape(self.T, (-1,))
        return self.xp.take(flat, self.index(np.arange(layout.size) * layout.n_groups + layout.group))

    def diagonal(self) -> Array:
        """Return (P,): the sum of each attribute's squared shifted values."""
        return self.xp.linalg.diagonal(self.S)

    def both_triangles(self) -> Array:
        """Return S with both triangles filled."""
        xp = self.xp
        return xp.triu(self.S) + xp.matrix_transpose(xp.triu(self.S, k=1))

    def pairwise(self, layout: Layout) -> tuple[Array, Array, Array]:
        """Return three (P, P) arrays: count, sum and sum of squares of i over the rows where j is present, too."""
        xp = self.xp
        if self.N is None:
            shape = (layout.size, layout.size)
            count = xp.full(shape, self.weight, dtype=xp.float64, device=compat.device(self.S))
            return (
                count,
                xp.broadcast_to(self.T[:, None], shape),
                xp.broadcast_to(self.diagonal()[:, None], shape),
            )
        group = self.index(layout.group)
        count = xp.take(xp.take(self.N, group, axis=0), group, axis=1)
        return count, xp.take(self.T, group, axis=1), xp.take(self.Q, group, axis=1)

    # Algebra. These methods change `self`. The operands must have the same layout and shift.

    def allow_missing(self, layout: Layout) -> None:
        """Keep counts for every pair from now on. Statistics do not change."""
        if self.N is not None:
            return
        xp, G, P = self.xp, layout.n_groups, layout.size
        N = xp.full((G, G), self.weight, dtype=xp.float64, device=compat.device(self.S))
        Q = xp.asarray(xp.broadcast_to(self.diagonal()[:, None], (P, G)), copy=True)
        T = xp.asarray(xp.broadcast_to(self.T[:, None], (P, G)), copy=True)
        self.N, self.Q, self.T = N, Q, T

    def add(self, other: Sums, sign: int, layout: Layout) -> None:
        """Add (1) or subtract (-1) the sums of other rows."""
        if other.N is not None:
            self.allow_missing(layout)
        plus = _plus if sign > 0 else _minus
        if self.N is None or other.N is not None:
            self.T = plus(self.T, other.T)
            if self.N is not None:
                self.N, self.Q = plus(self.N, other.N), plus(self.Q, other.Q)
        else:  # no value is missing in the other rows
            self.T = plus(self.T, other.T[:, None])
            self.Q = plus(self.Q, other.diagonal()[:, None])
            self.N = plus(self.N, other.weight)
        self.S = plus(self.S, other.S)
        self.V, self.M3, self.M4 = plus(self.V, other.V), plus(self.M3, other.M3), plus(self.M4, other.M4)
        if self.D is not None:
            self.D, self.F = plus(self.D, other.D), plus(self.F, other.F)
        self.n_rows += sign * other.n_rows
        self.weight += sign * other.weight
        if sign > 0:
            self.low = self.xp.minimum(self.low, other.low)
            self.high = self.xp.maximum(self.high, other.high)

    def clear_uncounted(self, layout: Layout) -> None:
        """Set sums to exact zeros where no row is left, as rounding may have left more."""
        xp = self.xp
        if self.N is None:
            if self.weight != 0:
                return
            empty = Sums.zeros(layout, self.shift, missing=False, joint=self.D is not None)
            for name, array in empty.arrays().items():
                setattr(self, name, array)
            return
        counted = self.N != 0
        if bool(xp.all(counted)):
            return
        group = self.index(layout.group)
        by_group = xp.take(counted, group, axis=0)
        self.T, self.Q = xp.where(by_group, self.T, 0.0), xp.where(by_group, self.Q, 0.0)
        by_pair = xp.take(by_group, group, axis=1)
        self.S = xp.where(by_pair, self.S, 0.0)
        if self.D is not None:
            self.D, self.F = xp.where(by_pair, self.D, 0.0), xp.where(by_pair, self.F, 0.0)
        dense = slice(0, layout.n_dense)
        if self.V.shape[1]:
            binaries = xp.take(by_pair[dense, :], self.index(layout.binaries), axis=1)
            self.V = xp.where(binaries, self.V, 0.0)
        own = (self.own_counts(layout) != 0)[dense]
        self.M3, self.M4 = xp.where(own, self.M3, 0.0), xp.where(own, self.M4, 0.0)
        self.low, self.high = xp.where(own, self.low, xp.inf), xp.where(own, self.high, -xp.inf)

    def move_shift(self, shift: Array, layout: Layout) -> None:
        """Rewrite the sums about another shift. With e = old - new, the new shifted values are u + e."""
        xp, dense = self.xp, slice(0, layout.n_dense)
        e = self.shift - shift
        if not bool(xp.any(e != 0)):
            return
        full = xp.zeros((layout.size,), dtype=xp.float64, device=compat.device(self.S))
        full[dense] = e
        a, b = full[:, None], full[None, :]
        count, total, square = self.pairwise(layout)
        whole = self.both_triangles()
        total_t = xp.matrix_transpose(total)
        own_n, own_t = self.own_counts(layout)[dense], self.own_sums(layout)[dense]
        own_s = self.diagonal()[dense]
        M4 = self.M4 + e * (4 * self.M3 + e * (6 * own_s + e * (4 * own_t + e * own_n)))
        M3 = self.M3 + e * (3 * own_s + e * (3 * own_t + e * own_n))
        V, D, F = self.V, self.D, self.F
        if self.V.shape[1]:
            columns = self.index(layout.binaries)
            crossed = xp.take(whole[dense, :], columns, axis=1)
            ones = xp.take(total_t[dense, :], columns, axis=1)  # sum of b over the rows where i is present, too
            V = self.V + e[:, None] * (2 * crossed + e[:, None] * ones)
        if self.D is not None:
            square_t, D_t = xp.matrix_transpose(square), xp.matrix_transpose(self.D)
            F = (
                self.F + 2 * b * self.D + b * b * square + 2 * a * D_t + 4 * a * b * whole + 2 * a * b * b * total
                + a * a * square_t + 2 * a * a * b * total_t + a * a * b * b * count
            )  # fmt: skip
            D = self.D + b * square + 2 * a * whole + 2 * a * b * total + a * a * total_t + a * a * b * count
        S = whole + b * total + a * total_t + a * b * count
        T, Q = self.T, self.Q
        if self.N is None:
            T = T + full * self.weight
        else:
            n = xp.take(self.N, self.index(layout.group), axis=0)
            Q, T = Q + a * (2 * T + a * n), T + a * n
        # All together, at the end: if anything above fails, the sums have not changed.
        self.shift, self.S, self.T, self.Q, self.V, self.M3, self.M4, self.D, self.F = shift, S, T, Q, V, M3, M4, D, F

    # Rearranging.

    def rearranged(self, old: Layout, new: Layout, source: np.ndarray, group_source: np.ndarray, shift: Array) -> Sums:
        """Return the sums in the layout ``new``; entry i of ``source`` is the old position of new position i, or -1.

        ``group_source`` maps presence groups in the same way. A new attribute (-1) has no counts, unless its group is
        an old one: then it was 0 wherever the group was present. ``shift`` holds the shifts of the new dense
        attributes.
        """
        xp, device = self.xp, compat.device(self.S)
        missing = self.N is not None or (self.weight != 0 and bool((group_source < 0).any()))
        result = Sums.zeros(new, shift, missing=missing, joint=self.D is not None)
        result.n_rows, result.weight = self.n_rows, self.weight

        def pick(A: Array, *sources: np.ndarray) -> Array:
            """Return the entries of A at the sources, one array for each axis; 0 where a source is -1."""
            for axis, wanted in enumerate(sources):
                if A.shape[axis] == 0:
                    return xp.zeros(tuple(len(w) for w in sources), dtype=xp.float64, device=device)
                A = xp.take(A, self.index(np.maximum(wanted, 0)), axis=axis)
            keep = self.index(sources[0] >= 0)
            if len(sources) == 2:
                keep = keep[:, None] & self.index(sources[1] >= 0)[None, :]
            return xp.where(keep, A, 0.0)

        def pick_square(A: Array, rows: np.ndarray, columns: np.ndarray) -> Array:
            """Return what `pick` returns, from the upper triangle of A alone, without a copy of all of A."""
            low, high = np.minimum(rows[:, None], columns[None, :]), np.maximum(rows[:, None], columns[None, :])
            flat = self.index((np.maximum(low, 0) * old.size + np.maximum(high, 0)).reshape(-1))
            keep = self.index(low >= 0)
            if old.size == 0 or flat.shape[0] == 0:
                return xp.zeros(low.shape, dtype=xp.float64, device=device)
            return xp.where(keep, xp.reshape(xp.take(xp.reshape(A, (-1,)), flat), low.shape), 0.0)

        few = 4 * new.size < old.size
        result.S = pick_square(self.S, source, source) if few else pick(self.both_triangles(), source, source)
        if self.D is not None:
            result.D, result.F = pick(self.D, source, source), pick(self.F, source, source)
        if not missing:
            result.T = pick(self.T, source)
        else:
            gappy = self if self.N is not None else self.copy()
            gappy.allow_missing(old)
            result.N = pick(gappy.N, group_source, group_source)
            result.T, result.Q = pick(gappy.T, source, group_source), pick(gappy.Q, source, group_source)
        dense = source[: new.n_dense]
        if len(new.binaries):
            columns = np.full(old.size + 1, -1)
            columns[old.binaries] = np.arange(len(old.binaries))
            was_sparse = dense >= old.n_dense
            result.V = pick(self.V, np.where(was_sparse, -1, dense), columns[source[new.binaries]])
            if was_sparse.any():  # a sparse attribute x is 0 or 1, so that the sums of x^2 x_b are its row of S
                of_sparse = pick_square(self.S, np.where(was_sparse, dense, -1), source[new.binaries])
                result.V = xp.where(self.index(was_sparse)[:, None], of_sparse, result.V)
        # A sparse attribute may become a dense one (`select`). All its power sums are T; counts give its extremes.
        total, count = self.own_sums(old)[old.n_dense :], self.own_counts(old)[old.n_dense :]
        known = self.index(dense >= 0)
        result.M3 = pick(xp.concat([self.M3, total]), dense)
        result.M4 = pick(xp.concat([self.M4, total]), dense)
        zeros, ones = xp.zeros_like(total), xp.ones_like(total)
        low = xp.where(count > 0, xp.where(total < count, zeros, ones), xp.inf)
        high = xp.where(count > 0, xp.where(total > 0, ones, zeros), -xp.inf)
        result.low = xp.where(known, pick(xp.concat([self.low, low]), dense), xp.inf)
        result.high = xp.where(known, pick(xp.concat([self.high, high]), dense), -xp.inf)
        return result


def _plus(a: Array, b: Array) -> Array:
    a += b
    return a


def _minus(a: Array, b: Array) -> Array:
    a -= b
    return a
