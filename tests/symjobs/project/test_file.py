"""Saving and loading: the same answers, and clear words for damaged and foreign files."""

import json
import pickle
import struct
from pathlib import Path

import datasketches
import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from symjobs._errors import ProjectError
from symjobs._project import Project, _file
from symjobs.datasets import load_iris
from tests.symjobs.project._frames import TYPES, frames, make, same_answers


@given(frames, st.sampled_from([None, 5, 1000]), st.booleans())
@settings(max_examples=30, deadline=None)
def test_round_trip(tmp_path_factory, frame, window, histogram):
    assume(frame.drop(columns="note").notna().to_numpy().any())
    params = {"row_filter": "x>-100"} if window is None else {"rolling_window": window}
    project = Project("p", histogram=histogram, params=params).learn(frame, types=TYPES)
    path = tmp_path_factory.mktemp("projects") / "p.symjobs"
    project.save(path)
    loaded = Project.load(path)
    a, b = project.snapshot(), loaded.snapshot()
    assert a.hash == b.hash
    assert a.info() == b.info()
    assert (a.column_names, a.column_types, a.names) == (b.column_names, b.column_types, b.names)
    for name in ("x", "flag"):
        assert a.quantile(name, 0.3) == b.quantile(name, 0.3)
    more = make(7, 12)
    same_answers(loaded.learn(more, types=TYPES).snapshot(), project.learn(more, types=TYPES).snapshot())


def test_an_empty_project(tmp_path):
    Project("e").save(tmp_path / "e")
    assert Project.load(tmp_path / "e").learn(pd.DataFrame({"a": [1.0]})).n_rows == 1


def test_everything_about_a_project_is_kept(tmp_path):
    path = tmp_path / "p"
    params = {"types": {"a": "C"}, "joint_squares": True, "exact": True, "missing": "listwise"}
    project = Project("p", params=params).learn(pd.DataFrame({"a": [0, 1]}))
    project.freeze()
    assert not project.info().persisted
    project.save(path)
    loaded = Project.load(path)
    assert loaded.frozen
    assert project.info().persisted
    assert loaded.info() == project.info()
    assert loaded.info().params == {
        "types": '{"a": "C"}',
        "joint_squares": "true",
        "exact": "true",
        "missing": "listwise",
    }
    assert loaded.snapshot().moments.exact
    loaded.unfreeze()
    assert loaded.learn(pd.DataFrame({"a": [0.5]})).snapshot().types == ("C",)


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "p"
    project = Project("p").learn(pd.DataFrame({"a": [1.0]}))
    project.save(path)
    before = path.read_bytes()
    project.learn(pd.DataFrame({"a": [2.0]}))
    with pytest.raises(OSError, match="p"):
        project.save(tmp_path / "no folder" / "p")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        project.save(tmp_path / "folder")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "p"]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "p.symjobs"
    Project("p", histogram=True, params={"rolling_window": 10}).learn(make(1, 20), types=TYPES).save(path)
    return path


@pytest.mark.parametrize("length", [0, 4, 100, -1, -100])
def test_truncated_files(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(
        ProjectError, match=r"p\.symjobs is not a symjobs project, or it is damaged .*restore it from a copy"
    ):
        Project.load(saved)


def test_a_flipped_bit_anywhere_is_found(saved):
    data = bytearray(saved.read_bytes())
    for at in np.linspace(0, len(data) - 1, 60).astype(int):
        changed = data.copy()
        changed[at] ^= 4
        saved.write_bytes(changed)
        with pytest.raises(ProjectError, match=r"p\.symjobs"):
            Project.load(saved)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", pickle.dumps({"a": 1}), b"{}", b"\0" * 500])
def test_foreign_files(tmp_path, content):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match="foreign is not a symjobs project"):
        Project.load(path)


def test_safetensors_of_others(tmp_path):
    save_file({"a": np.ones(3)}, tmp_path / "weights")
    with pytest.raises(
        ProjectError, match=r"weights is a safetensors file, but not a project; name one that Project.save wrote"
    ):
        Project.load(tmp_path / "weights")


def rewritten(path, change, *, sealed=True):
    """Change a file's record and arrays, and give it a checksum that is right for them."""
    arrays = load_file(path)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    record = json.loads(header["__metadata__"]["symjobs.project"])
    change(record, arrays)
    if sealed:
        typed = msgspec.convert(record, _file._Record)
        record["digest"] = _file._checksum(typed, arrays)
    save_file(arrays, path, metadata={"symjobs.project": json.dumps(record)})


def test_a_later_version(saved):
    rewritten(saved, lambda record, arrays: record.update(version=99))
    with pytest.raises(ProjectError, match="file version 99, and this symjobs reads 1 to 4; install"):
        Project.load(saved)


@pytest.mark.parametrize(
    ("change", "sealed", "message"),
    [
        (lambda record, arrays: record.pop("columns"), False, "metadata does not read .*restore it"),
        (lambda record, arrays: record.update(columns="none"), False, "metadata does not read .*restore it"),
        (lambda record, arrays: record.update(name="other"), False, "does not match its checksum"),
        (
            lambda record, arrays: arrays.update({"moments.S": arrays["moments.S"] + 1}),
            False,
            "does not match its checksum",
        ),
        (lambda record, arrays: arrays.pop("moments.S"), True, "'S' is absent"),
        (lambda record, arrays: arrays.pop("histograms"), True, "histograms"),
        (lambda record, arrays: arrays.update(histograms=np.ones(20, np.uint8)), True, "histograms do not read"),
        (lambda record, arrays: arrays.pop("window.groups"), True, "window.groups"),
        (lambda record, arrays: record["columns"].pop(0), True, "has index 1 in the moments, 0 was due"),
        (lambda record, arrays: record["columns"][0].update(index=1), True, "has index"),
        (lambda record, arrays: record.update(params={"rolling_window": "x"}), True, "rolling_window"),
        (lambda record, arrays: record.update(name=""), True, "name"),
        (lambda record, arrays: record.update(type="tpu"), True, "tpu"),
    ],
)
def test_content_that_does_not_fit(saved, change, sealed, message):
    rewritten(saved, change, sealed=sealed)
    with pytest.raises(ProjectError, match=rf"p\.symjobs is damaged: .*{message}"):
        Project.load(saved)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Project.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        Project.load(tmp_path)


# --- clusters and models ----------------------------------------------------------------------------------------------


def record_of(path):
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(header["__metadata__"]["symjobs.project"])


def test_a_file_without_clusters_and_models_has_none(saved):
    record = record_of(saved)
    assert record["version"] == 4
    assert not {"clusters", "models"} & set(record)
    assert Project.load(saved).snapshot().clusters is None


def test_sketches_are_kept(tmp_path):
    Project("p", histogram=True).learn(make(1, 200), types=TYPES).save(tmp_path / "p")
    assert Project.load(tmp_path / "p").snapshot().quantile("x", 0.5) is not None


def test_a_file_that_version_1_has_written():
    """`iris_1.project` was written by symjobs before sums had three parts. Its sums are those of a new project."""
    project = Project.load(Path(__file__).parent / "saved" / "iris_1.project")
    iris = load_iris()
    new = Project("iris").learn(iris).snapshot().moments
    moments = project.snapshot().moments
    # 150 rows, summed in float64: n eps is 2e-14.
    np.testing.assert_allclose(moments.covariance(), new.covariance(), rtol=1e-13, atol=1e-14)
    assert (moments.error_bound[:4] > 0).all()
    project.learn(iris).forget(iris)
    np.testing.assert_allclose(project.snapshot().moments.covariance(), new.covariance(), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("version", [1, 2])
def test_sketches_of_earlier_versions_are_read(tmp_path, version):
    """They were KLL's."""
    path = tmp_path / "p"
    project = Project("p", histogram=True).learn(make(1, 200), types=TYPES)
    project.save(path)
    snapshot = project.snapshot()

    def back(record, arrays):
        parts = []
        for column in record["columns"]:
            if column["type"] in "CB":
                kll = datasketches.kll_doubles_sketch(1024)
                sketch = snapshot.sketch(column["name"])
                values, below, upto = sketch.distribution()
                kll.update(np.repeat(values, np.rint((upto - below) * sketch.n).astype(int)))
                parts.append(kll.serialize())
        data = b"".join(struct.pack("<q", len(part)) + part for part in parts)
        arrays["histograms"] = np.frombuffer(data, np.uint8)
        record["version"] = version

    rewritten(path, back)
    loaded = Project.load(path)
    for name in ("x", "y"):
        for q in (0, 0.1, 0.5, 0.99, 1):
            assert loaded.snapshot().quantile(name, q) == snapshot.quantile(name, q)
    loaded.learn(make(2, 50), types=TYPES).save(path)


@pytest.fixture
def clustered(tmp_path):
    path = tmp_path / "p.symjobs"
    project = Project("p", params={"cluster_features": "x:y"}).learn(make(1, 200), types=TYPES)
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    project.save(path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record, arrays: record.pop("clusters"), "do not agree on whether clusters are kept"),
        (lambda record, arrays: record["params"].pop("cluster_features"), "do not agree on whether clusters are kept"),
        (lambda record, arrays: record["params"].update(cluster_features="x"), "2 columns for 1 features"),
        (lambda record, arrays: record["params"].update(cluster_scale="no"), "cluster_scale"),
        (lambda record, arrays: record["params"].update(cluster_num_centroids="50"), "its clusters were kept with"),
        (lambda record, arrays: record["clusters"].pop("n_missing"), "n_missing"),
        (lambda record, arrays: arrays.pop("clusters.mean"), "mean"),
        (lambda record, arrays: arrays.update({"clusters.weight": arrays["clusters.weight"] * 0}), "micro-clusters"),
        (lambda record, arrays: arrays.pop("models.0.centers"), "centers"),
        (lambda record, arrays: arrays.pop("models.0.fill"), "fill"),
        (lambda record, arrays: arrays.update({"models.0.fill": np.ones(3)}), "holds 'fill' as float64 of shape"),
        (
            lambda record, arrays: arrays.update({"models.0.centers": np.ones((3, 5))}),
            "holds 'centers' as float64 of shape",
        ),
        (lambda record, arrays: arrays.update({"models.0.divisors": np.zeros(2)}), "not positive"),
        (lambda record, arrays: record["models"][0].update(algo="oracle"), "unknown algorithm 'oracle'"),
        (lambda record, arrays: record["models"][0].update(metadata={}), "facts"),
        (lambda record, arrays: record["models"][0].update(metadata={"facts": 3}), "damaged"),
        (lambda record, arrays: record["models"][0].update(inputs=[]), "has no inputs"),
    ],
)
def test_clusters_and_models_that_do_not_fit(clustered, change, message):
    rewritten(clustered, change)
    with pytest.raises(ProjectError, match=rf"p\.symjobs is damaged: .*{message}|p\.symjobs is {message}"):
        Project.load(clustered)
