"""``symjobs demo``: learn real data, run every kind of job on it, and write tables and pictures to a folder."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symjobs import datasets, rest
from symjobs._cli import _watch
from symjobs._cli._learn import learn_source
from symjobs._cli._print import show
from symjobs._cli._tables import Cell, Table, lay_out
from symjobs._cli.questions import QUESTIONS
from symjobs._cli.questions._explore import labels_of
from symjobs._cli.questions._question import Answer
from symjobs._engine import Job, JobHandle, JobManager
from symjobs._errors import InputError
from symjobs._jobs._explore import ExploreJob
from symjobs._jobs._list_projects import ListProjectsInfoJob
from symjobs._jobs._optimized_kmeans import OptimizedKmeansJob
from symjobs._jobs._pca import PCAJob
from symjobs._jobs._predict_frame import DSPredictDataFrameJob
from symjobs._jobs._project_info import ProjectInfoJob
from symjobs._jobs._svd import SVDJob
from symjobs._jobs._svd_select import SVDFeatureSelectionJob
from symjobs._jobs._vif import ExploreVIFJob
from symjobs._plots import check_path, save
from symjobs._project import Project

_OWNER = "demo"
_SHOWN = (
    ("iris", "pca"),
    ("longley", "vif"),
    ("iris", "explore-anova"),
    ("iris", "kmeans"),
    ("breast_cancer", "anomaly"),
)  # printed too, not only written


@dataclass
class Task:
    """A job, and where its answer goes: ``<project>/<name>.json``, ``.csv`` and, where there is one, ``.png``."""

    project: Project
    name: str
    job: Job
    question: str | None = None  # whose tables and picture it has
    labels: list[str] = field(default_factory=list)
    picture: str | None = None  # the picture's name
    title: str = ""
    inputs: list[str] | None = None  # what the picture shows; by default every C and B column


def demo(options: argparse.Namespace) -> int:
    """Return 0 if every job finished, 1 if one failed."""
    folder = _folder(options.out)
    with JobManager(workers=2, store=None) as manager:
        projects = _learn_all()
        for project in projects:
            manager.projects.add(_OWNER, project)
        tasks = list(_tasks(projects, manager))
        handles = [manager.submit(task.job, owner=_OWNER) for task in tasks]
        labels = {handle.id: f"{task.project.name}/{task.name}" for handle, task in zip(handles, tasks, strict=True)}
        print(f"{len(handles)} jobs queued", flush=True)
        _watch.wait(handles, lambda handle: labels[handle.id], lines=True)
        failed = _write_all(manager, list(zip(tasks, handles, strict=True)), folder)
    written = sum(1 for path in folder.rglob("*") if path.is_file())
    print(f"\n{len(handles) - failed} of {len(handles)} jobs finished; {written} tables and pictures are in {folder}")
    return 1 if failed else 0


def _folder(out: str) -> Path:
    folder = Path(out).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error
    check_path(folder / "test.png")  # fail early if matplotlib is missing
    return folder


def _learn_all() -> list[Project]:
    projects = []
    for name in ("iris", "longley"):
        project = Project(name, histogram=name == "iris")
        source = datasets.open(name)
        learn_source(project, source)
        print(f"learnt {name}: {project.n_rows} rows, {source.total_bytes} bytes of CSV", flush=True)
        projects.append(project)
    project = Project("breast_cancer")
    project.learn(_with_size(datasets.load_breast_cancer()))
    print(f"learnt breast_cancer: {project.n_rows} rows, from a DataFrame entity", flush=True)
    return [*projects, project]


def _with_size(frame: Any) -> Any:
    # A second category for chi2 and gain, beside the diagnosis: whether the mean area is above its median.
    area = frame.attributeNames.index("mean area")
    median = statistics.median(float(row[area]) for row in frame.data)
    rows = [[*row, "large" if float(row[area]) > median else "small"] for row in frame.data]
    return type(frame)([*frame.attributeNames, "size"], [*frame.attributeTypes, "T"], rows)


def _tasks(projects: Sequence[Project], manager: JobManager) -> Iterator[Task]:
    for project in projects:
        yield from _matrix_tasks(project)
        yield Task(project, "info", ProjectInfoJob(project))
    iris, _, cancer = projects
    setosa, versicolor, virginica = (f"species${name}" for name in ("setosa", "versicolor", "virginica"))
    species = [setosa, versicolor, virginica]
    lengths = ["sepal_length", "petal_length"]
    yield _explore(
        iris, "bi", [["petal_length", "petal_width"], ["sepal_length", "sepal_width"], ["petal_width", setosa]]
    )
    for metric in ("ztest", "ttest", "ftest"):
        yield _explore(iris, metric, [lengths, ["petal_width", versicolor, virginica]])
    yield _explore(iris, "ztestp", [[setosa, virginica]])
    yield _explore(iris, "ztestmu", [["sepal_length"]], parameters={"sml_explore_ztest_known_mu": 5.8})
    yield _explore(iris, "ttestmu", [["sepal_length"]], parameters={"sml_explore_ttest_known_mu": 5.8})
    yield _explore(iris, "ftestmu", [["sepal_length"]], parameters={"sml_explore_ftest_known_sigma": 0.8})
    yield _explore(iris, "anova", [["petal_width"], ["sepal_width"]], targets=[species, species])
    diagnoses, sizes = ["diagnosis$malignant", "diagnosis$benign"], ["size$small", "size$large"]
    yield _explore(cancer, "chi2", [diagnoses], targets=[sizes])
    yield _explore(cancer, "gain", [["size"]], targets=[["diagnosis"]])
    title = "iris: k-means of the four lengths"
    yield Task(
        iris,
        "kmeans",
        OptimizedKmeansJob(datasets.load_iris(), 2, 6, n_init=50, seed=0),
        "kmeans",
        picture="kmeans",
        title=title,
    )
    yield _anomalies(cancer)
    yield Task(iris, "list-projects", ListProjectsInfoJob(manager.projects.all(_OWNER)))


def _anomalies(cancer: Project) -> Task:
    # 569 rows are few: a short warm-up, and a large alpha.
    measures = [name for name in cancer.snapshot().names if "$" not in name]
    cancer.build("oospca", "oospca", measures)
    evt = {"evt_warmup_size": 200, "evt_quantile": 0.9}
    job = DSPredictDataFrameJob(cancer, "oospca", datasets.load_breast_cancer(), 0.01, evt, include_scores=True)
    return Task(cancer, "anomaly", job, "anomaly", picture="anomaly", title="breast_cancer: anomalies by oospca")


def _matrix_tasks(project: Project) -> Iterator[Task]:
    name = project.name
    correlations, covariances = f"{name}: PCA of the correlation matrix", f"{name}: PCA of the covariance matrix"
    yield Task(project, "pca", PCAJob(project), "pca", picture="pca", title=correlations)
    yield Task(
        project, "pca-covariance", PCAJob(project, covariance=True), "pca", picture="pca-covariance", title=covariances
    )
    yield Task(
        project, "svd", SVDJob(project), "svd", picture="svd", title=f"{name}: singular values of the covariance matrix"
    )
    yield Task(project, "select", SVDFeatureSelectionJob(project), "select")
    # Longley's published factors are of the regressors; employment is what they explain.
    inputs = [column for column in project.snapshot().names if column != "TOTEMP"] if name == "longley" else None
    title = f"{name}: variance inflation factors"
    yield Task(project, "vif", ExploreVIFJob(project, inputs=inputs), "vif", picture="vif", title=title, inputs=inputs)
    everything = [[attribute] for attribute in project.snapshot().names]
    yield _explore(project, "uni", everything, picture="correlations", title=f"{name}: correlations")


def _explore(
    project: Project,
    metric: str,
    inputs: Sequence[Sequence[str]],
    *,
    targets: Sequence[Sequence[str]] | None = None,
    parameters: Mapping[str, float] | None = None,
    picture: str | None = None,
    title: str = "",
) -> Task:
    extra = None if parameters is None else [parameters] * len(inputs)
    job = ExploreJob(project, metric, inputs, targets, extra, project_info=False)
    return Task(project, f"explore-{metric}", job, "explore", labels_of(inputs, targets), picture, title)


def _write_all(manager: JobManager, done: Sequence[tuple[Task, JobHandle]], folder: Path) -> int:
    """Write every answer, and a table of the jobs; return how many failed."""
    failed = 0
    rows: list[list[Cell]] = []
    for task, handle in done:
        response = rest.get_job(manager, _OWNER, handle.id)
        info = handle.info()
        rows.append(
            [handle.id, task.job.job_type, task.project.name, task.name, info.current, info.maximum, response.status]
        )
        if response.status == 200:
            _write(task, response, handle.result(timeout=0), folder / task.project.name)
        else:
            failed += 1
            print(f"symjobs: job {handle.id} failed: {response.body['statusString']}", file=sys.stderr)
    header = ["job", "type", "project", "name", "current", "maximum", "status"]
    Table("jobs", header, rows).write_csv(folder / "jobs.csv")
    return failed


def _write(task: Task, response: rest.Response, result: Any, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{task.name}.json").write_bytes(response.json + b"\n")
    values = response.body["values"]
    question = None if task.question is None else QUESTIONS[task.question].load()
    answer = Answer(values, result, task.project, task.labels, task.inputs, task.title)
    found = lay_out(values) if question is None else question.tables(answer)
    for number, table in enumerate(found):
        suffix = f"-{table.title.replace(' ', '-')}" if number else ""
        table.write_csv(folder / f"{task.name}{suffix}.csv")
    if question is not None and task.picture:
        save(question.draw(answer), folder / f"{task.picture}.png")
    if (task.project.name, task.name) in _SHOWN:
        show(found, heading=task.title or f"{task.project.name}: {task.name}")
