"""Numbers and times as people write them: one value at a time, and whole columns, give the same."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symjobs import sources
from symjobs._errors import InputError
from symjobs.sources._numerals import Numerals, better_numerals, is_time, options_of, parse_time, parse_times

GERMAN = Numerals(decimal=",", thousands=".")
ENGLISH = Numerals(thousands=",", percent=True, currency="$€")


def _refused(parse, text):
    try:
        parse(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("numerals", "text", "value"),
    [
        (GERMAN, "1.234.567,89", 1234567.89),
        (GERMAN, "-0,5", -0.5),
        (GERMAN, "12", 12.0),
        (GERMAN, "1,5e3", 1500.0),
        (ENGLISH, "1,000,001", 1000001.0),
        (ENGLISH, "12%", 0.12),
        (ENGLISH, "3.5 %", 0.035),
        (ENGLISH, "$1,234.50", 1234.5),
        (ENGLISH, "-$5", -5.0),
        (ENGLISH, "7 €", 7.0),
        (Numerals(thousands=" "), "1 234", 1234.0),
        (Numerals(thousands="'"), "1'234.5", 1234.5),
    ],
)
def test_numbers(numerals, text, value):
    assert numerals.parse(text) == pytest.approx(value, rel=1e-15)  # a division by 100 rounds once
    assert numerals.parse_all(pa.array([text, None])).to_pylist() == [numerals.parse(text), None]


@pytest.mark.parametrize(
    ("numerals", "text"),
    [
        (GERMAN, "1.5"),
        (GERMAN, "1.23,4"),
        (GERMAN, "1,2,3"),
        (ENGLISH, "1,2"),
        (ENGLISH, "12%%"),
        (ENGLISH, "%"),
        (ENGLISH, "£5"),
        (Numerals(), "1,5"),
        (Numerals(), "12%"),
        (Numerals(), "1_000"),
    ],
)
def test_what_is_no_number(numerals, text):
    assert _refused(numerals.parse, text)
    assert _refused(numerals.parse_all, pa.array([text]))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text("0123456789.,%$€-+ e'", min_size=1, max_size=9).map(str.strip).filter(bool), min_size=1, max_size=5
    )
)
@example([".0.000"])
def test_a_column_gives_what_its_values_give(texts):
    for numerals in (GERMAN, ENGLISH, Numerals(), Numerals(decimal=",", percent=True, currency="€")):
        try:
            found = numerals.parse_all(pa.array(texts)).to_pylist()
        except ValueError:
            continue  # then every value is parsed by itself
        assert found == [numerals.parse(text) for text in texts]


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["1,5", "2"], ("decimal=','", "--decimal ,")),
        (["1,234", "1,000,001"], ("thousands=','", "--thousands ,")),
        (["1.234,5", "7"], ("decimal=',' thousands='.'", "--decimal , --thousands .")),
        (["12%", "3.5%"], ("percent=True", "--percent")),
        (["$5", "$1,234"], ("thousands=',' currency='$'", "--thousands , --currency '$'")),
        (["1'234"], ('thousands="\'"', "--thousands ''\"'\"''")),
    ],
)
def test_a_hint_is_what_to_pass(texts, options):
    found = better_numerals(texts, Numerals())
    assert tuple(map(" ".join, options_of(found, Numerals()))) == options
    assert all(map(found.reads, texts))


@pytest.mark.parametrize("texts", [[], ["1.5"], ["a", "b", "1,5"], ["2020-01-01"], ["1,5", "x", "-"]])
def test_no_hint(texts):
    assert better_numerals(texts, Numerals()) is None


@pytest.mark.parametrize(
    ("given", "texts", "shell"),
    [
        (Numerals(","), ["12,5%"], "--percent"),
        (Numerals(","), ["1.5%"], "--decimal . --percent"),
        (Numerals(",", "."), ["1.234,5 \u20ac"], "--currency '\u20ac'"),
        (Numerals(currency="$"), ["$5", "7 \u20ac"], "--currency '$\u20ac'"),
        (Numerals(), ["1\u00a0234,5", "n/a"], "--decimal , --thousands '\u00a0'"),
    ],
)
def test_a_hint_is_what_to_add(given, texts, shell):
    found = better_numerals(texts, given)
    assert " ".join(options_of(found, given)[1]) == shell
    assert found.reads(texts[0])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2024-01-01 00:01:00", datetime(2024, 1, 1, 0, 1, tzinfo=UTC)),
        ("2024-01-02T12:00:00Z", datetime(2024, 1, 2, 12, tzinfo=UTC)),
        ("2024-01-02T12:00:00+02:00", datetime(2024, 1, 2, 10, tzinfo=UTC)),
        ("2024-01-02 12:00:00.25", datetime(2024, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("1923-05-06T07:08", datetime(1923, 5, 6, 7, 8, tzinfo=UTC)),
        ("2024-01-02 12", datetime(2024, 1, 2, 12, tzinfo=UTC)),
    ],
)
def test_times(text, moment):
    assert is_time(text)
    assert parse_time(text) == moment.timestamp()
    assert parse_times(pa.array([text, None])).to_pylist() == [moment.timestamp(), None]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02T12:00z", datetime(2024, 1, 2, 12, tzinfo=UTC)),
        ("2024-01-02 12:00 +02:00", datetime(2024, 1, 2, 10, tzinfo=UTC)),
        ("2024-01-02 12:00:00,5", datetime(2024, 1, 2, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-01-31T24:00:00", datetime(2024, 2, 1, tzinfo=UTC)),
        ("2024-01-31 24:00+01", datetime(2024, 1, 31, 23, tzinfo=UTC)),
        ("2024-12-31 24", datetime(2025, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_that_arrow_does_not_read(text, moment, tmp_path):
    assert is_time(text)
    assert parse_time(text) == moment.timestamp()
    (tmp_path / "d.csv").write_text(f'd\n"{text}"\n2024-01-01\n')
    pq.write_table(pa.table({"d": [text, "2024-01-01"]}), tmp_path / "d.parquet")
    for source in (sources.csv(tmp_path / "d.csv", dates=True), sources.parquet(tmp_path / "d.parquet", dates=["d"])):
        (table,) = source
        assert table.column("d").to_pylist() == [moment.timestamp(), 1704067200.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024",
        "2024-1-1",
        "01.02.2024",
        "2024-13-01",
        "noon",
        "2024-01-01T25:00:00",
        "2024-01-01T23:59:60",
        "2024-01-01T24:00:01",
        "2024-02-30",
    ],
)
def test_what_is_no_time(text):
    assert not is_time(text)
    assert _refused(parse_time, text)
    assert _refused(parse_times, pa.array([text]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)), min_size=1, max_size=5), st.booleans())
def test_times_of_a_column_are_those_of_its_values(moments, zoned):
    texts = [moment.isoformat(sep=" ") + ("+01:30" if zoned and i % 2 else "") for i, moment in enumerate(moments)]
    assert parse_times(pa.array(texts)).to_pylist() == pytest.approx([parse_time(text) for text in texts], abs=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"decimal": ";"}, "decimal is ';'"),
        ({"thousands": "x"}, "thousands is 'x'"),
        ({"decimal": ",", "thousands": ","}, "thousands and decimal are both ','"),
        ({"percent": "yes"}, "percent is 'yes'"),
        ({"currency": "USD"}, "currency is 'USD'"),
    ],
)
def test_options_are_checked(given, words):
    with pytest.raises(InputError, match=words):
        Numerals(**given)


def test_nothing_is_lost_by_a_percent_sign():
    assert math.isclose(Numerals(percent=True).parse("33.3333%"), 0.333333, rel_tol=1e-15)
