"""DSUpdateJob: a data source into a project, or out of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from symjobs._engine import Job, JobContext, Request
from symjobs._entities import DSInfo
from symjobs._errors import InputError
from symjobs._jobs._context import (
    checked_project,
    discard,
    extra_parameters,
    note_source,
    only_context,
    the_project,
)
from symjobs._jobs._route import JobRoute
from symjobs._jobs._update import DSUpdateResult, UpdateParameters, check_writable
from symjobs._parameters import Flag, parameter
from symjobs._project import Project
from symjobs._tables._types import check_types
from symjobs.sources import Access, Source
from symjobs.sources import open as open_source
from symjobs.sources._described import Described


class DSUpdateParameters(UpdateParameters):
    """How a data source is learnt or forgotten."""

    keep_read: bool = parameter(
        "keepRead", Flag(), "keep what was read before an error or a kill, instead of nothing", default=False
    )


class DSUpdateJob(Job):
    """Learn a data source, or forget it: all or nothing, unless asked otherwise.

    Parameters
    ----------
    project : Project
    source : Source, DSInfo, mapping, str or path
        What `sources.open` takes, or an open source. A description is checked now, and opened when the job runs.
    forget : bool, default False
        Take the rows away, which were learnt before.
    types : mapping of str to str, optional
        Type letters of some columns. Those of an open source are given where it is opened.
    errors : {"raise", "missing"}, optional
        What becomes of a value that does not fit its column; by default what the description says, else an error.
    keep_read : bool, default False
        Keep what was read before an error or a kill.
    access : Access, optional
        What a server opens for its clients.

    Raises
    ------
    InputError
        If the description is none, or there are types for an open source. When the job runs: if the data cannot be
        opened or read, or has rows that cannot be learnt.
    ProjectError
        If the project is frozen or was deleted; to forget, if it has a rolling window.

    Notes
    -----
    Progress counts bytes. Blocks are read and parsed while others are learnt. ``details`` has ``dataSource``, ``rows``,
    how many were read, the ``projectHash`` afterwards, and what `LearnJob` says of a source. A job that fails or is
    killed leaves the project as it was, or with `keep_read` with the rows up to there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import symjobs as sj
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> _ = path.write_text("height,town\\n1.7,Bern\\n1.8,Chur\\n")
    >>> project = sj.Project("people")
    >>> with sj.JobManager() as manager:
    ...     handle = manager.submit(sj.DSUpdateJob(project, path, types={"town": "T"}))
    ...     result = handle.result(timeout=60)
    >>> result.info.attributeNames, result.rows
    (['height', 'town$bern', 'town$chur'], 2)
    """

    job_type: ClassVar[str] = "DSUpdateJob"
    routes: ClassVar[tuple[JobRoute, ...]] = tuple(
        JobRoute(method=method, path=f"/projects/{{pid}}/dss/{{name}}/{what}", body="source", fixed={"forget": forget})
        for what, forget in (("learn", "false"), ("forget", "true"))
        for method in ("GET", "POST")
    )
    isolable: ClassVar[bool] = False
    parameter_type = DSUpdateParameters

    def __init__(
        self,
        project: Project,
        source: Source | Described | DSInfo | Mapping[str, Any] | str | os.PathLike[str],
        *,
        forget: bool = False,
        types: Mapping[str, str] | None = None,
        errors: str | None = None,
        keep_read: bool = False,
        access: Access | None = None,
    ) -> None:
        self.project = checked_project(project, self.job_type)
        self.parameters = DSUpdateParameters(
            types=dict(types) if types else None, errors=errors, forget=forget, keep_read=keep_read
        )
        self._access = access
        letters = check_types(types, "types") if types else {}
        if isinstance(source, Source) and (letters or errors):
            raise InputError("types and errors of an open source are given where it is opened, as in sources.csv(path)")
        if isinstance(source, DSInfo | Mapping):
            source = Described.of(source, access=access)
        if isinstance(source, Described):
            source = source.with_request(letters, errors)
        elif not isinstance(source, Source | str | os.PathLike):
            raise InputError(
                f"{self.job_type} takes a Source, a DSInfo, a mapping or a path, got {type(source).__name__}; a "
                "LearnJob learns a table"
            )
        self._letters = letters
        self._source = source
        check_writable(self.project, self.job_type, forget=forget)

    @classmethod
    def from_request(cls, request: Request) -> Self:
        project = the_project(request, cls.job_type, with_data=True)
        if request.data is None:
            raise InputError("the request has no data source; pass a DSInfo as data=")
        own = DSUpdateParameters.from_text(extra_parameters(request, only_context(request)), cls.job_type)
        return cls(
            project,
            request.data,
            forget=own.forget,
            types=own.types,
            errors=own.errors,
            keep_read=own.keep_read,
            access=request.access,
        )

    def check(self) -> None:
        super().check()
        check_writable(self.project, self.job_type, forget=self.parameters.forget)

    def details(self) -> dict[str, str]:
        return {"dataSource": self._source.dsinfo.name} if isinstance(self._source, Described) else {}

    def run(self, context: JobContext) -> DSUpdateResult:
        described = self._source if isinstance(self._source, Described) else None
        with described.hiding_secrets() if described is not None else contextlib.nullcontext():
            source = self._open(context).after(self.project.column_types)
            context.details.setdefault("dataSource", source.name)
            rows = self._write(context, source)
        note_source(context, source)
        context.details["rows"] = rows
        snapshot = self.project.snapshot()
        context.details["projectHash"] = snapshot.hash
        return DSUpdateResult(snapshot.info(), rows)

    def clean_up(self) -> None:
        discard(self._source)

    def _open(self, context: JobContext) -> Source:
        if isinstance(self._source, Source):
            return self._source
        if isinstance(self._source, Described):
            return self._source.open(context.checkpoint)
        return open_source(
            self._source,
            types=self._letters,
            errors=self.parameters.errors,
            access=self._access,
            checkpoint=context.checkpoint,
        )

    def _write(self, context: JobContext, source: Source) -> int:
        """Learn or forget the rows, and return how many were read."""
        write = self.project.forget if self.parameters.forget else self.project.learn
        rows = 0

        def report(count: int) -> None:
            context.details["rows"] = before + count
            context.checkpoint()

        before = 0
        if not self.parameters.keep_read:
            write(source.tables(context.progress), types=source.declared, checkpoint=report)
            return int(context.details["rows"])
        for table in source.tables(context.progress):
            types = {name: letter for name, letter in source.declared.items() if name in table.schema.names}
            write(table, types=types, checkpoint=report)
            before = rows = before + table.num_rows
        return rows
