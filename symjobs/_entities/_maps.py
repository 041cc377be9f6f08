"""KSVDMap and KSVSMap: lists of maps from text to numbers, or to text."""

from __future__ import annotations

import msgspec

from symjobs._entities._numbers import number_text


class KSVDMap(msgspec.Struct):
    """A list of maps from text to number.

    Parameters
    ----------
    values : list of dict of str to float or None
        A non-finite number is ``null`` on the wire.

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.to_json(sj.KSVDMap([{"mean": 1.5, "var": float("nan")}]))
    b'{"values":[{"mean":1.5,"var":null}]}'
    """

    values: list[dict[str, float | None]]


class KSVSMap(msgspec.Struct):
    """A list of maps from text to text.

    Parameters
    ----------
    values : list of dict of str to str
        Numbers become text at once: the shortest text of the same float64.

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.KSVSMap([{"wssse": 0.1, "k": 3}]).values
    [{'wssse': '0.1', 'k': '3'}]
    """

    values: list[dict[str, str]]

    def __post_init__(self) -> None:
        for i, row in enumerate(self.values):
            if any(type(value) is not str for value in row.values()):
                self.values[i] = {k: v if isinstance(v, str) else number_text(v) for k, v in row.items()}
