"""A pickled project is an independent copy, with everything that it holds."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import symjobs as sj
from symjobs._tables import read_table

FRAME = pd.DataFrame(
    {
        "a": [1.0, 2.5, np.nan, 9.0, 5.0],
        "b": [1, 0, 1, 1, 0],
        "c": ["x", "y", None, "x", "y"],
        "d": pd.Categorical(["u", "v", "u", "v", "u"]),
        "e": [True, False, True, True, False],
        "f": np.arange(5, dtype=np.float32),
    }
)
KINDS = {
    "plain": {},
    "window": {"params": {"rolling_window": 3}},
    "clusters": {
        "params": {"cluster_features": ["b", "f"], "cluster_num_centroids": 2, "cluster_warmup_period": 3},
    },
    "histograms": {"histogram": True},
    "exact": {"params": {"exact": True}},
    "joint": {"params": {"joint_squares": True, "missing": "listwise"}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_the_same_answers_and_goes_its_own_way(kind):
    project = sj.Project("p", **KINDS[kind]).learn(FRAME, types={"c": "T"})
    copy = pickle.loads(pickle.dumps(project))
    assert copy.snapshot().hash == project.snapshot().hash
    assert copy.info() == project.info()
    copy.learn(FRAME[:2], types={"c": "T"})
    project.learn(FRAME[:2], types={"c": "T"})
    assert copy.snapshot().hash == project.snapshot().hash
    copy.learn(FRAME)
    assert copy.snapshot().hash != project.snapshot().hash


def test_models_and_wrappers_go_with_it():
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((300, 3)), ["a", "b", "c"])
    project = sj.Project("p").learn(rows)
    project.build("m", "oospca")
    project.create_evt_wrapper("m", parameters={"evt_warmup_size": 50, "evt_alpha": 0.01, "evt_quantile": 0.9})
    project.predict("m", rows)
    copy = pickle.loads(pickle.dumps(project))
    for one, other in zip(
        project.predict("m", rows).columns().values(), copy.predict("m", rows).columns().values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_deleted_project_cannot_be_pickled_and_a_frozen_one_stays_frozen():
    project = sj.Project("p").learn(FRAME)
    project.freeze()
    assert pickle.loads(pickle.dumps(project)).frozen
    project.delete()
    with pytest.raises(sj.ProjectError, match="was deleted"):
        pickle.dumps(project)


def test_arrays_that_cannot_be_written_are_copied_before_they_change():
    project = sj.Project("p").learn(FRAME)
    buffers = []
    data = pickle.dumps(project, protocol=5, buffer_callback=buffers.append)
    kept = [bytes(buffer.raw()) for buffer in buffers]  # bytes are read-only
    copy = pickle.loads(data, buffers=kept)
    assert copy.snapshot().hash == project.snapshot().hash
    copy.learn(FRAME)
    copy.forget(FRAME[:1])
    assert project.learn(FRAME).forget(FRAME[:1]).snapshot().hash == copy.snapshot().hash


@pytest.mark.parametrize(
    "table", [FRAME, pl.from_pandas(FRAME), pa.Table.from_pandas(FRAME)], ids=["pandas", "polars", "arrow"]
)
def test_columns_of_any_library_can_be_pickled(table):
    (batch,) = read_table(table)
    for name in batch.names:
        column = batch.column(name)
        copy = pickle.loads(pickle.dumps(column))
        assert (copy.letter(), copy.dtype, copy.n_rows) == (column.letter(), column.dtype, column.n_rows)
        if column.letter() in ("B", "C"):
            np.testing.assert_array_equal(copy.numbers(0, 5), column.numbers(0, 5))
        codes, values = column.texts()
        assert (copy.texts()[0].tolist(), copy.texts()[1]) == (codes.tolist(), values)
