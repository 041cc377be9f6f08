"""SparkDSUpdateJob: a data source into a project, or out of it, learnt by a Spark cluster."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from symjobs._engine import Job, JobContext, Request
from symjobs._entities import DSInfo
from symjobs._errors import InputError, ProjectError
from symjobs._jobs._context import checked_project, extra_parameters, only_context, the_project
from symjobs._jobs._update import DSUpdateResult, UpdateParameters, check_writable
from symjobs._project import Project
from symjobs._spark import (
    SparkFrame,
    SparkSettings,
    active_session,
    check_format,
    in_thread,
    learn_frame,
    open_frame,
    read_path,
    require_pyspark,
    session_of,
)
from symjobs._tables._types import check_types
from symjobs.sources import Access
from symjobs.sources._access import TIMEOUT, check_timeout
from symjobs.sources._described import Described
from symjobs.sources._dialect import CsvOptions
from symjobs.sources._open import described_options, is_for_spark
from symjobs.sources._source import not_learnt


class SparkDSUpdateJob(Job):
    """Learn data on a Spark cluster, or forget it: each partition becomes a state, and a tree of merges adds them up.

    Parameters
    ----------
    project : Project
    source : pyspark.sql.DataFrame, str, path, DSInfo or mapping
        A DataFrame of a classic session or of Spark Connect: a table, a query, JDBC, whatever Spark reads. A path of
        CSV or Parquet files, as Spark takes it. A description of the type ``sparks3_map_reduce_*``.
    spark : pyspark.sql.SparkSession, optional
        For a path or a description; by default the active session, the one that the description asks for, or a new one
        on this machine.
    forget : bool, default False
        Take the rows away, which were learnt before.
    types : mapping of str to str, optional
        Type letters of some columns. Columns that have types in Spark take T (a category), S (text) and X (not read).
    dates : sequence of str or bool, default ()
        Columns of dates and times that are read as seconds since 1970; True for all of them.
    format : {"csv", "parquet"}, optional
        Of the files of a path; by default what its ending says, and Parquet without one.
    errors : {"raise", "missing"}, optional
        What becomes of a value of a CSV file that does not fit its column; by default an error.
    timeout : float, default 30
        Seconds to wait for the master of a description.
    access : Access, optional
        What a server opens for its clients.

    Raises
    ------
    InputError
        If the source is none of these. When the job runs: if Spark does not start or cannot read the data, rows cannot
        be learnt, or an executor lacks this package.
    MissingDependency
        If pyspark is not installed.
    ProjectError
        If the project is frozen or was deleted, or has a rolling window, as partitions have no order.

    Notes
    -----
    All or nothing. Rows never reach the driver; states do, at most 16 of them (with Spark Connect one for 256
    partitions), or one if they are large. The number of
    rows is checked against Spark's own. The result is that of one machine up to rounding, and bit for bit with the
    project's parameter ``exact``. Micro-clusters depend on the partitions.

    Progress counts Spark's tasks, as far as they are known. A kill cancels the job group, or the tag of Spark Connect.
    Executors need what the base installation of this package needs; the guide on Spark says how they get it.

    Examples
    --------
    >>> import symjobs as sj
    >>> with sj.JobManager() as manager:  # doctest: +SKIP
    ...     handle = manager.submit(sj.SparkDSUpdateJob(sj.Project("sales"), spark.table("sales")))
    ...     handle.result().rows
    """

    job_type: ClassVar[str] = "SparkDSUpdateJob"
    isolable: ClassVar[bool] = False
    parameter_type = UpdateParameters

    def __init__(
        self,
        project: Project,
        source: Any,
        spark: Any = None,
        *,
        forget: bool = False,
        types: Mapping[str, str] | None = None,
        dates: Sequence[str] | bool = (),
        format: str | None = None,
        errors: str | None = None,
        timeout: float = TIMEOUT,
        access: Access | None = None,
    ) -> None:
        self.project = checked_project(project, self.job_type)
        self.parameters = UpdateParameters(types=dict(types) if types else None, errors=errors, forget=forget)
        self._types = check_types(types, "types") if types else {}
        self._dates = dates
        self._format = check_format(format)
        require_pyspark()
        self._spark = (
            active_session() if spark is None and not isinstance(source, Described | DSInfo | Mapping) else spark
        )
        self._timeout = check_timeout(timeout)
        if isinstance(source, DSInfo | Mapping):
            source = Described.of(source, access=access)
        if isinstance(source, Described) and not is_for_spark(source.dsinfo):
            raise InputError(f"{self.job_type} takes a description of the type sparks3_map_reduce_*; use a DSUpdateJob")
        if not isinstance(source, Described | str | os.PathLike) and not hasattr(source, "mapInArrow"):
            raise InputError(
                f"{self.job_type} takes a DataFrame of Spark, a path or a DSInfo, got {type(source).__name__}; a "
                "DSUpdateJob learns any other source"
            )
        self._source = source
        self._check_project()

    @classmethod
    def from_request(cls, request: Request) -> Self:
        project = the_project(request, cls.job_type, with_data=True)
        if request.data is None:
            raise InputError("the request has no data source; pass a DSInfo as data=")
        own = UpdateParameters.from_text(extra_parameters(request, only_context(request)), cls.job_type)
        return cls(project, request.data, forget=own.forget, types=own.types, errors=own.errors, access=request.access)

    def check(self) -> None:
        super().check()
        self._check_project()

    def details(self) -> dict[str, str]:
        return {"dataSource": self._source.dsinfo.name} if isinstance(self._source, Described) else {}

    def run(self, context: JobContext) -> DSUpdateResult:
        described = self._source if isinstance(self._source, Described) else None
        with described.hiding_secrets() if described is not None else contextlib.nullcontext():
            frame = in_thread(self._frame, lambda _: context.checkpoint())  # to start Spark takes seconds
            context.details.setdefault("dataSource", frame.name)
            learnt, rows, bad = learn_frame(frame, self.project, context.progress)
        if learnt is None or not learnt.snapshot().moments.count.any():
            raise InputError(f"{frame.name} holds no rows" if not rows else f"{frame.name}: every value is missing")
        context.checkpoint()
        if self.parameters.forget:
            self.project.forget(learnt)
        else:
            self.project.merge(learnt)
        if frame.notes:
            context.details["unnamedColumns"] = "; ".join(frame.notes)
        if words := not_learnt(frame.name, frame.texts, frame.hints):
            context.details["notLearnt"] = words
        context.details["rows"] = rows
        if bad:
            context.details["badValues"] = f"{bad} that did not fit their columns are missing"
        snapshot = self.project.snapshot()
        context.details["projectHash"] = snapshot.hash
        return DSUpdateResult(snapshot.info(), rows)

    def _check_project(self) -> None:
        check_writable(self.project, self.job_type, forget=self.parameters.forget)
        if self.project.params.get("rolling_window") is not None:
            raise ProjectError(
                f"project {self.project.name!r} has a rolling window, and the rows of partitions have no order"
            )

    def _frame(self) -> SparkFrame:
        known = self.project.column_types
        source = self._source
        if isinstance(source, Described):
            told = SparkSettings.of(source.dsinfo, source.access)
            session = self._spark or session_of(told.master, told.settings, told.timeout or self._timeout)
            options = described_options(source.dsinfo, self._types, self.parameters.errors)
            return read_path(
                session,
                told.paths,
                options,
                known,
                kind=told.kind,
                settings=told.reader,
                name=source.dsinfo.name,
            )
        options = CsvOptions.of(types=self._types, dates=self._dates, errors=self.parameters.errors or "raise")
        if isinstance(source, str | os.PathLike):
            session = self._spark or session_of(None, {}, self._timeout)
            return read_path(session, source, options, known, kind=self._format)
        return open_frame(source, options, known)
