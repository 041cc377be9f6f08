"""The public class: blocks of comma-separated values, parsed into columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._errors import ShapeError
from .._numba import Kernel, uses_loops
from ._powers import exact_powers, powers_of_five

_KERNELS: tuple[Kernel, ...] = ("delimited", "moments", "exact")
_KINDS = {"skip": 0, "number": 1, "text": 2}
_LF = ord("\n")
_PART = 2**16  # bytes, of which comparisons stay in the cache
_FEW, _SHARE = 4096, 32  # of the numbers may be odd; another parser is faster for a block with more
_SECONDS = 1e-8  # of another parser for a byte


@dataclass(frozen=True, eq=False, slots=True)
class DelimitedCells:
    """The values of a block; see `DelimitedParser.parse`.

    Attributes
    ----------
    n_rows : int
        Number of records. Blank lines are none.
    n_lines : int
        Number of line ends.
    numbers : list of (n_rows,) float64 arrays
        One for each column of kind ``number``: NaN where a value is missing, and where it is in `odd`.
    texts : list of (ends, bytes, rows)
        One for each column of kind ``text``: its values one after the other as a uint8 array, and as an int32 array
        where each of them ends. `rows` are those whose value has quotes within, which are still to be removed.
    odd : (m, 4) int64 array
        Row, column, start and stop (-1 - stop where quotes are still to be removed) of the values of number columns
        that are neither missing nor plain decimal numbers: other texts, infinite values, and numbers with more than 19
        digits whose last ones decide how they are rounded.

    Examples
    --------
    >>> from symkernels import DelimitedParser
    >>> cells = DelimitedParser(["skip", "text"]).parse(b"1,ab\\n2,c\\n", wait=True)
    >>> if cells is not None:  # None without Numba
    ...     ends, text, quoted = cells.texts[0]
    ...     print(ends, text.tobytes(), quoted)
    [2 3] b'abc' []
    """

    n_rows: int
    n_lines: int
    numbers: list[np.ndarray]
    texts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    odd: np.ndarray


class DelimitedParser:
    """Parses comma-separated values that are in memory, without the interpreter lock and without an object of a cell.

    Parameters
    ----------
    kinds : sequence of {"number", "text", "skip"}
        What to make of each column.
    separator : bytes, default b","
        One byte.
    quote : bytes, default b'"'
        One byte, or none. It has a meaning at the beginning of a value only. A quote within is doubled.
    decimal : bytes, default b"."
        One byte.
    missing : sequence of bytes, default ()
        Texts that mean missing in columns of numbers, besides an empty one. Blanks around a value are left aside.

    Raises
    ------
    ShapeError
        If there is no column, or a kind is unknown.

    Notes
    -----
    Numbers are those of ``float(text)``, to the last bit: the method of Eisel and Lemire (D. Lemire, "Number parsing at
    a gigabyte per second", Software: Practice and Experience 51, 2021; N. Mushtak and D. Lemire, "Fast number parsing
    without fallback", 2023).

    Examples
    --------
    >>> from symkernels import DelimitedParser
    >>> parser = DelimitedParser(["number", "text", "number"], missing=[b"NA"])
    >>> cells = parser.parse(b'1.5,"a, b",NA\\n2,c,many\\n', wait=True)
    >>> if cells is not None:  # None without Numba
    ...     print(cells.n_rows, cells.numbers, cells.odd.tolist())
    2 [array([1.5, 2. ]), array([nan, nan])] [[1, 2, 18, 22]]
    """

    def __init__(
        self,
        kinds: Sequence[str],
        *,
        separator: bytes = b",",
        quote: bytes = b'"',
        decimal: bytes = b".",
        missing: Sequence[bytes] = (),
    ) -> None:
        unknown = [kind for kind in kinds if kind not in _KINDS]
        if unknown or not kinds:
            raise ShapeError(f"kinds must name one of {', '.join(_KINDS)} for each column, got {unknown or kinds!r}")
        self._kinds = np.array([_KINDS[kind] for kind in kinds], dtype=np.int8)
        self._slots = np.zeros(len(kinds), dtype=np.int64)
        for code in _KINDS.values():
            of_kind = self._kinds == code
            self._slots[of_kind] = np.arange(of_kind.sum())
        self._marks = (np.uint8(ord(separator)), np.uint8(ord(quote) if quote else 0), np.uint8(ord(decimal)))
        texts = [text for text in missing if text]
        self._missing = (
            np.frombuffer(b"".join(texts) or b"\0", np.uint8).copy(),
            np.cumsum([len(text) for text in texts], dtype=np.int64),
            any(_is_number(text.replace(decimal, b".")) for text in texts),
        )

    @cached_property
    def _tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return exact_powers(), *powers_of_five()

    def expect(self, size: int) -> None:
        """Say how many bytes will come: for many of them compiling, or loading what is compiled, begins at once.

        So it does for the loops of `Moments`, which learn the numbers.

        Parameters
        ----------
        size : int
            Bytes.
        """
        for kernel in _KERNELS:
            uses_loops(kernel, _SECONDS * size)

    def parse(self, data: bytes | bytearray | memoryview, *, wait: bool = False) -> DelimitedCells | None:
        """Return the values of a block of whole records.

        Parameters
        ----------
        data : bytes-like
            In UTF-8, or another encoding that extends ASCII.
        wait : bool, default False
            Whether to wait until the loops are compiled.

        Returns
        -------
        DelimitedCells or None
            None as long as the loops are not compiled, as `compile_mode` says; where the separator is a blank; and for
            a block with a record that has another number of values than there are columns, or with many odd values.
            Another parser must read it.
        """
        if self._marks[0] == ord(" ") or not uses_loops("delimited", 1e3 if wait else _SECONDS * len(data)):
            return None
        from . import _loops as loops

        cells = np.frombuffer(data, np.uint8)
        cells.flags.writeable = False  # one specialization of the loops, whatever the bytes are in
        n_lines = sum(int(np.count_nonzero(part == _LF)) for part in _parts(cells))
        most = _row_capacity(n_lines + 1)
        numbers = np.empty((np.count_nonzero(self._kinds == loops.NUMBER), most))
        n_texts = np.count_nonzero(self._kinds == loops.TEXT)
        starts, lengths = np.empty((n_texts, most), np.int32), np.empty((n_texts, most), np.int32)
        odd = np.empty((max(_FEW, numbers.size // _SHARE), 4), np.int64)
        n_rows, n_odd, wrong = loops.read_cells(
            cells, self._marks, self._kinds, self._slots, self._missing, self._tables, numbers, starts, lengths, odd
        )
        if wrong >= 0:
            return None
        texts = [_gathered(loops, cells, starts[k, :n_rows], lengths[k, :n_rows]) for k in range(n_texts)]
        return DelimitedCells(n_rows, n_lines, list(numbers[:, :n_rows]), texts, odd[:n_odd].copy())


def _parts(cells: np.ndarray) -> Iterator[np.ndarray]:
    return (cells[start : start + _PART] for start in range(0, len(cells), _PART))


def _row_capacity(rows: int) -> int:
    # Columns must not begin at the same place of pages, or they would leave the cache for each other.
    return rows + 8 if rows % 128 < 8 else rows


def _gathered(
    loops: Any, cells: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    quoted = np.flatnonzero(lengths < 0)
    lengths[quoted] = -1 - lengths[quoted]
    ends = np.empty(len(starts), np.int32)
    out = np.empty(int(lengths.sum(dtype=np.int64)), np.uint8)
    loops.gather(cells, starts, lengths, ends, out)
    return ends, out, quoted


def _is_number(text: bytes) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
