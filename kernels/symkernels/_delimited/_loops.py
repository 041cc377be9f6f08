"""Compiled loops over bytes of text: values apart from each other, and decimal numbers as the nearest float64.

Eight digits at a time are read as Lemire's fast_float does. The nearest float64 comes from the method of Eisel and
Lemire (D. Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51, 2021), which needs
no second way for up to 19 digits (N. Mushtak and D. Lemire, "Fast number parsing without fallback", 2023).
"""

from __future__ import annotations

import numpy as np

from .._jit import compiled
from .._vectors import pointer_to
from ._powers import HIGHEST, LONGEST_EXACT, LOWEST
from ._words import float_of_bits, high_product, leading_zeros, trailing_zeros, word_at

SKIPPED, NUMBER, TEXT = 0, 1, 2

_LF, _CR, _BLANK, _PLUS, _MINUS, _ZERO, _NINE = (np.uint8(ord(mark)) for mark in "\n\r +-09")
_E, _LOWER_E = np.uint8(ord("E")), np.uint8(ord("e"))
_DIGITS = 19  # that fit into a word
_EXACT_DIGITS = 15  # that float64 holds
_LARGE_EXPONENT = 100_000

_0, _1, _2, _3, _9, _10 = (np.uint64(number) for number in (0, 1, 2, 3, 9, 10))
_8_BITS, _16_BITS, _32_BITS, _63_BITS, _64_BITS = (np.uint64(number) for number in (8, 16, 32, 63, 64))
_TENS = np.array([10**k for k in range(8)], dtype=np.uint64)
_ZEROS = np.uint64(0x3030303030303030)
_1E8 = np.uint64(10**8)
_HALF_BYTES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES = np.uint64(0x0606060606060606)
_DIGIT_BYTES = np.uint64(0x3333333333333333)
_VALUES = np.uint64(0x0F0F0F0F0F0F0F0F)
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_FOURS = np.uint64(0x0000FFFF0000FFFF)
_4_BITS = np.uint64(4)
_PRECISION = np.uint64(0x1FF)  # the bits of a product below the 55 that decide
_HIDDEN = np.uint64(1 << 52)
_LARGEST_EXACT = np.uint64(1 << 53)
_52_BITS = np.uint64(52)


@compiled
def _count_digits(word):
    """Return how many of the eight bytes are digits, before the first that is none."""
    carried = (((word + _SIXES) & _HALF_BYTES) >> _4_BITS) | (word & _HALF_BYTES)
    return trailing_zeros(carried ^ _DIGIT_BYTES) >> 3


@compiled
def _eight_digits(word):
    word = ((word & _VALUES) * np.uint64(2561)) >> _8_BITS
    word = ((word & _PAIRS) * np.uint64(6553601)) >> _16_BITS
    return ((word & _FOURS) * np.uint64(42949672960001)) >> _32_BITS


@compiled
def _read_digits(data, at, end, digits):
    """Return a number with the digits at a place after its own, modulo 2**64, and the place behind them."""
    while at + 8 <= end:
        word = word_at(data, at)
        count = _count_digits(word)
        if count < 8:
            if count:
                # Zeros before the digits, so that they are the last of eight: no branch depends on their number.
                zeros = np.uint64(64 - 8 * count)
                word = (word << zeros) | (_ZEROS >> np.uint64(8 * count))
                digits = digits * _TENS[count] + _eight_digits(word)
            return digits, at + count
        digits = digits * _1E8 + _eight_digits(word)
        at += 8
    while at < end and _ZERO <= data[at] <= _NINE:
        digits = digits * _10 + np.uint64(data[at] - _ZERO)
        at += 1
    return digits, at


@compiled
def _nearest(digits, q, upper, lower):
    """Return the bits of the float64 nearest to digits * 10**q; those of infinity if it is too large."""
    if digits == _0 or q < LOWEST:
        return _0
    if q > HIGHEST:
        return np.uint64(0x7FF) << _52_BITS
    shift = leading_zeros(digits)
    word = digits << np.uint64(shift)
    at = q - LOWEST
    high = high_product(word, upper[at])
    low = word * upper[at]
    if high & _PRECISION == _PRECISION:
        more = high_product(word, lower[at])
        low += more
        if more > low:
            high += _1
    top = high >> _63_BITS
    drop = top + np.uint64(9)
    mantissa = high >> drop
    power = ((217706 * q) >> 16) + 63 + np.int64(top) - shift + 1023
    if power <= 0:
        if power <= -63:
            return _0
        mantissa >>= np.uint64(1 - power)
        mantissa += mantissa & _1
        return mantissa >> _1  # 2**52, if rounded up so far, is the lowest normal number
    if low <= _1 and -4 <= q <= 23 and mantissa & _3 == _1 and (mantissa << drop) == high:
        mantissa &= ~_1  # half-way between two: to the even one
    mantissa += mantissa & _1
    mantissa >>= _1
    if mantissa >= _LARGEST_EXACT:
        mantissa = _HIDDEN
        power += 1
    if power >= 0x7FF:
        return np.uint64(0x7FF) << _52_BITS
    return (mantissa & ~_HIDDEN) | (np.uint64(power) << _52_BITS)


@compiled
def _many_digits(data, at, stop, decimal):
    """Return the first 19 significant digits, and by which power of ten they are to be multiplied for the rest."""
    digits, count, q, behind = _0, 0, 0, False
    while at < stop:
        c = data[at]
        if c == decimal:
            behind = True
        else:
            if count < _DIGITS:
                digits = digits * _10 + np.uint64(c - _ZERO)
                if digits != _0:
                    count += 1
                if behind:
                    q -= 1
            elif not behind:
                q += 1
        at += 1
    return digits, q


@compiled
def read_number(data, at, end, decimal, exact, upper, lower):
    """Return the number at a place, the place behind it, and whether there is one that is finite and certain."""
    negative = _0
    if at < end:  # no branch depends on the sign, which no processor can predict
        negative = np.uint64(data[at] == _MINUS)
        at += int(data[at] == _MINUS) + int(data[at] == _PLUS)
    first = at
    digits, at = _read_digits(data, at, end, _0)
    count = at - first
    q = 0
    if at < end and data[at] == decimal:
        at += 1
        point = at
        digits, at = _read_digits(data, at, end, digits)
        q = point - at
        count += at - point
    if count == 0:
        return 0.0, at, False
    stop = at
    scale = 0
    if at < end and (data[at] == _E or data[at] == _LOWER_E):
        at += 1
        down = False
        if at < end and (data[at] == _MINUS or data[at] == _PLUS):
            down = data[at] == _MINUS
            at += 1
        begin = at
        while at < end and _ZERO <= data[at] <= _NINE:
            if scale < _LARGE_EXPONENT:
                scale = 10 * scale + int(data[at] - _ZERO)
            at += 1
        if at == begin:
            return 0.0, at, False
        if down:
            scale = -scale
    q += scale
    bits = _0
    if count > _DIGITS:
        begin = first
        while begin < stop and (data[begin] == _ZERO or data[begin] == decimal):
            count -= data[begin] == _ZERO
            begin += 1
        if count > _DIGITS:
            digits, q = _many_digits(data, first, stop, decimal)
            q += scale
            bits = _nearest(digits, q, upper, lower)
            if bits != _nearest(digits + _1, q, upper, lower):
                return 0.0, at, False  # the digits behind the 19th decide
            count = 0
    if 0 < count <= _EXACT_DIGITS and -LONGEST_EXACT <= q <= LONGEST_EXACT:
        value = np.float64(digits)
        if q < 0:
            value /= exact[-q]
        else:
            value *= exact[q]
        return value * (1.0 - 2.0 * negative), at, True
    if count:
        bits = _nearest(digits, q, upper, lower)
    value = float_of_bits(bits | (negative << _63_BITS))
    return value, at, np.isfinite(value)


@compiled
def _find_value(data, at, end, separator, quote):
    """Return where the value at a place begins and ends, where its separator is, and whether quotes are in it."""
    if quote and at < end and data[at] == quote:
        i = at + 1
        doubled = False
        while i < end:
            if data[i] != quote:
                i += 1
            elif i + 1 < end and data[i + 1] == quote:
                doubled = True
                i += 2
            else:
                break
        close = i
        i += 1
        if i >= end:
            return (at, end, end, True) if doubled or close >= end else (at + 1, close, end, False)
        if not doubled and (data[i] == separator or data[i] == _LF or data[i] == _CR):
            return at + 1, close, i, False
        while i < end and data[i] != separator and data[i] != _LF and data[i] != _CR:
            i += 1
        return at, i, i, True
    i = at
    while i < end and data[i] != separator and data[i] != _LF and data[i] != _CR:
        i += 1
    return at, i, i, False


@compiled
def _is_any(data, start, stop, texts, ends):
    """Whether a value is one of some texts, which follow each other in an array."""
    begin = 0
    for k in range(len(ends)):
        if ends[k] - begin == stop - start:
            same = True
            for i in range(stop - start):
                if data[start + i] != texts[begin + i]:
                    same = False
                    break
            if same:
                return True
        begin = ends[k]
    return False


@compiled
def _trimmed(data, start, stop):
    while start < stop and data[start] == _BLANK:
        start += 1
    while start < stop and data[stop - 1] == _BLANK:
        stop -= 1
    return start, stop


@compiled
def read_cells(text, marks, kinds, slots, missing, tables, numbers, starts, lengths, odd):
    """Parse records until their end, or the first one that has another number of values or no place in the results.

    Parameters
    ----------
    text : (n,) uint8
    marks : (separator, quote or 0, decimal mark)
    kinds, slots : (p,) arrays
        What each column is, and the place of its values in the results.
    missing : (texts, ends, whether any is a number)
        The texts that mean missing, one after the other, and their ends; whether any of them is a number.
    tables : (exact powers, upper and lower halves of powers of five)
    numbers : (columns, rows) float64
        Written: NaN where a value is missing or no plain number.
    starts, lengths : (columns, rows) int32
        Written: where texts are; a text that needs its quotes removed has the length -1 - length.
    odd : (m, 4) int64
        Written: row, column, start and stop of values of number columns that are neither missing nor plain numbers.

    Returns
    -------
    (rows, odd values, place of the wrong record or -1)
    """
    separator, quote, decimal = marks
    ends, are_numbers = missing[1], missing[2]
    end, n_columns, most = len(text), len(kinds), numbers.shape[1]
    texts = pointer_to(missing[0], 0)
    exact, upper, lower = pointer_to(tables[0], 0), pointer_to(tables[1], 0), pointer_to(tables[2], 0)
    data = pointer_to(text, 0)
    at = row = n_odd = 0
    while at < end:
        if data[at] == _LF or data[at] == _CR:
            at += 1
            continue
        record = at
        if row == most:
            return row, n_odd, record
        for j in range(n_columns):
            kind = kinds[j]
            plain = False
            if kind == NUMBER and not are_numbers:
                begin = at
                quoted = quote != 0 and data[begin] == quote if begin < end else False
                if quoted:
                    begin += 1
                while begin < end and data[begin] == _BLANK:
                    begin += 1
                value, after, plain = read_number(data, begin, end, decimal, exact, upper, lower)
                if plain:
                    while after < end and data[after] == _BLANK:
                        after += 1
                    if quoted:
                        plain = after < end and data[after] == quote
                        after += 1
                    plain = plain and (
                        after >= end or data[after] == separator or data[after] == _LF or data[after] == _CR
                    )
                    if plain:
                        numbers[slots[j], row] = value
                        at = after
            if not plain:
                start, stop, at, within = _find_value(data, at, end, separator, quote)
                if kind == NUMBER:
                    start, stop = _trimmed(data, start, stop)
                    value, after, plain = np.nan, stop, start == stop or _is_any(data, start, stop, texts, ends)
                    if are_numbers and not plain:
                        value, after, plain = read_number(data, start, stop, decimal, exact, upper, lower)
                        plain = plain and after == stop
                    numbers[slots[j], row] = value if plain else np.nan
                    if not plain:
                        if n_odd == len(odd):
                            return row, n_odd, record
                        odd[n_odd, 0], odd[n_odd, 1], odd[n_odd, 2] = row, j, start
                        odd[n_odd, 3] = -1 - stop if within else stop
                        n_odd += 1
                elif kind == TEXT:
                    starts[slots[j], row] = start
                    lengths[slots[j], row] = -1 - (stop - start) if within else stop - start
            if j + 1 < n_columns:
                if at >= end or data[at] != separator:
                    return row, n_odd, record
                at += 1
        if at < end:
            if data[at] == separator:
                return row, n_odd, record
            at += 1  # \n, or \r, before which or between which blank lines are skipped
        row += 1
    return row, n_odd, -1


@compiled
def gather(text, starts, lengths, ends, out):
    """Write texts one after the other; ``ends`` are where they end."""
    data = pointer_to(text, 0)
    at = 0
    for i in range(len(starts)):
        for k in range(lengths[i]):
            out[at + k] = data[starts[i] + k]
        at += lengths[i]
        ends[i] = at
