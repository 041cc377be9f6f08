"""Declared parameters: every declaration of the package, by its own words, and the kinds that values may be of."""

from __future__ import annotations

import importlib
import math
import pkgutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symjobs
from symjobs import InputError
from symjobs._parameters import (
    Choice,
    Declared,
    Either,
    Flag,
    Integer,
    Kind,
    Number,
    Parameters,
    Secret,
    Text,
    parameter,
)


def declarations() -> list[type[Parameters]]:
    """Every class of the package that declares parameters."""
    for found in pkgutil.walk_packages(symjobs.__path__, prefix="symjobs."):
        importlib.import_module(found.name)
    waiting, classes = [Parameters], []
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting.extend(below)
        classes.extend(below)
    return sorted((c for c in classes if c.__module__.startswith("symjobs.")), key=lambda c: c.__qualname__)


DECLARATIONS = declarations()
EACH = [(kind, declared) for kind in DECLARATIONS for declared in kind.declared()]
IDS = [f"{kind.__name__}-{declared.name}" for kind, declared in EACH]


def required_text(kind: type[Parameters], besides: Declared) -> dict[str, str]:
    """What must be given besides one parameter, as text: values that the kinds take."""
    samples = {Integer: "1000", Number: "0.5", Text: "x", Secret: "x", Flag: "true"}
    return {d.wire: samples[type(d.kind)] for d in kind.declared() if d.required and d.wire != besides.wire}


def test_there_are_declarations():
    assert len(DECLARATIONS) >= 9


@pytest.mark.parametrize(("kind", "declared"), EACH, ids=IDS)
def test_a_declaration_is_complete(kind, declared):
    assert declared.text == declared.text.strip()
    assert "\n" not in declared.text
    assert len(declared.text) <= 110
    assert not declared.text.endswith(".")
    assert declared.text[0].islower()
    assert declared.default is None or declared.check(declared.default) == declared.default
    assert [other.wire for other in kind.declared()].count(declared.wire) == 1


@pytest.mark.parametrize(("kind", "declared"), EACH, ids=IDS)
def test_bad_values_are_refused_by_name(kind, declared):
    """With the name, what is allowed, and what came."""
    for bad in declared.kind.bad_values():
        if bad is None and declared.default is None and not declared.required:
            continue  # no value
        if kind.blank_is_absent and (bad is None or not str(bad).strip()):
            continue  # no value
        if isinstance(declared.kind, Text) and isinstance(bad, int):
            continue  # in a map a number counts as its text
        with pytest.raises(InputError) as caught:
            kind.from_text({**required_text(kind, declared), declared.wire: bad})
        message = str(caught.value)
        assert message.startswith(f"{declared.label} must be {declared.kind.words}, got ")
        if declared.kind.hidden:
            assert message.endswith(", got a value that is not shown")
        with pytest.raises(InputError, match="must be"):
            declared.check(bad if not isinstance(bad, str) else object())


@pytest.mark.parametrize("kind", DECLARATIONS, ids=lambda kind: kind.__name__)
def test_what_must_be_given(kind):
    for declared in kind.declared():
        if declared.required:
            with pytest.raises(InputError) as caught:
                kind.from_text(required_text(kind, declared))
            assert str(caught.value) == f"{declared.label} is required; give it {declared.kind.words}"


@pytest.mark.parametrize("kind", DECLARATIONS, ids=lambda kind: kind.__name__)
def test_unknown_names(kind):
    name = f"{kind.strict_prefix or ''}no_such_parameter"
    if kind.strict_prefix is None:
        return
    with pytest.raises(InputError, match=f"unknown parameter '{name}' of the request; "):
        kind.from_text({name: "1"}, "the request")


@pytest.mark.parametrize("given_", [None, 3, "a=1", ["a"]])
def test_a_map_is_needed(given_):
    with pytest.raises(InputError, match="the parameters of the request must be a map, got"):
        DECLARATIONS[0].from_text(given_)


# --- one class of its own ---------------------------------------------------------------------------------------------


class Some(Parameters):
    strict_prefix = "s_"

    count: int = parameter("s_count", Integer(1, 100), "so many")
    share: float = parameter("s_share", Number(0, 1, open_high=True), "a share", default=0.25)
    loud: bool = parameter("s_loud", Flag(), "say more", default=False)
    how: str | int = parameter("s_how", Either(Choice("auto"), Integer(2)), "which way", default="auto")
    most: int | None = parameter("s_most", Integer(1), "at most so many", default=None)


@given(
    count=st.integers(1, 100),
    share=st.floats(0, 1, exclude_max=True),
    loud=st.booleans(),
    how=st.one_of(st.just("auto"), st.integers(2, 2**63 - 1)),
    most=st.one_of(st.none(), st.integers(1, 2**63 - 1)),
)
def test_text_reads_back_as_what_it_came_from(count, share, loud, how, most):
    made = Some(count=count, share=share, loud=loud, how=how, most=most)
    assert Some.from_text(made.as_text()) == made
    assert Some.from_text(made.as_text(defaults=False)) == made
    assert Some.from_text(Some.texts(**made.values())) == made


def test_defaults_are_attributes_of_the_class_and_values_are_fixed():
    assert (Some.share, Some.loud, Some.how, Some.most) == (0.25, False, "auto", None)
    made = Some(count=np.int64(3))
    assert type(made.count) is int
    assert made.as_text(defaults=False) == {"s_count": "3"}
    with pytest.raises(AttributeError):
        made.count = 4  # type: ignore[misc]


def test_a_secret_is_not_shown():
    class Sealed(Parameters):
        key: str = parameter("key", Secret(), "a key")
        name: str = parameter("name", Text(), "a name")

    made = Sealed.from_text({"key": "not-for-you", "name": "n"})
    assert made.key == "not-for-you"
    assert repr(made).endswith("Sealed(name='n')")


def test_other_names_are_ignored_beside_the_prefix():
    assert Some.from_text({"s_count": "3", "other": "x"}) == Some(count=3)


# --- kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Integer(), "1e3", 1000),
        (Integer(), "9007199254740993", 9007199254740993),  # exact beyond what a float holds
        (Integer(-5, 5), "-5", -5),
        (Integer(), "3.0", 3),
        (Number(), "1e-300", 1e-300),
        (Number(0, 1), "1", 1.0),
        (Flag(), " TRUE ", True),
        (Flag(), "0", False),
        (Flag(), "", False),
        (Choice("a", "b"), "b", "b"),
        (Either(Choice("auto"), Integer(1)), "7", 7),
        (Text(), "x y", "x y"),
    ],
)
def test_texts(kind: Kind, text: str, value: Any):
    found = kind.parse(text)
    assert found == value
    assert type(found) is type(value)
    assert kind.parse(kind.text(value)) == value


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Integer(), "a whole number that fits into 64 bits"),
        (Integer(most=5), "a whole number of at most 5"),
        (Integer(1), "a whole number of at least 1"),
        (Integer(1, 5), "a whole number from 1 to 5"),
        (Number(), "a finite number"),
        (Number(0), "a finite number of at least 0"),
        (Number(0, open_low=True), "a finite number above 0"),
        (Number(high=2), "a finite number of at most 2"),
        (Number(0, 1), "a number from 0 to 1"),
        (Number(0, 1, open_low=True, open_high=True), "a number between 0 and 1, both excluded"),
        (Number(0, 1, open_low=True), "a number above 0 and at most 1"),
        (Number(0, 1, open_high=True), "a number of at least 0 and below 1"),
        (Flag(), "true or false"),
        (Choice("a", "b"), "one of a, b"),
        (Either(Choice("auto"), Integer(1)), "auto or a whole number of at least 1"),
    ],
)
def test_words(kind: Kind, words: str):
    assert kind.words == words


@pytest.mark.parametrize(
    "kind", [Integer(), Number(), Flag(), Choice("a"), Text(), Secret(), Number(0, 1), Integer(1, 5)], ids=repr
)
def test_bad_values_of_a_kind_are_bad(kind):
    for bad in kind.bad_values():
        with pytest.raises(ValueError):  # noqa: PT011 - the caller says what was wrong
            kind.parse(bad) if isinstance(bad, str) else kind.check(bad)


def test_numpy_s_numbers_are_numbers():
    assert Number().check(np.float32(0.5)) == 0.5
    assert Integer().check(np.uint8(3)) == 3
    assert Flag().check(np.True_) is True
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says what was wrong
        Integer().check(np.True_)
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says what was wrong
        Number().check(math.nan)
