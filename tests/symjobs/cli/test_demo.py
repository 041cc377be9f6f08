"""symjobs demo, which `make run` calls: all jobs finish, and what they found is in the folder that it names."""

from __future__ import annotations

import csv
import json

import pytest

from symjobs import datasets
from symjobs._cli import main
from symjobs._explore import METRICS


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        return main(["demo", "--out", str(folder)]), folder


def _rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_job_finished(outcome):
    code, folder = outcome
    jobs = _rows(folder / "jobs.csv")
    assert code == 0
    assert {job["status"] for job in jobs} == {"200"}
    assert all(job["current"] == job["maximum"] for job in jobs)
    kinds = {"PCAJob", "SVDJob", "SVDFeatureSelectionJob", "ExploreVIFJob", "ExploreJob", "ProjectInfoJob"}
    assert {job["type"] for job in jobs} == kinds | {
        "ListProjectsInfoJob",
        "OptimizedKmeansJob",
        "DSPredictDataFrameJob",
    }
    assert {job["project"] for job in jobs} == set(datasets.names())
    metrics = {job["name"] for job in jobs if job["type"] == "ExploreJob"}
    assert metrics == {f"explore-{metric}" for metric in METRICS}


def test_every_job_left_its_response_and_a_table(outcome):
    _, folder = outcome
    for job in _rows(folder / "jobs.csv"):
        stem = folder / job["project"] / job["name"]
        assert json.loads(stem.with_suffix(".json").read_text())["statusString"] == "Job is finished"
        assert _rows(stem.with_suffix(".csv"))


def test_pictures_are_there(outcome):
    _, folder = outcome
    for name in datasets.names():
        for picture in ("pca", "pca-covariance", "svd", "vif", "correlations"):
            assert (folder / name / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    for picture in ("iris/kmeans.png", "breast_cancer/anomaly.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")


def test_known_values(outcome):
    _, folder = outcome
    eigenvalues = [float(row["eigenvalue"]) for row in _rows(folder / "iris" / "pca.csv")]
    assert eigenvalues == pytest.approx([2.91849782, 0.91403047, 0.14675688, 0.02071484], abs=1e-8)
    sweep = _rows(folder / "iris" / "kmeans.csv")
    assert [row["k"] for row in sweep] == ["2", "3", "4", "5", "6"]
    wssse = [float(row["WSSSE"]) for row in sweep]
    assert wssse == pytest.approx([152.347952, 78.851441, 57.228473, 46.446182, 39.039987], abs=1e-6)
    assert len(_rows(folder / "iris" / "kmeans-centers.csv")) == 2
    factors = {row["input"]: float(row["VIF"]) for row in _rows(folder / "longley" / "vif.csv")}
    published = {"GNPDEFL": 135.53, "GNP": 1788.51, "UNEMP": 33.62, "ARMED": 3.59, "POP": 399.15, "YEAR": 758.98}
    assert factors == pytest.approx(published, abs=0.005)


def test_the_folder_is_named_at_the_end(tmp_path, capfd, monkeypatch):
    # What a person sees; the jobs themselves are tested above.
    monkeypatch.setattr("symjobs._cli._demo._tasks", lambda projects, manager: iter(()))
    assert main(["demo", "--out", str(tmp_path / "run")]) == 0
    out, _ = capfd.readouterr()
    assert "learnt iris: 150 rows" in out
    assert out.rstrip().endswith(f"are in {tmp_path / 'run'}")


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--out", str(tmp_path / "file" / "run")]) == 2
    assert "cannot make the folder" in capsys.readouterr().err
