"""z, t and F tests and anova on plain numbers, against SciPy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats import proportion, weightstats

from symjobs import _errors
from symjobs._explore import _anova, _ftest, _ttest, _ztest
from symjobs._explore._sample import Sample

TIGHT = {"rel": 1e-12, "abs": 0.0}


def sample(values, label="x"):
    values = np.asarray(values, dtype=float)
    variance = values.var(ddof=1) if len(values) > 1 else float("nan")
    return Sample(label, float(len(values)), float(values.mean()), float(variance))


@pytest.fixture
def pair():
    rng = np.random.default_rng(5)
    return rng.normal(3.0, 2.0, 40), rng.normal(4.1, 0.5, 23)


def test_z_of_two_samples(pair):
    x, y = pair
    ours = _ztest.two_samples(sample(x), sample(y))
    z, p = weightstats.CompareMeans(weightstats.DescrStatsW(x), weightstats.DescrStatsW(y)).ztest_ind(usevar="unequal")
    assert ours["z"] == pytest.approx(z, **TIGHT)
    assert ours["zp"] == pytest.approx(p, rel=1e-10)
    assert [ours[k] for k in ("zn1", "zn2", "zm1", "zm2", "zs1", "zs2")] == pytest.approx(
        [40, 23, x.mean(), y.mean(), x.var(ddof=1), y.var(ddof=1)], **TIGHT
    )


def test_z_of_a_known_mean(pair):
    z, p = weightstats.ztest(pair[0], value=2.5)
    assert _ztest.known_mean(sample(pair[0]), 2.5) == pytest.approx({"z": z, "zp": p}, rel=1e-10)


def test_z_of_two_proportions():
    z, p = proportion.proportions_ztest([30, 45], [100, 110])
    ours = _ztest.proportions(100.0, 0.30, 110.0, 45 / 110, labels=("a", "b"))
    assert ours == pytest.approx({"z": z, "zp": p}, rel=1e-10)


def test_t_of_two_samples_pooled_and_welch(pair):
    x, y = pair
    ours = _ttest.two_samples(sample(x), sample(y))
    pooled, welch = stats.ttest_ind(x, y), stats.ttest_ind(x, y, equal_var=False)
    for key, value in {
        **{"t": pooled.statistic, "tdf": pooled.df, "tp": pooled.pvalue},
        **{"tu": welch.statistic, "tdfu": welch.df, "tpu": welch.pvalue},
    }.items():
        assert ours[key] == pytest.approx(value, rel=1e-11), key


def test_t_of_a_known_mean(pair):
    reference = stats.ttest_1samp(pair[1], 4.0)
    ours = _ttest.known_mean(sample(pair[1]), 4.0)
    assert ours == pytest.approx({"t": reference.statistic, "tp": reference.pvalue}, rel=1e-11)


def test_student_1908():
    # Student's own example, Biometrika 6, p. 20: hours of sleep gained from two drugs (Cushny and Peebles).
    gained = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]) - np.array(
        [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    )
    ours = _ttest.known_mean(sample(gained), 0.0)
    assert ours["t"] == pytest.approx(4.0621, abs=5e-5)  # R's documentation of `sleep`: t = -4.0621, p = 0.002833
    assert ours["tp"] == pytest.approx(0.002833, abs=5e-7)


def test_f_of_two_samples(pair):
    x, y = pair
    f = x.var(ddof=1) / y.var(ddof=1)
    p = 2 * min(stats.f.sf(f, 39, 22), stats.f.cdf(f, 39, 22))
    ours = _ftest.two_samples(sample(x), sample(y))
    assert [ours[k] for k in ("f", "fdf1", "fdf2", "fp")] == pytest.approx([f, 39, 22, p], rel=1e-11)


def test_f_of_a_known_deviation(pair):
    x, _ = pair
    statistic = 39 * x.var(ddof=1) / 1.8**2
    p = 2 * min(stats.chi2.sf(statistic, 39), stats.chi2.cdf(statistic, 39))
    assert _ftest.known_deviation(sample(x), 1.8) == pytest.approx({"f": statistic / 39, "fp": p}, rel=1e-11)


def test_anova(pair):
    groups = [*pair, np.array([3.3]), np.array([1.0, 1.5, 2.5])]
    reference = stats.f_oneway(*groups)
    ours = _anova.one_way([sample(g) for g in groups])
    everything = np.concatenate(groups)
    assert ours["F"] == pytest.approx(reference.statistic, rel=1e-12)
    assert ours["P"] == pytest.approx(reference.pvalue, rel=1e-11)
    assert ours["Ssgamma"] == pytest.approx(((everything - everything.mean()) ** 2).sum(), rel=1e-12)
    assert (ours["Dfb"], ours["Dfw"], ours["Dfgamma"]) == (3.0, 63.0, 66.0)
    assert ours["MSb"] / ours["MSw"] == pytest.approx(ours["F"])


def test_anova_keeps_its_digits_under_an_offset(pair):
    shifted = [sample(g) for g in pair]
    near = _anova.one_way(shifted)["F"]
    far = _anova.one_way([Sample(s.label, s.n, s.mean + 1e8, s.variance) for s in shifted])["F"]
    assert far == pytest.approx(near, rel=1e-6)  # 1e8 itself rounds the means to 1.5e-8


values = st.lists(st.integers(-50, 50), min_size=2, max_size=12)


@given(values, values)
def test_two_groups_make_one_test(a, b):
    """Anova of two groups is the pooled t test; swapping the samples turns the signs only."""
    x, y = sample(a), sample(b)
    if x.variance + y.variance == 0:
        with pytest.raises(_errors.UnsupportedTest, match="both constant"):
            _ttest.two_samples(x, y)
        with pytest.raises(_errors.UnsupportedTest, match="every group is constant"):
            _anova.one_way([x, y])
        return
    forth, back = _ttest.two_samples(x, y), _ttest.two_samples(y, x)
    assert (back["t"], back["tu"], back["tp"]) == pytest.approx((-forth["t"], -forth["tu"], forth["tp"]), rel=1e-9)
    both = _anova.one_way([x, y])
    assert both["F"] == pytest.approx(forth["t"] ** 2, rel=1e-9, abs=1e-9)
    assert both["P"] == pytest.approx(forth["tp"], rel=1e-8)


@pytest.mark.parametrize("test", [_ztest.two_samples, _ttest.two_samples, _ftest.two_samples])
def test_one_value_is_no_sample(test):
    with pytest.raises(_errors.UnsupportedTest, match=r"dose has 1 value\(s\); a test needs at least 2"):
        test(sample([1.0, 2.0]), sample([3.0], "dose"))


@pytest.mark.parametrize("test", [_ztest.known_mean, _ttest.known_mean, _ftest.known_deviation])
def test_a_constant_is_no_sample(test):
    with pytest.raises(_errors.UnsupportedTest, match="dose is constant"):
        test(sample([3.0, 3.0], "dose"), 1.0)


def test_what_anova_cannot_test():
    with pytest.raises(_errors.UnsupportedTest, match="got 1; it needs at least 2"):
        _anova.one_way([sample([1.0, 2.0])])
    with pytest.raises(_errors.UnsupportedTest, match="every group has one value"):
        _anova.one_way([sample([1.0]), sample([2.0])])
    with pytest.raises(_errors.UnsupportedTest, match="b has no values"):
        _anova.one_way([sample([1.0, 2.0]), Sample("b", 0.0, float("nan"), float("nan"))])


def test_constant_proportions_cannot_be_tested():
    with pytest.raises(_errors.UnsupportedTest, match="a and b are constant at 1"):
        _ztest.proportions(10.0, 1.0, 12.0, 1.0, labels=("a", "b"))
    with pytest.raises(_errors.UnsupportedTest, match="a has no values"):
        _ztest.proportions(0.0, float("nan"), 12.0, 0.5, labels=("a", "b"))
