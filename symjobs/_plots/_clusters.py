"""The picture of clusters over k."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from symjobs._plots._base import DARK, ELBOW, GREY, LONGEST_TITLE, PALE, figure_class, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def cluster_curves(
    ks: Sequence[int],
    wssse: Sequence[float],
    silhouette: Sequence[float],
    *,
    k: int | None,
    elbow: int | None,
    title: str,
    squared: bool = False,
    error: Sequence[float] | None = None,
) -> Figure:
    """Draw WSSSE over the number of clusters as a curve, and beside it the silhouettes as bars.

    Parameters
    ----------
    ks : sequence of int
        Rising.
    wssse, silhouette : sequence of float
        One a k; NaN where it is undefined.
    k : int, optional
        The k with the largest silhouette; its bar is dark and has a label.
    elbow : int, optional
        The elbow of the curve; it has a ring and a label.
    title : str
    squared : bool, default False
        Whether the silhouettes are of squared distances.
    error : sequence of float, optional
        Standard errors of the silhouettes, drawn as bars where they are not 0.
    """
    numbers, errors = np.asarray(ks), np.asarray(wssse, dtype=float)
    figure = figure_class()(figsize=(min(18.0, max(10.0, 0.36 * len(numbers) + 5)), 4.2), layout="constrained")
    curve, bars = figure.subplots(1, 2)
    figure.suptitle(shortened(title, LONGEST_TITLE), parse_math=False)
    shares = np.asarray(silhouette, dtype=float)
    _draw_curve(curve, numbers, errors, elbow, "suggested, elbow" if k is None else "elbow")
    _draw_silhouettes(bars, numbers, shares, k)
    errors_of = np.zeros(len(numbers)) if error is None else np.nan_to_num(np.asarray(error, dtype=float))
    if (errors_of > 0).any():
        bars.errorbar(numbers, shares, yerr=1.96 * errors_of, fmt="none", ecolor="#333333", capsize=3, linewidth=1)
        bars.set_title("silhouette: the higher, the better apart (of a sample, ± 95%)", fontsize=10)
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
    axes.plot(ks, wssse, color=DARK, marker="o", markersize=4 if len(ks) <= 40 else 2, linewidth=1.4)
    if np.isfinite(wssse).any():
        axes.set_ylim(bottom=0, top=1.08 * float(np.nanmax(wssse)) or 1.0)
    if elbow is not None:
        at = float(wssse[np.flatnonzero(ks == elbow)[0]])
        axes.plot([elbow], [at], "o", markersize=13, markerfacecolor="none", color=ELBOW, markeredgewidth=2)
        text = f"{name}: k = {elbow}\n(Kneedle)"
        axes.annotate(text, (elbow, at), (14, 18), textcoords="offset points", color=ELBOW, fontsize=9)


def _draw_silhouettes(axes: Axes, ks: np.ndarray, silhouette: np.ndarray, k: int | None) -> None:
    axes.set_title("silhouette: the higher, the better apart", fontsize=10)
    chosen = ks == (-1 if k is None else k)
    axes.bar(ks, silhouette, width=0.72, color=np.where(chosen, DARK, PALE))
    known = silhouette[np.isfinite(silhouette)]
    low, high = min(0.0, float(known.min(initial=0.0))), max(0.0, float(known.max(initial=0.0)))
    axes.set_ylim(1.15 * low, 1.22 * high if high > 0 else 0.1)
    axes.axhline(0, color=GREY, linewidth=0.8)
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
        text.set(ha="right" if left else "left", color=DARK, fontsize=9, fontweight="bold")


def _mark_undefined(axes: Axes, ks: np.ndarray, values: np.ndarray) -> bool:
    undefined = ks[~np.isfinite(values)]
    if len(undefined):
        low = axes.get_xaxis_transform()  # heights from 0 to 1
        axes.plot(undefined, np.full(len(undefined), 0.03), "x", color=GREY, markersize=6, transform=low)
    return bool(len(undefined))
