"""Numbers inside strings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjobs._entities import distinct_texts, number_text
from symjobs._errors import InputError


@given(st.floats(allow_nan=False))
def test_text_reads_back_to_the_same_float(x):
    back = float(number_text(x))
    assert back == x
    assert math.copysign(1, back) == math.copysign(1, x)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_text_with_fewer_digits_reads_back(x):
    digits = len(number_text(x).lower().partition("e")[0].replace(".", "").replace("-", "").strip("0"))
    if digits > 1:
        assert float(f"{x:.{digits - 2}e}") != x


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1.0, "1.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-17, "1e-17"),
        (3, "3"),
        (True, "1"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.1), "0.10000000149011612"),
        (np.int64(7), "7"),
        (np.bool_(False), "0"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_known_texts(x, text):
    assert number_text(x) == text


@given(
    st.lists(
        st.sampled_from([0.0, -0.0, 0, 0.5, 1e-17, 1e16, 1e300, 1.5e-7, 3])
        | st.floats(allow_nan=False, allow_infinity=False)
    )
)
def test_distinct_texts_differ_and_read_back(values):
    texts = distinct_texts(values)
    assert len(set(texts)) == len(values)
    assert [float(text) for text in texts] == values


def test_distinct_texts_pad_the_mantissa_as_the_contract_says():
    assert distinct_texts([0.5, 0.5, 0.5]) == ["0.5", "0.50", "0.500"]
    assert distinct_texts([1e-17, 1e-17, 1e-17]) == ["1e-17", "1.0e-17", "1.00e-17"]
    assert distinct_texts([2.5, math.inf]) == ["2.5", "Infinity"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_two_values_that_no_zero_can_tell_apart(value):
    with pytest.raises(InputError, match="comes more than once"):
        distinct_texts([value, value])
