"""Shared by all pictures: colours, titles, and the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from symjobs._errors import InputError, MissingDependency

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


BAR, LINE, MARK, GREY = "#4c72b0", "#c44e52", "#dd8452", "#8c8c8c"
PALE, DARK, ELBOW = "#a6bddb", "#045a8d", "#d95f02"  # different also for colour-blind readers, and in grey
_FORMATS = (".png", ".svg", ".pdf")
LONGEST_TITLE = 80  # characters; a longer title is shortened in the middle


def check_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a picture. Call it before the work, so that a bad path fails early.

    Raises
    ------
    InputError
        If its folder does not exist or its ending is none of .png, .svg and .pdf.
    MissingDependency
        If matplotlib is not installed.
    """
    figure_class()
    target = Path(path)
    if target.suffix.lower() not in _FORMATS:
        raise InputError(f"cannot draw {target}: its name must end with one of {', '.join(_FORMATS)}")
    if not target.parent.is_dir():
        raise InputError(f"cannot draw {target}: there is no folder {target.parent}")
    return target


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure to a .png, .svg or .pdf file and return its path."""
    target = check_path(path)
    try:
        figure.savefig(target, dpi=150, bbox_inches="tight")
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def set_title(axes: Axes, title: str) -> None:
    axes.set_title("\n".join(shortened(line, LONGEST_TITLE) for line in title.split("\n")), parse_math=False)


def shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependency("matplotlib", "plot", "drawing a picture") from None
    return Figure
