"""Tables for people: every digit that tells dates apart, names as they are, and thousands of rows at once."""

from __future__ import annotations

import time

import pytest

from symjobs._cli._print import show
from symjobs._cli._tables import Table


def _shown(capsys, header, rows):
    show([Table("t", header, rows)], heading="h")
    return capsys.readouterr().out.splitlines()[4:]


def test_numbers_of_seconds_differ(capsys):
    lines = _shown(capsys, ["a", "mean"], [["x", 1735689600.0], ["y", 1735776000.0], ["z", 999999.5], ["w", 1.25]])
    assert [line.split()[-1] for line in lines[2:-1]] == ["1735689600", "1735776000", "1000000", "1.25"]


def test_names_are_no_markup(capsys):
    header, rule, row, _ = _shown(capsys, ["a", "b"], [["x[b]", "[red]y[/red]"]])
    assert (header.split(), row.split()) == (["a", "b"], ["x[b]", "[red]y[/red]"])
    assert set(rule.strip()) == {"─"}


def test_long_text_is_folded_and_wide_characters_are_aligned(capsys):
    lines = _shown(capsys, ["a", "n"], [["word " * 20, 1], ["日本", 2], ["two\nlines", 3]])[2:-1]
    assert [line.split()[-1] for line in lines if line.split()[-1].isdigit()] == ["1", "2", "3"]
    assert len(lines) == 6
    assert lines[3].index("2") + 2 == lines[4].index("3")


@pytest.mark.parametrize("columns", [2, 5])
def test_many_rows_are_shown_at_once(capsys, columns):
    rows = [[f"c$m{i}", *[0.5] * (columns - 1)] for i in range(10_000)]
    _shown(capsys, ["a"], [["x"]])  # imports
    start = time.process_time()
    assert len(_shown(capsys, ["a", *"bcdef"[: columns - 1]], rows)) == 10_003
    assert time.process_time() - start < 2  # a table of rich takes 8
