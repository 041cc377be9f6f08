"""Rows that are still JSON: what is learnt, and what is refused, is that of the decoded entity."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symjobs as sj
from symjobs._tables import JsonRows, _json_rows, read_table
from symkernels import DelimitedParser

CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(-(10**6), 10**6),
    st.sampled_from([0, 1, 0.0, 1.0, None, True, False, "", "NaN", "NA", "null", " NA ", "0", "1", " 1.5 ", "-2e3"]),
)
TEXTS = st.sampled_from(["a", " A ", "|x|y", "b],[c", '], ["', "é\\", "1", "", "null", 'say "x"', "a, b", "\n"])


@pytest.fixture(params=[False, True], ids=["whole", "in parts"])
def in_parts(request, monkeypatch):
    """Whether bodies are read as if they were large, a few bytes at a time."""
    if request.param:
        monkeypatch.setattr(_json_rows, "_WHOLE_BYTES", 0)
        monkeypatch.setattr(_json_rows, "_PART_BYTES", 40)
    return request.param


def learnt(data):
    """What is learnt from a table, or the text of the error."""
    try:
        snapshot = sj.Project("p").learn(data).snapshot()
    except sj.InputError as error:
        return str(error)
    # In the order of names: which member of a category came first depends on the batches.
    order = sorted(range(len(snapshot.names)), key=snapshot.names.__getitem__)
    moments = snapshot.moments
    return (
        [(snapshot.names[i], snapshot.info().attributeTypes[i]) for i in order],
        moments.count[order].tolist(),
        moments.mean()[order],
        moments.covariance()[np.ix_(order, order)],
    )


def same(first, second):
    if isinstance(first, str) or isinstance(second, str):
        assert first == second
        return
    assert first[:2] == second[:2]
    for one, other in zip(first[2:], second[2:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-9)  # parts are batches: other sums of the same


@st.composite
def frames(draw):
    n_columns, n_rows = draw(st.integers(1, 4)), draw(st.integers(0, 12))
    letters = draw(st.lists(st.sampled_from("CCCBSTLX"), min_size=n_columns, max_size=n_columns))
    rows = [[draw(CELLS if letter in "CB" else TEXTS) for letter in letters] for _ in range(n_rows)]
    return {"attributeNames": [f"x{j}" for j in range(n_columns)], "attributeTypes": letters, "data": rows}


@settings(max_examples=25)
@given(
    frame=frames(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n ", " :\t")]),
    ascii_only=st.booleans(),
)
def test_whatever_the_rows_and_the_layout(frame, separators, ascii_only):
    body = json.dumps(frame, separators=separators, ensure_ascii=ascii_only).encode()
    right = learnt(sj.from_json(body, sj.DataFrame))
    for whole, part, compiled in ((1 << 20, 0, True), (0, 1 << 20, True), (0, 25, True), (1 << 20, 0, False)):
        with pytest.MonkeyPatch.context() as patch:
            if not compiled:  # pyarrow parses numbers until the loops are compiled
                patch.setattr(DelimitedParser, "parse", lambda *_: None)
            patch.setattr(_json_rows, "_WHOLE_BYTES", whole)
            patch.setattr(_json_rows, "_PART_BYTES", part)
            found = learnt(JsonRows(body))
            if part == 25 and isinstance(right, str):
                assert isinstance(found, str)  # the rows are not known together, so that another one may be first
            else:
                same(found, right)


@pytest.mark.parametrize("data", [[[]], [["1"], [], ["2"]], [[""], ["1"]], [[1], [2], []]])
def test_empty_rows_of_one_column(data, in_parts):
    body = json.dumps({"attributeNames": ["a"], "attributeTypes": ["C"], "data": data}).encode()
    right = learnt_or_refused(body)
    found = learnt(JsonRows(body))
    assert isinstance(found, str) == isinstance(right, str)
    if not isinstance(right, str):
        same(found, right)


def learnt_or_refused(body):
    try:
        return learnt(sj.from_json(body, sj.DataFrame))
    except sj.InputError as error:
        return str(error)


@pytest.mark.parametrize("data", [[], None])
def test_no_rows(data, in_parts):
    body = json.dumps({"attributeNames": ["a", "t"], "attributeTypes": ["C", "T"], "data": data}).encode()
    same(learnt(JsonRows(body)), learnt(sj.from_json(body, sj.DataFrame)))
    with pytest.raises(sj.InputError, match="no rows"):
        sj.LearnJob(sj.Project("p"), JsonRows(body))


def test_types_that_are_not_given(in_parts):
    frame = {"attributeNames": ["b", "c", "s", "empty"], "data": [["1", "1.5", "x", None], [0, 2, "y", ""]] * 5}
    body = json.dumps(frame).encode()
    batches = list(read_table(JsonRows(body)))
    assert [column.letter() for column in batches[0].columns] == ["B", "C", "S", None]
    assert (len(batches) > 1) == in_parts
    same(learnt(JsonRows(body)), learnt(sj.from_json(body, sj.DataFrame)))


@pytest.mark.parametrize("compiled", [True, False])
def test_numbers_make_no_python_objects(monkeypatch, in_parts, compiled):
    """What the fast road is for; a column that is carried does not prevent it."""
    monkeypatch.setattr(JsonRows, "_decoded", lambda *_: pytest.fail("cells were decoded"))
    if not compiled:
        monkeypatch.setattr(DelimitedParser, "parse", lambda *_: None)
    rows = [[str(i / 7), i, "te xt", None if i % 3 else 1] for i in range(30)]
    body = json.dumps({"attributeNames": list("abcd"), "attributeTypes": list("CCSB"), "data": rows}).encode()
    project = sj.Project("p").learn(JsonRows(body))
    assert project.snapshot().names == ("a", "b", "d")
    assert project.n_rows == 30


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([["1", "2"], ["1"]], "data row 1 has 1 values; there are 2 attributeNames"),
        ([["1", "2"], ["1", "2", "3"]], "data row 1 has 3 values; there are 2 attributeNames"),
        ([["1", "2"], "1,2"], "$.data[1]"),
        ([["1", "2"], {"1": 2}], "$.data[1]"),
        ([["1", "2"], ["1", ["2"]]], "$.data[1]"),
        ([["1", "2"], ["1", "zwei"]], "column 'b', row 1: 'zwei' is not a number"),
        ([["1", "2"], ["1", "1e999"]], "row 1"),
        ([["1", "2"], ["1", "Infinity"]], "row 1"),
        ([["1", "2"], ["1", "1_000"]], "row 1: '1_000' is not a number"),
        ("text", "$.data"),
        (7, "$.data"),
    ],
)
def test_bad_rows(data, words, in_parts):
    frame = {"attributeNames": ["a", "b"], "attributeTypes": ["C", "C"], "data": data}
    project = sj.Project("p")
    with pytest.raises(sj.InputError) as refused:
        project.learn(JsonRows(json.dumps(frame).encode()))
    assert words in str(refused.value)
    assert project.n_rows == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"data": [["1"]]}',
        b'{"attributeNames": ["a"], "data": [["1"], }',
        b'{"attributeNames": ["a"], "data": [["1",]]}',
        b'{"attributeNames": ["a"], "data": [[1,,2]]}',
        b'{"attributeNames": ["a"], "attributeTypes": ["Q"], "data": []}',
        b'{"attributeNames": ["a"], "attributeTypes": ["C", "C"], "data": []}',
        b'{"attributeNames": ["a"], "data": [[nan]]}',
        b'{"attributeNames": ["a"], "data": [["\xff"]]}',
    ],
)
def test_bad_bodies_are_refused_at_once(body, in_parts):
    try:
        sj.from_json(body, sj.DataFrame)
    except sj.InputError:
        with pytest.raises(sj.InputError, match=r"DataFrame|attribute"):
            sj.Project("p").learn(JsonRows(body))
    else:
        pytest.fail("the entity takes it")


def test_they_can_be_read_again_and_while_others_read(in_parts):
    rows = JsonRows(b'{"attributeNames":["a","t"],"attributeTypes":["C","T"],"data":[["1","x"],["2","y"],["4","x"]]}')
    same(learnt(rows), learnt(rows))
    first, second = rows.batches(), rows.batches()
    assert next(first).names == next(second).names == ("a", "t")


@pytest.mark.timeout(60)
def test_layouts_that_were_slow(monkeypatch):
    """Both took hours: a run of blanks in a text beside an unusual layout, and a large text of brackets."""
    blanks = b'{"attributeNames":["a"],"data":[["' + b" " * 1_000_000 + b'x"],\n["1"]]}'
    assert learnt(JsonRows(blanks)) == learnt(sj.from_json(blanks, sj.DataFrame))
    brackets = json.dumps(
        {"attributeNames": ["a", "s"], "attributeTypes": ["C", "S"], "data": [["1", "],[" * 200_000]] * 3}
    )
    monkeypatch.setattr(_json_rows, "_WHOLE_BYTES", 0)
    monkeypatch.setattr(_json_rows, "_PART_BYTES", 100)
    assert learnt(JsonRows(brackets.encode()))[1] == [3.0]


def test_a_large_body_takes_little_memory():
    """A body of 100 MB, in a process of its own: its own size while it is learnt, and some megabytes."""
    code = """if True:
        import resource, sys
        import symjobs as sj
        from symjobs._tables import JsonRows

        row = b'["1.25","-3.5","17","0.001"],'
        head = b'{"attributeNames":["a","b","c","d"],"attributeTypes":["C","C","C","C"],"data":['
        tail = b'["1","2","3","4"]]}'
        small = head + row * 1000 + tail
        sj.Project("warm").learn(JsonRows(small))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        body = bytearray(head)
        body += row * 1000
        for _ in range(100_000_000 // len(row) // 1000 - 1):
            body += row * 1000
        body += tail
        project = sj.Project("p").learn(JsonRows(body))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(len(body), (peak - before) * 1024, project.n_rows)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    size, taken, n_rows = map(int, done.stdout.split())
    assert n_rows > 3_000_000
    assert size > 99_000_000
    assert taken < 2 * size, f"{taken / size:.2f} times the body"
