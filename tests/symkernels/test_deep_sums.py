"""Statistics of some of the rows keep their digits, whatever the other rows are: against exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from symkernels import DataError, Moments, SparseRows
from symkernels._moments import _backends, _exact, _exact_loops, _exactly, _limits, _members, _numbers, _parts
from symkernels._moments._layout import Layout
from symkernels._moments._rows import Incidence
from tests.symkernels._backends import get, put

SEEDS = st.integers(0, 2**32 - 1)


def exact(values: Sequence[float]) -> list[Fraction]:
    return [Fraction(value) for value in values]


def squares(x: Sequence[Fraction], y: Sequence[Fraction], weight: Sequence[Fraction] | None = None) -> Fraction:
    """Return the sum of products of deviations from the mean."""
    w = [Fraction(1)] * len(x) if weight is None else weight
    total_x, total_y = (sum(c * a for c, a in zip(w, values, strict=True)) for values in (x, y))
    return sum(c * a * b for c, a, b in zip(w, x, y, strict=True)) - total_x * total_y / sum(w)


def value(parts: Any, *place: int) -> Fraction:
    return sum(exact([float(part[place]) for part in parts]), Fraction(0))


# -- numbers in three parts --------------------------------------------------------------------------------------------

MAGNITUDES = st.floats(1e-30, 1e30, allow_nan=False).flatmap(lambda x: st.sampled_from([x, -x]))
NUMBERS = st.tuples(MAGNITUDES, st.floats(-1, 1), st.floats(-1, 1)).map(
    lambda t: _parts.normalized(t[0], t[0] * t[1] * 2.0**-53, t[0] * t[2] * 2.0**-106, 0.0)
)


NEAR_THE_MIDDLE = st.tuples(
    st.sampled_from([1.0, -1.0, 1.5, -1.75, 2.0 - 2.0**-52, 1.0 + 2.0**-52]),
    st.sampled_from([0.0, 0.25, -0.25, 0.5, -0.5, 0.5 - 2.0**-53, 2.0**-54 - 0.5]),
    st.sampled_from([0.0, 0.25, -0.25, 0.5, -0.5, 2.0**-50, -(2.0**-50)]),
    st.integers(-100, 100),
)


@given(NEAR_THE_MIDDLE)
def test_the_nearest_float64(t: tuple[float, float, float, int]) -> None:
    """Also where the two upper parts are in the middle of two, and the lowest part says which of these is nearer."""
    high = t[0] * 2.0 ** t[3]
    middle = t[1] * float(np.spacing(abs(high)))
    three = _parts.normalized(high, middle, t[2] * float(np.spacing(abs(middle))) if middle else 0.0, 0.0)
    right = float(sum(exact(three)))
    assert _numbers.Parts(*(np.array([part]) for part in three)).rounded() == [right]
    nearest, other, is_other = _parts.rounded(*three)
    assert (other if is_other else nearest) == right


@given(a=NUMBERS, b=NUMBERS, x=MAGNITUDES)
def test_arithmetic_in_three_parts(a: Any, b: Any, x: float) -> None:
    p, q, r = sum(exact(a)), sum(exact(b)), Fraction(x)
    cases = {
        "add": ((*a, *b), p + q, abs(p) + abs(q)),
        "add_number": ((*a, x), p + r, abs(p) + abs(r)),
        "multiply": ((*a, *b), p * q, abs(p * q)),
        "multiply_number": ((*a, x), p * r, abs(p * r)),
        "divide": ((*a, *b), p / q, abs(p / q)),
    }
    from symkernels._moments import _parts_compiled

    for name, (operands, right, size) in cases.items():
        found = getattr(_parts, name)(*operands)
        assert abs(sum(exact(found)) - right) <= Fraction(_parts.UNIT) * size, name
        rounded = _numbers.Parts(*found).rounded()
        half = Fraction(np.spacing(abs(rounded))) * Fraction(0.5000001)
        assert abs(Fraction(rounded) - sum(exact(found))) <= half, name
        assert all(abs(low) <= np.spacing(abs(high)) / 2 for high, low in pairwise(found)), name
        compiled = getattr(_parts_compiled, name)(*(np.array([operand]) for operand in operands))
        assert abs(value(compiled, 0) - right) <= Fraction(_parts.UNIT) * size, name


# -- sums without rounding errors --------------------------------------------------------------------------------------


def some_rows(rng: np.random.Generator, n: int, d: int, spread: float, *, gaps: bool) -> np.ndarray:
    X = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-spread, spread, size=(n, d)) + rng.choice([0, 3e4], d)
    X[:, -1] = rng.random(n) < 0.3
    if gaps:
        X[rng.random((n, d)) < 0.2] = np.nan
    return X


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [0, 15])
def test_slices_have_no_rounding_errors(xp: Any, gaps: bool, weighted: bool, spread: float) -> None:
    rng = np.random.default_rng(1)
    n, d = 40, 3
    X = some_rows(rng, n, d, spread, gaps=gaps)
    w = rng.random(n) * 3 if weighted else None
    layout = Layout().with_dense(np.array([False, False, True])).with_sparse(2, None)[0]
    ones = rng.random((n, 2)) < 0.4
    absent = rng.random(n) < 0.2 if gaps else np.zeros(n, bool)
    ones[absent] = False
    indptr = np.concatenate([[0], np.cumsum(ones.sum(axis=1))])
    sparse = Incidence(indptr, np.nonzero(ones)[1], absent[:, None], np.array([d]))
    rows, weight = put(xp, X), None if w is None else put(xp, w)
    sums = _exact.exact_sums(rows, weight, sparse, layout.without_members(), joint=True)
    sums = _members.with_members(sums, rows, weight, sparse, layout)
    shift = exact(get(sums.shift))
    weights = exact(np.ones(n) if w is None else w)
    columns = [[None if np.isnan(v) else Fraction(v) - shift[j] for v in X[:, j]] for j in range(d)]
    columns += [[None if absent[r] else Fraction(int(ones[r, k])) for r in range(n)] for k in range(2)]

    def check(name: str, place: tuple[int, ...], terms: list[Fraction], size: Fraction) -> None:
        found = value(get(getattr(sums, name)), *place)
        assert abs(found - sum(terms)) <= Fraction(2 * _parts.UNIT) * size, (name, place)

    size = [sum(w * u * u for w, u in zip(weights, column, strict=True) if u is not None) for column in columns]
    for i, u in enumerate(columns):
        for j, v in enumerate(columns):
            both = [r for r in range(n) if u[r] is not None and v[r] is not None]
            products = [weights[r] * u[r] * v[r] for r in both]
            if i <= j and i < d:
                check("S", (i, j), products, (size[i] + size[j]) / 2)
            if d <= i < j:
                assert value(sums.pairs.between(np.array(i - d), np.array(j - d))) == sum(products)
            if i < d and j < d:
                squares_by_v = [weights[r] * u[r] ** 2 * v[r] for r in both]
                check("D", (i, j), squares_by_v, size[i] * max(map(abs, filter(None, v))))
            if i < d and j >= d - 1:
                check("V", (i, j - d + 1), [weights[r] * u[r] ** 2 * v[r] for r in both], size[i])
            if sums.N is not None:
                g = int(layout.group[j])
                check("T", (i, g), [weights[r] * u[r] for r in both], size[i] + sum(weights))
                if i < d:
                    check("Q", (i, g), [weights[r] * u[r] ** 2 for r in both], size[i])
                check("N", (int(layout.group[i]), g), [weights[r] for r in both], sum(weights))


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("spread", [0, 15])
def test_compiled_exact_sums_equal_slices(gaps: bool, spread: float) -> None:
    rng = np.random.default_rng(2)
    for n, d in ((1, 1), (3, 2), (100, 7)):
        X = some_rows(rng, n, d, spread, gaps=gaps)
        layout = Layout().with_dense(np.arange(d) == d - 1)
        shift = np.where(layout.binary, 0.0, rng.normal(size=d))
        mine = _exactly.sum_rows(X, layout, shift)
        theirs = _exact.exact_sums(X, None, None, layout, joint=False)
        theirs.move_shift(shift, layout)
        # M3 and M4 keep 31 digits.
        largest = np.nanmax(np.abs(X), initial=1) + 1
        for name, power in (("S", 2), ("T", 1), ("Q", 2), ("N", 0), ("V", 2), ("M3", 3), ("M4", 4)):
            a, b = getattr(mine, name), getattr(theirs, name)
            assert (a is None) == (b is None)
            if a is None:
                continue
            unit = 2.0**-100 if power > 2 else _exact_loops.BIASED_UNIT
            for place in np.ndindex(a.shape[1:]):
                if name != "S" or place[0] <= place[1]:
                    difference = value(a, *place) - value(b, *place)
                    assert abs(difference) <= Fraction(unit) * n * Fraction(largest) ** power * 4, name


# -- answers -----------------------------------------------------------------------------------------------------------


class DeepMachine(RuleBasedStateMachine):
    """Rows of two columns and a category. Each batch has a level and a size of its own, and gaps of its own."""

    SIZES = (1.0, 1e-3, 1e6, 1e9, 1e12, 1e-150, 1e140)
    LEVELS = (0.0, 1.0, -1e6, 1e9, 1e12, 1e140)
    WEIGHTS: ClassVar[dict[str, list[float]]] = {
        "none": [1.0],
        "whole": [0.0, 1.0, 2.0, 7.0],
        "any": [0.1, 1.0 / 3.0, 1e-6, 1e6],
    }

    @initialize(little=st.booleans(), late=st.booleans(), exact=st.booleans(), weights=st.sampled_from(sorted(WEIGHTS)))
    def start(self, little: bool, late: bool, exact: bool, weights: str) -> None:
        self.usual, self.little, self.forgotten = (_backends._LITTLE_WORK, _backends._FEW), little or exact, False
        if not little:
            _backends._LITTLE_WORK = _backends._FEW = 0.0
        self.exact, self.blocks, self.weights = exact, exact and not little, self.WEIGHTS[weights]
        self.m = self._new(1)
        self.rows: list[tuple[float, float, int, float]] = []
        self.reach = 0.0
        self.late = late
        if not late:
            self.m.extend(1)

    def teardown(self) -> None:
        _backends._LITTLE_WORK, _backends._FEW = self.usual

    def _new(self, p: int) -> Moments:
        m = Moments(1, exact=self.exact)
        self.group, self.members = m.extend_sparse(2)
        m.extend(p - 1)
        return m

    def _some(self, seed: int, n: int, level: float, size: float, gaps: float) -> list[tuple[float, float, int, float]]:
        rng = np.random.default_rng(seed)
        X = level + size * np.round(rng.normal(size=(n, 2)), 3)
        X[rng.random(n) < rng.choice([0.0, 0.5])] *= rng.choice([1e-3, 1e-30, 1e-120])
        X[rng.random((n, 2)) < gaps] = np.nan
        if self.late:
            X[:, 1] = np.nan
        member = rng.integers(0, 3, n) if rng.random() < 0.5 else np.full(n, rng.integers(0, 3))
        weight = rng.choice(self.weights, n)
        self.reach = max(self.reach, np.nanmax(np.abs(X), initial=0.0))
        return [(float(x), float(y), int(k), float(w)) for (x, y), k, w in zip(X, member, weight, strict=True)]

    def _arguments(self, rows: list[tuple[float, float, int, float]]) -> tuple[Any, Any, SparseRows]:
        X = np.array([row[: len(self.m.dense)] for row in rows]).reshape(len(rows), -1)
        member = np.array([row[2] for row in rows], int)
        indptr = np.concatenate([[0], np.cumsum(member < 2)])
        weight = None if self.weights == [1.0] else np.array([row[3] for row in rows])
        return X, weight, SparseRows(indptr, self.members[member[member < 2]], None, np.array([self.group]))

    @rule(seed=SEEDS, n=st.integers(1, 40), level=st.sampled_from(LEVELS),
          size=st.sampled_from(SIZES), gaps=st.sampled_from([0.0, 0.4]))  # fmt: skip
    def learn(self, seed: int, n: int, level: float, size: float, gaps: float) -> None:
        reach, rows = self.reach, self._some(seed, n, level, size, gaps)
        try:
            self.m.learn(*self._arguments(rows))
        except DataError as error:
            if "underflow" not in str(error) or not self._nearly_nothing(self.rows + rows):
                raise
            self.reach = reach
        else:
            self.rows += rows

    def _nearly_nothing(self, rows: list[Any]) -> bool:
        """Whether the values of a column differ, and none is large enough for a square."""
        for c in range(len(self.m.dense)):
            values = {row[c] for row in rows if row[3] and not np.isnan(row[c])}
            if len(values) > 1 and max(map(abs, values)) < 1e-150:
                return True
        return False

    @rule(seed=SEEDS, level=st.sampled_from([0.0, 1e9]), merged=st.booleans())
    def merge(self, seed: int, level: float, merged: bool) -> None:
        rows = self._some(seed, 20, level, 1.0, 0.2)
        if self._nearly_nothing(rows):
            return
        other = self._new(len(self.m.dense))
        other.learn(*self._arguments(rows))
        if merged:
            self.m = other + self.m if seed % 2 else self.m + other
            self.rows += rows
        else:
            self.m, self.forgotten = (self.m + other) - other, True

    @rule(seed=SEEDS, share=st.sampled_from([0.3, 0.9]))
    def forget(self, seed: int, share: float) -> None:
        gone = np.random.default_rng(seed).random(len(self.rows)) < share
        self.forgotten |= bool(gone.any())
        if gone.any():
            self.m.forget(*self._arguments([row for row, go in zip(self.rows, gone, strict=True) if go]))
            self.rows = [row for row, go in zip(self.rows, gone, strict=True) if not go]

    @rule()
    def the_second_column_appears(self) -> None:
        if self.late:
            self.late = False
            self.m.extend(1)

    @rule()
    def save_and_load(self) -> None:
        self.m = Moments.from_arrays(self.m.arrays())

    @invariant()
    def answers_keep_their_digits(self) -> None:
        if not hasattr(self, "m"):
            return
        x, y, certain = self.m.dense[0], self.m.dense[-1], self.m.reproducible
        columns = {int(x): 0, int(y): 1} if x != y else {int(x): 0}
        for i, c in columns.items():
            mine = [row for row in self.rows if not np.isnan(row[c])]
            self._compare(mine, c, self.m.mean()[i], self.m.var()[i], self.m.error_bound[i], certain=certain)
            for k, member in enumerate(self.members):
                found = self.m.condition(int(member))
                group = [row for row in mine if row[2] == k]
                self._compare_count(found.count[i], group)
                self._compare(group, c, found.mean[i], found.var[i], found.error_bound[i])
        if x != y:
            both = [row for row in self.rows if not np.isnan(row[0] + row[1])]
            self._compare_pair(both, self.m.covariance()[x, y], self.m.correlation()[x, y])

    def _compare_count(self, count: float, rows: list[Any]) -> None:
        right = float(sum(exact([row[3] for row in rows])))
        assert abs(count - right) <= 2e-16 * right + self._weight_in_doubt()

    def _weight_in_doubt(self) -> float:
        """Bound what rounding errors of weights may hide: in float64, 8 units in the last place for each of 40 rows."""
        processed = self.m._state.weight_processed if self.forgotten or not self.little else 0.0
        return (1e-30 if self.little else 4e-14) * processed

    def _digits(self, spread: Fraction, n: int) -> float | None:
        """Return the relative error that is allowed for rows of this spread; None if an answer may be refused.

        Rows that were summed in float64 leave rounding errors when they are forgotten in other batches.
        """
        if (self.forgotten and not self.little) or spread < 1e-295:  # the smallest squares have fewer digits
            return None
        ratio = self.reach / float(spread / n) ** 0.5
        few = 1e-3 if self.blocks else 1.0  # two levels of sums have 88 bits, three have 100 or more
        return 1e-12 if ratio <= few * 1e9 else 1e-6 if ratio <= few * 1e12 else None

    def _compare(self, rows: list[Any], c: int, mean: float, var: float, bound: float, certain: bool = False) -> None:
        values, weight = exact([row[c] for row in rows]), exact([row[3] for row in rows])
        n = sum(weight)
        if not n or np.isnan(mean):
            assert np.isnan(mean)
            assert np.isnan(var)
            assert n <= self._weight_in_doubt()
            return
        spread = squares(values, values, weight)
        true_mean = sum(w * x for w, x in zip(weight, values, strict=True)) / n
        if certain:
            assert mean == float(true_mean)
        if spread == 0:
            assert var == 0 or bound > 1e-6
            return
        right = float(spread / n)
        largest = max(abs(x) for x, w in zip(values, weight, strict=True) if w)
        if not self.little and largest <= 1e-19 * self.reach:
            return  # they may count as 0
        assert bound > 1 or abs(var - right) <= bound * right, (var, right, bound)
        allowed = self._digits(spread, n)
        if allowed is not None:
            assert bound <= 1e-6, (var, right, bound)
            assert abs(var - right) <= allowed * right, (var, right)
            assert abs(mean - float(true_mean)) <= 1e-15 * abs(float(true_mean)) + allowed * right**0.5

    def _compare_pair(self, rows: list[Any], covariance: float, correlation: float) -> None:
        a, b, weight = (exact([row[c] for row in rows]) for c in (0, 1, 3))
        n = sum(weight)
        if len(rows) < 2 or not n:
            return
        aa, bb, ab = squares(a, a, weight), squares(b, b, weight), squares(a, b, weight)
        if aa == 0 or bb == 0:
            assert np.isnan(correlation)
            return
        allowed = [self._digits(spread, n) for spread in (aa, bb)]
        if None in allowed:
            return
        scale = float(aa / n) ** 0.5 * float(bb / n) ** 0.5
        assert abs(covariance - float(ab / n)) <= max(allowed) * scale
        assert abs(correlation - float(ab / n) / scale) <= max(allowed)


FOUND: dict[str, tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]] = {
    "squares below 1e-300": (
        {"little": True, "late": False, "exact": False, "weights": "whole"},
        [
            ("learn", {"gaps": 0.0, "level": 0.0, "n": 1, "seed": 2, "size": 1.0}),
            ("learn", {"gaps": 0.4, "level": 0.0, "n": 8, "seed": 1373, "size": 1e-150}),
            ("forget", {"seed": 52098741, "share": 0.3}),
        ],
    ),
    "few of the rows forgotten in another batch": (
        {"little": False, "late": True, "exact": False, "weights": "none"},
        [
            ("learn", {"gaps": 0.0, "level": 0.0, "n": 4, "seed": 11690548, "size": 1.0}),
            ("learn", {"gaps": 0.0, "level": -1e6, "n": 17, "seed": 960600036, "size": 0.001}),
            ("forget", {"seed": 14, "share": 0.9}),
        ],
    ),
    "a group of weight 0 and one of tiny values": (
        {"little": False, "late": False, "exact": False, "weights": "whole"},
        [("learn", {"gaps": 0.0, "level": 0.0, "n": 4, "seed": 11690548, "size": 1.0})],
    ),
    "no row counts": (
        {"little": False, "late": False, "exact": False, "weights": "whole"},
        [("learn", {"gaps": 0.0, "level": 0.0, "n": 1, "seed": 2, "size": 1.0})],
    ),
    "rows of weight 0 beside tiny values": (
        {"little": False, "late": False, "exact": False, "weights": "whole"},
        [
            ("merge", {"level": 0.0, "merged": False, "seed": 0}),
            ("merge", {"level": 0.0, "merged": True, "seed": 1837951}),
        ],
    ),
    "a far row of weight 0 comes first": (
        {"little": False, "late": False, "exact": False, "weights": "whole"},
        [
            ("learn", {"gaps": 0.0, "level": 0.0, "n": 2, "seed": 625, "size": 1e12}),
            ("learn", {"gaps": 0.0, "level": 0.0, "n": 4, "seed": 0, "size": 1.0}),
        ],
    ),
}


@pytest.mark.parametrize("found", sorted(FOUND))
def test_what_long_runs_have_found(found: str) -> None:
    how, steps = FOUND[found]
    machine = DeepMachine()
    machine.start(**how)
    try:
        for rule_name, arguments in steps:
            getattr(machine, rule_name)(**arguments)
            machine.answers_keep_their_digits()
    finally:
        machine.teardown()


TestDeep = DeepMachine.TestCase
TestDeep.settings = settings(max_examples=60, stateful_step_count=10, deadline=None)


def test_sums_of_a_group_beside_another_one() -> None:
    k = np.arange(100)
    x = np.concatenate([k % 5 - 2.0, 1.75e7 + 1.125 * (k % 5 - 2)])
    m = Moments(2, binary=[1]).learn(np.column_stack([x, np.arange(200) < 100]))
    assert m.condition(1).var[0] == 2.0
    assert m.condition(1).error_bound[0] < 1e-15


@pytest.mark.parametrize("level", [1e6, 1e9, 1e12])
@pytest.mark.parametrize("little", [True, False])
def test_a_level_before_the_second_column_appeared(monkeypatch: pytest.MonkeyPatch, level: float, little: bool) -> None:
    if not little:
        monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    m = Moments(1)
    for _ in range(4):
        m.learn(level + np.tile([[1.0], [-1.0]], (50, 1)))
    m.extend(1)
    x = np.arange(50) % 7.0
    y = x + np.arange(50) % 3 * 2
    m.learn(np.column_stack([x, y]))
    assert m.correlation()[0, 1] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-14)


@pytest.mark.parametrize(("size", "allowed"), [(1e12, 1e-9), (1e15, 1e-9), (1e18, 1e-4)])
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("again", [False, True])
def test_far_larger_rows_can_be_forgotten(
    monkeypatch: pytest.MonkeyPatch, size: float, allowed: float, little: bool, again: bool
) -> None:
    """``again``: they are forgotten in other batches than those in which they were learnt."""
    if not little:
        monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    rng = np.random.default_rng(0)
    X, far = rng.normal(size=(1000, 3)), rng.normal(size=(1000, 3)) * size
    m = Moments(3).learn(X).learn(far)
    for part in np.array_split(rng.permutation(far), 7) if again else [far]:
        m.forget(part)
    left = Moments(3).learn(X)
    np.testing.assert_allclose(m.covariance(), left.covariance(), rtol=0, atol=allowed)
    np.testing.assert_allclose(m.mean(), left.mean(), rtol=0, atol=allowed)
    assert (m.error_bound >= np.abs(m.var() / left.var() - 1)).all()


def test_integers_come_back_bit_equal() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(-50, 50, size=(500, 3)).astype(float)
    far = rng.integers(-(10**12), 10**12, size=(300, 3)).astype(float)
    m = Moments(3).learn(X)
    before = {name: getattr(m, name)() for name in ("mean", "covariance", "correlation")}
    m.learn(far).forget(far[::-1])
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(m, name)(), array)


def test_a_thousand_states_in_any_tree() -> None:
    rng = np.random.default_rng(0)
    states = [Moments(4).learn(rng.normal(size=(20, 4)) + rng.normal() * 10) for _ in range(1000)]

    def merged(order: np.ndarray) -> np.ndarray:
        level = [states[i].copy() for i in order]
        while len(level) > 1:
            level = [a.merge(b) for a, b in zip(level[::2], level[1::2], strict=False)] + level[len(level) // 2 * 2 :]
        return level[0].covariance()

    one = merged(np.arange(1000))
    total = states[0].copy()
    for state in states[1:]:
        total.merge(state)
    for other in (merged(rng.permutation(1000)), total.covariance()):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("tiny", [1e-194, 1e-290])
@pytest.mark.parametrize("gaps", [False, True])
def test_squares_that_underflow_leave_the_other_products(xp: Any, tiny: float, gaps: bool) -> None:
    X = np.array([[0.0, 0.0], [tiny, 1.0], [tiny, 0.0]] * 3)
    if gaps:
        X = np.concatenate([X, [[tiny, np.nan]]])
    far = np.array([[1.0, np.nan]])
    for weight in (None, np.ones(len(X))):
        m = Moments(2).learn(put(xp, far)).learn(put(xp, X), None if weight is None else put(xp, weight))
        assert float(m.covariance()[0, 1]) == pytest.approx(tiny / 9, rel=1e-15)


def _columns_of(tiny: float) -> np.ndarray:
    return np.column_stack([np.arange(40) % 7.0, np.arange(40) % 5 * tiny, np.full(40, tiny)])


@pytest.mark.parametrize("tiny", [2.0**-1074, 1e-200, 2.0**-537])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("size", [1, 3, 20, 40])
def test_squares_that_underflow_are_refused(
    xp: Any, monkeypatch: pytest.MonkeyPatch, tiny: float, weighted: bool, little: bool, size: int
) -> None:
    """By every road on which rows come in; the state is as before."""
    if not little:
        monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    X = _columns_of(tiny)
    m = Moments(3).learn(put(xp, np.concatenate([X[:1]] * 9)))  # so far no value differs
    before = m.arrays()
    for start in range(0, 40, size):
        rows = X[start : start + size]
        if len(rows) == 1 and rows[0, 1] == 0.0:
            continue
        with pytest.raises(DataError, match=r"attribute 1: .*underflow float64; rescale them") as caught:
            m.learn(put(xp, rows), put(xp, np.ones(len(rows))) if weighted else None)
        assert caught.value.indices == (1,)
    for name, array in m.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    assert m.mean()[2] == tiny


def test_states_whose_squares_would_underflow_are_not_merged() -> None:
    a, b = (Moments(1).learn(np.full((9, 1), x)) for x in (1e-200, 3e-200))
    with pytest.raises(DataError, match="underflow"):
        a.merge(b)
    assert a.n_rows == 9
    assert a.learn([[1.0]]).merge(b).n_rows == 19
    assert a.forget([[1.0]]).n_rows == 18  # rows of which only tiny ones are left may go, too
    assert a.forget(np.full((9, 1), 3e-200)).n_rows == 9


@pytest.mark.parametrize("little", [True, False])
def test_tiny_values_after_larger_ones_and_tiny_ones_whose_squares_are_numbers(
    monkeypatch: pytest.MonkeyPatch, little: bool
) -> None:
    if not little:
        monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    X = _columns_of(1e-200)
    m = Moments(3).learn([[0.0, 1.0, 1.0]])
    for rows in (X[:1], X[:5], X):
        m.learn(rows)
    assert m.n_rows == 47
    tiny = _columns_of(1e-150)
    m = Moments(3)
    for rows in (tiny[:20], tiny[20:21], tiny[21:]):
        m.learn(rows)
    assert m.var()[1] == pytest.approx(2e-300, rel=1e-12)


@pytest.mark.parametrize("p", [_limits.MOST_EXACTLY, _limits.MOST_EXACTLY + 1])
def test_exact_sums_of_as_many_columns_as_compiled_loops_take_and_of_one_more(p: int) -> None:
    X = np.random.default_rng(0).integers(-9, 9, (70, p)) + 0.5
    X[3, -1] = np.nan
    found = Moments(p).learn(X)
    complete = np.delete(X, 3, axis=0)
    # Halves of whole numbers: NumPy's sums are exact, and both round the quotients.
    np.testing.assert_allclose(found.covariance()[:-1, :-1], np.cov(X[:, :-1].T, ddof=0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(found.covariance()[-1], np.cov(complete.T, ddof=0)[-1], rtol=1e-13, atol=1e-13)


def test_a_row_of_little_weight_stays_where_a_heavy_one_was() -> None:
    """The weight that is left is real, not the rounding error of the heavy row's."""
    light, heavy, other = np.array([[1.0, 2.0]]), np.array([[5.0, np.nan]]), np.array([[3.0, 7.0]])
    m = Moments(2)
    for X, weight in ((light, 1e-12), (heavy, 1e9), (other, 1 / 3)):
        m.learn(X, np.array([weight]))
    m.forget(heavy, np.array([1e9])).forget(other, np.array([1 / 3]))
    np.testing.assert_array_equal(m.count, 1e-12)
    np.testing.assert_allclose(m.mean(), light[0], rtol=1e-15)
    m.learn(other, np.array([1 / 3])).forget(light, np.array([1e-12]))
    np.testing.assert_allclose(m.mean(), other[0], rtol=1e-15)  # rounded once
