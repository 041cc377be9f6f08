"""The picture of anomaly scores: over time with the moving threshold, and their histogram with the fitted tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symjobs._plots._base import DARK, ELBOW, GREY, LONGEST_TITLE, PALE, figure_class, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from symkernels import GPDFit

_MOST = 20_000  # points that are drawn one by one; more are counted in cells of rows and scores
_CELLS = (400, 120)
_STEPS = 4_000  # of a threshold that are all drawn
_BINS = 80
_FAR = 4.0  # a largest score so many times the threshold needs a logarithmic axis


@dataclass(frozen=True)
class Tail:
    """The law that was fitted to the scores beyond a level.

    Attributes
    ----------
    level : float
        Where it starts, in units of the scores.
    fit : GPDFit
        The law of the excesses over the level.
    upper : bool
        Whether it is the tail above the level; else that below.
    """

    level: float
    fit: GPDFit
    upper: bool = True


def score_picture(
    scores: np.ndarray,
    threshold: np.ndarray,
    flagged: np.ndarray,
    *,
    lower: np.ndarray | None = None,
    tails: tuple[Tail, ...] = (),
    name: str = "score",
    title: str,
    alpha: float | None = None,
) -> Figure:
    """Draw scores over their rows with the threshold and what was flagged, and beside it their histogram.

    Parameters
    ----------
    scores : (n,) float64
        In the order of the rows; NaN where there is none. More than 20,000 are drawn as a density. Flagged
        infinite ones are triangles at the edge.
    threshold : (n,) float64
        The threshold for each score; NaN during the warm-up.
    flagged : (n,) bool
        The flagged rows, which are all drawn.
    lower : (n,) float64, optional
        The lower threshold, if there are two.
    tails : tuple of Tail
        The fitted tails at the end; the histogram shows their expected numbers of scores.
    name : str, default "score"
        For the axis.
    title : str
    alpha : float, optional
        The false-alarm probability, for the legend.
    """
    scores, flagged = np.asarray(scores, dtype=np.float64), np.asarray(flagged, dtype=bool)
    figure = figure_class()(figsize=(13.0, 4.8), layout="constrained")
    time, histogram = figure.subplots(1, 2, width_ratios=(2.6, 1.0), sharey=True)
    figure.suptitle(shortened(title, LONGEST_TITLE), parse_math=False)
    finite = scores[np.isfinite(scores)]
    limits = [np.asarray(each, dtype=np.float64) for each in (threshold, lower) if each is not None]
    logarithmic = _is_long(finite, limits[0])
    bottom, top = _range(finite, limits, logarithmic)
    if logarithmic:
        time.set_yscale("log")
    time.set_ylim(bottom, top)
    _draw_time(time, scores, flagged, limits, alpha)
    time.set_ylabel(f"{shortened(name, 40)} (logarithmic)" if logarithmic else shortened(name, 40), parse_math=False)
    _draw_histogram(histogram, finite, scores[flagged], limits, tails, logarithmic)
    for axes in (time, histogram):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _is_long(finite: np.ndarray, threshold: np.ndarray) -> bool:
    # If the largest scores are much larger than the rest, the axis is logarithmic, for positive scores only.
    if not len(finite) or finite.min() <= 0:
        return False
    ends = threshold[np.isfinite(threshold)]
    usual = float(np.median(ends)) if len(ends) else float(np.quantile(finite, 0.99))
    return float(finite.max()) > _FAR * usual


def _range(finite: np.ndarray, limits: list[np.ndarray], logarithmic: bool) -> tuple[float, float]:
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    for limit in limits:
        known = limit[np.isfinite(limit)]
        if len(known):  # a first threshold, far off, may leave the picture
            low, high = min(low, float(np.quantile(known, 0.02))), max(high, float(np.quantile(known, 0.98)))
    if logarithmic:
        # Scores near zero would take half of the axis, but low ones may be what was looked for. A threshold may be 0.
        least = float(finite.min()) if len(limits) > 1 else float(np.quantile(finite, 0.005))
        low = max(low, least / 3.0, 1e-200)
        gap = (high / low) ** 0.06
        return low / gap, high * gap
    gap = 0.06 * (high - low) or max(abs(high), 1.0) * 0.06
    return low - gap, high + gap


# Over time.


def _draw_time(
    axes: Axes, scores: np.ndarray, flagged: np.ndarray, limits: list[np.ndarray], alpha: float | None
) -> None:
    n = len(scores)
    plain = np.flatnonzero(np.isfinite(scores) & ~flagged)
    if len(plain) > _MOST:
        _draw_density(axes, plain, scores[plain])
        axes.plot([], [], "s", color=DARK, label="scores (darker: more)")
    else:
        few = len(plain) <= 5_000
        style: dict[str, Any] = {"markersize": 5.0 if few else 4.0, "alpha": 0.8 if few else 0.4}
        style |= {"markeredgewidth": 0.0, "rasterized": True}
        axes.plot(plain, scores[plain], ".", color=DARK, label="score", **style)
    for limit, word in zip(limits, ("threshold", "lower threshold"), strict=False):
        rows = _steps(limit)
        of = f"{word}, alpha = {alpha:g}" if alpha is not None and word == "threshold" else word
        axes.plot(rows, limit[rows], drawstyle="steps-post", color="black", linewidth=1.3, label=of)
    _mark_flagged(axes, scores, np.flatnonzero(flagged))
    warm = _warm_up(limits[0])
    if warm:
        label = "warm-up: no flags" if warm < n else "no flags"  # there may be other reasons, such as constant scores
        axes.axvspan(0, warm, color=GREY, alpha=0.15, linewidth=0, label=label)
    axes.set_xlim(-0.01 * n, max(1.0, 1.01 * n))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if float(value).is_integer() else f"{value:g}")
    axes.set_xlabel("row")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, fontsize=8.5, frameon=False)


def _mark_flagged(axes: Axes, scores: np.ndarray, rows: np.ndarray) -> None:
    label = f"flagged: {len(rows):,}"
    size = 7.0 if len(rows) <= 200 else 5.0 if len(rows) <= 2_000 else 3.0
    style: dict[str, Any] = {"color": ELBOW, "markerfacecolor": "none", "markersize": size, "linestyle": "none"}
    bounded = rows[np.isfinite(scores[rows])]
    axes.plot(
        bounded, scores[bounded], marker="o", markeredgewidth=1.4, rasterized=len(rows) > _MOST, **style, label=label
    )
    low = axes.get_xaxis_transform()  # heights from 0 to 1
    for sign, marker, height in ((1, "^", 0.985), (-1, "v", 0.015)):
        beyond = rows[scores[rows] == sign * math.inf]
        if len(beyond):
            axes.plot(beyond, np.full(len(beyond), height), marker=marker, transform=low, **style)


def _draw_density(axes: Axes, rows: np.ndarray, scores: np.ndarray) -> None:
    # Each cell counts its scores, on a logarithmic scale of colours.
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    bottom, top = axes.get_ylim()
    heights = _edges(bottom, top, _CELLS[1], axes.get_yscale() == "log")
    runs = np.linspace(rows[0], rows[-1] + 1, _CELLS[0] + 1)
    counts, _, _ = np.histogram2d(rows, np.clip(scores, bottom, top), bins=(runs, heights))
    colours = LinearSegmentedColormap.from_list("scores", [PALE, DARK])
    shown = np.ma.masked_equal(counts.T, 0)
    norm = LogNorm(1, max(2.0, float(counts.max())))
    axes.pcolormesh(runs, heights, shown, cmap=colours, norm=norm, rasterized=True)


def _steps(limit: np.ndarray) -> np.ndarray:
    """Return the rows at which a threshold changes, and the last; of very many, some."""
    if not len(limit):
        return np.empty(0, dtype=np.intp)
    known = np.nan_to_num(limit, nan=math.inf)
    changes = np.flatnonzero(known[1:] != known[:-1]) + 1
    if len(changes) > _STEPS:
        changes = changes[np.linspace(0, len(changes) - 1, _STEPS).astype(np.intp)]
    return np.unique(np.concatenate([[0], changes, [len(limit) - 1]]))


def _warm_up(limit: np.ndarray) -> int:
    known = np.flatnonzero(np.isfinite(limit))
    return int(known[0]) if len(known) else len(limit)


# Their histogram.


def _draw_histogram(
    axes: Axes,
    finite: np.ndarray,
    flagged: np.ndarray,
    limits: list[np.ndarray],
    tails: tuple[Tail, ...],
    logarithmic: bool,
) -> None:
    bottom, top = axes.get_ylim()
    edges = _edges(bottom, top, _BINS, logarithmic)
    counts, _ = np.histogram(finite, edges)
    apart, _ = np.histogram(flagged[np.isfinite(flagged)], edges)
    axes.set_xscale("log")
    axes.set_xlim(0.5, max(10.0, 2.0 * float(counts.max(initial=0))))
    heights = np.diff(edges)
    axes.barh(edges[:-1], counts, height=heights, align="edge", color=PALE)
    axes.barh(edges[:-1], apart, height=heights, align="edge", color=ELBOW)
    axes.set_xlabel("number of scores (logarithmic)")
    for tail in tails:
        _draw_tail(axes, tail, finite, edges)
    for limit, word in zip(limits, ("threshold at the end", "lower threshold at the end"), strict=False):
        known = limit[np.isfinite(limit)]
        if len(known):
            axes.axhline(float(known[-1]), color="black", linewidth=1.3, linestyle="--", label=word)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8.5, frameon=False)


def _edges(bottom: float, top: float, count: int, logarithmic: bool) -> np.ndarray:
    return np.geomspace(bottom, top, count + 1) if logarithmic else np.linspace(bottom, top, count + 1)


def _draw_tail(axes: Axes, tail: Tail, finite: np.ndarray, edges: np.ndarray) -> None:
    # The expected number in each bin: its probability by the law, times the number of scores beyond the level.
    sign = 1.0 if tail.upper else -1.0
    beyond = int(np.count_nonzero(sign * finite > sign * tail.level))
    shares = tail.fit.sf(sign * (edges - tail.level))
    expected = beyond * np.abs(np.diff(shares))
    middles = np.sqrt(edges[:-1] * edges[1:]) if axes.get_yscale() == "log" else (edges[:-1] + edges[1:]) / 2
    whole = edges[:-1] >= tail.level if tail.upper else edges[1:] <= tail.level
    drawn = whole & (expected > 1e-3)
    label = f"fitted tail, shape {tail.fit.shape:.2f}" if tail.upper else f"lower tail, shape {tail.fit.shape:.2f}"
    axes.plot(expected[drawn], middles[drawn], color=DARK, linewidth=2.0, label=label)
