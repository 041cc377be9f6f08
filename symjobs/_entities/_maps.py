"""KSVDMap and KSVSMap: lists of maps from text to numbers, or to text."""

from __future__ import annotations

import msgspec

from symjobs._entities._numbers import number_text


class KSVDMap(msgspec.Struct):
    """A list of maps from text to number; a non-finite number is ``null`` on the wire."""

    values: list[dict[str, float | None]]


class KSVSMap(msgspec.Struct):
    """A list of maps from text to text; numbers given as values become text at once (`number_text`)."""

    values: list[dict[str, str]]

    def __post_init__(self) -> None:
        for i, row in enumerate(self.values):
            if any(type(value) is not str for value in row.values()):
                self.values[i] = {k: v if isinstance(v, str) else number_text(v) for k, v in row.items()}
