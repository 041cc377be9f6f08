"""DelimitedParser: the numbers of ``float``, to the last bit, and the values of the standard library's reader."""

from __future__ import annotations

import csv
import io
import itertools
import math
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import symkernels as sk
from symkernels import DelimitedParser
from symkernels._delimited._powers import HIGHEST, LOWEST, powers_of_five
from symkernels._numba import compile_now, numba_works

pytestmark = pytest.mark.skipif(not numba_works(), reason="Numba does not work here: other parsers read every block")


@pytest.fixture(scope="module", autouse=True)
def loops():
    compile_now("delimited")


def _bits(value):
    return struct.pack("<d", value)


def _numbers(texts):
    cells = DelimitedParser(["number"]).parse("".join(f"{text}\n" for text in texts).encode())
    odd = {row for row, *_ in cells.odd.tolist()}
    assert cells.n_rows == cells.n_lines == len(texts)
    return cells.numbers[0], odd


_digits = st.text("0123456789", min_size=1, max_size=30)
_decimal = st.builds(
    lambda sign, whole, dot, part, e: f"{sign}{whole}{dot}{part if dot else ''}{e}",
    st.sampled_from(["", "-", "+"]),
    _digits,
    st.sampled_from(["", "."]),
    _digits,
    st.one_of(st.just(""), st.integers(-400, 400).map("e{}".format), st.integers(0, 30).map("E+{}".format)),
)
_doubles = st.floats(allow_nan=False, allow_infinity=False)
_halfway = st.builds(  # exactly between two float64, and one digit beside
    lambda m, k, more: str((2 * m + 1) * 2**k + more),
    st.integers(2**52, 2**53 - 1),
    st.integers(0, 9),
    st.sampled_from([-1, 0, 1]),
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.one_of(_decimal, _doubles.map(repr), _doubles.map("{:.20e}".format), _halfway), min_size=1, max_size=40)
)
@example(["0", "-0", "-0.0", "1", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400"])
@example(["1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "1e999999999999"])
@example(
    ["2.2250738585072011e-308", "2.2250738585072014e-308", "9007199254740993", "9007199254740992.5", "1e23", "8.5e22"]
)
@example(
    ["0." + "0" * 400 + "1", "1" + "0" * 300, "123456789012345678901234567890", "0.1000000000000000055511151231257827"]
)
@example([".5", "5.", "-.5e1", "00000000000000000000001", "1e0000000000000000000001"])
def test_numbers_are_those_of_float(texts):
    numbers, odd = _numbers(texts)
    for row, text in enumerate(texts):
        right = float(text)
        if row in odd:  # somebody else decides; that must be rare, as it is slow
            assert math.isnan(numbers[row])
            assert math.isinf(right) or sum(map(str.isdigit, text.partition("e")[0])) > 19
        else:
            assert _bits(numbers[row]) == _bits(right), text


def test_random_bits_and_decimals_of_all_lengths():
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2**64, 60_000, dtype=np.uint64).view(np.float64)
    values = values[np.isfinite(values)].tolist()
    texts = [f"{value:.{i % 19}e}" for i, value in enumerate(values)] + [repr(value) for value in values]
    texts += [f"{value:.{i % 25}f}" for i, value in enumerate(rng.normal(scale=1000, size=40_000).tolist())]
    numbers, odd = _numbers(texts)
    right = np.array([float(text) for text in texts])
    known = np.ones(len(texts), bool)
    known[list(odd)] = False
    assert known.mean() > 0.95
    np.testing.assert_array_equal(numbers[known].view(np.uint64), right[known].view(np.uint64))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "e5",
        ".",
        "-",
        "+",
        "1e",
        "1e+",
        "1.2.3",
        "--1",
        "+-1",
        "1_000",
        "0x10",
        "1 2",
        "abc",
        "nan",
        "inf",
        "-Infinity",
        "１",
    ],
)
def test_what_is_no_decimal_number_is_left_to_others(text):
    cells = DelimitedParser(["number", "number"]).parse(f"{text},7\n".encode())
    assert math.isnan(cells.numbers[0][0])
    assert cells.numbers[1][0] == 7
    if text.strip():
        ((row, column, start, stop),) = cells.odd.tolist()
        assert (row, column, f"{text},7\n".encode()[start:stop].decode()) == (0, 0, text)
    else:
        assert not len(cells.odd)


def test_powers_of_five_are_exact_to_their_last_bit():
    upper, lower = powers_of_five()
    for q, high, low in zip(range(LOWEST, HIGHEST + 1), upper.tolist(), lower.tolist(), strict=True):
        bits = high << 64 | low
        assert bits.bit_length() == 128
        size = abs(q) * 3 + 300
        power = 5**q << size if q >= 0 else (1 << size) // 5**-q
        leading = power >> (power.bit_length() - 128)
        assert bits - leading in ((0,) if q >= 0 else (0, 1))


def test_missing_texts_blanks_quotes_and_a_decimal_comma():
    parser = DelimitedParser(["number"] * 3, separator=b";", decimal=b",", missing=[b"NA", b"-"])
    cells = parser.parse(b'1,5; NA;"2,5"\n-;"";  -3 \r\n\n" 4 ";"NA";"-"\n')
    assert cells.n_rows == 3
    np.testing.assert_array_equal(cells.numbers, [[1.5, np.nan, 4], [np.nan] * 3, [2.5, -3, np.nan]])
    assert not len(cells.odd)


def test_a_missing_text_that_is_a_number_is_compared_as_text():
    cells = DelimitedParser(["number"], missing=[b"-999"]).parse(b"-999\n-999.0\n -999\n5\n")
    np.testing.assert_array_equal(cells.numbers[0], [np.nan, -999, np.nan, 5])


_cell = st.text('ab"," ;\né1.-', max_size=6)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(_cell, _cell, _cell), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans()
)
def test_texts_are_those_of_the_standard_library(rows, ending, all_quoted):
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=ending, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL).writerows(
        rows
    )
    data = written.getvalue().encode()
    cells = DelimitedParser(["text", "skip", "text"]).parse(data)
    assert cells.n_rows == len(rows)
    for column, (ends, text, quoted) in zip((0, 2), cells.texts, strict=True):
        starts = [0, *ends.tolist()]
        found = [bytes(text[a:b]).decode() for a, b in itertools.pairwise(starts)]
        for row in quoted.tolist():
            assert found[row].startswith('"')
            assert found[row].endswith('"')
            found[row] = found[row][1:-1].replace('""', '"')
        assert found == [row[column] for row in rows]


@pytest.mark.parametrize("data", [b"1,2\n3\n", b"1,2\n3,4,5\n", b"1\n", b"1,2,\n", b'1,2\n"3,4'])
def test_records_of_another_length_are_left_to_others(data):
    assert DelimitedParser(["number", "number"]).parse(data) is None


def test_nothing_and_an_end_without_a_line_end():
    parser = DelimitedParser(["number", "text"])
    assert parser.parse(b"").n_rows == parser.parse(b"\n\r\n").n_rows == 0
    cells = parser.parse(b"1,a\n2,")
    assert cells.n_rows == 2
    assert cells.texts[0][0].tolist() == [1, 1]


@pytest.mark.parametrize("kinds", [[], ["numbers"], ["number", None]])
def test_kinds_are_checked(kinds):
    with pytest.raises(sk.ShapeError, match="kinds must name one of skip, number, text"):
        DelimitedParser(kinds)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_left_to_others(data):
    for quote in (b'"', b""):
        cells = DelimitedParser(["number", "text"], quote=quote, missing=[b"NA"]).parse(data)
        if cells is not None:
            assert cells.n_rows <= data.count(b"\n") + data.count(b"\r") + 1
            for row, column, start, stop in cells.odd.tolist():
                assert 0 <= row < cells.n_rows
                assert column == 0
                assert 0 <= start < stop <= len(data)


def test_a_missing_text_with_a_decimal_comma():
    cells = DelimitedParser(["number"], separator=b";", decimal=b",", missing=[b"-999,9"]).parse(b"-999,9\n3\n")
    np.testing.assert_array_equal(cells.numbers[0], [np.nan, 3])


def test_quotes_after_a_blank_belong_to_the_value():
    cells = DelimitedParser(["number", "number"]).parse(b'1, "5"\n2,"x""y"\n')
    first, second = cells.odd.tolist()
    assert first[3] >= 0  # not in quotes: the quotes are its own
    assert second[3] < 0


def test_a_blank_as_the_separator_is_left_to_others():
    assert DelimitedParser(["number", "number"], separator=b" ").parse(b"1 2\n") is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_all_kinds_of_bytes_are_one_specialization(kind):
    from symkernels._delimited import _loops

    before = len(_loops.read_cells.signatures)
    cells = DelimitedParser(["number", "text"]).parse(kind(b"1,a\n"))
    assert cells.numbers[0].tolist() == [1.0]
    assert len(_loops.read_cells.signatures) <= max(1, before)


def test_many_zeros():
    numbers, odd = _numbers(["0." + "0" * 30, "-" + "0" * 25])
    assert not odd
    assert [math.copysign(1, x) for x in numbers] == [1, -1]
