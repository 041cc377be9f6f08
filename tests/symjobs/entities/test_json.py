"""Strict JSON of the entities, both ways."""

import json
import math
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjobs import _entities as entities
from symjobs._entities import (
    DataFrame,
    DSInfo,
    Envelope,
    ExploreContext,
    JobInfo,
    KSVDMap,
    KSVSMap,
    MLContext,
    ProjectInfo,
    from_json,
    to_json,
    typed_entities,
)
from symjobs._errors import InputError

STRUCTS = [value for value in vars(entities).values() if isinstance(value, type) and issubclass(value, msgspec.Struct)]

# The contract's section 4, field for field.
FIELDS = {
    "DataFrame": "attributeNames attributeTypes data",
    "MLContext": "targets inputAttributes inputAttributeNames targetAttributeNames extraParameters",
    "ExploreContext": "values",
    "KSVDMap": "values",
    "KSVSMap": "values",
    "ProjectInfo": "pid encoderName modelsList modelTypeList dsList attributeNames attributeIndexes attributeTypes "
    "modelAssessments modelPredictions partitionColumn params hash categorySeparator type creationDate "
    "lastModificationDate loaded persisted histogramEnabled autoSave",
    "DSInfo": "type name info extra",
    "AwsInfo": "topics queues",
    "ModelInfo": "modelId modelType modelBuilt buildTime attributeNames attributeIndexes attributeTypes predictInfo "
    "scoreInfo targetNames targetindexes info creationDate extra",
    "Density": "attrName min max width histogram error",
    "JobInfo": "jobId jobType owner startingDate current maximum isOnBoundedExecutor isStarted isDone details",
    "Envelope": "statusCode statusString values",
}


def strict(data):
    def refuse(constant):
        raise AssertionError(f"bare {constant}")

    return json.loads(data, parse_constant=refuse)


def test_every_structure_has_exactly_the_contract_s_fields():
    assert {struct.__name__: " ".join(struct.__struct_fields__) for struct in STRUCTS} == FIELDS


cells = st.text() | st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none()


@st.composite
def frames(draw):
    names = draw(st.lists(st.text(), max_size=4))
    types = draw(st.just([]) | st.lists(st.sampled_from("CBSLTX"), min_size=len(names), max_size=len(names)))
    row = st.lists(cells, min_size=len(names), max_size=len(names))
    return DataFrame(names, types, draw(st.lists(row, max_size=4)))


whole = st.integers(-(2**63), 2**63 - 1)


def some(hint):
    """A strategy for a type as the entities use it."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return st.builds(hint, **{name: some(kind) for name, kind in get_type_hints(hint).items()})
    if get_origin(hint) is list:
        return st.lists(some(get_args(hint)[0]), max_size=3)
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(), some(get_args(hint)[1]), max_size=3)
    kinds = {str: st.text(), int: whole, bool: st.booleans(), float | None: st.none() | st.floats(), Any: whole}
    return kinds[hint]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
@given(data=st.data())
def test_what_is_written_reads_back(struct, data):
    first = to_json(data.draw(frames() if struct is DataFrame else some(struct)))
    strict(first)
    assert to_json(from_json(first, struct)) == first


@given(frames())
def test_a_dataframe_is_text_on_the_wire(frame):
    on_the_wire = strict(to_json({"dataframe": frame}))["dataframe"]
    assert all(isinstance(cell, str) for row in on_the_wire["data"] for cell in row)


def test_cells_of_every_kind():
    frame = DataFrame(["a"], ["C"], [["x"], [1], [1.0], [True], [None], [math.nan], [-math.inf], [np.float64(0.5)]])
    on_the_wire = strict(to_json(frame))
    assert [row[0] for row in on_the_wire["data"]] == ["x", "1", "1.0", "1", "", "NaN", "-Infinity", "0.5"]


def test_a_dataframe_takes_json_numbers_booleans_and_null():
    frame = from_json(b'{"attributeNames":["a","b"],"data":[[1,2.5],[true,null]]}', DataFrame)
    assert frame.data == [[1, 2.5], [True, None]]


def test_numbers_that_are_not_finite():
    values = {"map": KSVDMap([{"a": math.nan, "b": math.inf, "c": 1.0}]), "text": KSVSMap([{"a": math.inf, "b": 0.1}])}
    on_the_wire = strict(to_json(values | {"number": -math.inf, "array": np.array([1.0, np.nan])}))
    assert on_the_wire["map"]["values"] == [{"a": None, "b": None, "c": 1.0}]
    assert on_the_wire["text"]["values"] == [{"a": "Infinity", "b": "0.1"}]
    assert on_the_wire["number"] is None
    assert on_the_wire["array"] == [1.0, None]


def test_an_envelope_holds_entities():
    envelope = Envelope("OK", "Job is finished", {"dataframe": DataFrame(["a"], [], [[1.0]])})
    assert strict(to_json(envelope))["values"]["dataframe"]["data"] == [["1.0"]]


def test_null_counts_as_left_out_and_unknown_fields_are_ignored():
    context = from_json(b'{"targets":null,"inputAttributeNames":["a"],"extraParameters":null,"new":1}', MLContext)
    assert context == MLContext(inputAttributeNames=["a"])


def test_entities_get_their_types_back():
    values = {
        "smlInfo": ProjectInfo("p"),
        "KSVDMap": KSVDMap([{"a": 1.0}]),
        "smlInfoList": {"values": [ProjectInfo("p")]},
        "jobinfo": JobInfo(1, "PCAJob", "c1"),
        "pcaSumValues": 4.0,
    }
    assert typed_entities(to_json(values)) == values
    assert typed_entities(b"{}") == {}


@pytest.mark.parametrize(
    ("data", "struct", "words"),
    [
        (b'{"targets":[1]}', MLContext, r"at \$\.targets\[0\]: Expected `str`, got `int`"),
        (b'{"targets":[null]}', MLContext, r"at \$\.targets\[0\]"),
        (b'{"values":{}}', ExploreContext, r"at \$\.values: Expected `array`"),
        (b"{}", ExploreContext, "missing required field `values`"),
        (b'{"attributeNames":["a"],"data":[["1","2"]]}', DataFrame, "data row 0 has 2 values; there are 1"),
        (b'{"attributeNames":["a"],"attributeTypes":["Q"]}', DataFrame, "attribute 'a' has type 'Q'; allowed are C"),
        (b'{"attributeNames":["a"],"attributeTypes":["C","C"]}', DataFrame, "2 attributeTypes for 1 attributeNames"),
        (b'{"attributeNames":["a"],"data":[[{}]]}', DataFrame, r"at \$\.data\[0\]\[0\]"),
        (b'{"attributeNames":["a"],"data":[[NaN]]}', DataFrame, "malformed"),
        (b'{"type":"http","info":{"path":1}}', DSInfo, r"at \$\.info"),
        (b"", MLContext, "truncated"),
        (b"{", MLContext, "truncated"),
        (b"\xff", MLContext, "malformed"),
        (b'{"targets":["\xff"]}', MLContext, "utf-8"),
        (b"[" * 100_000, list, "list"),
    ],
)
def test_bad_json_names_the_place(data, struct, words):
    with pytest.raises(InputError, match=words) as caught:
        from_json(data, struct)
    assert struct.__name__ in str(caught.value)


@pytest.mark.parametrize("value", [object(), "\ud800"], ids=["object", "lone surrogate"])
def test_what_has_no_json(value):
    with pytest.raises(InputError, match="cannot be written as JSON"):
        to_json({"a": value})
