"""Project: names and types over moments, with writers serialised and readers on snapshots."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from symjobs._entities import ModelInfo, ProjectInfo
from symjobs._errors import InputError, NothingLearnt, NotLearntWarning, ProjectError
from symjobs._forks import Guard
from symjobs._models import Predictions, build_model, wrap
from symjobs._project._catalogue import ModelCatalogue
from symjobs._project._file import Saved, from_bytes, from_parts, moments_of, read_file, to_bytes, to_parts, write_file
from symjobs._project._home import Home
from symjobs._project._snapshot import About, ProjectSnapshot
from symjobs._state._backend import check_kind, choose
from symjobs._state._clusters import Clusters
from symjobs._state._draft import Draft
from symjobs._state._filter import RowFilter
from symjobs._state._histograms import Histograms
from symjobs._state._merge import forget_from, merge_into
from symjobs._state._params import ProjectParameters
from symjobs._state._rows import Rows
from symjobs._state._schema import Schema
from symjobs._state._snapshot import Snapshot
from symjobs._state._state import State
from symjobs._state._window import Window
from symjobs._state._writer import Writer
from symjobs._tables import read_table
from symjobs._tables._types import check_types
from symjobs._text import check_name
from symkernels import Moments


class Project:
    """What has been learnt from rows, kept as a small mergeable state.

    Columns are matched by name, never by position. A column that appears later starts without counts; one that a
    batch does not have is missing in its rows. Every write is all or nothing: one that fails, or is stopped, leaves the
    project as it was, however many batches it had read.

    Parameters
    ----------
    name : str
        Name of the project.
    type : {"auto", "cpu", "gpu"}, default "auto"
        Where the state is kept. ``auto`` takes a GPU if CuPy finds one, else the CPU; `type` and `info` say which.
        ``gpu`` without a GPU is an error.
    histogram : bool, default False
        Keep a quantile sketch for each C and B column (needs ``pip install 'symjobs[histogram]'``).
    params : mapping, optional
        ``row_filter``: only rows that pass are learnt or forgotten, as in ``"Iris_setosa==1;petal_width>=0.2"``.
        ``rolling_window``: the project stands for the last so many rows; older ones are forgotten as new ones come.
        ``missing``: ``"pairwise"`` (default), ``"listwise"`` or ``"error"``.
        ``joint_squares``: keep the sums that the conditional variance given any attribute needs (default False).
        ``types``: declared type letters by column.
        ``cluster_features``: keep clusters of the rows over these attributes, a text with colons between the names;
        ``cluster_num_centroids`` (100), ``cluster_warmup_period`` (101, more than the centroids),
        ``cluster_max_iterations`` (1000), ``cluster_rnd_seed`` (0) and ``cluster_scale`` (``none`` or ``standard``) say
        how. It does not go with ``rolling_window``, as clusters cannot forget.
        Values may be text, as on the wire: then ``types`` is a JSON object.

    Notes
    -----
    Thread-safe. Writers wait for each other. Readers take a snapshot, which waits no longer than a swap of the state:
    a write works on a copy, except that a small one (about a millisecond) is added to the state in place.

    A state of p attributes takes about ``8 p**2`` bytes, ``32 p**2`` once values are missing, and ``16 p**2`` more with
    joint squares. `learn` needs a second state while it runs, ``8 p**2`` bytes a thread, and a block of 8 MiB (at most
    256 MiB; ``64 p**2`` bytes in between; on a GPU up to 256 MiB whatever p).

    Examples
    --------
    >>> import numpy as np, symjobs as sj
    >>> project = sj.Project("demo")
    >>> project.learn((np.array([[1.0, 2.0], [3.0, 5.0]]), ["a", "b"])).n_rows
    2
    """

    def __init__(
        self, name: str, *, type: str = "auto", histogram: bool = False, params: Mapping[str, Any] | None = None
    ) -> None:
        self._name = check_name(name)
        self._parsed = ProjectParameters.from_text({} if params is None else params)
        self._params = dict(params or {})
        self._requested = type
        self._backend = choose(type)
        self._frozen = False
        self._deleted = False
        self._persisted = False
        self._auto_save = False  # every change is written to files
        self._created = self._modified = _now()
        self._home: Home | None = None
        self._version: str | None = None  # of the files that the state is from
        self._guard = Guard()
        self._catalogue = ModelCatalogue()
        window, clusters = self._parsed.rolling_window, self._parsed.clusters
        self._state = State(
            Schema(),
            Moments(
                0,
                missing=self._parsed.missing,
                joint_squares=self._parsed.joint_squares,
                exact=self._parsed.exact,
            ),
            self._backend,
            histograms=Histograms() if histogram else None,
            window=None if window is None else Window(window),
            clusters=None if clusters is None else Clusters(clusters),
        )

    def __repr__(self) -> str:
        state = "deleted" if self._deleted else f"{self.n_rows} rows, {len(self._state.schema.names)} attributes"
        return f"<Project {self._name!r} ({self.type}): {state}>"

    # What it is.

    @property
    def name(self) -> str:
        """Name of the project; `rename` changes it."""
        return self._name

    @property
    def type(self) -> str:
        """``cpu`` or ``gpu``: where the state is."""
        return self._backend.kind

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that the project was created with; a copy."""
        return dict(self._params)

    @property
    def histogram(self) -> bool:
        """Whether quantile sketches are kept."""
        return self._state.histograms is not None

    @property
    def frozen(self) -> bool:
        """Whether learning, forgetting and merging are refused."""
        self._refresh()
        return self._frozen

    @property
    def deleted(self) -> bool:
        """Whether the project was deleted; then every use of it is an error."""
        self._refresh()
        return self._deleted

    @property
    def n_rows(self) -> int:
        """Rows learnt less rows forgotten; complete ones only if ``missing`` is ``listwise``."""
        self._refresh()
        return self._state.moments.n_rows

    @property
    def column_types(self) -> dict[str, str]:
        """Type letters by column: of those that came, and of those that the parameter ``types`` declares."""
        snapshot = self.snapshot()
        return {**(self._parsed.types or {}), **dict(zip(snapshot.column_names, snapshot.column_types, strict=True))}

    def snapshot(self) -> ProjectSnapshot:
        """Return the project as it is now: immutable, taken without copying, unaffected by later writes.

        Raises
        ------
        ProjectError
            If the project was deleted.
        """
        self._refresh()
        with self._guard.swapping:
            self._check_there()
            self._state.shared = True
            return ProjectSnapshot(self._state, self._name, self._about())

    def info(self) -> ProjectInfo:
        """Return the project's description as the wire has it."""
        return self.snapshot().info()

    def state(self) -> bytes:
        """Return what was learnt as bytes, for `merge` and `forget` of a project in another process.

        Dask, Ray or any other engine moves them; they hold no rows, unless the project has a rolling window, and no
        models. Nothing in them is executed when they are read.

        Returns
        -------
        bytes
            In the format of `save`.

        Raises
        ------
        ProjectError
            If the project was deleted.

        Examples
        --------
        >>> import numpy as np, symjobs as sj
        >>> part = sj.Project("part").learn((np.array([[1.0, 2.0], [3.0, 5.0]]), ["a", "b"]))
        >>> sj.Project("whole").merge(part.state()).n_rows
        2
        """
        self._refresh()
        with self._guard.swapping:
            self._check_there()
        return to_bytes(replace(self._saved(), catalogue=ModelCatalogue()))

    @classmethod
    def from_state(cls, state: bytes, *, type: str | None = None) -> Project:
        """Return the project whose `state` this is, without its models.

        Parameters
        ----------
        state : bytes
        type : {"auto", "cpu", "gpu"}, optional
            Where to keep the state; default: as the project was created.

        Raises
        ------
        ProjectError
            If the bytes are damaged, are no state, or of a later version.
        """
        return cls._from_saved(from_bytes(state), "the state", type)

    # Writes.

    def learn(
        self,
        data: Any,
        *,
        types: Mapping[str, str] | None = None,
        row_filter: str | None = None,
        checkpoint: Callable[[int], object] | None = None,
    ) -> Project:
        """Learn rows, all or nothing.

        Parameters
        ----------
        data : table or iterator of tables
            A pandas or Polars DataFrame; an Arrow Table, RecordBatch or RecordBatchReader; a pair ``(array, names)`` of
            a 2-D array and its column names; a `symjobs.DataFrame`; or an iterator of those, of which one is held at a
            time. Rows of an iterator are learnt together: if one table fails, none is learnt.
        types : mapping of str to str, optional
            Type letters by column. They go before the project's ``types`` parameter, and that before the types that a
            DataFrame entity brings. Without any, a column is B if it is numeric or boolean and holds only 0, 1 and
            missing in its first batch (it becomes C when another value comes), C if it is another numeric one, T if it
            is categorical, and S if it is text, which is carried and not learnt. A declared B refuses other values.
        row_filter : str, optional
            Only rows that pass are learnt, besides the project's own filter.
        checkpoint : callable, optional
            Called with the number of rows read after every slice of rows; what it raises stops the call and leaves the
            project as it was.

        Returns
        -------
        Project
            This project.

        Raises
        ------
        InputError
            For data that cannot be learnt: text or an infinite value in a numeric column (with its column, row and
            value), rows of the wrong length, duplicate names, unknown types, no rows, nothing but missing values.
        ProjectError
            If the project is frozen or was deleted.

        Warns
        -----
        NotLearntWarning
            If a data source has columns of text that no type is declared for.
        """
        data, types = self._as_known(data, types)
        if words := getattr(data, "not_learnt", ""):
            warnings.warn(words, NotLearntWarning, stacklevel=2)
        try:
            return self._write(data, types, row_filter, checkpoint, forgetting=False)
        except NothingLearnt as error:
            raise NothingLearnt("; ".join((str(error), *getattr(data, "hints", ())))) from None

    def learn_part(self, data: Any, *, types: Mapping[str, str] | None = None) -> Project:
        """Learn some rows of a larger table, of which other projects learn the rest; for engines with many processes.

        Parameters
        ----------
        data, types
            As `learn` takes them. There may be no rows, and no values. No column has to be there that `types` names.

        Returns
        -------
        Project
            This project.

        Raises
        ------
        InputError, ProjectError
            As `learn`.

        Examples
        --------
        >>> import numpy as np, symjobs as sj
        >>> parts = [np.array([[1.0], [2.0]]), np.empty((0, 1)), np.array([[4.0]])]
        >>> states = [sj.Project("part").learn_part((rows, ["a"])).state() for rows in parts]
        >>> sj.Project("whole").merge(*states).n_rows
        3
        """
        return self._write(data, types, None, None, part=True)

    def forget(
        self,
        data: Any,
        *,
        types: Mapping[str, str] | None = None,
        row_filter: str | None = None,
        checkpoint: Callable[[int], object] | None = None,
    ) -> Project:
        """Take rows away that were learnt before, all or nothing.

        Minimum and maximum become bounds where a forgotten row may have held them, and quantiles become unknown.
        Clusters keep the rows, and count them (`Snapshot.clusters`).

        Parameters
        ----------
        data, types, row_filter, checkpoint
            As `learn` takes them. Or `data` is a Project, a Snapshot or a `state`: what that has learnt is taken away.

        Returns
        -------
        Project
            This project.

        Raises
        ------
        InputError
            As `learn`; also when more would be forgotten than was learnt, or a value of a category that never came.
        UnknownAttribute
            For a column or category value that was never learnt.
        ProjectError
            If the project is frozen or deleted, or has a rolling window: that forgets its rows by itself.
        """
        if self._parsed.rolling_window is not None:
            raise ProjectError(
                f"project {self._name!r} has a rolling window and forgets its oldest rows by itself; "
                "forget() needs a project without rolling_window"
            )
        if isinstance(data, Project | Snapshot | bytes | bytearray):
            if types or row_filter or checkpoint:
                raise InputError(
                    "types, row_filter and checkpoint are about rows, and not about the state of a project"
                )
            return self._combine("forget from", data, forgetting=True)
        data, types = self._as_known(data, types)
        return self._write(data, types, row_filter, checkpoint, forgetting=True)

    def merge(self, other: Project | Snapshot | bytes, *more: Project | Snapshot | bytes) -> Project:
        """Add everything that another project has learnt, as if its rows had been learnt here; it stays as it is.

        Columns are matched by name; one that only one side has is missing in the other's rows. Merging a B with a C
        column makes it C. The state stays where it is, on the CPU or on the GPU; the other's is copied to it. Clusters
        are merged with clusters over the same features. Models stay where they are.

        Parameters
        ----------
        other : Project, Snapshot or bytes
            Bytes are those of `state`, from any process.
        *more : Project, Snapshot or bytes
            Others, all or none of which are added; faster than a call for each.

        Returns
        -------
        Project
            This project.

        Raises
        ------
        InputError
            If other is no project, the two treat missing values differently, a column has types that do not meet, or
            this project keeps clusters and the other keeps none, or keeps them over other features.
        ProjectError
            If one of them was deleted, this one is frozen or has a rolling window (other's rows are not known).
        """
        for one in (other, *more):
            if not isinstance(one, Project | Snapshot | bytes | bytearray):
                raise InputError(f"merge takes a Project, a Snapshot or a state, got {one.__class__.__name__}")
        return self._combine("merge into", other, *more)

    def _combine(self, what: str, *others: Project | Snapshot | bytes | bytearray, forgetting: bool = False) -> Project:
        snapshots = [other.snapshot() if isinstance(other, Project) else other for other in others]
        with self._exclusive(what):
            if self._parsed.rolling_window is not None:
                raise ProjectError(
                    f"project {self._name!r} has a rolling window, and the order of the other project's rows is not "
                    "known; merge into a project without rolling_window"
                )
            draft = Draft(self._state, forgetting=forgetting)
            for other in snapshots:
                state = other._state if isinstance(other, Snapshot) else from_bytes(bytes(other)).state
                (forget_from if forgetting else merge_into)(draft, state)
            self._publish(draft)
        return self

    def freeze(self) -> None:
        """Refuse learning, forgetting and merging from now on. Waits for a write that is under way."""
        with self._exclusive("freeze", even_frozen=True):
            self._frozen = True

    def unfreeze(self) -> None:
        """Allow learning, forgetting and merging again."""
        with self._exclusive("unfreeze", even_frozen=True):
            self._frozen = False

    def rename(self, name: str) -> None:
        """Give the project another name; jobs that run on a snapshot keep the old one.

        Raises
        ------
        ProjectExists
            If the project is shared, and its owner has another one of this name.
        """
        name = check_name(name)
        with self._exclusive("rename", even_frozen=True, changing=False):
            if self._home is not None and name != self._name:
                self._home, self._version = self._home.move(replace(self._saved(), name=name))
            self._name = name

    def delete(self) -> None:
        """Give the state up. Every later use, and every later job on it, is a ProjectError; snapshots stay."""
        with self._exclusive("delete", even_frozen=True):
            if self._home is not None:
                self._home.remove()
            self._give_up()

    # Models.

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order in which they were first built."""
        self._refresh()
        return tuple(self._catalogue.models)

    def build(
        self,
        model_id: str,
        algo: str,
        inputs: Sequence[str | int] | None = None,
        targets: Sequence[str | int] | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        checkpoint: Callable[[int, int], object] | None = None,
    ) -> ModelInfo:
        """Build a model from what the project has learnt; the rows are not needed.

        The model is of the state as it was at the call, whatever is learnt meanwhile, and stays so until it is built
        again. One of the same name is replaced, in one step and only if all went well; its EVT wrapper goes with it. A
        frozen project builds too.

        Parameters
        ----------
        model_id : str
            The model's name.
        algo : str
            Name of a model type, a key of `symjobs._models.MODEL_TYPES`. The guide's pages on models and anomalies say
            what each is, and what its inputs and parameters are.
        inputs : sequence of str or int, optional
            Names or indexes of attributes; by default all that the model type can take.
        targets : sequence of str or int, optional
            Names or indexes of attributes, for model types that have targets.
        parameters : mapping, optional
            The model type's own, by their names on the wire. Values may be text, as on the wire.
        checkpoint : callable, optional
            Called every few milliseconds as ``checkpoint(steps done, steps)``; what it raises stops the call and leaves
            the project as it was.

        Returns
        -------
        ModelInfo
            As `model_info` gives it.

        Raises
        ------
        InputError
            If an input or a parameter is unknown or out of range, or the project does not keep what the model needs.
        ProjectError
            If the project was deleted.
        """
        model_id = check_name(model_id, "model")
        built = build_model(self.snapshot(), model_id, algo, inputs, targets, parameters or {}, checkpoint)
        with self._exclusive("build a model in", even_frozen=True):
            self._set_catalogue(self._catalogue.with_model(built))
        return built.info()

    def predict(
        self,
        model_id: str,
        data: Any,
        *,
        impute: bool = False,
        checkpoint: Callable[[int], object] | None = None,
    ) -> Predictions:
        """Ask a model about the rows of a table. Nothing is learnt, and a write that is under way is not waited for.

        Parameters
        ----------
        model_id : str
            The model's name.
        data : table or iterator of tables
            As `learn` takes it. Columns are found by name; those that the model does not need are not read.
        impute : bool, default False
            Replace a missing input by its mean over the rows that the model was built on. By default a row with a
            missing input has no prediction; the result counts such rows.
        checkpoint : callable, optional
            Called with the number of rows read, every few milliseconds; what it raises stops the call.

        Returns
        -------
        Predictions
            One answer a row; for ``kmeans`` a `KMeansPredictions`, for the others an `AnomalyPredictions`. With an EVT
            wrapper (`create_evt_wrapper`) a `FlaggedPredictions` around it.

        Raises
        ------
        NoSuchModel
            If there is no model of this name.
        InputError
            If the data has no rows or lacks a column that the model needs, or a value is infinite or no number.
        ProjectError
            If the project was deleted.
        """
        built, wrapper = self._current_catalogue().find(model_id)
        predictions = built.predict(data, impute=impute, checkpoint=checkpoint)
        if wrapper is None:
            return predictions
        if self._home is None:
            return wrapper.judge(predictions)
        with self._exclusive("flag predictions of", even_frozen=True):  # the stream of values is of all processes
            wrapper = self._catalogue.wrappers.get(model_id)
            return predictions if wrapper is None else wrapper.judge(predictions)

    def model_info(self, model_id: str) -> ModelInfo:
        """Return what a client sees of a model and its EVT wrapper; NoSuchModel if there is none of this name."""
        return self._current_catalogue().info(model_id)

    def delete_model(self, model_id: str) -> None:
        """Give a model up, and its EVT wrapper; NoSuchModel if there is none of this name."""
        with self._exclusive("delete a model of", even_frozen=True):
            self._set_catalogue(self._catalogue.without_model(model_id))

    def create_evt_wrapper(
        self, model_id: str, result_key: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> ModelInfo:
        """Flag what is extreme among a model's answers, from the next `predict` on.

        `predict` then adds to each row's answers ``evt_is_anomaly`` (0 or 1) and ``evt_threshold``, what the value was
        judged against; with ``evt_two_sides`` the thresholds are ``evt_threshold_upper`` and ``evt_threshold_lower``.
        The rows of all calls are one stream: `symkernels.Spot` flags a share of about ``evt_alpha`` of them while
        nothing is wrong, once ``evt_warmup_size`` values have come. Rows without a prediction are passed over. Jobs on
        the model are not flagged, and leave no trace here.

        What was seen is saved with the project. It is given up when the model is built again or deleted, as another
        model's values follow another law, and when a wrapper is created again.

        Parameters
        ----------
        model_id : str
            The model's name.
        result_key : str, optional
            Which of the model's answers to judge, a number; by default ``sml_evt_wrapper_res_key`` among the
            parameters, or the model's own score.
        parameters : mapping
            ``evt_warmup_size``, ``evt_alpha`` and ``evt_quantile`` (required); ``evt_tdigest`` (false: the quantile
            stays that of the warm-up), ``evt_window_size``, ``evt_two_sides`` (false), ``evt_seed`` (0) and
            ``evt_max_exceedances``. Values may be text, as on the wire. ``sml_evt_wrapper_model_id``, if given, is the
            model's name.

        Returns
        -------
        ModelInfo
            As `model_info` gives it.

        Raises
        ------
        NoSuchModel
            If there is no model of this name.
        InputError
            If the model has no such key, or it holds no numbers, or a parameter is missing, unknown or out of range.
        ProjectError
            If the project was deleted.
        """
        with self._exclusive("create an EVT wrapper in", even_frozen=True):  # so that the model stays this one
            built, _ = self._catalogue.find(model_id)
            self._set_catalogue(self._catalogue.with_wrapper(model_id, wrap(built, result_key, parameters or {})))
            return self._catalogue.info(model_id)

    def delete_evt_wrapper(self, model_id: str) -> None:
        """Stop flagging a model's answers, and give up what was seen of them.

        Raises
        ------
        NoSuchModel
            If there is no model of this name.
        ProjectError
            If it has no EVT wrapper, or the project was deleted.
        """
        with self._exclusive("delete an EVT wrapper of", even_frozen=True):
            self._set_catalogue(self._catalogue.without_wrapper(model_id, self._name))

    def _current_catalogue(self) -> ModelCatalogue:
        self._refresh()
        with self._guard.swapping:
            self._check_there()
            return self._catalogue

    def _set_catalogue(self, catalogue: ModelCatalogue) -> None:
        with self._guard.swapping:
            self._catalogue = catalogue
            self._modified = _now()

    # Files.

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the project to one file, in the safetensors format with JSON metadata.

        The file appears at ``path`` complete or not at all. It holds the state, the rolling window's rows, sketches,
        clusters, models and their EVT wrappers; `load` gives a project with the same answers and the same hash.

        Raises
        ------
        ProjectError
            If the project was deleted.
        OSError
            If the file cannot be written.
        """
        with self._exclusive("save", even_frozen=True, changing=False):
            write_file(path, self._saved())
            self._persisted = True

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, type: str | None = None) -> Project:
        """Read a project that `save` wrote. Nothing in the file is executed.

        Parameters
        ----------
        path : str or path-like
        type : {"auto", "cpu", "gpu"}, optional
            Where to keep the state; default: as the project was created.

        Raises
        ------
        ProjectError
            If the file is damaged, no project, or of a later version; the message names the file and what is wrong.
        OSError
            If there is no such file, or it cannot be read.
        """
        return cls._from_saved(read_file(path), path, type)

    @classmethod
    def _from_saved(cls, saved: Saved, path: object, type: str | None = None) -> Project:
        try:
            project = cls(saved.name, type="cpu", params=saved.params)
            check_kind(saved.type)
        except InputError as error:
            raise ProjectError(f"{path} is damaged: {error}; restore it from a copy") from error
        project._requested = type or saved.type
        project._backend = choose(project._requested)
        project._created = saved.created
        project._take(saved)
        return project

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the project as it is now; what comes out is an independent copy in memory."""
        self._refresh()
        self._check_there()
        saved = self._saved()
        metadata, arrays = to_parts(saved)
        digest = saved.state.hash_from(moments_of(arrays))
        return self._from_parts, (metadata, arrays, digest, self._persisted, self._auto_save)

    @classmethod
    def _from_parts(
        cls, metadata: bytes, arrays: dict[str, Any], digest: str, persisted: bool, auto_save: bool
    ) -> Project:
        saved = from_parts(metadata, arrays)
        saved.state.remember_hash(digest)
        project = cls._from_saved(saved, saved.name)
        project._persisted, project._auto_save = persisted, auto_save
        return project

    def _saved(self) -> Saved:
        with self._guard.swapping:
            self._state.shared = True
            state = self._state
        return Saved(
            name=self._name,
            type=self._requested,
            params=self._params,
            frozen=self._frozen,
            created=self._created,
            modified=self._modified,
            state=state,
            catalogue=self._catalogue,
        )

    def _take(self, saved: Saved) -> None:
        state = saved.state
        state.moments = self._backend.to_backend(state.moments)
        state.backend = self._backend
        if state.clusters is not None:
            state.clusters.to_backend(self._backend)
        self._name, self._frozen, self._modified = saved.name, saved.frozen, saved.modified
        self._persisted = True
        self._catalogue, self._state = saved.catalogue, state

    def _give_up(self) -> None:
        with self._guard.swapping:
            self._deleted = True
            self._catalogue = ModelCatalogue()
            self._state = State(Schema(), Moments(0))

    # Sharing with other processes.

    def share(self, folder_of: Callable[[str], Path], owner: str) -> None:
        """Keep the project in files that other processes use, too; for a registry.

        Parameters
        ----------
        folder_of : callable
            Returns the folder for a name of a project of this owner.
        owner : str
            Whose project it is.

        Raises
        ------
        ProjectExists
            If the owner has a project of this name.
        """
        with self._exclusive("share", even_frozen=True, changing=False):
            if self._home is not None:
                raise ProjectError(f"project {self._name!r} is shared already; load a copy of it, and share that")
            self._home, self._version = Home.create(folder_of, owner, self._saved())
            self._persisted = self._auto_save = True

    @classmethod
    def open_shared(cls, home: Home) -> Project | None:
        """Return the project of a home, or None if it was deleted; for a registry."""
        found = home.read()
        if found is None:
            return None
        version, saved = found
        project = cls._from_saved(saved, version)
        project._home, project._version = home, version
        project._auto_save = True
        return project

    def _refresh(self) -> None:
        """Take over what other processes have written since."""
        home = self._home
        if home is None or self._guard.in_turn or self._deleted:
            return
        if self._guard.interrupted:  # the state may be that of a write that was under way in the parent
            self._guard.interrupted, self._version = False, None
        before = self._version
        if home.newest() == before:
            return
        found = home.read()
        with self._guard.swapping:
            if self._guard.in_turn or self._version != before:  # a writer or another reader of this process was faster
                return
            if found is not None:
                self._version = found[0]
                self._take(found[1])
        if found is None:
            self._give_up()

    @contextmanager
    def _turn(self, changing: bool, checkpoint: Callable[[], object]) -> Iterator[None]:
        """Be the only writer of all processes, from the newest version to the next one."""
        home = self._home
        if home is None:
            yield
            return
        with home.turn(checkpoint):
            with self._guard.swapping:
                self._guard.in_turn = True  # from now on no reader of this process replaces the state
            try:
                self._take_newest(home)
                yield
                if changing and not self._deleted:
                    try:
                        self._version = home.save(self._saved())
                    except BaseException:
                        self._version = None  # what was written in memory goes with the next refresh
                        raise
            finally:
                with self._guard.swapping:
                    self._guard.in_turn = False

    def _take_newest(self, home: Home) -> None:
        # In one's turn: nobody writes another version meanwhile.
        if self._deleted or (home.newest() == self._version and not self._guard.interrupted):
            return
        found = home.read()
        if found is None:
            self._give_up()
            return
        with self._guard.swapping:
            self._guard.interrupted, self._version = False, found[0]
            self._take(found[1])

    # How a write goes.

    def _as_known(self, data: Any, types: Mapping[str, str] | None) -> tuple[Any, Mapping[str, str] | None]:
        """Return a data source as it is read for the columns of this project, and the types that it declares."""
        if not hasattr(data, "after"):  # any other table
            return data, types
        source = data.after(self.column_types)
        return source, {**source.declared, **(types or {})}

    def _write(
        self,
        data: Any,
        types: Mapping[str, str] | None,
        row_filter: str | None,
        checkpoint: Callable[[int], object] | None,
        *,
        forgetting: bool = False,
        part: bool = False,
    ) -> Project:
        parsed = self._parsed
        declared = check_types(types, "types") if types else {}
        filters = [f for f in (parsed.row_filter, RowFilter(row_filter) if row_filter else None) if f is not None]
        with self._exclusive("forget from" if forgetting else "learn into", checkpoint=checkpoint):
            draft = Draft(self._state, forgetting=forgetting)
            writer = Writer(
                draft,
                types={**(parsed.types or {}), **declared},
                named=declared,
                filters=filters,
                checkpoint=checkpoint,
                part=part,
                in_place=None if parsed.rolling_window is not None else self._in_place,
            )
            writer.write(read_table(data))
            self._publish(draft)
        return self

    def _in_place(self, state: State, rows: Rows, forgetting: bool) -> bool:
        with self._guard.swapping:
            if state.shared:
                return False
            if forgetting:
                state.forget(rows)
            else:
                state.learn(rows)
            return True

    def _publish(self, draft: Draft) -> None:
        with self._guard.swapping:
            if draft.owned:
                self._state = draft.state
            self._modified = _now()

    @contextmanager
    def _exclusive(
        self,
        what: str,
        *,
        even_frozen: bool = False,
        changing: bool = True,
        checkpoint: Callable[[int], object] | None = None,
    ) -> Iterator[None]:
        with self._guard.writing:
            if self._guard.depth:
                raise ProjectError(
                    f"cannot {what} project {self._name!r} while the same thread is writing to it; "
                    "an iterator of batches must not use the project that learns it"
                )
            self._guard.depth += 1
            try:
                with self._turn(changing, lambda: checkpoint and checkpoint(0)):
                    self._check_there()
                    if self._frozen and not even_frozen:
                        raise ProjectError(f"cannot {what} project {self._name!r}: it is frozen; call unfreeze() first")
                    yield
            finally:
                self._guard.depth -= 1

    def _check_there(self) -> None:
        if self._deleted:
            raise ProjectError(f"project {self._name!r} was deleted")

    def _about(self) -> About:
        return About(
            params=self._params,
            created=self._created,
            modified=self._modified,
            persisted=self._persisted,
            auto_save=self._auto_save,
            models=self._catalogue.models,
        )


def _now() -> int:
    return int(time.time() * 1000)
