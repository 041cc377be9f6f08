"""Clusters that a project keeps up to date while it learns: micro-clusters over some of its attributes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from symjobs._errors import InputError
from symjobs._state._backend import Backend
from symjobs._state._features import Place, complete_rows, find
from symjobs._state._rows import Rows
from symjobs._state._schema import Schema
from symjobs._text import near
from symkernels import Coreset, StreamingKMeans

SCALES = ("none", "standard")
_SETTINGS = ("n_centroids", "warmup", "max_iter", "seed", "scale")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How clusters are kept; fixed when the project is created."""

    features: tuple[str, ...]
    n_centroids: int
    warmup: int
    max_iter: int
    seed: int
    scale: Literal["none", "standard"]


class Clusters:
    """The clusters that a project keeps; `Snapshot.clusters` returns them.

    A row that lacks one of the features is in no cluster. Micro-clusters cannot forget: rows that the project forgets
    stay in them. `n_forgotten` counts these rows.

    Parameters
    ----------
    settings : ClusterSettings
        What the project was created with. All parameters are private to symjobs.
    streaming : StreamingKMeans
    n_missing, n_forgotten : int
    unseen : tuple of str, optional

    Attributes
    ----------
    streaming : symkernels.StreamingKMeans
        The micro-clusters; their columns are `features`. Do not modify: snapshots share it.
    n_missing : int
        Rows that are in no cluster, since they lacked a feature.
    n_forgotten : int
        Rows that the project has forgotten and the clusters have not.
    unseen : tuple of str
        Features that have not come yet: no column, and no value of a category, has this name.

    Examples
    --------
    >>> import symjobs as sj
    >>> params = {"cluster_features": ["petal_length", "petal_width"], "cluster_num_centroids": 30}
    >>> clusters = sj.Project("iris", params=params).learn(sj.datasets.load_iris()).snapshot().clusters
    >>> clusters.n_rows, clusters.n_missing, len(clusters.coreset()) <= 30
    (150, 0, True)
    """

    def __init__(
        self,
        settings: ClusterSettings,
        streaming: StreamingKMeans | None = None,
        *,
        n_missing: int = 0,
        n_forgotten: int = 0,
        unseen: tuple[str, ...] | None = None,
    ) -> None:
        self.settings = settings
        self.streaming = _empty(settings) if streaming is None else streaming
        self.n_missing = n_missing
        self.n_forgotten = n_forgotten
        self.unseen = settings.features if unseen is None else unseen

    def __repr__(self) -> str:
        return f"<Clusters of {self.n_rows} rows over {', '.join(self.features)}>"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the attributes, in the order in which the project was given them."""
        return self.settings.features

    @property
    def n_rows(self) -> int:
        """Rows in the clusters, forgotten ones included."""
        return int(self.streaming.n_rows)

    def positions(self, names: Sequence[str]) -> list[int]:
        """Return the positions of names among the features; InputError if one is no feature, or comes twice."""
        for place, name in enumerate(names):
            if name not in self.features:
                raise InputError(
                    f"the project keeps no clusters over {name!r} (its parameter cluster_features, given when it is "
                    f"created, names the attributes); {near(name, self.features)}"
                )
            if name in names[:place]:
                raise InputError(f"{name!r} is named twice; name it once")
        return [self.features.index(name) for name in names]

    def coreset(self, columns: Sequence[int] | None = None) -> Coreset:
        """Return the micro-clusters as NumPy arrays, also those of a project on a GPU.

        Parameters
        ----------
        columns : sequence of int, optional
            Positions among the features; by default all.
        """
        found = self.streaming.to(np.empty(0)).coreset()
        return found if columns is None else found.select(columns)

    def notes(self) -> dict[str, str]:
        """Return numbers of missing and forgotten rows, for job details and the parameters of a ProjectInfo."""
        notes = {}
        if self.n_missing:
            notes["cluster_missing_rows"] = str(self.n_missing)
        if self.n_forgotten:
            notes["cluster_forgotten_rows"] = str(self.n_forgotten)
        if self.unseen and self.n_rows:  # values of categories that came: they were 0 in every row
            notes["cluster_unseen_features"] = ":".join(self.unseen)
        return notes

    # For the state.

    def to_backend(self, backend: Backend) -> None:
        """Move the clusters to a backend."""
        self.streaming = self.streaming.to(backend.put(np.empty(0)))

    def copy(self) -> Clusters:
        return Clusters(
            self.settings,
            self.streaming.copy(),
            n_missing=self.n_missing,
            n_forgotten=self.n_forgotten,
            unseen=self.unseen,
        )

    def work(self, n: int) -> int:
        """Return the approximate number of multiplications for n rows; infinity while the clusters warm up."""
        if not self.streaming.ready:
            return 1 << 62
        return n * self.settings.n_centroids * len(self.features)

    def find(self, schema: Schema) -> list[Place | None]:
        """Return where each feature is in encoded rows; None for one that never came.

        Raises
        ------
        InputError
            If a feature is a column that is no number.
        """
        found = [find(schema, name) for name in self.features]
        self.unseen = tuple(name for name in self.features if name not in schema.index)
        return found

    def learn(
        self,
        rows: Rows,
        places: Sequence[Place | None],
        backend: Backend,
        *,
        listwise: bool,
        checkpoint: Callable[[int, int], None] | None = None,
    ) -> None:
        """Add encoded rows; with ``listwise`` only those without any missing value."""
        X = complete_rows(rows, places, backend, listwise=listwise)
        n = int(X.shape[0])
        if n:
            self.streaming.learn(X, checkpoint=checkpoint)
        self.n_missing += rows.n - n

    def forget(self, rows: Rows, places: Sequence[Place | None], backend: Backend, *, listwise: bool) -> None:
        """Count encoded rows that the project forgets."""
        self.n_forgotten += int(complete_rows(rows, places, backend, listwise=listwise).shape[0])

    def merge(self, other: Clusters) -> None:
        """Add the rows of other clusters; InputError unless they have the same features and scale."""
        mine, theirs = self.settings, other.settings
        if set(mine.features) != set(theirs.features):
            raise InputError(
                f"this project keeps clusters over {':'.join(mine.features)}, the other over "
                f"{':'.join(theirs.features)}; create both with the same cluster_features"
            )
        if mine.scale != theirs.scale:
            raise InputError(
                f"this project has cluster_scale={mine.scale!r}, the other {theirs.scale!r}; create both with the same"
            )
        if other.n_rows:
            self.streaming.merge(_reordered(other, mine.features))
        self.n_missing += other.n_missing
        self.n_forgotten += other.n_forgotten

    # As arrays.

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the micro-clusters as NumPy arrays."""
        return {name: np.ascontiguousarray(array) for name, array in self.streaming.arrays().items()}

    def header(self) -> dict[str, int]:
        """Return what a file holds besides the arrays and the settings."""
        return {"n_missing": self.n_missing, "n_forgotten": self.n_forgotten}

    def text(self) -> bytes:
        """Return what the hash of a state covers besides the arrays."""
        return json.dumps([asdict(self.settings), self.header()], separators=(",", ":")).encode()

    @classmethod
    def restore(
        cls, settings: ClusterSettings, arrays: Mapping[str, np.ndarray], header: Mapping[str, int], schema: Schema
    ) -> Clusters:
        """Read `arrays` and `header` again; ValueError if they do not fit the settings."""
        clusters = cls(
            settings,
            StreamingKMeans.from_arrays(dict(arrays)),
            n_missing=header["n_missing"],
            n_forgotten=header["n_forgotten"],
        )
        streaming, made = clusters.streaming, _empty(settings)
        if any(getattr(streaming, name) != getattr(made, name) for name in _SETTINGS):
            raise ValueError("its clusters were kept with other settings than its parameters say")
        if clusters.n_rows and clusters.streaming.n_features != len(settings.features):
            raise ValueError(
                f"its clusters have {clusters.streaming.n_features} columns for {len(settings.features)} features"
            )
        clusters.find(schema)
        return clusters


def _empty(settings: ClusterSettings) -> StreamingKMeans:
    return StreamingKMeans(
        settings.n_centroids,
        warmup=settings.warmup,
        max_iter=settings.max_iter,
        seed=settings.seed % 2**63,  # a client's may be negative
        scale=settings.scale,
        nonfinite="error",
    )


def _reordered(other: Clusters, features: tuple[str, ...]) -> StreamingKMeans:
    """Return the micro-clusters of other with their columns in this order."""
    if other.features == features:
        return other.streaming
    order = other.positions(features)
    arrays = other.streaming.arrays()
    for name in ("shift", "factor", "mean", "scatter"):  # those with a column for each feature
        arrays[name] = arrays[name][..., order]
    return StreamingKMeans.from_arrays(arrays)
