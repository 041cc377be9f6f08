"""The jobs that the command line's questions stand for, and the pictures of their answers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symjobs import _plots
from symjobs._cli import _anomaly, _kmeans
from symjobs._cli._learn import learn, parse_names, parse_pairs
from symjobs._cli._parser import ANOMALY_ONLY, DISTANCES, KMEANS_ONLY, METRICS
from symjobs._engine import Job
from symjobs._errors import InputError
from symjobs._explore import Catalogue, on_host
from symjobs._jobs._explore import ExploreJob
from symjobs._jobs._pca import PCAJob
from symjobs._jobs._svd import SVDJob
from symjobs._jobs._svd_select import SVDFeatureSelectionJob
from symjobs._jobs._vif import ExploreVIFJob
from symjobs._project import Project

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES_IN_LABEL = 3


def check_options(options: argparse.Namespace) -> None:
    """Raise InputError for an option that another question takes, before the data is read."""
    question = options.question
    if options.targets and question != "explore":
        raise InputError(f"--targets is for explore, not for {question}")
    if options.param and question not in ("explore", "anomaly"):
        raise InputError(f"--param is for explore and anomaly, not for {question}")
    if question != "pca" and (options.covariance or options.explained != 1.0 or options.components != 100):
        hint = "; for its model write --param pcaCovariance=true and the like" if question == "anomaly" else ""
        raise InputError(f"--explained, --components and --covariance are for pca, not for {question}{hint}")
    for owner, own in (("kmeans", KMEANS_ONLY), ("anomaly", ANOMALY_ONLY)):
        for attribute, option in own.items():
            if question != owner and getattr(options, attribute) is not None:
                raise InputError(f"{option} is for {owner}, not for {question}")
    metrics = {"explore": METRICS, "kmeans": DISTANCES}.get(question, [])
    if options.metric not in (None, *metrics):
        takes = f"takes {', '.join(metrics)}" if metrics else "takes none"
        raise InputError(f"--metric {options.metric} is not for {question}, which {takes}")


def read(options: argparse.Namespace) -> Any:
    """Read the data that the options name: into a project that learns it, or what the question works on."""
    if options.question == "kmeans":
        return _kmeans.read(options)
    return _anomaly.read(options) if options.question == "anomaly" else learn(options)


def make_job(options: argparse.Namespace, data: Any) -> tuple[Job, list[str]]:
    """Return the job that the options ask for on what `read` returned, and what to call each map of its answer."""
    if options.question == "kmeans":
        return _kmeans.make_job(options, data), []
    if options.question == "anomaly":
        return _anomaly.make_job(options, data), []
    project: Project = data
    if options.question == "explore":
        return _explore(options, project)
    inputs = [name for text in options.inputs for name in parse_names(text)] if options.inputs else None
    if options.question == "pca":
        return PCAJob(project, inputs, options.explained, options.components, options.covariance), []
    kinds = {"svd": SVDJob, "select": SVDFeatureSelectionJob, "vif": ExploreVIFJob}
    return kinds[options.question](project, inputs), []


def _explore(options: argparse.Namespace, project: Project) -> tuple[Job, list[str]]:
    metric = metric_of(options)
    inputs = [parse_names(text) for text in options.inputs or []]
    if metric == "uni":  # describes one attribute at a time
        inputs = [[name] for names in inputs for name in names] or [[name] for name in project.snapshot().names]
    if not inputs:
        raise InputError(f"--metric {metric} needs --inputs, once for each test")
    targets = [parse_names(text) for text in options.targets or []]
    if targets and len(targets) not in (1, len(inputs)):
        raise InputError(f"--targets came {len(targets)} times and --inputs {len(inputs)} times; give one for each")
    targets = targets * len(inputs) if len(targets) == 1 else targets
    extra = {name: value for text in options.param or [] for name, value in parse_pairs("--param", text).items()}
    job = ExploreJob(project, metric, inputs, targets or None, [extra] * len(inputs))
    return job, explore_labels(inputs, targets)


def metric_of(options: argparse.Namespace) -> str:
    """Return the metric of an exploration."""
    return options.metric or "uni"


def explore_labels(inputs: Sequence[Sequence[str]], targets: Sequence[Sequence[str]] | None = None) -> list[str]:
    """Return what to call each map of an exploration: its inputs, and its targets."""
    labels = [_short(names) for names in inputs]
    if targets:
        labels = [f"{label} by {_short(names)}" for label, names in zip(labels, targets, strict=True)]
    return labels


def _short(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_IN_LABEL
    return ", ".join(names[:_NAMES_IN_LABEL]) + (f" and {more} more" if more > 0 else "")


def draw(
    question: str,
    data: Any,
    asked: Sequence[str] | None,
    values: Mapping[str, Any],
    title: str,
    result: Any = None,
) -> Figure:
    """Draw the picture of an answer.

    Parameters
    ----------
    question : str
        ``pca``, ``svd``, ``vif``, ``kmeans``, ``anomaly``; any other gets the correlations of what was asked about.
    data : Project
        What was asked, as `read` returned it; for kmeans and anomaly whatever it was.
    asked : sequence of str, optional
        The inputs; by default every C and B column.
    values : mapping
        The values of the job's response, as plain JSON.
    title : str
    result : optional
        The job's own result, which kmeans and anomaly need: a suggested k and thresholds are not on the wire.
    """
    if question == "anomaly":
        return _anomaly.draw(result, title)
    if question == "kmeans":
        return _plots.cluster_curves(
            result.ks,
            result.wssse,
            result.silhouette,
            k=result.k_silhouette,
            elbow=result.k_elbow,
            title=title,
            squared=result.metric == "sqeuclidean",
        )
    project: Project = data
    if question == "pca":
        eigenvalues = [float(text) for text in values["pcaValues"]["data"][0]]
        return _plots.scree(eigenvalues, total=values["pcaSumValues"], title=title)
    if question == "svd":
        singular = [float(text) for text in values["KSVSMap"]["values"][0]]
        return _plots.scree(singular, title=title, quantity="singular value")
    snapshot = project.snapshot()
    catalogue = Catalogue(snapshot)
    attributes = catalogue.select(None if asked is None else tuple(asked))
    names = [catalogue.name(attribute) for attribute in attributes]
    correlations = on_host(snapshot.moments.correlation(indices=[attribute.index for attribute in attributes]))
    if question == "vif":
        factors = [float(text) for text in values["KSVSMap"]["values"][0].values()]
        return _plots.vif_bars(names, factors, correlations, title=title)
    return _plots.correlation_map(names, correlations, title=title)


def asked_names(options: argparse.Namespace) -> list[str] | None:
    """Return the attributes that the options name, each once, or None if they name none."""
    texts = [*(options.inputs or []), *(options.targets or [])]
    return list(dict.fromkeys(name for text in texts for name in parse_names(text))) or None


def title_of(options: argparse.Namespace) -> str:
    """Return a title for tables and a picture: the data and the question."""
    what = {
        "pca": f"PCA of the {'covariance' if options.covariance else 'correlation'} matrix",
        "svd": "singular values of the covariance matrix",
        "select": "SVD feature selection",
        "vif": "variance inflation factors",
        "explore": f"explore: {metric_of(options)}",
        "kmeans": _kmeans.title(options),
        "anomaly": _anomaly.title(options),
    }[options.question]
    return f"{Path(options.data).stem}: {what}"
