"""Pictures of answers: scree plot, correlation heat map, bars of variance inflation factors, clusters over k.

Each function returns a matplotlib Figure that no window and no global state knows of; `save` writes it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symjobs._errors import InputError, MissingDependency

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BAR, _LINE, _MARK, _GREY = "#4c72b0", "#c44e52", "#dd8452", "#8c8c8c"
_PALE, _DARK, _ELBOW = "#a6bddb", "#045a8d", "#d95f02"  # told apart whatever colours one sees, and in grey
_CLEAR = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
_FORMATS = (".png", ".svg", ".pdf")
_MOST_FACTORS, _MOST_MAPPED = 40, 60  # more cannot be read at any size of figure
_LONGEST_NAME, _LONGEST_TITLE = 24, 80  # characters; what is longer is shortened in the middle


def check_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a picture, before the work that it would show is done.

    Raises
    ------
    InputError
        If its folder does not exist or its ending is none of .png, .svg and .pdf.
    MissingDependency
        If matplotlib is not installed.
    """
    _figure_class()
    target = Path(path)
    if target.suffix.lower() not in _FORMATS:
        raise InputError(f"cannot draw {target}: its name must end with one of {', '.join(_FORMATS)}")
    if not target.parent.is_dir():
        raise InputError(f"cannot draw {target}: there is no folder {target.parent}")
    return target


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure to a .png, .svg or .pdf file and return its path."""
    target = check_path(path)
    figure.savefig(target, dpi=150, bbox_inches="tight")
    return target


def scree(values: Sequence[float], *, total: float | None = None, title: str, quantity: str = "eigenvalue") -> Figure:
    """Draw values from largest to smallest as bars, and the share of the total that the first k explain as a line.

    Parameters
    ----------
    values : sequence of float
        Descending: eigenvalues, or singular values.
    total : float, optional
        Sum of all values, those that are not shown too; their sum by default.
    title : str
    quantity : str, default "eigenvalue"
        What the values are, for the axis.
    """
    heights = np.asarray(values, dtype=float)
    numbers = np.arange(1, len(heights) + 1)
    figure = _figure_class()(figsize=(min(14.0, max(6.4, 0.3 * len(heights) + 3)), 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(numbers, heights, color=_BAR, width=0.75)
    _set_title(axes, title)
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
        share.plot(numbers, np.cumsum(heights) / whole, color=_LINE, marker="o", markersize=3.5, linewidth=1.4)
        share.set(ylim=(0, 1.04), ylabel="explained, cumulative")
        share.yaxis.label.set_color(_LINE)
        share.tick_params(axis="y", colors=_LINE)
        share.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        share.spines[["top"]].set_visible(False)
    axes.spines[["top"]].set_visible(False)
    return figure


def correlation_map(names: Sequence[str], correlations: np.ndarray, *, title: str) -> Figure:
    """Draw a correlation matrix as a heat map; undefined correlations are grey. Of many attributes, the first 60."""
    if len(names) > _MOST_MAPPED:
        title = f"{_shortened(title, _LONGEST_TITLE)}\nthe first {_MOST_MAPPED} of {len(names)}"
    shown = names[:_MOST_MAPPED]
    side = _side(len(shown))
    figure = _figure_class()(figsize=(side + 2.6, side + 1.8), layout="constrained")
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
        title = f"{_shortened(title, _LONGEST_TITLE)}\nthe {_MOST_FACTORS} largest of {len(names)}"
        names, factors = [names[i] for i in largest], [factors[i] for i in largest]
        correlations = None if correlations is None else correlations[np.ix_(largest, largest)]
    side = _side(len(names))
    height = max(3.2, 0.27 * len(names) + 1.6)
    if correlations is None:
        figure = _figure_class()(figsize=(7.5, height), layout="constrained")
        bars = figure.add_subplot()
    else:
        figure = _figure_class()(figsize=(side + 9.5, max(height, side + 1.8)), layout="constrained")
        bars, heat = figure.subplots(1, 2, width_ratios=(6, side + 2))
        _draw_map(heat, names, correlations, "correlations")
    _draw_bars(bars, names, np.asarray(factors, dtype=float), title)
    return figure


def cluster_curves(
    ks: Sequence[int],
    wssse: Sequence[float],
    silhouette: Sequence[float],
    *,
    k: int | None,
    elbow: int | None,
    title: str,
    squared: bool = False,
) -> Figure:
    """Draw WSSSE over the number of clusters as a curve, and beside it the silhouettes as bars.

    Parameters
    ----------
    ks : sequence of int
        Rising.
    wssse, silhouette : sequence of float
        One a k; NaN where it is undefined.
    k : int, optional
        With the largest silhouette; its bar is dark and named.
    elbow : int, optional
        Where the curve bends most; it gets a ring and a name.
    title : str
    squared : bool, default False
        Whether the silhouettes are of squared distances.
    """
    numbers, errors = np.asarray(ks), np.asarray(wssse, dtype=float)
    figure = _figure_class()(figsize=(min(18.0, max(10.0, 0.36 * len(numbers) + 5)), 4.2), layout="constrained")
    curve, bars = figure.subplots(1, 2)
    figure.suptitle(_shortened(title, _LONGEST_TITLE), parse_math=False)
    shares = np.asarray(silhouette, dtype=float)
    _draw_curve(curve, numbers, errors, elbow, "suggested, elbow" if k is None else "elbow")
    _draw_silhouettes(bars, numbers, shares, k)
    bars.set_ylabel("mean silhouette, squared distances" if squared else "mean silhouette")
    for axes, values in ((curve, errors), (bars, shares)):
        undefined = _mark_undefined(axes, numbers, values)
        axes.set_xlabel("k, number of clusters (×: undefined)" if undefined else "k, number of clusters")
        axes.set_xlim(numbers[0] - 0.7, numbers[-1] + 0.7)
        step = math.ceil(len(numbers) / 20)
        axes.set_xticks(numbers[::step])
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_curve(axes: Axes, ks: np.ndarray, wssse: np.ndarray, elbow: int | None, name: str) -> None:
    axes.set_title("WSSSE: the lower, the tighter", fontsize=10)
    axes.set_ylabel("within-cluster sum of squares")
    axes.plot(ks, wssse, color=_DARK, marker="o", markersize=4 if len(ks) <= 40 else 2, linewidth=1.4)
    if np.isfinite(wssse).any():
        axes.set_ylim(bottom=0, top=1.08 * float(np.nanmax(wssse)) or 1.0)
    if elbow is not None:
        at = float(wssse[np.flatnonzero(ks == elbow)[0]])
        axes.plot([elbow], [at], "o", markersize=13, markerfacecolor="none", color=_ELBOW, markeredgewidth=2)
        text = f"{name}: k = {elbow}\n(Kneedle)"
        axes.annotate(text, (elbow, at), (14, 18), textcoords="offset points", color=_ELBOW, fontsize=9)


def _draw_silhouettes(axes: Axes, ks: np.ndarray, silhouette: np.ndarray, k: int | None) -> None:
    axes.set_title("silhouette: the higher, the better apart", fontsize=10)
    chosen = ks == (-1 if k is None else k)
    axes.bar(ks, silhouette, width=0.72, color=np.where(chosen, _DARK, _PALE))
    known = silhouette[np.isfinite(silhouette)]
    low, high = min(0.0, float(known.min(initial=0.0))), max(0.0, float(known.max(initial=0.0)))
    axes.set_ylim(1.15 * low, 1.22 * high if high > 0 else 0.1)
    axes.axhline(0, color=_GREY, linewidth=0.8)
    if len(ks) <= 20:
        for number, value in zip(ks, silhouette, strict=True):
            if math.isfinite(value):
                up = value >= 0
                text = axes.annotate(f"{value:.2f}", (number, value), (0, 2 if up else -2), textcoords="offset points")
                text.set(ha="center", va="bottom" if up else "top", fontsize=8, color="#333333")
    if k is not None:
        largest = float(silhouette[chosen][0])
        left = (k - ks[0]) > 0.6 * (ks[-1] - ks[0])
        offset = (4 if left else -4, 15)
        text = axes.annotate(f"suggested: k = {k}", (k, largest), offset, textcoords="offset points")
        text.set(ha="right" if left else "left", color=_DARK, fontsize=9, fontweight="bold")


def _mark_undefined(axes: Axes, ks: np.ndarray, values: np.ndarray) -> bool:
    undefined = ks[~np.isfinite(values)]
    if len(undefined):
        low = axes.get_xaxis_transform()  # heights from 0 to 1
        axes.plot(undefined, np.full(len(undefined), 0.03), "x", color=_GREY, markersize=6, transform=low)
    return bool(len(undefined))


def _draw_bars(axes: Axes, names: Sequence[str], factors: np.ndarray, title: str) -> None:
    order = _ascending(factors)
    shown = factors[order]
    finite = shown[np.isfinite(shown)]
    edge = 3.0 * max(20.0, float(finite.max()) if len(finite) else 1.0)
    rows = range(len(names))
    lengths = np.where(np.isinf(shown), edge, np.where(np.isnan(shown), 1.0, shown))
    axes.barh(rows, lengths - 1.0, left=1.0, color=[_LINE if math.isinf(value) else _BAR for value in shown])
    for row, value in zip(rows, shown, strict=True):
        if math.isinf(value):
            axes.text(edge / 1.1, row, "∞ collinear", ha="right", va="center", color="white", fontsize=8)
        elif math.isnan(value):
            axes.text(1.05, row, "constant", ha="left", va="center", color=_GREY, fontsize=8, bbox=_CLEAR)
        else:
            text = axes.annotate(f"{value:.4g}", (value, row), (4, 0), textcoords="offset points", va="center")
            text.set(color="#333333", fontsize=8, bbox=_CLEAR)
    for limit in (5, 10):
        axes.axvline(limit, color=_MARK, linewidth=1, linestyle="--", zorder=0)
    axes.set_xscale("log")
    _set_title(axes, title)
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
    _set_title(axes, title)
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


def _set_title(axes: Axes, title: str) -> None:
    axes.set_title("\n".join(_shortened(line, _LONGEST_TITLE) for line in title.split("\n")), parse_math=False)


def _labels(names: Sequence[str]) -> list[str]:
    return [_shortened(name, _LONGEST_NAME) for name in names]


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def _side(count: int) -> float:
    return min(18.0, max(3.0, 0.27 * count))


def _font(count: int) -> float:
    return 9.0 if count <= 40 else 6.5


def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependency("matplotlib", "plot", "drawing a picture") from None
    return Figure
