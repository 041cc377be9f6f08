"""Read the shipped CSV files into DataFrame entities."""

from __future__ import annotations

import csv
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from symjobs._entities import Cell, DataFrame
from symjobs._errors import InputError

if TYPE_CHECKING:
    from symjobs.sources import Source

# The columns that are not continuous; a letter as in the wire contract, section 4.
_TYPES: dict[str, dict[str, str]] = {"iris": {"species": "T"}, "longley": {}, "breast_cancer": {"diagnosis": "T"}}


def names() -> tuple[str, ...]:
    """Return the names that `load` takes.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.datasets.names()
    ('iris', 'longley', 'breast_cancer')
    """
    return tuple(_TYPES)


def load(name: str, /) -> DataFrame:
    """Return the shipped data set of this name.

    Parameters
    ----------
    name : str
        One of `names`: ``"iris"``, ``"longley"``, ``"breast_cancer"``.

    Returns
    -------
    DataFrame
        The table with the text of the file, and one type letter for each column.

    Raises
    ------
    InputError
        If no data set has this name.

    Examples
    --------
    >>> import symjobs as sj
    >>> frame = sj.datasets.load("iris")
    >>> len(frame.data), frame.data[0]
    (150, ['5.1', '3.5', '1.4', '0.2', 'setosa'])
    """
    header, *rows = csv.reader(_file(name).read_text(encoding="utf-8").splitlines())
    return DataFrame(header, [_TYPES[name].get(column, "C") for column in header], [list[Cell](row) for row in rows])


def _file(name: str) -> Traversable:
    if name not in _TYPES:
        raise InputError(f"no shipped data set is called {name!r}; there are {', '.join(_TYPES)}")
    return files("symjobs.datasets") / "data" / f"{name}.csv"


def open(name: str, /) -> Source:
    """Open the file of a shipped data set as a source.

    Parameters
    ----------
    name : str
        As `load` takes it.

    Returns
    -------
    Source
        As `symjobs.sources.csv` returns it.

    Raises
    ------
    InputError
        If no data set has this name.

    Examples
    --------
    >>> import symjobs as sj
    >>> source = sj.datasets.open("longley")
    >>> sj.Project("longley").learn(source.tables()).n_rows
    16
    """
    from symjobs.sources import csv as open_csv

    frame = load(name)
    types = dict(zip(frame.attributeNames, frame.attributeTypes, strict=True))
    return open_csv(Path(str(_file(name))), types=types)


def load_iris() -> DataFrame:
    """Return Fisher's iris data: 150 flowers, four lengths in cm and the species.

    Columns ``sepal_length``, ``sepal_width``, ``petal_length``, ``petal_width`` (type C) and ``species`` (type T:
    setosa, versicolor, virginica; 50 of each).

    Returns
    -------
    DataFrame
        150 rows, 5 columns.

    References
    ----------
    Fisher (1936), "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7(2), 179-188.
    The copy of scikit-learn, which is equal to the paper; that of UCI has errors in two rows. Public domain.

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.datasets.load_iris().attributeNames
    ['sepal_length', 'sepal_width', 'petal_length', 'petal_width', 'species']
    """
    return load("iris")


def load_longley() -> DataFrame:
    """Return Longley's US employment data, 1947 to 1962: a classic of near collinearity.

    Columns ``TOTEMP`` (total employment, thousands), ``GNPDEFL`` (GNP deflator, 1954 = 100), ``GNP`` (millions of
    dollars), ``UNEMP`` and ``ARMED`` (unemployed and armed forces, thousands), ``POP`` (population of 14 years and
    over, thousands), ``YEAR``; all of type C.

    Returns
    -------
    DataFrame
        16 rows, 7 columns.

    References
    ----------
    Longley (1967), "An appraisal of least squares programs for the electronic computer from the point of view of the
    user", JASA 62(319), 819-841. NIST StRD, linear least squares; column names as in statsmodels. Public domain.

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.datasets.load_longley().attributeNames
    ['TOTEMP', 'GNPDEFL', 'GNP', 'UNEMP', 'ARMED', 'POP', 'YEAR']
    """
    return load("longley")


def load_breast_cancer() -> DataFrame:
    """Return the Wisconsin diagnostic breast cancer data: 569 tumours, 30 measures of their cell nuclei, the diagnosis.

    Thirty columns of type C, the mean, standard error and worst value of ten measures (``mean radius``,
    ``radius error``, ``worst radius``, ...; names as in scikit-learn), and ``diagnosis`` (type T: 212 malignant,
    357 benign). Several columns are nearly collinear: radius, perimeter and area.

    Returns
    -------
    DataFrame
        569 rows, 31 columns.

    References
    ----------
    Wolberg, Street and Mangasarian (1995), Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning Repository,
    doi:10.24432/C5DW2B. CC BY 4.0.

    Examples
    --------
    >>> import symjobs as sj
    >>> frame = sj.datasets.load_breast_cancer()
    >>> len(frame.data), len(frame.attributeNames), frame.attributeNames[-1]
    (569, 31, 'diagnosis')
    """
    return load("breast_cancer")
