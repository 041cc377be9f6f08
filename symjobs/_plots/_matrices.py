"""Pictures of matrices: scree plot, correlation heat map, bars of variance inflation factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symjobs._plots._base import BAR, GREY, LINE, LONGEST_TITLE, MARK, figure_class, set_title, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_CLEAR = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
_MOST_FACTORS, _MOST_MAPPED = 40, 60  # more are not readable
_LONGEST_NAME = 24  # characters


def scree(values: Sequence[float], *, total: float | None = None, title: str, quantity: str = "eigenvalue") -> Figure:
    """Draw values from largest to smallest as bars, and the share of the total that the first k explain as a line.

    Parameters
    ----------
    values : sequence of float
        Descending: eigenvalues, or singular values.
    total : float, optional
        Sum of all values, also of those that are not given; by default the sum of `values`.
    title : str
    quantity : str, default "eigenvalue"
        What the values are, for the axis.
    """
    heights = np.asarray(values, dtype=float)
    numbers = np.arange(1, len(heights) + 1)
    figure = figure_class()(figsize=(min(14.0, max(6.4, 0.3 * len(heights) + 3)), 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(numbers, heights, color=BAR, width=0.75)
    set_title(axes, title)
    axes.set(xlabel="component", ylabel=quantity, xlim=(0.4, len(heights) + 0.6))
    positive = heights[heights > 0]
    if len(positive) > 1 and positive[0] > 1e3 * positive[-1]:
        axes.set_yscale("log")
        axes.set_ylabel(f"{quantity} (logarithmic)")
    step = math.ceil(len(numbers) / 30)
    axes.set_xticks(numbers[::step])
    whole = float(heights.sum()) if total is None else total
    if whole > 0:
        share = axes.twinx()
        share.plot(numbers, np.cumsum(heights) / whole, color=LINE, marker="o", markersize=3.5, linewidth=1.4)
        share.set(ylim=(0, 1.04), ylabel="explained, cumulative")
        share.yaxis.label.set_color(LINE)
        share.tick_params(axis="y", colors=LINE)
        share.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        share.spines[["top"]].set_visible(False)
    axes.spines[["top"]].set_visible(False)
    return figure


def correlation_map(names: Sequence[str], correlations: np.ndarray, *, title: str) -> Figure:
    """Draw a correlation matrix as a heat map; undefined correlations are grey. Of many attributes, the first 60."""
    if len(names) > _MOST_MAPPED:
        title = f"{shortened(title, LONGEST_TITLE)}\nthe first {_MOST_MAPPED} of {len(names)}"
    shown = names[:_MOST_MAPPED]
    side = _side(len(shown))
    figure = figure_class()(figsize=(side + 2.6, side + 1.8), layout="constrained")
    _draw_map(figure.add_subplot(), shown, correlations[:_MOST_MAPPED, :_MOST_MAPPED], title)
    return figure


def vif_bars(
    names: Sequence[str], factors: Sequence[float], correlations: np.ndarray | None = None, *, title: str
) -> Figure:
    """Draw variance inflation factors as bars on a log scale, and the correlations behind them if they are given.

    Infinite factors (exact collinearity) run to the edge and are marked, constant inputs (NaN) are named as such. Of
    many attributes, the 40 with the largest factors are drawn.
    """
    if len(names) > _MOST_FACTORS:
        largest = np.sort(_ascending(factors)[-_MOST_FACTORS:])  # in the order of the inputs, for the map
        title = f"{shortened(title, LONGEST_TITLE)}\nthe {_MOST_FACTORS} largest of {len(names)}"
        names, factors = [names[i] for i in largest], [factors[i] for i in largest]
        correlations = None if correlations is None else correlations[np.ix_(largest, largest)]
    side = _side(len(names))
    height = max(3.2, 0.27 * len(names) + 1.6)
    if correlations is None:
        figure = figure_class()(figsize=(7.5, height), layout="constrained")
        bars = figure.add_subplot()
    else:
        figure = figure_class()(figsize=(side + 9.5, max(height, side + 1.8)), layout="constrained")
        bars, heat = figure.subplots(1, 2, width_ratios=(6, side + 2))
        _draw_map(heat, names, correlations, "correlations")
    _draw_bars(bars, names, np.asarray(factors, dtype=float), title)
    return figure


def _draw_bars(axes: Axes, names: Sequence[str], factors: np.ndarray, title: str) -> None:
    order = _ascending(factors)
    shown = factors[order]
    finite = shown[np.isfinite(shown)]
    edge = 3.0 * max(20.0, float(finite.max()) if len(finite) else 1.0)
    rows = range(len(names))
    lengths = np.where(np.isinf(shown), edge, np.where(np.isnan(shown), 1.0, shown))
    axes.barh(rows, lengths - 1.0, left=1.0, color=[LINE if math.isinf(value) else BAR for value in shown])
    for row, value in zip(rows, shown, strict=True):
        if math.isinf(value):
            axes.text(edge / 1.1, row, "∞ collinear", ha="right", va="center", color="white", fontsize=8)
        elif math.isnan(value):
            axes.text(1.05, row, "constant", ha="left", va="center", color=GREY, fontsize=8, bbox=_CLEAR)
        else:
            text = axes.annotate(f"{value:.4g}", (value, row), (4, 0), textcoords="offset points", va="center")
            text.set(color="#333333", fontsize=8, bbox=_CLEAR)
    for limit in (5, 10):
        axes.axvline(limit, color=MARK, linewidth=1, linestyle="--", zorder=0)
    axes.set_xscale("log")
    set_title(axes, title)
    axes.set(xlabel="variance inflation factor (dashed: 5 and 10)", xlim=(1.0, edge))
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_yticks(rows, _labels([names[i] for i in order]), fontsize=_font(len(names)), parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_map(axes: Axes, names: Sequence[str], correlations: np.ndarray, title: str) -> None:
    import matplotlib

    count = len(names)
    colours = matplotlib.colormaps["RdBu_r"].with_extremes(bad="#d9d9d9")
    image = axes.imshow(np.ma.masked_invalid(correlations), cmap=colours, vmin=-1, vmax=1, interpolation="nearest")
    labels = _labels(names)
    axes.set_xticks(range(count), labels, rotation=90, fontsize=_font(count), parse_math=False)
    axes.set_yticks(range(count), labels, fontsize=_font(count), parse_math=False)
    axes.tick_params(length=0)
    set_title(axes, title)
    axes.spines[:].set_visible(False)
    if count <= 12:
        for i in range(count):
            for j in range(count):
                value = correlations[i, j]
                text = "" if math.isnan(value) else f"{value:.2f}"
                colour = "white" if abs(value) > 0.6 else "#333333"
                axes.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)
    figure: Any = axes.figure
    undefined = bool(np.isnan(correlations).any())
    label = "correlation\n(grey: undefined, a constant)" if undefined else "correlation"
    figure.colorbar(image, ax=axes, shrink=0.75, label=label)


def _ascending(factors: Sequence[float] | np.ndarray) -> np.ndarray:
    # Constants first, exact collinearity last.
    known = np.asarray(factors, dtype=float)
    return np.argsort(np.where(np.isnan(known), -1.0, known), kind="stable")


def _labels(names: Sequence[str]) -> list[str]:
    return [shortened(name, _LONGEST_NAME) for name in names]


def _side(count: int) -> float:
    return min(18.0, max(3.0, 0.27 * count))


def _font(count: int) -> float:
    return 9.0 if count <= 40 else 6.5
