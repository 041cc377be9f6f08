"""The sums that a state holds, and their algebra: shift, add, remove, rearrange.

With u = x - c the shifted value (c is 0 for 0/1 attributes), w a row's weight, and sums over the rows where the
attributes concerned are present:

    S[i, j] = sum w u_i u_j        i dense; entries below the diagonal are undefined
    pairs   = sum w x_a x_b        sparse a and b, those that occur (`_pairs`)
    T[i, g] = sum w u_i            over rows where presence group g is present, too
    Q[i, g] = sum w u_i^2          over the same rows as T; i dense
    N[g, h] = sum w                over rows where both groups are present
    V[i, b] = sum w u_i^2 x_b      b the 0/1 attributes, i dense
    D[i, j] = sum w u_i^2 u_j,  F[i, j] = sum w u_i^2 u_j^2     only when a state keeps joint squares; i and j dense
    M3[i], M4[i] = sum w u_i^3, sum w u_i^4                     i dense

The square of a sparse attribute is itself: its other sums are T, or rows of S and V.

Every sum is a number in three parts (`_parts`), along a first axis of length 3 that the shapes below leave out. So an
answer about some of the rows keeps its digits, however large the sums of the other rows are.

As long as no value is missing, N and Q are None, as they would repeat the weight and the diagonal of S, and T has one
dimension.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from ._layout import Layout
from ._numbers import Parts, rounded
from ._pairs import Pairs
from ._parts import PARTS, Three, add


@dataclass
class Sums:
    """The sums of some rows. The module's docstring defines each."""

    xp: Any
    n_rows: int
    mass: Three  # the weight of the rows
    shift: Array  # (dense,) float64
    S: Array  # (dense, P)
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
    Q: Array | None = None  # (dense, G)
    D: Array | None = None  # (dense, dense)
    F: Array | None = None  # (dense, dense)
    pairs: Pairs = field(default_factory=Pairs.none)
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
            S=zeros(d, P),
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
            Q=zeros(d, G) if missing else None,
            D=zeros(d, d) if joint else None,
            F=zeros(d, d) if joint else None,
        )

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by name, without those that are None."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("xp", "n_rows", "mass", "pairs", "unit") and getattr(self, f.name) is not None
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

    def squares(self, layout: Layout) -> Parts:
        """Return (P,): the sum of each attribute's squared shifted values."""
        d = layout.n_dense
        own = Parts.of(self.S[:, :, :d]).each(self.xp.linalg.diagonal)
        return own if not layout.n_sparse else _joined(own, self.own_sums(layout).each(lambda part: part[d:]))

    def squares_by_group(self, layout: Layout) -> Array:
        """Return (3, P, G): Q, where values are missing, with the rows of sparse attributes."""
        return self.xp.concat([self.Q, self.T[:, layout.n_dense :, :]], axis=1) if layout.n_sparse else self.Q

    def rows(self, layout: Layout) -> Parts:
        """Return (dense, P): S with both triangles filled."""
        d = layout.n_dense
        own = Parts.of(mirrored(self.xp, self.S[:, :, :d]))
        return own if not layout.n_sparse else _joined(own, Parts.of(self.S[:, :, d:]), axis=1)

    def square(self, layout: Layout) -> Parts:
        """Return (P, P): the sum of products of every pair."""
        rows, d = self.rows(layout), layout.n_dense
        if not layout.n_sparse:
            return rows
        own = to_numpy(self.own_sums(layout).stored())[:, d:]
        members, k = self.pairs.square(layout.n_sparse), np.arange(layout.n_sparse)
        members[:, k, k] = own
        below = rows.each(lambda part: self.xp.matrix_transpose(part[:, d:]))
        return _joined(rows, _joined(below, Parts.of(self.index(members)), axis=1))

    def products(self, layout: Layout, one: np.ndarray, other: np.ndarray) -> Array:
        """Return (3, len(one), len(other)): the sums of products of the attributes at two lists of positions.

        It reads the upper triangle alone, and copies no more of the sums than it returns.
        """
        xp, d = self.xp, layout.n_dense
        low, high = np.minimum(one[:, None], other[None, :]), np.maximum(one[:, None], other[None, :])
        found = xp.zeros((PARTS, *low.shape), dtype=xp.float64, device=compat.device(self.S))
        dense = low < d
        if dense.any():
            places = self.index((np.where(dense, low, 0) * layout.size + high).reshape(-1))
            picked = xp.take(xp.reshape(self.S, (PARTS, -1)), places, axis=1)
            found = xp.where(self.index(dense), xp.reshape(picked, found.shape), found)
        if not dense.all():
            members = self.pairs.between(np.maximum(low - d, 0), np.maximum(high - d, 0))
            own = to_numpy(self.own_sums(layout).stored())
            members = np.where(low == high, own[:, low], members)
            found = xp.where(self.index(dense), found, self.index(members))
        return found

    def pairwise(self, layout: Layout) -> tuple[Parts, Parts, Parts]:
        """Return three (P, P) arrays: count, sum and sum of squares of i over the rows where j is present, too."""
        xp, shape = self.xp, (layout.size, layout.size)
        if self.N is None or self.Q is None:

            def spread(part: Array) -> Array:
                return xp.broadcast_to(part[:, None], shape)

            return self.everywhere(*shape), Parts.of(self.T).each(spread), self.squares(layout).each(spread)
        group = self.index(layout.group)

        def columns(part: Array) -> Array:
            return xp.take(part, group, axis=1)

        count = Parts.of(self.N).each(lambda part: xp.take(columns(part), group, axis=0))
        return count, Parts.of(self.T).each(columns), Parts.of(self.squares_by_group(layout)).each(columns)

    def beside_dense(self, layout: Layout) -> tuple[Parts, Parts, Parts, Parts]:
        """Return four (dense, P) arrays of pairs over their common rows.

        They are the count, the sum of the dense attribute, that of the other one, and the dense one's sum of squares.
        """
        xp, d, shape = self.xp, layout.n_dense, (layout.n_dense, layout.size)
        if self.N is None or self.Q is None:
            total = Parts.of(self.T)

            def spread(part: Array) -> Array:
                return xp.broadcast_to(part[:d, None], shape)

            other = total.each(lambda part: xp.broadcast_to(part[None, :], shape))
            return self.everywhere(*shape), total.each(spread), other, self.squares(layout).each(spread)
        group, of_dense = self.index(layout.group), self.index(layout.group[:d])

        def columns(part: Array) -> Array:
            return xp.take(part[:d, :], group, axis=1)

        count = Parts.of(self.N).each(lambda part: xp.take(xp.take(part, of_dense, axis=0), group, axis=1))
        other = Parts.of(self.T).each(lambda part: xp.matrix_transpose(xp.take(part, of_dense, axis=1)))
        return count, Parts.of(self.T).each(columns), other, Parts.of(self.Q).each(columns)

    def everywhere(self, *shape: int) -> Parts:
        """Return the weight of all rows in an array of this shape."""
        device = compat.device(self.S)
        return Parts(*(self.xp.full(shape, part, dtype=self.xp.float64, device=device) for part in self.mass))

    # Algebra. These methods change `self`. The operands must have the same layout and shift.

    def allow_missing(self, layout: Layout) -> None:
        """Keep counts for every pair from now on. Statistics do not change."""
        if self.N is not None:
            return
        xp, G, d = self.xp, layout.n_groups, layout.n_dense

        def spread(part: Array) -> Array:
            return xp.broadcast_to(part[:, None], (part.shape[0], G))

        Q = self.squares(layout).each(lambda part: spread(part[:d])).stored()
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
        squares = xp.abs(self.squares(layout).high[:d])
        if self.N is None or self.Q is None:
            self.Q_error = unit * squares
            self.N_error = xp.full((1,), unit * self.weight, dtype=xp.float64, device=compat.device(self.S))
        else:
            count = self.N[0, ...]
            share = xp.where(count > 0, self.weight / xp.where(count > 0, count, 1.0), 0.0)
            shares = xp.take(share, self.index(layout.group[:d]), axis=0)
            self.Q_error = unit * (squares[:, None] * shares if of_all_rows else xp.abs(self.Q[0, ...]))
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
            self.Q = plus(self.Q, other.squares(layout).each(lambda part: part[: layout.n_dense, None]))
            self.N = plus(self.N, other.everywhere(1, 1))
        self.T, self.S = plus(self.T, T), plus(self.S, Parts.of(other.S))
        self.pairs = self.pairs.plus(other.pairs, sign)
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
            self.pairs, self.unit = empty.pairs, 0.0
            return
        counted = self.N[0, ...] != 0
        if bool(xp.all(counted)):
            return
        group, dense = self.index(layout.group), slice(0, layout.n_dense)
        by_group = xp.take(counted, group, axis=0)
        of_dense = by_group[dense, :]
        self.T, self.Q = xp.where(by_group, self.T, 0.0), xp.where(of_dense, self.Q, 0.0)
        self.N_error = xp.where(counted, self.N_error, 0.0)
        self.Q_error = xp.where(of_dense, self.Q_error, 0.0)
        by_pair = xp.take(of_dense, group, axis=1)
        self.S = xp.where(by_pair, self.S, 0.0)
        if self.D is not None:
            both = by_pair[:, dense]
            self.D, self.F = xp.where(both, self.D, 0.0), xp.where(both, self.F, 0.0)
        if len(layout.binaries):
            binaries = xp.take(by_pair, self.index(layout.binaries), axis=1)
            self.V, self.V_error = xp.where(binaries, self.V, 0.0), xp.where(binaries, self.V_error, 0.0)
        of_sparse = layout.group[layout.n_dense :]
        self.pairs = self.pairs.kept(to_numpy(counted)[of_sparse[self.pairs.one], of_sparse[self.pairs.other]])
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
        a, b = (e.each(lambda part: part[:, None]), e.each(lambda part: xp.concat([part, padding])[None, :]))
        count, total, total_t, square = self.beside_dense(layout)
        whole = self.rows(layout)
        own_n, own_t, own_s = (
            own.each(lambda part: part[dense])
            for own in (self.own_masses(layout), self.own_sums(layout), self.squares(layout))
        )
        M3, M4 = Parts.of(self.M3), Parts.of(self.M4)
        M4 = M4 + e * (M3 * 4.0 + e * (own_s * 6.0 + e * (own_t * 4.0 + e * own_n)))
        M3 = M3 + e * (own_s * 3.0 + e * (own_t * 3.0 + e * own_n))
        V, D, F = self.V, self.D, self.F
        if len(layout.binaries):
            columns = self.index(layout.binaries)

            def crossed(sums: Parts) -> Parts:
                return sums.each(lambda part: xp.take(part, columns, axis=1))

            V = (Parts.of(V) + a * (crossed(whole) * 2.0 + a * crossed(total_t))).stored()
        S = (whole + b * total + a * (total_t + b * count)).stored()
        if self.D is not None:
            u2v, u2v2 = Parts.of(self.D), Parts.of(self.F)
            uv, n, t, q = (sums.each(lambda part: part[:, dense]) for sums in (whole, count, total, square))
            b = b.each(lambda part: part[:, dense])
            t_t, q_t, uv2 = (sums.each(xp.matrix_transpose) for sums in (t, q, u2v))
            F = (
                u2v2 + b * (u2v * 2.0 + b * q) + a * (uv2 * 2.0 + a * q_t)
                + a * b * (uv * 4.0 + b * t * 2.0 + a * t_t * 2.0 + a * b * n)
            ).stored()  # fmt: skip
            D = (u2v + b * q + a * (uv * 2.0 + b * t * 2.0 + a * t_t + a * b * n)).stored()
        T, Q = Parts.of(self.T[:, dense, ...]), self.Q
        if self.N is None:
            T = T + e * self.everywhere(layout.n_dense)
        else:
            n = Parts.of(self.N).each(lambda part: xp.take(part, self.index(layout.group[dense]), axis=0))
            Q, T = (Parts.of(Q) + a * (T * 2.0 + a * n)).stored(), T + a * n
        if layout.n_sparse:
            T = Parts.of(xp.concat([T.stored(), self.T[:, layout.n_dense :, ...]], axis=1))
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

        def pick_products(rows: np.ndarray, columns: np.ndarray) -> Array:
            """Return what `pick` returns of all products."""
            keep = self.index((rows >= 0)[:, None] & (columns >= 0)[None, :])
            if old.size == 0 or 0 in keep.shape:
                return xp.zeros((PARTS, *keep.shape), dtype=xp.float64, device=device)
            return xp.where(keep, self.products(old, np.maximum(rows, 0), np.maximum(columns, 0)), 0.0)

        dense = source[: new.n_dense]
        of_dense = np.where(dense >= old.n_dense, -1, dense)
        was_sparse = dense >= old.n_dense
        if was_sparse.any() or 4 * new.size < old.size:
            result.S = pick_products(dense, source)
        else:
            result.S = pick(self.rows(old).stored(), dense, source)
        place = np.full(old.n_sparse, -1)
        known = np.flatnonzero(source[new.n_dense :] >= 0)
        place[source[new.n_dense + known] - old.n_dense] = known
        result.pairs = self.pairs.moved(place)
        if not missing:
            result.T = pick(self.T, source)
            result.Q_error, result.N_error = pick(self.Q_error, of_dense), self.N_error
        else:
            gappy = self if self.N is not None else self.copy()
            gappy.allow_missing(old)
            result.N = pick(gappy.N, group_source, group_source)
            result.T, result.Q = pick(gappy.T, source, group_source), pick(gappy.Q, of_dense, group_source)
            if was_sparse.any():
                squares = pick(gappy.T, dense, group_source)
                result.Q = xp.where(self.index(was_sparse)[:, None], squares, result.Q)
            result.Q_error = pick(gappy.Q_error, of_dense, group_source)
            result.N_error = pick(gappy.N_error, group_source, group_source)
        columns = np.full(old.size + 1, -1)
        columns[old.binaries] = np.arange(len(old.binaries))
        sparse = np.where(was_sparse, dense, -1)
        row = self.index(was_sparse)[:, None]
        if len(new.binaries):
            places = of_dense, columns[source[new.binaries]]
            result.V, result.V_error = pick(self.V, *places), pick(self.V_error, *places)
            result.B_error = pick(self.B_error, places[1])
            if was_sparse.any():  # a sparse attribute x is 0 or 1, so that the sums of x^2 x_b are those of x x_b
                result.V = xp.where(row, pick_products(sparse, source[new.binaries]), result.V)
        if self.D is not None:
            D, F = pick(self.D, of_dense, of_dense), pick(self.F, of_dense, of_dense)
            if was_sparse.any():
                of_one, of_both = pick(self.V, of_dense, columns[sparse]), pick_products(sparse, dense)
                column = xp.matrix_transpose(row)
                D = xp.where(row, of_both, xp.where(column, of_one, D))
                F = xp.where(row, xp.matrix_transpose(of_one), xp.where(column, of_one, F))
                F = xp.where(row & column, of_both, F)
            result.D, result.F = D, F
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


def _joined(one: Parts, other: Parts, axis: int = 0) -> Parts:
    xp = namespace(one.high)
    return Parts(*(xp.concat(list(parts), axis=axis) for parts in zip(one.three, other.three, strict=True)))


def replaced(A: Array, entries: Array, places: np.ndarray, axis: int = -1) -> Array:
    """Return an array in which the entries at some places of an axis are replaced."""
    xp, device = namespace(A), compat.device(A)
    source = np.full(A.shape[axis], -1)
    source[places] = np.arange(len(places))
    if not len(places):
        return A
    keep = [1] * A.ndim
    keep[axis] = len(source)
    given = xp.take(entries, xp.asarray(np.maximum(source, 0), device=device), axis=axis)
    return xp.where(xp.asarray((source >= 0).reshape(keep), device=device), given, A)


def mirrored(xp: Any, S: Array) -> Array:
    """Return square matrices with both triangles filled from the upper one."""
    return xp.triu(S) + xp.matrix_transpose(xp.triu(S, k=1))
