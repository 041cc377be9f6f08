"""LearnJob and ForgetJob: rows into a project, and out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from symjobs._engine import Job, JobContext, Request
from symjobs._errors import InputError, ProjectError
from symjobs._jobs._context import checked_project, discard, is_kept, note_source, the_project
from symjobs._jobs._route import JobRoute
from symjobs._project import Project
from symjobs._tables import read_table
from symjobs._tables._types import check_types
from symjobs.sources import Source


class LearnJob(Job):
    """Learn rows, all or nothing.

    Parameters
    ----------
    project : Project
    data : table, iterator of tables, or Source
        As `Project.learn` takes it, or what `sources.open`, `sources.csv`, `sources.parquet` or `sources.upload`
        returns. The job discards a source when it has ended, so that the file of an upload is removed. A job with an
        iterator can run only once.
    types : mapping of str to str, optional
        Type letters by column, as `Project.learn` takes them. Those of a source are given where it is opened.
    row_filter : str, optional
        Only rows that pass are learnt, besides the project's own filter.

    Raises
    ------
    InputError
        If the data is no table, or has no rows, or there are types for a source. When the job runs: for rows that
        cannot be learnt, as `Project.learn`.
    ProjectError
        If the project is frozen or was deleted.

    Notes
    -----
    Progress counts the bytes of a source, and the rows of a table. ``details`` has ``rows``, how many were read, the
    ``projectHash`` afterwards; of a source also ``unnamedColumns`` (what was done with columns without a name),
    ``notLearnt`` (columns of text, and what would make numbers of them), ``emptyFiles`` (which of several files hold
    no rows) and ``badValues`` (how many values did not fit their columns and count as missing). A job that fails or is
    killed leaves the project as it was.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris")
    >>> with sj.JobManager() as manager:
    ...     manager.submit(sj.LearnJob(project, sj.datasets.load_iris())).result(timeout=60)
    >>> project.n_rows
    150
    """

    job_type: ClassVar[str] = "LearnJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/learn", body="rows", direct=True),)
    isolable: ClassVar[bool] = False
    _forgets: ClassVar[bool] = False

    def __init__(
        self,
        project: Project,
        data: Any,
        *,
        types: Mapping[str, str] | None = None,
        row_filter: str | None = None,
    ) -> None:
        self.project = checked_project(project, self.job_type)
        self._data = data
        self._types = check_types(types, "types") if types else None
        self._row_filter = row_filter
        self._rows = self._check_data()
        self._check_project()

    @classmethod
    def from_request(cls, request: Request) -> Self:
        project = the_project(request, cls.job_type, with_data=True)
        if request.data is None:
            raise InputError("the request has no data; pass the table as data=")
        return cls(project, request.data)

    def check(self) -> None:
        super().check()
        self._check_project()

    def run(self, context: JobContext) -> None:
        read = 0

        def report(rows: int) -> None:
            nonlocal read
            read = rows
            if isinstance(self._data, Source):
                context.checkpoint()
            else:
                context.progress(rows, max(self._rows, rows))

        data = self._data
        types: Mapping[str, str] | None = self._types
        source = data.after(self.project.column_types) if isinstance(data, Source) else None
        if source is not None:
            data, types = source.tables(context.progress), source.declared
        write = self.project.forget if self._forgets else self.project.learn
        write(data, types=types, row_filter=self._row_filter, checkpoint=report)
        context.details["rows"] = read
        if source is not None:
            note_source(context, source)
        context.details["projectHash"] = self.project.snapshot().hash

    def clean_up(self) -> None:
        discard(self._data)

    def _check_project(self) -> None:
        if self.project.frozen:
            raise ProjectError(f"cannot run {self.job_type} on project {self.project.name!r}: it is frozen")

    def _check_data(self) -> int:
        """Raise InputError for data that is no table, or has no rows; return how many it has, 0 if unknown."""
        if isinstance(self._data, Source):
            if self._types:
                raise InputError("types of a source are given where it is opened, as in sources.csv(path, types=...)")
            return 0
        if isinstance(self._data, Iterator) or not is_kept(self._data):
            return 0
        first = next(iter(read_table(self._data)), None)
        if first is None or (first.alone and not first.n_rows):
            raise InputError(f"the data has no rows; there is nothing to {'forget' if self._forgets else 'learn'}")
        return first.n_rows if first.alone else 0


class ForgetJob(LearnJob):
    """Take rows away that were learnt before, all or nothing.

    Parameters
    ----------
    project : Project
    data : table, iterator of tables, or Source
        As `LearnJob` takes it.
    types : mapping of str to str, optional
        Type letters by column, as `Project.forget` takes them.
    row_filter : str, optional
        Only rows that pass are forgotten, besides the project's own filter.

    Raises
    ------
    InputError
        As `LearnJob`. When the job runs: if more would be forgotten than was learnt.
    UnknownAttribute
        When the job runs: if a column of the data was not learnt by then.
    ProjectError
        If the project is frozen, was deleted, or has a rolling window.

    Notes
    -----
    Progress and ``details`` are those of a `LearnJob`.

    Examples
    --------
    >>> import symjobs as sj
    >>> iris = sj.datasets.load_iris()
    >>> project = sj.Project("iris").learn(iris)
    >>> with sj.JobManager() as manager:
    ...     manager.submit(sj.ForgetJob(project, iris)).result(timeout=60)
    >>> project.n_rows
    0
    """

    job_type: ClassVar[str] = "ForgetJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/forget", body="rows", direct=True),)
    _forgets: ClassVar[bool] = True

    def _check_project(self) -> None:
        super()._check_project()
        if self.project.params.get("rolling_window") is not None:
            raise ProjectError(
                f"project {self.project.name!r} has a rolling window and forgets its oldest rows by itself"
            )
