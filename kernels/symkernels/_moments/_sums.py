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

Every sum is a number in three parts (`_parts`), along a first axis of length 3 that the shapes below leave out. So an
answer about some of the rows keeps its digits, however large the sums of the other rows are.

As long as no value is missing, N and Q are None, as they would repeat the weight and the diagonal of S, and T has one
dimension.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from ._layout import Layout
from ._numbers import Parts, rounded
from ._parts import PARTS, Three, add


@dataclass
class Sums:
    """The sums of some rows. The module's docstring defines each."""

    xp: Any
    n_rows: int
    mass: Three  # the weight of the rows
    shift: Array  # (dense,) float64
    S: Array  # (P, P)
    T: Array  # (P,) or (P, G)
    V: Array  # (dense, binaries)
    # Bounds, in float64, of the rounding errors that summing the rows made: of sums of squares, and of the same sums of
    # an attribute whose values are all 1. The algebra after it adds next to nothing.
    Q_error: Array  # (dense,), or (dense, G) where values are missing
    N_error: Array  # (1,), or (G, G)
    V_error: Array  # (dense, binaries)
    B_error: Array  # (binaries,)
    M3: Array  # (dense,)
    M4: Array  # (dense,)
    low: Array  # (dense,) float64, smallest value seen, +inf before any
    high: Array  # (dense,) float64, largest value seen, -inf before any
    N: Array | None = None  # (G, G)
    Q: Array | None = None  # (P, G)
    D: Array | None = None  # (P, P)
    F: Array | None = None  # (P, P)
    unit: float = 0.0  # the largest of these errors, relative to the sum of squares

    @classmethod
    def zeros(cls, layout: Layout, shift: Array, *, missing: bool, joint: bool) -> Sums:
        xp = namespace(shift)
        device = compat.device(shift)
        P, G, d = layout.size, layout.n_groups, layout.n_dense

        def zeros(*shape: int) -> Array:
            return xp.zeros((PARTS, *shape), dtype=xp.float64, device=device)

        return cls(
            xp=xp,
            n_rows=0,
            mass=(0.0, 0.0, 0.0),
            shift=shift,
            S=zeros(P, P),
            T=zeros(P, G) if missing else zeros(P),
            V=zeros(d, len(layout.binaries)),
            Q_error=xp.zeros((d, G) if missing else (d,), dtype=xp.float64, device=device),
            N_error=xp.zeros((G, G) if missing else (1,), dtype=xp.float64, device=device),
            V_error=xp.zeros((d, len(layout.binaries)), dtype=xp.float64, device=device),
            B_error=xp.zeros((len(layout.binaries),), dtype=xp.float64, device=device),
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
            if f.name not in ("xp", "n_rows", "mass", "unit") and getattr(self, f.name) is not None
        }

    def copy(self) -> Sums:
        copies = {name: self.xp.asarray(array, copy=True) for name, array in self.arrays().items()}
        return replace(self, **copies)

    @property
    def weight(self) -> float:
        """The weight of the rows."""
        return self.mass[0]

    def index(self, positions: np.ndarray) -> Array:
        """Return NumPy positions as an index array in the library and on the device of the sums."""
        return self.xp.asarray(positions, device=compat.device(self.S))

    # Sums of single attributes and of pairs, whether or not values are missing.

    def own_counts(self, layout: Layout) -> Array:
        """Return (P,) float64: the weight of the rows where each attribute is present."""
        return self.own_masses(layout).high

    def own_masses(self, layout: Layout) -> Parts:
        """Return (P,): the weight of the rows where each attribute is present."""
        if self.N is None:
            return self.everywhere(layout.size)
        diagonal = Parts.of(self.N).each(self.xp.linalg.diagonal)
        return diagonal.each(lambda part: self.xp.take(part, self.index(layout.group)))

    def own_sums(self, layout: Layout) -> Parts:
        """Return (P,): the sum of each attribute's shifted values."""
        if self.N is None:
            return Parts.of(self.T)
        places = self.index(np.arange(layout.size) * layout.n_groups + layout.group)
        return Parts.of(self.T).each(lambda part: self.xp.take(self.xp.reshape(part, (-1,)), places))

    def diagonal(self) -> Parts:
        """Return (P,): the sum of each attribute's squared shifted values."""
        return Parts.of(self.S).each(self.xp.linalg.diagonal)

    def both_triangles(self) -> Parts:
        """Return S with both triangles filled."""
        return Parts.of(mirrored(self.xp, self.S))

    def pairwise(self, layout: Layout) -> tuple[Parts, Parts, Parts]:
        """Return three (P, P) arrays: count, sum and sum of squares of i over the rows where j is present, too."""
        xp, shape = self.xp, (layout.size, layout.size)
        if self.N is None:

            def spread(part: Array) -> Array:
                return xp.broadcast_to(part[:, None], shape)

            return self.everywhere(*shape), Parts.of(self.T).each(spread), self.diagonal().each(spread)
        group = self.index(layout.group)

        def columns(part: Array) -> Array:
            return xp.take(part, group, axis=1)

        count = Parts.of(self.N).each(lambda part: xp.take(columns(part), group, axis=0))
        return count, Parts.of(self.T).each(columns), Parts.of(self.Q).each(columns)

    def everywhere(self, *shape: int) -> Parts:
        """Return the weight of all rows in an array of this shape."""
        device = compat.device(self.S)
        return Parts(*(self.xp.full(shape, part, dtype=self.xp.float64, device=device) for part in self.mass))

    # Algebra. These methods change `self`. The operands must have the same layout and shift.

    def allow_missing(self, layout: Layout) -> None:
        """Keep counts for every pair from now on. Statistics do not change."""
        if self.N is not None:
            return
        xp, G, P = self.xp, layout.n_groups, layout.size

        def spread(part: Array) -> Array:
            return xp.broadcast_to(part[:, None], (P, G))

        Q = self.diagonal().each(spread).stored()
        T = Parts.of(self.T).each(spread).stored()
        self.N, self.Q, self.T = self.everywhere(G, G).stored(), Q, T
        self.Q_error = xp.asarray(xp.broadcast_to(self.Q_error[:, None], (layout.n_dense, G)), copy=True)
        self.N_error = xp.asarray(xp.broadcast_to(self.N_error[:, None], (G, G)), copy=True)

    def note_errors(self, layout: Layout, unit: float, *, of_all_rows: bool) -> None:
        """Set the bounds of the errors of sums that were just made, which err by at most ``unit`` of their squares.

        ``of_all_rows``: sums over the rows where a group is present are what other rows leave of those over all rows.
        Their errors are those of all rows, for a mean of few.
        """
        self.unit = unit
        xp, d = self.xp, layout.n_dense
        squares = xp.abs(self.diagonal().high[:d])
        if self.N is None or self.Q is None:
            self.Q_error = unit * squares
            self.N_error = xp.full((1,), unit * self.weight, dtype=xp.float64, device=compat.device(self.S))
        else:
            count = self.N[0, ...]
            share = xp.where(count > 0, self.weight / xp.where(count > 0, count, 1.0), 0.0)
            shares = xp.take(share, self.index(layout.group[:d]), axis=0)
            self.Q_error = unit * (squares[:, None] * shares if of_all_rows else xp.abs(self.Q[0, :d, :]))
            self.N_error = unit * (xp.where(count > 0, self.weight, 0.0) if of_all_rows else count)
        self.V_error = unit * xp.abs(self.V[0, ...])  # underflow may leave a little less than 0
        self.B_error = unit * xp.take(self.own_sums(layout).high, self.index(layout.binaries))

    def own_errors(self, layout: Layout) -> tuple[Array, Array]:
        """Return (dense,) arrays: the bounds for each attribute's own sum of squares, and those of ones."""
        d = layout.n_dense
        if self.N is None:
            return self.Q_error, self.xp.broadcast_to(self.N_error, (d,))
        group = self.index(layout.group[:d])
        places = self.index(np.arange(d) * layout.n_groups + layout.group[:d])
        own = self.xp.take(self.xp.reshape(self.Q_error, (-1,)), places)
        return own, self.xp.take(self.xp.linalg.diagonal(self.N_error), group)

    def add(self, other: Sums, sign: int, layout: Layout) -> None:
        """Add (1) or subtract (-1) the sums of other rows."""
        if other.N is not None:
            self.allow_missing(layout)

        def plus(mine: Array, theirs: Parts) -> Array:
            return (Parts.of(mine) + (theirs if sign > 0 else -theirs)).stored()

        if self.N is None or other.N is not None:
            T, N, Q = Parts.of(other.T), other.N, other.Q
            if self.N is not None:
                self.N, self.Q = plus(self.N, Parts.of(N)), plus(self.Q, Parts.of(Q))
        else:  # no value is missing in the other rows
            T = Parts.of(other.T[:, :, None])
            self.Q = plus(self.Q, other.diagonal().each(lambda part: part[:, None]))
            self.N = plus(self.N, other.everywhere(1, 1))
        self.T, self.S = plus(self.T, T), plus(self.S, Parts.of(other.S))
        for name in ("V", "M3", "M4", "D", "F"):
            if getattr(self, name) is not None:
                setattr(self, name, plus(getattr(self, name), Parts.of(getattr(other, name))))
        self.V_error, self.B_error = self.V_error + other.V_error, self.B_error + other.B_error
        spread = self.N is not None and other.N is None
        self.Q_error = self.Q_error + (other.Q_error[:, None] if spread else other.Q_error)
        self.N_error = self.N_error + other.N_error  # (1,) fits everywhere
        self.unit = max(self.unit, other.unit)
        self.n_rows += sign * other.n_rows
        self.mass = add(*self.mass, *(sign * part for part in other.mass))
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
            self.unit = 0.0
            return
        counted = self.N[0, ...] != 0
        if bool(xp.all(counted)):
            return
        group = self.index(layout.group)
        by_group = xp.take(counted, group, axis=0)
        self.T, self.Q = xp.where(by_group, self.T, 0.0), xp.where(by_group, self.Q, 0.0)
        self.N_error = xp.where(counted, self.N_error, 0.0)
        self.Q_error = xp.where(by_group[: layout.n_dense, :], self.Q_error, 0.0)
        by_pair = xp.take(by_group, group, axis=1)
        self.S = xp.where(by_pair, self.S, 0.0)
        if self.D is not None:
            self.D, self.F = xp.where(by_pair, self.D, 0.0), xp.where(by_pair, self.F, 0.0)
        dense = slice(0, layout.n_dense)
        if len(layout.binaries):
            binaries = xp.take(by_pair[dense, :], self.index(layout.binaries), axis=1)
            self.V, self.V_error = xp.where(binaries, self.V, 0.0), xp.where(binaries, self.V_error, 0.0)
        own = (self.own_counts(layout) != 0)[dense]
        self.M3, self.M4 = xp.where(own, self.M3, 0.0), xp.where(own, self.M4, 0.0)
        self.low, self.high = xp.where(own, self.low, xp.inf), xp.where(own, self.high, -xp.inf)

    def move_shift(self, shift: Array, layout: Layout) -> None:
        """Rewrite the sums about another shift. With e = old - new, the new shifted values are u + e."""
        xp, dense = self.xp, slice(0, layout.n_dense)
        if not bool(xp.any(self.shift != shift)):
            return
        e = Parts.exactly(self.shift) + -shift
        padding = xp.zeros((layout.n_sparse,), dtype=xp.float64, device=compat.device(self.S))
        full = e.each(lambda part: xp.concat([part, padding]))
        a, b = full.each(lambda part: part[:, None]), full.each(lambda part: part[None, :])
        count, total, square = self.pairwise(layout)
        whole = self.both_triangles()
        total_t = total.each(xp.matrix_transpose)
        own_n, own_t, own_s = (
            own.each(lambda part: part[dense])
            for own in (self.own_masses(layout), self.own_sums(layout), self.diagonal())
        )
        M3, M4 = Parts.of(self.M3), Parts.of(self.M4)
        M4 = M4 + e * (M3 * 4.0 + e * (own_s * 6.0 + e * (own_t * 4.0 + e * own_n)))
        M3 = M3 + e * (own_s * 3.0 + e * (own_t * 3.0 + e * own_n))
        V, D, F = self.V, self.D, self.F
        if len(layout.binaries):
            columns = self.index(layout.binaries)

            def crossed(sums: Parts) -> Parts:
                return sums.each(lambda part: xp.take(part[dense, :], columns, axis=1))

            e_column = e.each(lambda part: part[:, None])
            # The transposed sums are those of b over the rows where i is present, too.
            V = (Parts.of(V) + e_column * (crossed(whole) * 2.0 + e_column * crossed(total_t))).stored()
        if self.D is not None:
            u2v, u2v2 = Parts.of(self.D), Parts.of(self.F)
            square_t, uv2 = square.each(xp.matrix_transpose), u2v.each(xp.matrix_transpose)
            F = (
                u2v2 + b * (u2v * 2.0 + b * square) + a * (uv2 * 2.0 + a * square_t)
                + a * b * (whole * 4.0 + b * total * 2.0 + a * total_t * 2.0 + a * b * count)
            ).stored()  # fmt: skip
            D = (u2v + b * square + a * (whole * 2.0 + b * total * 2.0 + a * total_t + a * b * count)).stored()
        S = (whole + b * total + a * (total_t + b * count)).stored()
        T, Q = Parts.of(self.T), self.Q
        if self.N is None:
            T = T + full * self.everywhere(layout.size)
        else:
            n = Parts.of(self.N).each(lambda part: xp.take(part, self.index(layout.group), axis=0))
            Q, T = (Parts.of(Q) + a * (T * 2.0 + a * n)).stored(), T + a * n
        # All together, at the end: if anything above fails, the sums have not changed.
        self.shift, self.S, self.T, self.Q, self.V, self.D, self.F = shift, S, T.stored(), Q, V, D, F
        self.M3, self.M4 = M3.stored(), M4.stored()

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
        result.n_rows, result.mass, result.unit = self.n_rows, self.mass, self.unit

        def pick(A: Array, *sources: np.ndarray) -> Array:
            """Return the entries of A at the sources, one array for each of the last axes; 0 where a source is -1."""
            first = A.shape[: A.ndim - len(sources)]
            for axis, wanted in enumerate(sources, start=len(first)):
                if A.shape[axis] == 0:
                    return xp.zeros((*first, *(len(w) for w in sources)), dtype=xp.float64, device=device)
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
                return xp.zeros((PARTS, *low.shape), dtype=xp.float64, device=device)
            picked = xp.take(xp.reshape(A, (PARTS, -1)), flat, axis=1)
            return xp.where(keep, xp.reshape(picked, (PARTS, *low.shape)), 0.0)

        few = 4 * new.size < old.size
        result.S = pick_square(self.S, source, source) if few else pick(mirrored(xp, self.S), source, source)
        if self.D is not None:
            result.D, result.F = pick(self.D, source, source), pick(self.F, source, source)
        dense = source[: new.n_dense]
        of_dense = np.where(dense >= old.n_dense, -1, dense)
        if not missing:
            result.T = pick(self.T, source)
            result.Q_error, result.N_error = pick(self.Q_error, of_dense), self.N_error
        else:
            gappy = self if self.N is not None else self.copy()
            gappy.allow_missing(old)
            result.N = pick(gappy.N, group_source, group_source)
            result.T, result.Q = pick(gappy.T, source, group_source), pick(gappy.Q, source, group_source)
            result.Q_error = pick(gappy.Q_error, of_dense, group_source)
            result.N_error = pick(gappy.N_error, group_source, group_source)
        if len(new.binaries):
            columns = np.full(old.size + 1, -1)
            columns[old.binaries] = np.arange(len(old.binaries))
            was_sparse = dense >= old.n_dense
            places = of_dense, columns[source[new.binaries]]
            result.V, result.V_error = pick(self.V, *places), pick(self.V_error, *places)
            result.B_error = pick(self.B_error, places[1])
            if was_sparse.any():  # a sparse attribute x is 0 or 1, so that the sums of x^2 x_b are its row of S
                of_sparse = pick_square(self.S, np.where(was_sparse, dense, -1), source[new.binaries])
                result.V = xp.where(self.index(was_sparse)[:, None], of_sparse, result.V)
        # A sparse attribute may become a dense one (`select`). All its power sums are T; counts give its extremes.
        sums, count = self.own_sums(old).stored()[:, old.n_dense :], self.own_counts(old)[old.n_dense :]
        known = self.index(dense >= 0)
        result.M3 = pick(xp.concat([self.M3, sums], axis=1), dense)
        result.M4 = pick(xp.concat([self.M4, sums], axis=1), dense)
        total = rounded(sums)
        zeros, ones = xp.zeros_like(total), xp.ones_like(total)
        low = xp.where(count > 0, xp.where(total < count, zeros, ones), xp.inf)
        high = xp.where(count > 0, xp.where(total > 0, ones, zeros), -xp.inf)
        result.low = xp.where(known, pick(xp.concat([self.low, low]), dense), xp.inf)
        result.high = xp.where(known, pick(xp.concat([self.high, high]), dense), -xp.inf)
        return result


def mirrored(xp: Any, S: Array) -> Array:
    """Return square matrices with both triangles filled from the upper one."""
    return xp.triu(S) + xp.matrix_transpose(xp.triu(S, k=1))
