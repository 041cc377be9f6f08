"""The shipped data are the published data: counts, and summary values that others have printed."""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np
import pytest

from symjobs import datasets
from symjobs._errors import InputError


def _column(frame, name):
    return np.array([float(row[frame.attributeNames.index(name)]) for row in frame.data])


@pytest.mark.parametrize(
    ("name", "rows", "letters"),
    [("iris", 150, "CCCCT"), ("longley", 16, "C" * 7), ("breast_cancer", 569, "C" * 30 + "T")],
)
def test_shape_and_types(name, rows, letters):
    frame = datasets.load(name)
    assert len(frame.data) == rows
    assert "".join(frame.attributeTypes) == letters
    assert len(set(frame.attributeNames)) == len(letters)
    assert all(cell != "" for row in frame.data for cell in row)


def test_every_shipped_file_has_a_loader():
    shipped = {entry.name for entry in (files("symjobs.datasets") / "data").iterdir()}
    assert shipped == {f"{name}.csv" for name in datasets.names()}
    for name in datasets.names():
        assert getattr(datasets, f"load_{name}")() == datasets.load(name)


def test_iris_equals_fishers_table():
    frame = datasets.load_iris()
    # Fisher (1936), table II: means of the three species.
    means = {
        "setosa": (5.006, 3.428, 1.462, 0.246),
        "versicolor": (5.936, 2.770, 4.260, 1.326),
        "virginica": (6.588, 2.974, 5.552, 2.026),
    }
    for species, expected in means.items():
        rows = np.array([row[:4] for row in frame.data if row[4] == species], dtype=float)
        assert rows.shape == (50, 4)
        np.testing.assert_allclose(rows.mean(axis=0), expected, atol=5e-4)
    # The two rows that UCI's copy has wrong.
    assert frame.data[34][:4] == ["4.9", "3.1", "1.5", "0.2"]
    assert frame.data[37][:4] == ["4.9", "3.6", "1.4", "0.1"]


def test_longley_equals_nists():
    frame = datasets.load_longley()
    assert frame.data[0] == ["60323", "83", "234289", "2356", "1590", "107608", "1947"]
    assert frame.data[-1] == ["70551", "116.9", "554894", "4007", "2827", "130081", "1962"]
    # NIST's certified regression of employment on the other six: the intercept, and the residual deviation.
    y = _column(frame, "TOTEMP")
    X = np.column_stack([np.ones(16), *(_column(frame, name) for name in frame.attributeNames[1:])])
    q, r = np.linalg.qr(X)
    coefficients = np.linalg.solve(r, q.T @ y)
    assert coefficients[0] == pytest.approx(-3482258.63459582, rel=1e-6)
    assert np.sqrt(np.sum((y - X @ coefficients) ** 2) / 9) == pytest.approx(304.854073561965, rel=1e-7)


def test_breast_cancer_equals_the_published_summary():
    frame = datasets.load_breast_cancer()
    classes = [row[-1] for row in frame.data]
    assert (classes.count("malignant"), classes.count("benign")) == (212, 357)
    # Minimum and maximum as the description of the data prints them.
    for name, low, high in [
        ("mean radius", 6.981, 28.11),
        ("mean area", 143.5, 2501.0),
        ("perimeter error", 0.757, 21.98),
        ("worst fractal dimension", 0.055, 0.208),
    ]:
        values = _column(frame, name)
        assert (values.min(), values.max()) == pytest.approx((low, high), abs=5.1e-4)


def test_the_readme_names_every_file():
    text = (files("symjobs.datasets") / "README.md").read_text(encoding="utf-8")
    for name in datasets.names():
        path = files("symjobs.datasets") / "data" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert f"| `data/{name}.csv` | {len(rows) - 1} x {len(rows[0])} |" in text


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match=r"'irises'.*iris, longley, breast_cancer"):
        datasets.load("irises")


def test_a_shipped_file_opens_as_a_source_with_its_types():
    source = datasets.open("iris")
    assert source.attribute_names == tuple(datasets.load_iris().attributeNames)
    assert sum(table.num_rows for table in source) == 150
