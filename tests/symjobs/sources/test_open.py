"""sources.open: a DSInfo, as an entity or as the mapping that arrives on the wire."""

from __future__ import annotations

import pytest

from symjobs import sources
from symjobs._entities import DSInfo
from symjobs._errors import InputError


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("1;'a;b'\n2;c\n")
    return file


def _info(path, **more):
    return {
        "path": str(path),
        "csv_entry_separator": ";",
        "csv_quote_character": "'",
        "csv_header_missing": "true",
        **more,
    }


def test_an_entity_and_a_mapping_open_the_same(path):
    mapping = {"type": "localfile", "name": "d", "info": _info(path)}
    for described in (mapping, DSInfo("localfile", "d", _info(path))):
        (table,) = sources.open(described)
        assert table.to_pylist() == [{"x1": 1.0, "x2": "a;b"}, {"x1": 2.0, "x2": "c"}]


@pytest.mark.parametrize("kind", ["sparks3", "floppy"])
def test_another_type_is_named_with_the_supported_ones(path, kind):
    with pytest.raises(
        InputError, match=f"data source 'd' has the type '{kind}'; supported: localfile, http, s3, jdbc"
    ):
        sources.open({"type": kind, "name": "d", "info": {"path": str(path)}})


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"type": "localfile", "name": "d"}, r"has no info\.path"),
        ({"name": "d"}, "DSInfo: .*type"),
        ({"type": "localfile", "info": {"path": 3}}, r"DSInfo: Expected `str`, got `int` - at `\$\.info"),
        ({"type": "s3", "name": "d", "info": {"path": "k"}}, r"has no info\.s3bucket, which the type 's3' needs"),
        ({"type": "http", "name": "d", "info": {"path": "ftp://h/f"}}, "must begin with http"),
        ({"type": "localfile", "name": "d", "info": {"path": "http://h/f"}}, "is the path of a file, no address"),
        (
            {"type": "jdbc", "name": "d", "info": {"driver": "sqlite", "database": "f"}},
            "needs info.table or info.query",
        ),
        (3, "a file is named by its path, got 3"),
    ],
)
def test_a_description_that_is_none(described, words):
    with pytest.raises(InputError, match=words):
        sources.open(described)


def test_keys_for_csv_are_checked(path):
    with pytest.raises(InputError, match="unknown key 'csv_seperator'; known are csv_entry_separator"):
        sources.open({"type": "localfile", "name": "d", "info": _info(path, csv_seperator=";")})
    with pytest.raises(InputError, match="csv_header_missing is 'maybe'; allowed are true and false"):
        sources.open({"type": "localfile", "name": "d", "info": _info(path, csv_header_missing="maybe")})
