"""The jobs that the command line's questions stand for, and the pictures of their answers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import symjobs as sj
from symjobs import _plots
from symjobs._cli._learn import parse_names, parse_pairs
from symjobs._errors import InputError
from symjobs._jobs import Job
from symjobs._project import Project

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABEL_NAMES = 3


def make_job(options: argparse.Namespace, project: Project) -> tuple[Job, list[str]]:
    """Return the job that the options ask for, and what to call each map of its answer."""
    question = options.question
    if question == "explore":
        return _explore(options, project)
    for option in ("targets", "param"):
        if getattr(options, option):
            raise InputError(f"--{option} is for explore, not for {question}")
    inputs = [name for text in options.inputs for name in parse_names(text)] if options.inputs else None
    if question == "pca":
        job = sj.PCAJob(
            project,
            inputs=inputs,
            explained=options.explained,
            n_components=options.components,
            covariance=options.covariance,
        )
        return job, []
    kinds = {"svd": sj.SVDJob, "select": sj.SVDFeatureSelectionJob, "vif": sj.ExploreVIFJob}
    return kinds[question](project, inputs=inputs), []


def _explore(options: argparse.Namespace, project: Project) -> tuple[Job, list[str]]:
    lists = [parse_names(text) for text in options.inputs or []]
    if options.metric == "uni":  # one map an attribute
        lists = [[name] for names in lists for name in names] or [[name] for name in project.snapshot().names]
    if not lists:
        raise InputError(f"--metric {options.metric} needs --inputs, once for each test")
    targets = [parse_names(text) for text in options.targets or []]
    if targets and len(targets) not in (1, len(lists)):
        raise InputError(f"--targets came {len(targets)} times and --inputs {len(lists)} times; give one of them for each")
    targets = targets * len(lists) if len(targets) == 1 else targets
    extra = {}
    for text in options.param or []:
        extra.update(parse_pairs("--param", f'"{text}"'))
    labels = explore_labels(lists, targets)
    parameters = [extra] * len(lists) if extra else None
    return sj.ExploreJob(project, options.metric, inputs=lists, targets=targets or None, parameters=parameters), labels


def explore_labels(inputs: Sequence[Sequence[str]], targets: Sequence[Sequence[str]] | None) -> list[str]:
    """Return what to call each map of an exploration: its inputs, and its targets."""
    labels = [_short(names) for names in inputs]
    if targets:
        labels = [f"{label} by {_short(names)}" for label, names in zip(labels, targets, strict=True)]
    return labels


def draw(question: str, project: Project, asked: Sequence[str] | None, values: Mapping[str, Any], title: str) -> Figure:
    """Draw the picture of an answer.

    Parameters
    ----------
    question : str
        ``pca``, ``svd`` or ``select``, ``vif``, ``explore``.
    project : Project
    asked : sequence of str, optional
        The inputs; all numeric attributes by default.
    values : mapping
        The values of the job's response, as plain JSON.
    title : str
    """
    if question == "pca":
        eigenvalues = [float(text) for text in values["pcaValues"]["data"][0]]
        return _plots.scree(eigenvalues, total=values["pcaSumValues"], title=title)
    snapshot = project.snapshot()
    indices = snapshot.resolve(list(dict.fromkeys(asked)), members=True) if asked else snapshot.numeric
    names = [snapshot.names[i] for i in indices]
    if question == "svd":
        singular = [float(text) for text in values["KSVSMap"]["values"][0]]
        return _plots.scree(singular, title=title, quantity="singular value")
    correlations = np.asarray(snapshot.moments.correlation(indices=indices))
    if question == "vif":
        factors = [float(text) for text in values["KSVSMap"]["values"][0].values()]
        return _plots.vif_bars(names, factors, correlations, title=title)
    return _plots.correlation_map(names, correlations, title=title)


def asked_names(options: argparse.Namespace) -> list[str] | None:
    """Return the attributes that the options name, each once, or None if they name none."""
    texts = [*(options.inputs or []), *(options.targets or [])]
    return list(dict.fromkeys(name for text in texts for name in parse_names(text))) or None


def title_of(question: str, options: argparse.Namespace) -> str:
    """Return a title for a picture and a table: the question and the data."""
    what = {
        "pca": f"PCA of the {'covariance' if options.covariance else 'correlation'} matrix",
        "svd": "singular values of the covariance matrix",
        "select": "SVD feature selection",
        "vif": "variance inflation factors",
        "explore": f"explore: {options.metric}",
    }[question]
    return f"{Path(options.data).stem}: {what}"


def _short(names: Sequence[str]) -> str:
    return ", ".join(names[:_LABEL_NAMES]) + (f" and {len(names) - _LABEL_NAMES} more" if len(names) > _LABEL_NAMES else "")
