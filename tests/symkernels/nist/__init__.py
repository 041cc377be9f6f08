"""The univariate sets of NIST's Statistical Reference Datasets, with their certified values.

Source: https://www.itl.nist.gov/div898/strd/univ/homepage.html (a work of the US government, in the public domain).
The observations are NIST's, one a line; the certified values stand in the header of each file as NIST prints them.
``test_nist.py`` recomputes every certified value in 60-digit arithmetic, so a typing error cannot hide.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

NAMES = ("NumAcc1", "NumAcc2", "NumAcc3", "NumAcc4", "Lew", "Lottery", "Mavro", "Michelso")
_FOLDER = Path(__file__).parent


class Univariate(NamedTuple):
    """One set: its values as float64 and as NIST writes them, and the certified values as text."""

    name: str
    values: np.ndarray
    mean: str
    sd: str
    autocorrelation: str
    texts: tuple[str, ...]


def load(name: str) -> Univariate:
    """Return the set of this name, one of `NAMES`."""
    lines = (_FOLDER / f"{name}.txt").read_text(encoding="ascii").splitlines()
    texts = tuple(line for line in lines if not line.startswith("#"))

    def certified(title: str) -> str:
        (line,) = (line for line in lines if line.startswith(f"# Certified sample {title}"))
        return line.rpartition(": ")[2]

    return Univariate(
        name,
        np.array(texts, dtype=np.float64),
        certified("mean"),
        certified("standard deviation"),
        certified("autocorrelation"),
        texts,
    )


def load_all() -> Iterator[tuple[str, np.ndarray, str, str]]:
    """Yield (name, values as float64, certified mean, certified standard deviation) of every set."""
    for name in NAMES:
        data = load(name)
        yield data.name, data.values, data.mean, data.sd
