"""Every metric on a project against pandas, SciPy and statsmodels, complete and with values missing."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats import proportion, weightstats

import symjobs as sj
from symjobs._explore import METRICS, explore

X, Y = "sepal_length", "petal_width"


@pytest.fixture
def metric(project):
    snapshot = project.snapshot()

    def compute(name, inputs, targets=None, **parameters):
        return explore(snapshot, name, inputs, targets, parameters)

    return compute


def two_groups(frame, given):
    return [frame[X][frame[name] == 1].dropna() for name in given]


def keys(text):
    return text.split()


def test_uni(metric, frame):
    x = frame[X].dropna()
    ours = metric("uni", [X])
    assert list(ours) == keys("count mean variance stddev skewness kurtosis stderr meanMarginErrorC95")
    assert ours == pytest.approx(
        {
            **{"count": len(x), "mean": x.mean(), "variance": x.var(ddof=0), "stddev": x.std(ddof=0)},
            **{"skewness": stats.skew(x), "kurtosis": stats.kurtosis(x), "stderr": x.std(ddof=0) / len(x) ** 0.5},
            "meanMarginErrorC95": 1.959964 * x.std(ddof=0) / len(x) ** 0.5,
        },
        rel=1e-11,
    )
    ours = metric("uni", [X], unbiased="true")
    reference = {"variance": x.var(), "skewness": x.skew(), "kurtosis": x.kurt(), "stderr": x.sem()}
    assert {key: ours[key] for key in reference} == pytest.approx(reference, rel=1e-11)


def test_uni_of_a_member_counts_only_rows_that_have_the_category(metric, frame):
    ours = metric("uni", ["species$virginica"])
    present = frame["species"].dropna()
    assert ours["count"] == len(present)
    assert ours["mean"] == pytest.approx((present == "virginica").mean())


def test_bi_of_two_continuous(metric, frame):
    both = frame[[X, Y]].dropna()
    x, y = both[X], both[Y]
    for unbiased in (False, True):
        ours = metric("bi", [X, Y], unbiased=str(unbiased).lower())
        assert list(ours) == keys(
            "covar linCorr condMean condCount condVariance condSum condStddev biCi95Down biCi95Up"
        )
        assert ours["covar"] == pytest.approx(np.cov(x, y, ddof=int(unbiased))[0, 1], rel=1e-11)
        assert ours["linCorr"] == pytest.approx(frame[X].corr(frame[Y]), rel=1e-11)
        assert ours["condCount"] == pytest.approx(y.sum())
        assert ours["condSum"] == pytest.approx((x * y).sum())
        assert ours["condMean"] == pytest.approx((x * y).sum() / y.sum())
        assert all(math.isnan(ours[key]) for key in keys("condVariance condStddev biCi95Down biCi95Up"))


def test_bi_with_joint_squares(frame):
    project = sj.Project("squares", params={"joint_squares": "true"})
    project.learn(frame[[X, Y]])
    both = frame[[X, Y]].dropna()
    x, y = both[X], both[Y]
    mean = (x * y).sum() / y.sum()
    variance = ((x * y) ** 2).sum() / y.sum() - mean**2
    margin = 1.959964 * math.sqrt(variance) / math.sqrt(y.sum())
    ours = explore(project.snapshot(), "bi", [X], [Y])
    reference = {"condVariance": variance, "condStddev": math.sqrt(variance)}
    reference |= {"biCi95Down": mean - margin, "biCi95Up": mean + margin}
    assert {key: ours[key] for key in reference} == pytest.approx(reference, rel=1e-10)


def test_bi_with_a_binary_describes_the_group(metric, frame):
    group = frame[X][frame["wide"] == 1].dropna()
    ours = metric("bi", [X, "wide"])
    margin = 1.959964 * group.std(ddof=0) / len(group) ** 0.5
    assert ours["condCount"] == len(group)
    assert ours["condMean"] == pytest.approx(group.mean(), rel=1e-12)
    assert ours["condVariance"] == pytest.approx(group.var(ddof=0), rel=1e-11)
    assert (ours["biCi95Down"], ours["biCi95Up"]) == pytest.approx((group.mean() - margin, group.mean() + margin))


def test_bi_keeps_the_sum_of_products_where_the_weights_cancel():
    project = sj.Project("p").learn((np.array([[1.0, -1.0], [2.0, 1.0]]), ["x", "y"]))
    ours = explore(project.snapshot(), "bi", ["x", "y"])
    assert (ours["condCount"], ours["condSum"]) == (0.0, 1.0)
    assert np.isnan(ours["condMean"])


def test_bi_of_an_attribute_with_itself(metric, frame):
    ours = metric("bi", [X, X])
    assert ours["covar"] == pytest.approx(frame[X].var(ddof=0), rel=1e-11)
    assert ours["linCorr"] == 1.0
    assert metric("bi", ["wide", "wide"])["condVariance"] == 0.0


@pytest.fixture(params=["two", "given"])
def two(request, frame):
    """Inputs, targets and the two samples that they mean."""
    if request.param == "two":
        return [X, Y], None, [frame[X].dropna(), frame[Y].dropna()]
    given = ["species$setosa", "wide"]
    return [X], given, [frame[X][frame["species"] == "setosa"].dropna(), frame[X][frame["wide"] == 1].dropna()]


def check_samples(ours, letter, a, b):
    reference = [len(a), len(b), a.mean(), b.mean(), a.var(), b.var()]
    assert [ours[letter + key] for key in keys("n1 n2 m1 m2 s1 s2")] == pytest.approx(reference, rel=1e-11)


def test_ztest(metric, two):
    inputs, targets, (a, b) = two
    ours = metric("ztest", inputs, targets)
    assert list(ours) == keys("zn1 zn2 zm1 zm2 zs1 zs2 z zp")
    check_samples(ours, "z", a, b)
    means = weightstats.CompareMeans(weightstats.DescrStatsW(a), weightstats.DescrStatsW(b))
    z, _ = means.ztest_ind(usevar="unequal")
    assert ours["z"] == pytest.approx(z, rel=1e-10)
    assert ours["zp"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-8)


def test_ttest(metric, two):
    inputs, targets, (a, b) = two
    ours = metric("ttest", inputs, targets)
    assert list(ours) == keys("tn1 tn2 tm1 tm2 ts1 ts2 t tdf tp tu tdfu tpu")
    check_samples(ours, "t", a, b)
    pooled, welch = stats.ttest_ind(a, b), stats.ttest_ind(a, b, equal_var=False)
    reference = [*(getattr(pooled, key) for key in keys("statistic df pvalue"))]
    reference += [getattr(welch, key) for key in keys("statistic df pvalue")]
    assert [ours[key] for key in keys("t tdf tp tu tdfu tpu")] == pytest.approx(reference, rel=1e-9)


def test_ftest(metric, two):
    inputs, targets, (a, b) = two
    ours = metric("ftest", inputs, targets)
    assert list(ours) == keys("fn1 fn2 fm1 fm2 fs1 fs2 fdf1 fdf2 f fp")
    check_samples(ours, "f", a, b)
    law = stats.f(len(a) - 1, len(b) - 1)
    f = a.var() / b.var()
    assert ours["f"] == pytest.approx(f, rel=1e-10)
    assert ours["fp"] == pytest.approx(min(1.0, 2 * min(law.sf(f), law.cdf(f))), rel=1e-8)


@pytest.mark.parametrize(("name", "own"), [("ztest", "ztestmu"), ("ttest", "ttestmu")])
def test_known_means(metric, frame, name, own):
    x = frame[X].dropna()
    parameter = {f"sml_explore_{name}_known_mu": "5.7"}
    ours = metric(own, [X], **parameter)
    assert metric(name, [X], **parameter) == ours
    t = (x.mean() - 5.7) / x.sem()
    p = 2 * (stats.norm.sf(abs(t)) if name == "ztest" else stats.t.sf(abs(t), len(x) - 1))
    assert list(ours.items()) == [(name[0], pytest.approx(t, rel=1e-9)), (f"{name[0]}p", pytest.approx(p, rel=1e-8))]


def test_known_deviation(metric, frame):
    x = frame[X].dropna()
    parameter = {"sml_explore_ftest_known_sigma": "0.8"}
    ours = metric("ftestmu", [X], **parameter)
    assert metric("ftest", [X], **parameter) == ours
    f, df = x.var() / 0.64, len(x) - 1
    p = 2 * min(stats.chi2.sf(df * f, df), stats.chi2.cdf(df * f, df))
    assert ours == pytest.approx({"f": f, "fp": p}, rel=1e-9)


@pytest.mark.parametrize("sigma", ["1e-170", "1e170"])
def test_a_known_deviation_whose_square_is_out_of_range(metric, sigma):
    found = metric("ftestmu", [X], sml_explore_ftest_known_sigma=sigma)
    assert found["fp"] == 0.0
    assert found["f"] == (np.inf if sigma == "1e-170" else 0.0)


def test_proportions(metric, frame):
    a, b = frame["wide"].dropna(), frame["long"].dropna()
    z, p = proportion.proportions_ztest([a.sum(), b.sum()], [len(a), len(b)])
    assert metric("ztestp", ["wide", "long"]) == pytest.approx({"z": z, "zp": p}, rel=1e-10)
    assert metric("ztestp", ["wide"], ["long"]) == metric("ztestp", ["wide", "long"])


@pytest.mark.parametrize("targets", [None, ["species"], ["species$setosa", "species$virginica"]])
def test_anova(metric, frame, targets):
    if targets is None:
        inputs, groups = list(frame.columns[:3]), [frame[name].dropna() for name in frame.columns[:3]]
    else:
        inputs = [X]
        values = ["setosa", "versicolor", "virginica"] if targets == ["species"] else ["setosa", "virginica"]
        groups = [frame[X][frame["species"] == value].dropna() for value in values]
    ours = metric("anova", inputs, targets)
    assert list(ours) == keys("SSb SSw Dfb Dfw MSb MSw F Ssgamma Dfgamma P")
    reference = stats.f_oneway(*groups)
    everything = pd.concat(groups)
    assert ours["F"] == pytest.approx(reference.statistic, rel=1e-10)
    assert ours["P"] == pytest.approx(reference.pvalue, rel=1e-8)
    assert ours["Ssgamma"] == pytest.approx(everything.var(ddof=0) * len(everything), rel=1e-10)
    assert ours["SSw"] == pytest.approx(sum(g.var(ddof=0) * len(g) for g in groups), rel=1e-10)
    assert (ours["Dfb"], ours["Dfgamma"]) == (len(groups) - 1, len(everything) - 1)


def test_chi2_of_binaries(metric, frame):
    rows, columns = ["species$setosa", "species$virginica"], ["wide", "long"]
    ours = metric("chi2", rows, columns)
    table = [[((frame["species"] == r) & (frame[c] == 1)).sum() for c in columns] for r in ("setosa", "virginica")]
    reference = stats.chi2_contingency(table, correction=False)
    assert ours == pytest.approx(
        {
            **{"chiStat": reference.statistic, "df": 1, "pval": reference.pvalue},
            "coef": stats.contingency.association(table, method="tschuprow"),
            **{f"obs${r}:{c}": table[i][j] for i, r in enumerate(rows) for j, c in enumerate(columns)},
        },
        rel=1e-9,
    )


def test_chi2_echoes_what_the_request_named(project, metric):
    i, j = (str(project.snapshot().index(name)) for name in ("species$setosa", "wide"))
    ours = metric("chi2", [i, "species$virginica"], [j, "long"])
    assert [key for key in ours if key.startswith("obs$")] == [
        *(f"obs${i}:{j}", f"obs${i}:long"),
        *(f"obs$species$virginica:{j}", "obs$species$virginica:long"),
    ]


def test_chi2_crosses_a_category_with_binaries(metric, frame):
    ours = metric("chi2", ["species"], ["wide", "long"])
    table = [
        [((frame["species"] == s) & (frame[c] == 1)).sum() for c in ("wide", "long")]
        for s in ("setosa", "versicolor", "virginica")
    ]
    assert ours["chiStat"] == pytest.approx(stats.chi2_contingency(table, correction=False).statistic, rel=1e-9)
    assert ours["df"] == 2.0


def entropy(counts):
    return stats.entropy(np.asarray(counts, dtype=float), base=2)


@pytest.mark.parametrize(
    ("source", "target"), [("species", "wide"), ("wide", "species"), ("wide", "long"), ("species", "species")]
)
def test_gain(metric, frame, source, target):
    table = pd.crosstab(frame[source], frame[target]).to_numpy()
    reference = entropy(table.sum(0)) + entropy(table.sum(1)) - entropy(table.ravel())
    assert metric("gain", [source], [target]) == pytest.approx({"gain": reference}, abs=1e-12)
    assert metric("gain", [source, target]) == metric("gain", [source], [target])


def test_the_table_of_metrics_is_the_contract():
    assert list(METRICS) == keys("uni bi ztest ztestp ztestmu ttest ttestmu ftest ftestmu anova chi2 gain")
