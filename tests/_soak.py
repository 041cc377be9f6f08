"""Which tests `make soak` runs, and how their counts grow."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import is_hypothesis_test, settings

FOLDER = Path(__file__).parent / "soak"


def is_soak_test(item: pytest.Item) -> bool:
    """Whether a test has counts to multiply: it is in tests/soak, is Hypothesis's, or takes one of the two fixtures."""
    takes = {"effort", "rounds"} & set(getattr(item, "fixturenames", ()))
    return FOLDER in item.path.parents or bool(takes) or _has_examples(item)


def _has_examples(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)


def multiply_examples(item: pytest.Item, factor: int) -> None:
    """Let Hypothesis make ``factor`` times as many examples for a test. tests/test_soak.py checks that it does."""
    if not _has_examples(item):
        return
    assert isinstance(item, pytest.Function)
    machine = getattr(item.cls, "settings", None)  # of a state machine's TestCase
    place, name = (item.cls, "settings") if machine else (item.obj, "_hypothesis_internal_use_settings")
    now = getattr(place, name)
    if getattr(place, "_multiplied", False):  # parameters of one function share its settings
        return
    setattr(place, name, settings(now, max_examples=now.max_examples * factor))
    place._multiplied = True


class Rounds:
    """Rounds of a long run: as many as fit into ``seconds``, at least two; a fixed number where that is None.

    Parameters
    ----------
    item : pytest.Item
        The test.
    seed : int
        Round i of a test always draws the same numbers for a seed.
    seconds : float or None
        The time for all rounds.
    """

    def __init__(self, item: pytest.Item, seed: int, seconds: float | None) -> None:
        self.item, self.seed, self.seconds = item, seed, seconds

    def __call__(self, full: int, least: int = 2) -> Iterator[np.random.Generator]:
        """Yield a generator for each round: ``full`` of them, or as many as fit, at least ``least``."""
        end = None if self.seconds is None else time.monotonic() + self.seconds
        number = zlib.crc32(self.item.nodeid.encode())
        for i in range(full):
            if i >= least and end is not None and time.monotonic() > end:
                return
            self.item.user_properties[:] = [("rounds", i + 1)]
            yield np.random.default_rng([self.seed, number, i])
