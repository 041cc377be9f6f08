"""Pictures: what is drawn is what was given, also when it is infinite, undefined, or a lot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symjobs import _plots
from symjobs._errors import InputError
from symkernels import GPDFit


def test_scree_draws_the_values_and_their_cumulative_share():
    figure = _plots.scree([3.0, 1.0, 0.5], total=5.0, title="three of five")
    bars, share = figure.axes
    assert [patch.get_height() for patch in bars.patches] == [3.0, 1.0, 0.5]
    np.testing.assert_allclose(share.lines[0].get_ydata(), [0.6, 0.8, 0.9])
    assert bars.get_title() == "three of five"
    assert bars.get_yscale() == "linear"


def test_scree_of_values_far_apart_is_logarithmic():
    assert _plots.scree([1e6, 10.0, 1e-3, 0.0], title="").axes[0].get_yscale() == "log"


def test_scree_of_nothing_but_zeros():
    assert len(_plots.scree([0.0, 0.0], title="").axes) == 1  # there is no share of nothing


def test_vif_bars_mark_what_is_infinite_or_undefined():
    figure = _plots.vif_bars(["a", "b", "c", "d"], [2.0, math.inf, math.nan, 40.0], title="VIF")
    (bars,) = figure.axes
    assert bars.get_xscale() == "log"
    assert [label.get_text() for label in bars.get_yticklabels()] == ["c", "a", "d", "b"]  # ascending, upwards
    assert [text.get_text() for text in bars.texts] == ["constant", "2", "40", "∞ collinear"]
    ends = [patch.get_x() + patch.get_width() for patch in bars.patches]
    assert ends[1:3] == pytest.approx([2.0, 40.0])
    assert ends[3] == pytest.approx(bars.get_xlim()[1])


def test_a_correlation_map_has_every_name_and_greys_what_is_undefined():
    R = np.array([[1.0, -0.5, np.nan], [-0.5, 1.0, np.nan], [np.nan, np.nan, np.nan]])
    axes = _plots.correlation_map(["a", "b", "c"], R, title="map").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert np.ma.getmaskarray(axes.images[0].get_array()).sum() == 5
    assert axes.images[0].get_clim() == (-1, 1)
    assert [text.get_text() for text in axes.texts][:3] == ["1.00", "-0.50", ""]


@pytest.mark.parametrize("count", [1, 31, 300])
def test_any_number_of_attributes_can_be_saved(tmp_path, count):
    names = [f"attribute {i}" for i in range(count)]
    R = np.eye(count)
    for figure in (
        _plots.vif_bars(names, np.linspace(1, 99, count), R, title="bars"),
        _plots.correlation_map(names, R, title="map"),
        _plots.scree(np.ones(count), title="scree"),
        _plots.cluster_curves(
            range(1, count + 1), np.arange(count, 0, -1), np.linspace(-1, 1, count), k=count, elbow=count, title="k"
        ),
    ):
        figure.set_dpi(20)
        width, height = figure.get_size_inches()
        assert max(width, height) <= 24
        labels = [label for axes in figure.axes for label in axes.get_xticklabels()]
        assert len(labels) < 200
    assert _plots.save(_plots.scree(np.ones(count), title=""), tmp_path / "p.svg").stat().st_size > 1000


def test_of_many_factors_the_largest_are_drawn_with_their_map():
    count = 100
    factors = np.arange(1.0, count + 1)
    factors[[3, 7]] = math.inf, math.nan
    R = np.outer(np.arange(count), np.ones(count)) / count
    bars, heat, _ = _plots.vif_bars([f"a{i}" for i in range(count)], factors, R, title="VIF").axes
    assert bars.get_title() == "VIF\nthe 40 largest of 100"
    shown = [label.get_text() for label in bars.get_yticklabels()]
    assert shown == [*(f"a{i}" for i in range(61, 100)), "a3"]
    mapped = ["a3", *(f"a{i}" for i in range(61, 100))]
    assert [label.get_text() for label in heat.get_yticklabels()] == mapped
    np.testing.assert_array_equal(heat.images[0].get_array()[:, 0], [int(name[1:]) / count for name in mapped])


def test_a_map_of_many_says_what_it_shows():
    axes = _plots.correlation_map([f"a{i}" for i in range(61)], np.eye(61), title="map").axes[0]
    assert axes.get_title() == "map\nthe first 60 of 61"
    assert axes.images[0].get_array().shape == (60, 60)


def test_long_names_and_titles_are_shortened_in_the_middle():
    long = "a very long name of a column$with a member"
    axes = _plots.correlation_map([long, "$x$"], np.eye(2), title="t" * 500).axes[0]
    first, second = (label.get_text() for label in axes.get_yticklabels())
    assert first == "a very long …th a member"
    assert len(first) == 24
    assert second == "$x$"
    assert len(axes.get_title()) == 80


def test_what_is_not_plain_is_said_on_the_axes():
    assert _plots.scree([1e6, 1.0], title="").axes[0].get_ylabel() == "eigenvalue (logarithmic)"
    R = np.array([[1.0, np.nan], [np.nan, np.nan]])
    assert "grey: undefined" in _plots.correlation_map(["a", "b"], R, title="").axes[1].get_ylabel()
    assert _plots.correlation_map(["a"], np.eye(1), title="").axes[1].get_ylabel() == "correlation"


def test_cluster_curves_show_every_k_and_mark_the_suggested_one():
    ks = [2, 3, 4, 5]
    curve, bars = _plots.cluster_curves(
        ks, [9.0, 4.0, 3.0, 2.5], [0.5, 0.7, -0.1, math.nan], k=3, elbow=3, title="iris"
    ).axes
    np.testing.assert_array_equal(curve.lines[0].get_xdata(), ks)
    np.testing.assert_array_equal(curve.lines[0].get_ydata(), [9.0, 4.0, 3.0, 2.5])
    assert [patch.get_height() for patch in bars.patches][:3] == [0.5, 0.7, -0.1]
    colours = [patch.get_facecolor() for patch in bars.patches[:3]]
    assert colours[1] != colours[0] == colours[2]
    assert [text.get_text() for text in bars.texts] == ["0.50", "0.70", "-0.10", "suggested: k = 3"]
    (note,) = curve.texts
    assert note.get_text() == "elbow: k = 3\n(Kneedle)"
    assert note.xy == (3, 4.0)
    assert (curve.get_ylabel(), bars.get_ylabel()) == ("within-cluster sum of squares", "mean silhouette")
    assert curve.get_xlabel() == "k, number of clusters"
    assert bars.get_xlabel() == "k, number of clusters (×: undefined)"


def test_cluster_curves_without_silhouettes_suggest_the_elbow():
    nothing = [math.nan] * 3
    curve, bars = _plots.cluster_curves([1, 2, 3], [9.0, 1.0, 0.5], nothing, k=None, elbow=2, title="").axes
    assert [text.get_text() for text in curve.texts] == ["suggested, elbow: k = 2\n(Kneedle)"]
    assert len(bars.texts) == 0
    np.testing.assert_array_equal(bars.lines[-1].get_xdata(), [1, 2, 3])  # marked as undefined


def test_cluster_curves_of_squared_distances_say_so(tmp_path):
    figure = _plots.cluster_curves([2], [0.0], [1.0], k=2, elbow=None, title="one", squared=True)
    assert figure.axes[1].get_ylabel() == "mean silhouette, squared distances"
    assert _plots.save(figure, tmp_path / "one.png").stat().st_size > 1000


# --- anomaly scores ---------------------------------------------------------------------------------------------------


def score_parts(figure):
    """The two axes, and what is drawn on each by its name."""
    time, histogram = figure.axes
    named = {line.get_label(): line for axes in figure.axes for line in axes.lines}
    return time, histogram, named


def test_scores_over_time_with_threshold_flags_and_warm_up():
    scores = np.array([1.0, 2.0, 1.5, 9.0, 2.5, math.nan, 1.0])
    threshold = np.array([math.nan, math.nan, 5.0, 5.0, 6.0, 6.0, 6.0])
    figure = _plots.score_picture(
        scores, threshold, scores > threshold, title="seven rows", alpha=0.01, name="distance"
    )
    time, histogram, named = score_parts(figure)
    np.testing.assert_array_equal(named["score"].get_xdata(), [0, 1, 2, 4, 6])
    np.testing.assert_array_equal(named["flagged: 1"].get_xydata(), [[3.0, 9.0]])
    line = named["threshold, alpha = 0.01"]
    np.testing.assert_array_equal(line.get_xydata(), [[0, math.nan], [2, 5.0], [4, 6.0], [6, 6.0]])
    assert "warm-up: no flags" in [text.get_text() for text in time.get_legend().get_texts()]
    assert time.patches[0].get_width() == 2
    np.testing.assert_array_equal(named["threshold at the end"].get_ydata(), [6.0, 6.0])
    assert sum(bar.get_width() for bar in histogram.patches) == 6 + 1  # all scores, and the flagged one over them
    assert (time.get_ylabel(), time.get_yscale(), histogram.get_xscale()) == ("distance", "linear", "log")


def test_scores_whose_largest_dwarf_the_rest_are_logarithmic():
    scores = np.array([1.0, 2.0, 1.5, 900.0, 2.5])
    time = _plots.score_picture(scores, np.full(5, 5.0), scores > 5, title="").axes[0]
    assert (time.get_yscale(), time.get_ylabel()) == ("log", "score (logarithmic)")
    scores[0] = -1.0
    assert _plots.score_picture(scores, np.full(5, 5.0), scores > 5, title="").axes[0].get_yscale() == "linear"


def test_low_scores_that_are_flagged_are_within_a_logarithmic_axis():
    scores = np.append(np.random.default_rng(0).exponential(size=2000) + 0.5, [1e-3, 100.0])
    flagged = (scores < 0.1) | (scores > 50)
    time = _plots.score_picture(scores, np.full(2002, 9.0), flagged, lower=np.full(2002, 0.1), title="").axes[0]
    assert time.get_yscale() == "log"
    assert time.get_ylim()[0] < 1e-3


def test_without_any_threshold_the_picture_does_not_say_that_it_is_the_warm_up():
    scores, none = np.ones(9), np.full(9, math.nan)
    legend = _plots.score_picture(scores, none, scores > 1, title="").axes[0].get_legend()
    assert "no flags" in [text.get_text() for text in legend.get_texts()]


def test_of_a_million_scores_all_are_counted_and_all_flagged_ones_are_drawn(tmp_path):
    scores = np.random.default_rng(0).exponential(size=1_000_000)
    threshold = np.where(np.arange(1_000_000) < 1000, math.nan, 8.0 + np.sin(np.arange(1_000_000)))  # moves every row
    flagged = scores > threshold
    figure = _plots.score_picture(scores, threshold, flagged, title="a million")
    time, histogram, named = score_parts(figure)
    cells = np.ma.filled(time.collections[0].get_array(), 0)
    assert cells.sum() + flagged.sum() == 1_000_000
    assert flagged.sum() > 100
    np.testing.assert_array_equal(named[f"flagged: {flagged.sum():,}"].get_xdata(), np.flatnonzero(flagged))
    assert len(named["threshold"].get_xdata()) <= 4_002
    assert sum(bar.get_width() for bar in histogram.patches[:80]) == 1_000_000
    assert _plots.save(figure, tmp_path / "million.svg").stat().st_size < 1_000_000


def law(shape, scale):
    return GPDFit(shape, scale, loglik=0.0, method="likelihood", converged=True, n=100)


def test_the_tail_is_drawn_as_the_scores_that_it_lets_expect():
    scores = np.random.default_rng(1).exponential(size=20_000)
    tail = _plots.Tail(2.0, law(0.0, 1.0))
    figure = _plots.score_picture(scores, np.full(20_000, 9.0), scores > 9, tails=(tail,), title="")
    _, histogram, named = score_parts(figure)
    counts = {bar.get_y() + bar.get_height() / 2: bar.get_width() for bar in histogram.patches[:80]}
    expected, heights = named["fitted tail, shape 0.00"].get_data()
    assert heights.min() >= 2.0
    for number, height in zip(expected[:20], heights[:20], strict=True):
        nearest = min(counts, key=lambda middle: abs(middle - height))
        assert counts[nearest] == pytest.approx(number, abs=5 * math.sqrt(number))


def test_two_sides_and_infinite_scores():
    scores = np.array([0.0, -3.0, 3.0, math.inf, -math.inf, 1.0])
    flagged = np.abs(scores) > 2
    tails = (_plots.Tail(1.0, law(0.1, 1.0)), _plots.Tail(-1.0, law(0.1, 1.0), upper=False))
    figure = _plots.score_picture(scores, np.full(6, 2.0), flagged, lower=np.full(6, -2.0), tails=tails, title="two")
    time, _, named = score_parts(figure)
    assert {"threshold", "lower threshold", "flagged: 4", "lower tail, shape 0.10"} <= set(named)
    np.testing.assert_array_equal(named["flagged: 4"].get_xydata(), [[1.0, -3.0], [2.0, 3.0]])
    arrows = {line.get_marker(): line.get_xdata().tolist() for line in time.lines if line.get_marker() in ("^", "v")}
    assert arrows == {"^": [3], "v": [4]}


@pytest.mark.parametrize(
    "scores",
    [[], [math.nan], [1.0], [0.0] * 9, [5e-13] * 9, [math.inf, math.nan], [1e12, 2e12, -1e12], [1e-300, 1e300]],
)
def test_hardly_any_scores_can_be_drawn(tmp_path, scores):
    none = np.full(len(scores), math.nan)
    figure = _plots.score_picture(np.array(scores), none, np.zeros(len(scores), dtype=bool), title="few")
    assert _plots.save(figure, tmp_path / "few.png").stat().st_size > 1000


# --- where it goes ----------------------------------------------------------------------------------------------------


def test_a_path_is_checked_before_the_work(tmp_path):
    with pytest.raises(InputError, match=r"must end with one of \.png, \.svg, \.pdf"):
        _plots.check_path(tmp_path / "p.jpeg2")
    with pytest.raises(InputError, match="there is no folder"):
        _plots.check_path(tmp_path / "none" / "p.png")


def test_drawing_leaves_pyplot_alone():
    import sys

    _plots.scree([1.0], title="")
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
